// The schema restates what core checks by hand. Here the two are asked about the same values and must answer the same.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromSpec, OptionsError, type PolicySpec, presets, sharedFrom, type SharedSpec } from '@switchgear/core'
import * as fc from 'fast-check'
import { resolved } from '../src/schema/circuit-breaker.ts'
import { policy } from '../src/schema/policy.ts'
import { shared } from '../src/schema/shared.ts'
import { breaker, edges, garbage, kinds, strange } from './values.ts'

/** The same sequences every time; another seed finds others. */
const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

const runs = 4000

/** Whether a name leads anywhere is not for the schema to say: these do. */
const known = sharedFrom({ budgets: { a: {} }, circuitBreakers: { a: {} } })

/** Whether core makes a pipeline of it. Anything but an `OptionsError` is a defect of core. */
function coreAccepts(spec: unknown): boolean {
  try {
    fromSpec({ policies: [spec as PolicySpec] }, { shared: known })
    return true
  } catch (error) {
    assert.ok(error instanceof OptionsError, String(error))
    return false
  }
}

function agree(spec: unknown): void {
  const found = policy.safeParse(spec)
  const wanted = coreAccepts(spec)
  assert.equal(
    found.success,
    wanted,
    `core ${wanted ? 'accepts' : 'refuses'} ${JSON.stringify(spec)}: ${found.error?.message ?? ''}`,
  )
  // What is accepted must come out as it went in: core supplies the defaults, nobody else.
  if (found.success) assert.deepEqual(found.data, spec)
}

test('property: whatever the schema accepts, core accepts too, be it ever so strange', () => {
  const spec = fc.tuple(fc.constantFrom(...Object.keys(kinds)), fc.oneof(garbage, strange, fc.anything()))
  fc.assert(
    fc.property(spec, ([kind, value]) => {
      fc.pre(policy.safeParse({ [kind]: value }).success)
      assert.ok(coreAccepts({ [kind]: value }), JSON.stringify({ [kind]: value }))
    }),
    { seed, numRuns: 300, maxSkipsPerRun: 1000 },
  )
})

for (const [kind, values] of Object.entries(kinds)) {
  test(`property: schema and core agree on ${kind}, ${runs} values`, () => {
    fc.assert(
      fc.property(values, (value) => agree({ [kind]: value })),
      { seed, numRuns: runs },
    )
  })
}

test('property: they agree on each single option of a circuit breaker, where nothing else hides it', () => {
  const single = breaker.chain((given) =>
    fc.constantFrom(...Object.entries(given).map(([key, value]) => ({ [key]: value })), {}),
  )
  fc.assert(
    fc.property(single, (value) => agree({ circuitBreaker: value })),
    { seed, numRuns: runs * 2 },
  )
})

test('both values and both refusals are met often enough to mean something', () => {
  for (const [kind, values] of Object.entries(kinds)) {
    const accepted = fc
      .sample(values, { numRuns: 1000, seed: 7 })
      .filter((value) => coreAccepts({ [kind]: value })).length
    assert.ok(accepted > 200 && accepted < 900, `${kind}: ${accepted} of 1000 accepted`)
  }
})

test('they agree on every option at every edge', () => {
  const optionsOf: Readonly<Record<string, string>> = {
    circuitBreaker:
      'preset name consecutiveFailures failureRatio slowCallRatio slowCallDuration window minimumThroughput openFor openForMax ' +
      'openForFactor jitter halfOpenCalls successesToClose probeTimeout rampFor mode sharedError fleet fleetQuorum toString',
    retry: 'maxAttempts backoff delay maxDelay jitter toString',
    timeout: 'after toString',
    bulkhead: 'maxInFlight maxQueue toString',
    rateLimit: 'limit window algorithm burst key maxKeys store toString',
    adaptiveLimit:
      'algorithm initialLimit minLimit maxLimit maxQueue window headroom smoothing backoffRatio dropAfter toString',
    throttle: 'window k minimumThroughput maxRefusalChance byPriority toString',
    shed: 'target interval shedCritical toString',
    hedge: 'delay percentile initialDelay maxHedges toString',
    cache: 'ttl staleWhileRevalidate staleIfError key maxEntries cacheable copy toString',
    coalesce: 'key maxFlights copy toString',
  }
  for (const [kind, options] of Object.entries(optionsOf)) {
    for (const option of options.split(' ')) for (const value of edges) agree({ [kind]: { [option]: value } })
  }
  for (const value of edges) {
    for (const kind of ['retry', 'hedge'])
      for (const option of ['ratio', 'minPerSecond']) agree({ [kind]: { budget: { [option]: value } } })
    agree({ timeout: value })
    agree({ chaos: { for: value } })
    for (const option of ['name', 'allowInProduction', 'match']) agree({ chaos: { for: 1, [option]: value } })
    for (const fault of ['latency', 'errors', 'hangs']) {
      agree({ chaos: { for: 1, [fault]: value } })
      agree({ chaos: { for: 1, [fault]: { rate: value } } })
    }
    agree({ chaos: { for: 1, errors: { rate: 1, error: value } } })
    agree({ chaos: { for: 1, latency: { rate: 1, delay: value } } })
    agree({ chaos: { for: 1, latency: { rate: 1, delay: 1, jitter: value } } })
  }
})

test('they agree on the bounds between options, with and without a preset', () => {
  const openTimes = [undefined, '1ms', '14s', '15s', '29s', '29999ms', '30s', '30001ms', '60s', '5m', '6m']
  const triggers = [undefined, 0.5]
  for (const preset of [undefined, ...Object.keys(presets)]) {
    for (const openFor of openTimes)
      for (const openForMax of openTimes) agree({ circuitBreaker: given({ preset, openFor, openForMax }) })
    for (const consecutiveFailures of [undefined, false, 5]) {
      for (const failureRatio of triggers) {
        for (const slowCallRatio of triggers) {
          agree({ circuitBreaker: given({ preset, consecutiveFailures, failureRatio, slowCallRatio }) })
        }
      }
    }
  }
})

test('they agree on the bounds between the options of limits', () => {
  const limits = [undefined, 1, 19, 20, 21, 199, 200, 201]
  for (const minLimit of limits)
    for (const maxLimit of limits)
      for (const initialLimit of limits) agree({ adaptiveLimit: given({ minLimit, maxLimit, initialLimit }) })
  const times = [undefined, 1, '19ms', '20ms', '21ms', '99ms', '100ms', '101ms', '1s']
  for (const target of times) for (const interval of times) agree({ shed: given({ target, interval }) })
  for (const algorithm of [undefined, 'tokenBucket', 'slidingWindow'])
    for (const burst of [undefined, 1, 1000]) agree({ rateLimit: given({ algorithm, burst }) })
})

test('they agree on what is shared', () => {
  const agreed = (spec: unknown): void => {
    let accepted = true
    try {
      sharedFrom(spec as SharedSpec)
    } catch (error) {
      assert.ok(error instanceof OptionsError, String(error))
      accepted = false
    }
    assert.equal(shared.safeParse(spec).success, accepted, JSON.stringify(spec))
  }
  for (const value of edges) {
    agreed({ budgets: { a: { ratio: value } } })
    agreed({ budgets: { a: value } })
    agreed({ circuitBreakers: { a: { openFor: value } } })
    agreed({ circuitBreakers: { a: value } })
  }
  agreed({})
  agreed({ budget: {} })
  agreed({ budgets: { a: {}, b: { minPerSecond: 0 } }, circuitBreakers: { a: 'critical', b: { preset: 'database' } } })
  agreed({ circuitBreakers: { a: {}, b: { shared: 'a' } } })
})

/** The options that have a value: a file cannot say undefined. */
function given(options: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

test('they agree on what is no policy', () => {
  for (const spec of [{}, { retri: {} }, { retry: {}, timeout: 1 }, 'retry', [], null, 5, { retry: {}, foo: 1 }])
    agree(spec)
})

test('an option without a value is refused, also where core takes null for absent', () => {
  for (const spec of [
    { retry: null },
    { retry: { delay: null } },
    { circuitBreaker: { window: null } },
    { bulkhead: null },
  ]) {
    assert.equal(policy.safeParse(spec).success, false, JSON.stringify(spec))
  }
})

test('a preset resolves to what core makes of it', () => {
  for (const [preset, options] of Object.entries(presets)) {
    assert.deepEqual(resolved(preset as keyof typeof presets), options())
    assert.deepEqual(resolved({ preset: preset as keyof typeof presets, openFor: '7s' }), {
      ...options(),
      openFor: '7s',
    })
  }
})
