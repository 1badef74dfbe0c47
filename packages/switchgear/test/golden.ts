// Texts that must stay as they are. UPDATE_GOLDEN=1 writes them anew; a change shows in review as what it is.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Compares `text` with the file of this name beside the tests. */
export function golden(name: string, text: string): void {
  const file = join(import.meta.dirname, 'golden', name)
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, `${text}\n`)
  assert.equal(`${text}\n`, readFileSync(file, 'utf8'))
}
