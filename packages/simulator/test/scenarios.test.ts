import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultModel, play, type Policies, scenariosOf, type SimulationResult } from '@switchgear/simulator'

const model = defaultModel(['payments'])
const policies: Policies = {
  payments: {
    policies: [
      { bulkhead: { maxInFlight: 200 } },
      { timeout: '2s' },
      { retry: { maxAttempts: 2, delay: '20ms' } },
      { circuitBreaker: { consecutiveFailures: 5, openFor: '5s', halfOpenCalls: 3 } },
      { timeout: '400ms' },
    ],
  },
}
const general = ['overload', 'retry-storm', 'herd', 'arithmetic', 'fleet']
const ofEach = ['dies', 'hangs', 'slows', 'flaps', 'half-dies', 'one-bad-of-ten', 'trickles']

const both = async (
  scenario: string,
): Promise<{ readonly bare: SimulationResult; readonly safe: SimulationResult }> => ({
  bare: await play({ model, scenario }),
  safe: await play({ model, scenario, policies }),
})

test('every called service has its scenarios, and a model its own', () => {
  const own = { quiet: { title: 'nothing happens' } }
  const scenarios = scenariosOf({ ...defaultModel(['orders', 'payments']), scenarios: own })
  const names = ['orders', 'payments'].flatMap((service) => ofEach.map((what) => `${service}-${what}`))
  assert.deepEqual([...scenarios.keys()], [...names, ...general, 'quiet'])
  for (const [name, { title, reason }] of scenarios) {
    assert.ok((title ?? '').length > 5, name)
    if (name !== 'quiet') assert.ok((reason ?? '').length > 20, name)
  }
  assert.deepEqual([...scenariosOf({ services: { lone: {} }, load: [{ to: 'lone', rate: 1 }] }).keys()], [])
  const taken = { ...model, scenarios: { overload: {} } }
  assert.throws(() => scenariosOf(taken), /simulation\.scenarios\.overload has the name of a built-in scenario/)
})

for (const name of scenariosOf(model).keys()) {
  if (name === 'fleet') continue
  test(`${name} plays with and without policies, and its numbers agree with each other`, async () => {
    for (const { totals, series, services, outages } of Object.values(await both(name))) {
      const steps = series.offered.length
      assert.equal(steps, (outages.at(-1)?.toMs ?? 0) === 60_000 && name === 'arithmetic' ? 60 : 120)
      for (const list of Object.values(series)) if (Array.isArray(list)) assert.equal(list.length, steps)
      const total = (list: readonly number[]): number => list.reduce((sum, one) => sum + one, 0)
      assert.equal(total(series.offered), totals.offered)
      assert.equal(total(series.good), totals.good)
      assert.equal(total(series.failed), totals.failed)
      assert.equal(total(series.refused), totals.refused)
      assert.equal(totals.offered - totals.good - totals.failed, series.inFlight.at(-1))
      assert.ok(totals.wastedShare >= 0 && totals.wastedShare <= 1)
      for (const one of services) {
        assert.equal(total(one.arrivals), one.received)
        assert.ok(one.wastedMs <= one.workMs + 0.001 && one.refused <= one.received)
      }
    }
  })
}

test('hangs: policies keep the callers alive, and callers notice', async () => {
  const { bare, safe } = await both('payments-hangs')
  assert.equal(bare.totals.goodShareAfter, 0)
  assert.equal(bare.totals.timeToDetectMs, undefined)
  assert.equal(bare.totals.timeToRecoverMs, undefined)
  assert.ok((safe.totals.goodShareAfter ?? 0) > 0.9)
  assert.ok((safe.totals.timeToDetectMs ?? 1e9) <= 600, `${safe.totals.timeToDetectMs}`)
  assert.ok((safe.totals.timeToRecoverMs ?? 1e9) <= 6000, `${safe.totals.timeToRecoverMs}`)
  assert.ok((safe.totals.latencyDuring.p99 ?? 1e9) < 1000)
  const [breaker] = safe.breakers
  assert.equal(breaker?.breakers, 2)
  assert.equal(breaker?.first[0]?.state, 'open')
  assert.ok((breaker?.open[30] ?? 0) + (breaker?.halfOpen[30] ?? 0) === 1)
  assert.ok(breaker?.open.slice(0, 20).every((share) => share === 0))
  assert.equal(breaker?.open.at(-1), 0)
})

test('one bad of ten: a retry hides it', async () => {
  const { bare, safe } = await both('payments-one-bad-of-ten')
  assert.ok(Math.abs((bare.totals.goodShareDuring ?? 0) - 0.9) < 0.01)
  assert.equal(safe.totals.goodShareDuring, 1)
  assert.equal(safe.totals.timeToDetectMs, undefined)
})

test('dies: noticed by whoever has a breaker', async () => {
  const { bare, safe } = await both('payments-dies')
  assert.equal(bare.totals.timeToDetectMs, undefined)
  assert.ok((safe.totals.timeToDetectMs ?? 1e9) <= 250)
  assert.ok((safe.totals.amplificationDuring ?? 1) < 0.02)
})

test('arithmetic: 3 000 waiting with a timeout of 30 s, 6 000 in a minute without', async () => {
  const name = 'arithmetic'
  const thirty = { payments: { policies: [{ timeout: '30s' }] } }
  // Arrivals are random; one run is within 4 %, the mean of eight within 2 %.
  const seeds = [1, 2, 3, 4, 5, 6, 7, 8]
  let [without, within] = [0, 0]
  for (const seed of seeds) {
    without += (await play({ model, scenario: name, seed })).totals.maxInFlight / seeds.length
    const { series } = await play({ model, scenario: name, seed, policies: thirty })
    const steady = series.inFlight.slice(31)
    within += steady.reduce((sum, one) => sum + one, 0) / steady.length / seeds.length
  }
  assert.ok(Math.abs(without - 6000) < 120, `${without}`)
  assert.ok(Math.abs(within - 3000) < 60, `${within}`)
})

test('retry storm: attempts multiply hop by hop, a budget bounds them', async () => {
  const attempts = (budget: { ratio: number; minPerSecond: number } | undefined): Policies => ({
    payments: { policies: [{ retry: { maxAttempts: 3, delay: 1, ...(budget === undefined ? {} : { budget }) } }] },
  })
  const during = async (policies: Policies): Promise<number> => {
    const { services } = await play({ model, scenario: 'retry-storm', policies })
    const over = (index: number): number =>
      services[index]?.arrivals.slice(30, 60).reduce((sum, one) => sum + one, 0) ?? 0
    // The last hop by the users' own requests: app, payments, hop-1, hop-2 is the order of the model.
    return over(1) / over(0)
  }
  // Each hop multiplies by the tries of a call of which 80 %, 51 % and 13 % fail: 2.44, 1.77 and 1.15 times.
  const unbounded = await during(attempts({ ratio: 1000, minPerSecond: 1_000_000 }))
  assert.ok(unbounded > 4 && unbounded < 6, `${unbounded}`)
  const bounded = await during(attempts(undefined))
  assert.ok(bounded < 2, `${bounded}`)
  const single = await during({})
  assert.ok(Math.abs(single - 1) < 0.02)
})

test('fleet: a thousand callers with a breaker each (one second of it)', async () => {
  const fleet = scenariosOf(model).get('fleet')
  const { totals, breakers } = await play({
    model,
    scenario: {
      ...fleet,
      duration: '1s',
      faults: [{ service: 'payments', fault: { kind: 'dies' }, at: 300, for: 700 }],
    },
    policies: { payments: { policies: [{ circuitBreaker: {} }] } },
    step: 100,
  })
  assert.ok(Math.abs(totals.offered - 100_000) < 2000)
  assert.equal(breakers[0]?.breakers, 1000)
  assert.equal(breakers[0]?.open.at(-1), 1)
  assert.equal(breakers[0]?.transitions, 1000)
})
