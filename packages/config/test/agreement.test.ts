// The schema restates what core checks by hand. Here the two are asked about the same values and must answer the same.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromSpec, OptionsError, type PolicySpec, presets } from '@switchgear/core'
import * as fc from 'fast-check'
import { resolved } from '../src/schema/circuit-breaker.ts'
import { policy } from '../src/schema/policy.ts'

/** The same sequences every time; another seed finds others. */
const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

const runs = 4000

/** Whether core makes a pipeline of it. Anything but an `OptionsError` is a defect of core. */
function coreAccepts(spec: unknown): boolean {
  try {
    fromSpec({ policies: [spec as PolicySpec] })
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

// What is of another type altogether. null is not among it: some of core takes it for absent, the schema never (see below).
const strange = fc.constantFrom<unknown>(
  '',
  'x',
  '5',
  true,
  false,
  [],
  [1],
  {},
  { a: 1 },
  NaN,
  Infinity,
  -Infinity,
  -1,
  -0,
)
const bounds = fc.constantFrom(
  0,
  1,
  100,
  1000,
  1001,
  1_000_000,
  1_000_001,
  Number.MAX_SAFE_INTEGER,
  Number.MAX_SAFE_INTEGER + 1,
)
const fraction = fc.constantFrom(0.5, 1.5, 9.99, 99.999, 100.001, 1.0000001, 0.999, 1e300, Number.MIN_VALUE, 2 ** 31)
const number = fc.oneof(
  { arbitrary: fc.integer({ min: 1, max: 100 }), weight: 6 },
  { arbitrary: fc.oneof(bounds, fraction, fc.double({ noNaN: true }), fc.integer()), weight: 4 },
)
const duration = fc.oneof(
  { arbitrary: fc.constantFrom('20ms', '5s', '20s', '1.5m', '10m', 50, 60_000), weight: 9 },
  fc.constantFrom(
    '0ms',
    '1ms',
    '0.5ms',
    '9ms',
    '10ms',
    '5s',
    '10s',
    '30s',
    '1m',
    '5m',
    '300000ms',
    '301s',
    '1h',
    '2d',
    '0.0001s',
  ),
  fc.constantFrom(
    '5',
    's',
    '5 s',
    '5S',
    '-5s',
    '5.s',
    '.5s',
    '5s ',
    '1e3ms',
    '5m5s',
    '5us',
    '٣s',
    `${'9'.repeat(400)}d`,
    '5s\n',
  ),
  number,
)
const share = fc.oneof({ arbitrary: fc.constantFrom(0.1, 0.5, 1), weight: 3 }, fc.constantFrom(0, 1.1, -0.1), number)
const any = (...sensible: fc.Arbitrary<unknown>[]): fc.Arbitrary<unknown> =>
  fc.oneof({ arbitrary: fc.oneof(...sensible), weight: 15 }, { arbitrary: strange, weight: 1 })

/** A few of the options, each with a value that is mostly sensible; now and then one that does not exist. */
const options = (known: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Record<string, unknown>> =>
  fc
    .subarray(Object.entries(known), { maxLength: Math.min(5, Object.keys(known).length) })
    .chain((some) =>
      fc
        .tuple(fc.record(Object.fromEntries(some)), fc.nat(20))
        .map(([given, dice]) => (dice === 20 ? { ...given, maxAttempt: 1 } : { ...given })),
    )

const name = fc.constantFrom('a', 'payments breaker', '')
const preset = fc.constantFrom(
  'critical',
  'nonCritical',
  'flakyExternal',
  'database',
  'recommended',
  'constructor',
  'x',
  '',
)

// The tree of a file refuses this key before any schema sees it.
const json = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('__proto__'))

const breaker = options({
  preset: fc.oneof({ arbitrary: preset, weight: 9 }, { arbitrary: fc.constantFrom<unknown>(1, true, []), weight: 1 }),
  name: any(name),
  consecutiveFailures: any(number, fc.constant<unknown>(false)),
  failureRatio: any(share),
  slowCallRatio: any(share),
  slowCallDuration: any(duration),
  window: any(duration),
  minimumThroughput: any(number),
  openFor: any(duration),
  openForMax: any(duration),
  openForFactor: any(number),
  jitter: any(share),
  halfOpenCalls: any(number),
  successesToClose: any(number),
  probeTimeout: any(duration),
  rampFor: any(duration),
  mode: any(fc.constantFrom('protect', 'observe', 'watch')),
  sharedError: any(fc.boolean()),
})

const kinds: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  circuitBreaker: fc.oneof(breaker, preset),
  retry: options({
    name,
    maxAttempts: any(number),
    backoff: any(fc.constantFrom('constant', 'linear', 'exponential', 'decorrelated', 'fibonacci')),
    delay: any(duration),
    maxDelay: any(duration),
    jitter: any(share),
    budget: options({ ratio: any(share), minPerSecond: any(number) }),
  }),
  timeout: fc.oneof(any(duration), options({ name, after: any(duration) })),
  bulkhead: options({ name, maxInFlight: any(number), maxQueue: any(number) }),
  fallback: fc.record({ value: json, name }, { requiredKeys: [], noNullPrototype: true }),
}

/** Options whose types nobody has looked at. */
const garbage = fc.dictionary(
  fc.constantFrom(
    'preset',
    'name',
    'window',
    'openFor',
    'openForFactor',
    'sharedError',
    'after',
    'value',
    'budget',
    'maxQueue',
    'delay',
  ),
  fc.oneof(strange, fc.anything()),
  { maxKeys: 4, noNullPrototype: true },
)

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

/** The values around every bound that an option has, which chance would seldom hit. */
const aroundOne = [-1, 0, Number.MIN_VALUE, 0.5, 0.99, 1, 1.01, 1.5, 2, 9, 9.99, 10]
const large = [99.99, 100, 100.01, 101, 999, 1000, 1000.5, 1001, 999_999, 1_000_000, 1_000_000.5, 1_000_001]
const largest = [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER + 1, Infinity, NaN]
const times = ['0ms', '0.5ms', '1ms', '9ms', '9.99ms', '10ms', '30s', '1m', '1h', '1d', '1w', '', '5', 'x']
const words = 'protect observe constant linear exponential decorrelated critical recommended toString'.split(' ')
const edges: readonly unknown[] = [...aroundOne, ...large, ...largest, ...times, ...words, true, false, [], {}]

test('they agree on every option at every edge', () => {
  const optionsOf: Readonly<Record<string, string>> = {
    circuitBreaker:
      'preset name consecutiveFailures failureRatio slowCallRatio slowCallDuration window minimumThroughput openFor openForMax ' +
      'openForFactor jitter halfOpenCalls successesToClose probeTimeout rampFor mode sharedError toString',
    retry: 'maxAttempts backoff delay maxDelay jitter toString',
    timeout: 'after toString',
    bulkhead: 'maxInFlight maxQueue toString',
  }
  for (const [kind, options] of Object.entries(optionsOf)) {
    for (const option of options.split(' ')) for (const value of edges) agree({ [kind]: { [option]: value } })
  }
  for (const option of ['ratio', 'minPerSecond'])
    for (const value of edges) agree({ retry: { budget: { [option]: value } } })
  for (const value of edges) agree({ timeout: value })
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
