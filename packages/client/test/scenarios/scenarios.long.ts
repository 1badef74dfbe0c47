// The scenarios at full length. What they found stands in bench/long.md.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { churn } from './churn.ts'
import { endpointDies } from './endpoint-dies.ts'
import { endpointHangs } from './endpoint-hangs.ts'
import { Fleet } from './fleet.ts'
import { overload } from './overload.ts'
import { registryDies } from './registry-dies.ts'
import { rollingRestart } from './rolling-restart.ts'
import { download, echo, upload } from './streams.ts'

const seed = Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101)
const minuteMs = 60_000

describe('a registry that is killed for a minute under load', () => {
  for (const keeps of [true, false])
    it(keeps ? 'and comes back with its file' : 'and comes back empty', async (t) => {
      // The leases of the default.
      const fleet = await Fleet.start(t, { instances: 3, leaseMs: 15_000 })
      await registryDies(t, fleet, { perSecond: 200, downMs: minuteMs, keeps, restarts: true })
    })
})

it('one of three stands still under load, with the default time-outs', async (t) => {
  const fleet = await Fleet.start(t, { instances: 3, leaseMs: 300_000, workMs: 20 })
  await endpointHangs(t, fleet, {
    perSecond: 200,
    attemptTimeoutMs: 3000,
    intervalMs: 10_000,
    beforeMs: 3000,
    afterMs: 10_000,
  })
})

it('one of three is killed under load, five times', async (t) => {
  const fleet = await Fleet.start(t, { instances: 3, leaseMs: 300_000, workMs: 10 })
  for (let round = 0; round < 5; round++) {
    await t.test(`round ${round + 1}`, (t) => endpointDies(t, fleet, { perSecond: 200, beforeMs: 3000, afterMs: 3000 }))
    await fleet.startInstance('orders-2')
  }
})

for (const lameDuckMs of [500, 0])
  it(`a rolling restart of every instance, five times, lame duck ${lameDuckMs} ms`, async (t) => {
    const fleet = await Fleet.start(t, { instances: 3, lameDuckMs, workMs: 20 })
    const { gets, posts, doubled, lost } = await rollingRestart(t, fleet, { perSecond: 100, rounds: 5 })
    assert.deepEqual([...gets.failures], [], String(gets.errors[0]))
    assert.equal(doubled, 0)
    assert.ok(lost <= 0)
    // Without a lame duck a POST may meet a connection that is being closed, and nobody may send it again.
    if (lameDuckMs > 0) assert.deepEqual([...posts.failures], [], String(posts.errors[0]))
  })

it('all endpoints answer 503 for a minute', async (t) => {
  const { calls, requests } = await overload(t, { perSecond: 200, forMs: minuteMs })
  assert.ok(requests <= calls * 1.2)
})

it('1000 endpoints churn for a minute', (t) =>
  churn(t, {
    seed,
    endpoints: 1000,
    changesPerSecond: 100,
    callsPerSecond: 100,
    warmUpMs: 15_000,
    forMs: minuteMs,
    mostGrowth: 4 * 1024 * 1024,
  }))

for (const face of ['service.fetch', 'dispatcher'] as const)
  describe(`a gigabyte through ${face}`, () => {
    it('down', (t) => download(t, { face, megabytes: 1024 }))
    it('up', (t) => upload(t, { face, megabytes: 1024 }))
    it('up and down at once', (t) => echo(t, { face, megabytes: 1024 }))
  })
