// Global `fetch` behind an installed client, on every Node that is here: this one, and those that `runtimes/` has brought. In CI all
// of them are.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '../../../..')
const runtime = (major: number): string =>
  join(root, `runtimes/node_modules/node-${major}-${process.platform}-${process.arch}/bin/node`)
const nodes: Readonly<Record<string, string>> = {
  'Node 22': runtime(22),
  'Node 24': runtime(24),
  'this Node': process.execPath,
}
const program = join(import.meta.dirname, 'global-fetch.ts')

const get = { method: 'GET', host: 'shop', body: '' }
const type = 'text/plain;charset=UTF-8'
const expected = {
  get,
  retried: get,
  posted: { method: 'POST', host: 'shop', body: 'hello', type },
  repeated: { method: 'PUT', host: 'shop', body: 'again', type },
  keyed: { method: 'POST', host: 'shop', body: 'paid', type },
  streamed: { method: 'PUT', host: 'shop', body: 'stream' },
  unrepeated: 503,
  gzip: 'small',
  large: 3_000_000,
  empty: [204, ['a=1', 'b=2'], ''],
  head: 'application/json',
  moved: get,
  cut: 'TypeError UND_ERR_SOCKET',
  refused: 'TypeError SG_CIRCUIT_OPEN',
  spare: [203, 'spare', 'instead'],
  aborted: 'AbortError',
  other: 'untouched true',
  unknown: 'TypeError',
}

describe('global fetch', () => {
  for (const [name, path] of Object.entries(nodes)) {
    const skip = existsSync(path) ? false : `there is no ${name} here; \`npm run runtimes\` brings it`
    assert.ok(skip === false || !process.env.CI, `in CI the tests need ${name}: test:runtimes comes first`)
    it(`is guarded by an installed client in ${name}, and by no other`, { skip }, async () => {
      const words = ['--conditions=@switchgear/source', '--disable-warning=ExperimentalWarning', program]
      const { stdout } = await promisify(execFile)(path, words, { timeout: 25_000 })
      const { before, installed, after, set } = JSON.parse(stdout) as Record<string, unknown>
      assert.equal(before, 'untouched true')
      assert.deepEqual(installed, expected)
      assert.equal(after, 'TypeError', 'the way back was not found')
      assert.deepEqual(set, expected)
    })
  }
})
