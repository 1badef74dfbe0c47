// Every code that the sources give is documented, and nothing else is.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { errorTable, explain } from '../src/explain.ts'

const sources = fileURLToPath(new URL('../src', import.meta.url))
const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
const withoutComments = (text: string): string => text.replaceAll(/\/\*[^]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '')

/** Code in quotes, by the file in which it stands. */
const given = new Map<string, string[]>()
for (const file of files) {
  const text = withoutComments(readFileSync(join(sources, file), 'utf8'))
  for (const [, code = ''] of text.matchAll(/['"`](SG_[A-Z][A-Z_]*)['"`]/g))
    given.set(code, [...(given.get(code) ?? []), file])
}

test('the sources were found', () => {
  assert.ok(files.length > 20 && given.size >= 9, `${files.length} files, ${given.size} codes`)
})

test('every code of the sources is in the table, and every entry of the table is given by the sources', () => {
  const documented = errorTable.map(({ code }) => code)
  assert.deepEqual([...given.keys()].toSorted(), documented.toSorted())
  assert.equal(new Set(documented).size, documented.length)
  for (const code of documented) {
    const uses = given.get(code) ?? []
    assert.ok(uses.length >= 2, `${code} is documented but nobody gives it`)
  }
})

for (const { code, title, advice } of errorTable) {
  test(`${code} has a title of one sentence and advice`, () => {
    assert.match(title, /^[A-Z][^\n]{10,100}\.$/)
    assert.match(advice, /^[A-Z`][^\n]{40,}\.$/)
    assert.equal(explain(code)?.title, title)
  })
}

test('explain answers undefined for what core does not give', () => {
  for (const code of ['SG_NOTHING', '', 'toString']) assert.equal(explain(code), undefined)
})
