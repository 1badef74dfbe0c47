// What telemetry costs, held to its budgets as ratios to a reference that is measured in the same run, with half as much again as
// slack: machines are noisy. The absolute numbers stand in bench/telemetry.md.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { InstrumentSamples } from '../bench/telemetry/instruments.ts'
import { measureRounds } from '../bench/telemetry/rounds.ts'

const slack = 1.5
const middle = (samples: readonly number[]): number =>
  samples.toSorted((a, b) => a - b)[samples.length >> 1] ?? Number.NaN

test('a server span costs at most an eighth of what the stock SDK adds, without a network', async (t) => {
  const plan = { rounds: 0, requests: 0, warmRequests: 8000, memoryRounds: 11, memoryRequests: 4000 }
  const { memory } = await measureRounds(
    plan,
    (id) => ['bare', 'ours', 'stock'].includes(id),
    () => undefined,
  )
  const bare = memory.get('bare') ?? []
  const added = (id: string): number =>
    middle((memory.get(id) ?? []).map((sample, round) => sample - (bare[round] ?? 0)))
  const share = added('ours') / added('stock')
  t.diagnostic(`ours ${added('ours').toFixed(2)} us, stock ${added('stock').toFixed(2)} us, share ${share.toFixed(3)}`)
  assert.ok(share <= slack / 8, `a share of ${share.toFixed(3)}`)
})

test('a counter and a histogram cost at most an eighth of what they cost in prom-client', async (t) => {
  const task = JSON.stringify({ rounds: 5, pairs: 200_000 })
  const child = fork(join(import.meta.dirname, '../bench/telemetry/instruments.ts'), [task], {
    execArgv: ['--conditions=@switchgear/source', '--expose-gc'],
  })
  const [samples] = (await once(child, 'message', { signal: AbortSignal.timeout(60_000) })) as [InstrumentSamples]
  child.kill()
  const share = middle(samples.ours) / middle(samples.peer)
  t.diagnostic(`ours ${middle(samples.ours).toFixed(0)} ns, prom-client ${middle(samples.peer).toFixed(0)} ns`)
  assert.ok(share <= slack / 8, `a share of ${share.toFixed(3)}`)
})
