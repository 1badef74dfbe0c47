import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Fault,
  type FaultModel,
  play,
  type Policies,
  type ServiceModel,
  type SimulationModel,
  type SimulationResult,
} from '@switchgear/simulator'

const usual: ServiceModel = { latency: '10ms', instances: 2 }

/** An app of two instances that calls one service, 200 requests a second for 30 s, the fault from 10 s to 20 s. */
function outage(
  fault: Fault,
  {
    service = usual,
    more = {},
    policies,
    app = {},
  }: Partial<{
    service: ServiceModel
    app: ServiceModel
    more: Partial<FaultModel>
    policies: Policies
  }> = {},
): Promise<SimulationResult> {
  const model: SimulationModel = {
    services: { app: { instances: 2, latency: '1ms', calls: [{ to: 'stock' }], ...app }, stock: service },
    load: [{ to: 'app', rate: 200, patience: '60s' }],
  }
  const faults = [{ service: 'stock', fault, at: '10s', for: '10s', ...more }]
  return play({ model, scenario: { duration: '30s', faults }, ...(policies === undefined ? {} : { policies }) })
}

const sum = (list: readonly number[], from: number, to: number): number =>
  list.slice(from, to).reduce((total, one) => total + one, 0)

test('healthy: all good, everything takes its work and four ways through the network', async () => {
  const { totals, services, outages, breakers } = await outage({ kind: 'slows', factor: 1 })
  assert.equal(totals.goodShare, 1)
  assert.equal(totals.failed, 0)
  assert.equal(totals.latency.max, 12)
  assert.ok(Math.abs(totals.amplification - 1) < 0.001, `${totals.amplification}`)
  assert.equal(totals.wastedShare, 0)
  assert.deepEqual(breakers, [])
  assert.deepEqual(outages, [{ fromMs: 10_000, toMs: 20_000, what: 'stock slows' }])
  assert.deepEqual(
    services.map(({ name }) => name),
    ['app', 'stock'],
  )
})

test('dies: refused within half a millisecond, and what was worked on is reset', async () => {
  const { totals, services, series } = await outage({ kind: 'dies' })
  assert.equal(totals.goodShareDuring, 0)
  assert.equal(totals.goodShareAfter, 1)
  assert.ok((totals.latencyDuring.p99 ?? 0) < 1.53)
  assert.equal(totals.refused, sum(series.offered, 10, 20))
  // The requests under way at that moment failed, and their work was for nothing.
  const stock = services[1]
  assert.ok(totals.failed > totals.refused && totals.failed < totals.refused + 10)
  assert.ok((stock?.wasted ?? 0) > 0 && (stock?.wasted ?? 0) < 10)
  assert.equal(stock?.refused, totals.refused)
  assert.equal(totals.timeToRecoverMs, 0)
})

test('hangs: no answer, ever; a timeout answers instead', async () => {
  const bare = await outage({ kind: 'hangs' }, { app: { concurrency: 10_000 } })
  assert.equal(bare.totals.goodShareDuring, 0)
  assert.equal(bare.totals.failed, 0)
  assert.equal(bare.totals.goodShareAfter, 1)
  // Those that hang wait until the end.
  assert.ok(Math.abs((bare.series.inFlight[29] ?? 0) - sum(bare.series.offered, 10, 20)) < 20)
  const policies = { stock: { policies: [{ timeout: '300ms' }] } }
  const { totals } = await outage({ kind: 'hangs' }, { policies })
  assert.ok(Math.abs((totals.latencyDuring.p50 ?? 0) - 301) < 5)
  assert.equal(totals.timeToDetectMs, undefined)
})

test('hangs: a caller without a timeout runs out of slots and of room in its queue', async () => {
  const { totals, services } = await outage({ kind: 'hangs' }, { app: { concurrency: 50, queue: 100 } })
  assert.equal(services[0]?.maxInFlight, 300)
  assert.ok(totals.refused > 1000)
  assert.equal(totals.goodShareAfter, 0)
  assert.equal(totals.timeToRecoverMs, undefined)
})

test('slows: the work takes so many times as long', async () => {
  const { totals } = await outage({ kind: 'slows', factor: 20 })
  assert.ok(Math.abs((totals.latencyDuring.p90 ?? 0) - 202) < 4)
  assert.equal(totals.goodShare, 1)
})

test('fails: so many answer an error after the usual time', async () => {
  const { totals, services } = await outage({ kind: 'fails', ratio: 0.3 })
  assert.ok(Math.abs((totals.goodShareDuring ?? 0) - 0.7) < 0.03)
  assert.equal(totals.refused, 0)
  assert.equal(services[1]?.failed, totals.failed)
  assert.equal(totals.latency.max, 12)
})

test('trickles: answered in time, but the slot stays taken', async () => {
  // 100 requests a second and instance, 10 ms of work, 200 ms held: 21 slots in use where 2 were.
  const roomy = await outage({ kind: 'trickles', hold: '200ms' }, { service: { ...usual, concurrency: 60 } })
  assert.equal(roomy.totals.goodShare, 1)
  assert.equal(roomy.totals.latency.max, 12)
  const tight = await outage({ kind: 'trickles', hold: '200ms' }, { service: { ...usual, concurrency: 10 } })
  assert.ok((tight.totals.latencyDuring.p90 ?? 0) > 1000)
  // 20 slots that each serve one request in 210 ms.
  assert.ok(Math.abs(sum(tight.series.good, 13, 19) / 6 - 20 / 0.21) < 3)
})

test('some of the instances, as a number and as a share', async () => {
  const service = { ...usual, instances: 10 }
  const one = await outage({ kind: 'fails', ratio: 1 }, { service, more: { instances: 1 } })
  assert.ok(Math.abs((one.totals.goodShareDuring ?? 0) - 0.9) < 0.01)
  assert.equal(one.outages[0]?.what, 'stock fails (1 of 10)')
  const half = await outage({ kind: 'dies' }, { service, more: { instances: 0.5 } })
  assert.ok(Math.abs((half.totals.goodShareDuring ?? 0) - 0.5) < 0.01)
})

test('a retry goes to the next instance', async () => {
  const service = { ...usual, instances: 10 }
  const policies: Policies = { stock: { policies: [{ retry: { maxAttempts: 2, delay: 1 } }] } }
  const { totals } = await outage({ kind: 'fails', ratio: 1 }, { service, more: { instances: 1 }, policies })
  assert.equal(totals.goodShare, 1)
  assert.ok(Math.abs((totals.amplificationDuring ?? 0) - 1 / 0.9) < 0.02)
})

test('flapping: on and off for equally long', async () => {
  const { series } = await outage({ kind: 'dies' }, { more: { every: '2s' } })
  const good = [10, 12, 14, 16, 18, 20].map(
    (from) => sum(series.good, from, from + 2) / sum(series.offered, from, from + 2),
  )
  assert.deepEqual(
    good.map((share) => Math.round(share)),
    [0, 1, 0, 1, 0, 1],
  )
})

test('two faults of one service, the second in the place of the first', async () => {
  const model: SimulationModel = {
    services: { app: { latency: 1, calls: [{ to: 'stock' }] }, stock: { latency: '10ms' } },
    load: [{ to: 'app', rate: 200 }],
  }
  const faults: FaultModel[] = [
    { service: 'stock', fault: { kind: 'dies' }, at: '5s', for: '5s' },
    { service: 'stock', fault: { kind: 'slows', factor: 10 }, at: '10s', for: '5s' },
  ]
  const { totals, outages, series } = await play({ model, scenario: { duration: '20s', faults } })
  assert.deepEqual(outages, [{ fromMs: 5000, toMs: 15_000, what: 'stock dies, stock slows' }])
  // Unguarded callers send to what is broken all the time.
  assert.equal(totals.timeToDetectMs, undefined)
  assert.equal(sum(series.good, 5, 10), 0)
  assert.ok(Math.abs((series.p50[12] ?? 0) - 102) < 3)
})
