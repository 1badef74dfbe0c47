// The documentation is true: every TypeScript example in README.md and docs/ runs, and every error code that the sources
// give is explained in docs/errors.md, which is made from the table beside the code.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { clientErrors, endpointErrors, protectErrors } from '@switchgear/client'
import { configError } from '@switchgear/config'
import type { ErrorEntry } from '@switchgear/core'
import { errorTable } from '@switchgear/core/explain'
import {
  consulErrors,
  discoveryErrors,
  dnsErrors,
  kubernetesErrors,
  registryErrors,
  registryServiceErrors,
} from '@switchgear/discovery'
import { gatewayErrors } from '@switchgear/gateway'
import { storeErrors } from '@switchgear/telemetry'

const discovery = [
  ...discoveryErrors,
  ...dnsErrors,
  ...consulErrors,
  ...kubernetesErrors,
  ...registryErrors,
  ...registryServiceErrors,
]
const client = [...clientErrors, ...endpointErrors, ...protectErrors]

const root = join(import.meta.dirname, '..')
const run = promisify(execFile)
const documents = [
  'README.md',
  ...(await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
]

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchgear-examples-'))
  // Examples import the packages by name, as a user's code does.
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  await copyFile(join(root, 'examples/shop/switchgear.yaml'), join(folder, 'switchgear.yaml'))
})
after(() => rm(folder, { recursive: true }))

for (const document of documents) {
  const text = await readFile(join(root, document), 'utf8')
  for (const [index, [, code = '']] of [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].entries()) {
    test(`${document}: example ${index + 1} runs`, { timeout: 60_000 }, async () => {
      const file = join(folder, `${document.replaceAll(/\W/g, '-')}-${index}.ts`)
      await writeFile(file, code)
      await run(process.execPath, ['--conditions=@switchgear/source', file], { cwd: folder, timeout: 50_000 })
    })
  }
}

/** The page, made from the entries. `UPDATE_DOCS=1 npm test` writes it. */
function errorsPage(tables: readonly (readonly [string, readonly ErrorEntry[]])[]): string {
  const lines = [
    '# Error codes',
    '',
    'Every error of Switchgear is a `SwitchgearError` with a stable `code`. This page is made from the entries beside the code',
    'that gives them; `explain(code)` of `@switchgear/core/explain` answers those of core.',
    '',
  ]
  for (const [name, entries] of tables) {
    lines.push(`## ${name}`, '')
    for (const { code, title, advice } of entries.toSorted((a, b) => a.code.localeCompare(b.code))) {
      lines.push(`### ${code}`, '', title, '', advice, '')
    }
  }
  return lines.join('\n')
}

test('docs/errors.md is the table of all codes', async () => {
  const page = errorsPage([
    ['core', errorTable],
    ['telemetry', storeErrors],
    ['discovery', discovery],
    ['client', client],
    ['gateway', gatewayErrors],
    ['config', [configError]],
  ])
  const file = join(root, 'docs/errors.md')
  if (process.env.UPDATE_DOCS === '1') await writeFile(file, page)
  assert.equal(await readFile(file, 'utf8'), page, 'run UPDATE_DOCS=1 npm test')
})

test('every code that the sources give is in the table, and no other', async () => {
  const given = new Set<string>()
  for (const name of await readdir(join(root, 'packages'))) {
    const base = join(root, 'packages', name, 'src')
    for (const file of await readdir(base, { recursive: true })) {
      if (!file.endsWith('.ts')) continue
      for (const [code] of (await readFile(join(base, file), 'utf8')).matchAll(/\bSG_[A-Z_]+\b/g)) given.add(code)
    }
  }
  const documented = [errorTable, storeErrors, discovery, client, gatewayErrors, [configError]]
    .flat()
    .map(({ code }) => code as string)
  assert.deepEqual([...given].toSorted(), documented.toSorted(), relative(root, import.meta.filename))
})
