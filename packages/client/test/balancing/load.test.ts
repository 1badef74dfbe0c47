// The account of one endpoint, number by number.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { Load, type LoadOptions, loadSettings } from '../../src/balancing/index.ts'
import { seed } from './endpoints.ts'

const steady = (options: LoadOptions = {}): Load => new Load(loadSettings(options), 1, -Infinity)
const near = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) < 1e-9 * Math.max(1, expected), `${actual} is not ${expected}`)

test('counts calls from enter to exit, and never below none', () => {
  const load = steady()
  load.enter(0)
  load.enter(0)
  assert.equal(load.load(0), 2)
  load.settle('success', 5, 5)
  assert.equal(load.load(5), 2)
  load.exit()
  load.exit()
  load.exit()
  assert.equal(load.load(5), 0)
  assert.equal(load.inFlight, 0)
})

test('a longer latency counts at once, a shorter one by the time since the last', () => {
  const load = steady()
  assert.equal(load.latencyMs(0), 0)
  load.settle('success', 20, 1000)
  assert.equal(load.latencyMs(1000), 20)
  load.settle('success', 500, 1000)
  assert.equal(load.latencyMs(1000), 500)
  load.settle('success', 20, 11_000)
  near(load.latencyMs(11_000), 500 / Math.E + 20 * (1 - 1 / Math.E))
})

test('without answers the latency fades, so that the endpoint is tried again', () => {
  const load = steady({ timeConstant: '2s' })
  load.settle('success', 100, 0)
  near(load.latencyMs(2000), 100 / Math.E)
  near(load.latencyMs(4000), 100 / Math.E ** 2)
  // A look changes nothing, and one from before the last answer does not grow it.
  near(load.latencyMs(2000), 100 / Math.E)
  assert.equal(load.latencyMs(-5), 100)
})

test('a failure counts as a call under way that fades, and is gone in the end', () => {
  const load = steady({ failurePenalty: '500ms' })
  load.settle('failure', 1, 0)
  load.settle('failure', 1, 0)
  assert.equal(load.load(0), 2)
  near(load.load(500), 2 / Math.E)
  assert.equal(load.load(2000), 0)
  load.settle('failure', 1, 500)
  near(load.load(500), 2 / Math.E + 1)
})

test('a failure that comes at once is charged what good answers take, and a little for being one', () => {
  const load = steady()
  load.settle('success', 40, 0)
  load.settle('failure', 1, 10_000)
  near(load.latencyMs(10_000), 40 + 1000 / 8 ** 2)
})

test('failures are forgotten with time, not by good answers alone', () => {
  const load = steady()
  for (let call = 0; call < 60; call++) load.settle('failure', 20, 0)
  load.settle('success', 20, 20_000)
  assert.ok(load.latencyMs(20_000) < 40, `${load.latencyMs(20_000)}`)
})

test('a run of failures adds the penalty, one among many good answers almost nothing', () => {
  const failing = steady()
  for (let call = 0; call < 40; call++) failing.settle('failure', 1, call)
  assert.ok(failing.latencyMs(40) > 950)
  const mostlyGood = steady()
  for (let call = 0; call < 200; call++) mostlyGood.settle(call % 100 === 50 ? 'failure' : 'success', 20, call * 10)
  assert.ok(mostlyGood.latencyMs(2000) < 21)
  for (let call = 0; call < 60; call++) failing.settle('success', 20, 30_000 + call * 100)
  assert.ok(failing.latencyMs(36_000) < 21, 'and it is forgiven')
})

test('a failure after a success, when its body breaks, is charged as well', () => {
  const load = steady()
  load.enter(0)
  load.settle('success', 20, 20)
  load.settle('failure', 20, 300)
  assert.equal(load.load(300), 2)
  load.exit()
  assert.equal(load.load(300), 1)
})

test('an ignored outcome only says that it took at least so long', () => {
  const load = steady()
  load.settle('success', 20, 0)
  load.settle('ignored', 1, 0)
  assert.equal(load.latencyMs(0), 20)
  load.settle('ignored', 3000, 0)
  assert.equal(load.latencyMs(0), 3000)
  assert.equal(load.load(0), 0)
})

test('slow start: from a tenth to the whole weight', () => {
  const load = new Load(loadSettings({ slowStart: '10s' }), 4, 1000)
  near(load.weight(1000), 0.4)
  near(load.weight(6000), 4 * 0.55)
  assert.equal(load.weight(11_000), 4)
  assert.equal(load.weight(Infinity), 4)
  near(load.weight(0), 0.4)
  load.fullWeight = 8
  near(load.weight(6000), 8 * 0.55)
  const eager = new Load(loadSettings({ slowStart: '10s', aggression: 2 }), 1, 0)
  near(eager.weight(2500), 0.1 + 0.9 * 0.5)
  assert.equal(new Load(loadSettings({ slowStart: 0 }), 1, 0).weight(0), 1)
  assert.equal(new Load(loadSettings(), 1, -Infinity).weight(0), 1)
})

test('one that returns starts slowly and unknown, with the calls that are under way', () => {
  const load = steady({ slowStart: '10s' })
  load.enter(0)
  load.settle('failure', 900, 900)
  load.restart(1000)
  assert.equal(load.latencyMs(1000), 0)
  assert.equal(load.load(1000), 1)
  near(load.weight(1000), 0.1)
  near(load.weight(11_000), 1)
})

test('property: whatever is told, the numbers stay finite and not negative, and the weight within its bounds', () => {
  const tell = fc.record({
    outcome: fc.constantFrom('success', 'failure', 'ignored'),
    tookMs: fc.double({ min: 0, max: 1e7, noNaN: true }),
    after: fc.double({ min: -100, max: 1e6, noNaN: true }),
    enters: fc.boolean(),
    exits: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(tell, { maxLength: 60 }), fc.integer({ min: 0, max: 60_000 }), (tells, slowStart) => {
      const load = new Load(loadSettings({ slowStart }), 3, 0)
      let now = 0
      for (const { outcome, tookMs, after, enters, exits } of tells) {
        now += after
        if (enters) load.enter(now)
        load.settle(outcome, tookMs, now)
        if (exits) load.exit()
        assert.ok(load.latencyMs(now) >= 0 && load.latencyMs(now) <= 1e7 + 1000)
        assert.ok(load.load(now) >= load.inFlight && load.load(now) <= tells.length * 2)
        assert.ok(load.weight(now) >= 0.3 - 1e-12 && load.weight(now) <= 3)
      }
    }),
    { seed },
  )
})

test('options are checked, and the message names path, bound and value', () => {
  assert.throws(() => loadSettings({ aggression: 0 }, 'services.a.load'), {
    code: 'SG_BAD_OPTIONS',
    message: 'services.a.load.aggression must be in [0.1, 10], got 0',
  })
  assert.throws(() => loadSettings({ slowStart: 'soon' }), /load\.slowStart must be a duration .* got 'soon'/)
  assert.throws(() => loadSettings({ timeConstant: 0 }), /load\.timeConstant must be a duration of at least 1 ms/)
  assert.throws(() => loadSettings({ slow: 1 } as LoadOptions), /load\.slow is not an option; known are slowStart/)
})
