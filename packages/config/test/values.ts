// Values of options, sensible and not: by chance, and at every bound that an option has.
import * as fc from 'fast-check'

// What is of another type altogether. null is not among it: some of core takes it for absent, the schema never (see below).
export const strange: fc.Arbitrary<unknown> = fc.constantFrom<unknown>(
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

/** Options of a circuit breaker. */
export const breaker: fc.Arbitrary<Record<string, unknown>> = options({
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
  fleetQuorum: any(share),
})

const budget = options({ ratio: any(share), minPerSecond: any(number) })
const faults = (more: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<unknown> =>
  options({ rate: any(share), ...more })

/** Options of each kind of policy, mostly sensible. */
export const kinds: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  circuitBreaker: fc.oneof(breaker, preset, options({ shared: fc.constant('a') })),
  retry: options({
    name,
    maxAttempts: any(number),
    backoff: any(fc.constantFrom('constant', 'linear', 'exponential', 'decorrelated', 'fibonacci')),
    delay: any(duration),
    maxDelay: any(duration),
    jitter: any(share),
    budget: fc.oneof(budget, fc.constant('a')),
  }),
  timeout: fc.oneof(any(duration), options({ name, after: any(duration) })),
  bulkhead: options({ name, maxInFlight: any(number), maxQueue: any(number) }),
  rateLimit: options({
    name,
    limit: any(number),
    window: any(duration),
    algorithm: any(fc.constantFrom('tokenBucket', 'slidingWindow', 'leakyBucket')),
    burst: any(number),
    maxKeys: any(number),
  }),
  adaptiveLimit: options({
    name,
    algorithm: any(fc.constantFrom('aimd', 'vegas', 'gradient2', 'gradient')),
    initialLimit: any(number),
    minLimit: any(number),
    maxLimit: any(number),
    maxQueue: any(number),
    window: any(duration),
    headroom: any(number),
    smoothing: any(share),
    backoffRatio: any(share),
    dropAfter: any(duration),
  }),
  throttle: options({
    name,
    window: any(duration),
    k: any(number),
    minimumThroughput: any(number),
    maxRefusalChance: any(share),
    byPriority: any(fc.boolean()),
  }),
  shed: options({ name, target: any(duration), interval: any(duration), shedCritical: any(fc.boolean()) }),
  hedge: options({
    name,
    delay: any(duration),
    percentile: any(share),
    initialDelay: any(duration),
    maxHedges: any(fc.integer({ min: 0, max: 11 })),
    budget: fc.oneof(budget, fc.constant('a')),
  }),
  cache: options({
    name,
    ttl: any(duration),
    staleWhileRevalidate: any(duration),
    staleIfError: any(duration),
    maxEntries: any(number),
    copy: strange,
  }),
  coalesce: options({ name, maxFlights: any(number), key: strange }),
  chaos: fc
    .tuple(
      any(duration),
      options({
        name,
        latency: faults({ delay: any(duration), jitter: any(share) }),
        errors: faults({}),
        hangs: faults({}),
        allowInProduction: any(fc.boolean()),
      }),
    )
    .map(([time, rest]) => ({ for: time, ...rest })),
  fallback: fc.record({ value: json, name }, { requiredKeys: [], noNullPrototype: true }),
}

/** Options whose types nobody has looked at. */
export const garbage: fc.Arbitrary<unknown> = fc.dictionary(
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
    'for',
    'latency',
    'limit',
    'algorithm',
    'target',
    'shared',
    'ttl',
  ),
  fc.oneof(strange, fc.anything()),
  { maxKeys: 4, noNullPrototype: true },
)

/** The values around every bound that an option has, which chance would seldom hit. */
const aroundOne = [-1, 0, Number.MIN_VALUE, 0.5, 0.99, 1, 1.01, 1.5, 2, 9, 9.99, 10, 11]
const large = [99.99, 100, 100.01, 101, 999, 1000, 1000.5, 1001, 999_999, 1_000_000, 1_000_000.5, 1_000_001]
const huge = [10_000_000, 10_000_001, 1e9, 1e9 + 1]
const largest = [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER + 1, Infinity, NaN]
const times = ['0ms', '0.5ms', '1ms', '9ms', '9.99ms', '10ms', '30s', '1m', '1h', '1d', '1w', '', '5', 'x']
const words = 'protect observe constant linear exponential decorrelated critical recommended toString'.split(' ')
/** All of them. */
export const edges: readonly unknown[] = [
  ...aroundOne,
  ...large,
  ...huge,
  ...largest,
  ...times,
  ...words,
  true,
  false,
  [],
  {},
]
