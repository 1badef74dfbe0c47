// The program as users start it: a process, its two streams and its exit code. What needs no process of its own is in
// commands.test.ts.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { SimulationResult } from '@switchgear/simulator'
import { configurations, type Configurations } from './configurations.ts'

const main = join(import.meta.dirname, '../src/main.ts')

let files: Configurations
before(async () => void (files = await configurations()))
after(() => files.remove())

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function switchgear(...args: string[]): Promise<Ended> {
  // A colour that is forced from outside would change the output.
  const { FORCE_COLOR: _, ...env } = process.env
  const options = { cwd: files.folder, timeout: 120_000, maxBuffer: 64 * 1024 ** 2, env: { ...env, NO_COLOR: '1' } }
  return new Promise((resolve) => {
    execFile(process.execPath, ['--conditions=@switchgear/source', main, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr })
    })
  })
}

function resultsOf({ stdout }: Ended): Omit<SimulationResult, 'cost'>[] {
  const { version, results } = JSON.parse(stdout) as { version: number; results: SimulationResult[] }
  assert.equal(version, 1)
  return results
}

const dies = ['simulate', 'a.yaml', '--scenario', 'payments-dies']

test('the same seed gives the same text, another seed others', async () => {
  const [first, second, other] = await Promise.all(
    ['7', '7', '8'].map((seed) => switchgear(...dies, '--json', '--duration', '30s', '--seed', seed)),
  )
  assert.ok(first && second && other)
  assert.deepEqual([first.code, first.stderr], [0, ''])
  assert.equal(first.stdout, second.stdout)
  assert.ok(resultsOf(first).every((result) => !('cost' in result)))
  assert.notDeepEqual(resultsOf(first), resultsOf(other))
  assert.deepEqual(
    resultsOf(first).map(({ label, seed, durationMs }) => [label, seed, durationMs]),
    [
      ['a.yaml', 7, 30_000],
      ['without policies', 7, 30_000],
    ],
  )
})

test('a comparison is in the summary, in the report and in the JSON', async () => {
  const [text, json] = await Promise.all([
    switchgear('simulate', '--compare', 'a.yaml', 'b.yaml', '--scenario', 'payments-dies', '--report', 'both.html'),
    switchgear(...dies, '--json', '--compare', 'b.yaml'),
  ])
  assert.equal(text.code, 0, text.stderr)
  assert.match(text.stdout, /A a\.yaml +B b\.yaml +difference/)
  assert.equal(text.stderr, '\nreport: both.html\n')
  const [a, b] = resultsOf(json)
  assert.deepEqual([a?.label, b?.label], ['a.yaml', 'b.yaml'])
  assert.notDeepEqual(a?.totals, b?.totals)
  const html = await readFile(join(files.folder, 'both.html'), 'utf8')
  for (const part of ['a.yaml', 'b.yaml', 'difference', '<svg']) assert.ok(html.includes(part), part)
})

test('mistakes: stdout stays empty, stderr says it without a stack, the exit code says whose it was', async () => {
  const [unknown, bad] = await Promise.all([
    switchgear('simulate', 'a.yaml', '--scenario', 'payment-dies'),
    switchgear('simulate', 'bad.yaml', '--scenario', 'payments-dies'),
  ])
  assert.deepEqual([unknown.code, unknown.stdout], [2, ''])
  assert.match(unknown.stderr, /^error: there is no scenario 'payment-dies'; did you mean payments-dies/)
  assert.deepEqual([bad.code, bad.stdout], [1, ''])
  assert.match(bad.stderr, /bad\.yaml:5:18 .*maxAttempt: unknown key, did you mean 'maxAttempts'\?/)
  for (const { stderr } of [unknown, bad]) assert.doesNotMatch(stderr, /^\s+at /m)
})

test('what is done ends the process with exit code 1 when it found something', async () => {
  const { code, stdout } = await switchgear('check', 'unwise.yaml')
  assert.equal(code, 1)
  assert.match(stdout, /^unwise\.yaml: 1 error/)
})
