// Whole pipelines at random: which policies stand in them, with which options and in which order, who calls them and how the
// guarded function behaves, and what an operator does meanwhile. Only what compiles is generated. All numbers are small,
// so that limits are reached, circuits open and waits overlap.
import fc from 'fast-check'
import type {
  AdaptiveLimitOptions,
  BulkheadOptions,
  CacheOptions,
  ChaosOptions,
  CircuitBreakerOptions,
  CoalesceOptions,
  HedgeOptions,
  RateLimitOptions,
  RetryOptions,
  ShedOptions,
  ThrottleOptions,
  TimeoutOptions,
} from '../src/index.ts'

/** Options by kind of policy; a ledger is a gate that only keeps the books, and refuses at a rate. */
export interface OptionsOf {
  readonly circuitBreaker: CircuitBreakerOptions
  readonly retry: RetryOptions
  readonly timeout: TimeoutOptions
  readonly bulkhead: BulkheadOptions
  readonly fallback: { readonly name?: string }
  readonly rateLimit: RateLimitOptions
  readonly adaptiveLimit: AdaptiveLimitOptions
  readonly throttle: ThrottleOptions
  readonly shed: ShedOptions
  readonly hedge: HedgeOptions
  readonly cache: CacheOptions
  readonly coalesce: CoalesceOptions
  readonly chaos: ChaosOptions
  readonly ledger: { readonly refusing: number }
}

export type Kind = keyof OptionsOf

/** One policy: its options, and those that an update gives it. */
export interface PartOf<K extends Kind> {
  readonly kind: K
  readonly first: OptionsOf[K]
  readonly later: OptionsOf[K]
  /** Whether a cache or coalesce copies, and whether a breaker belongs to a fleet. */
  readonly flag: boolean
  /** Of the budget of a retry or a hedge. */
  readonly budget: { readonly ratio: number; readonly minPerSecond: number }
}
export type Part = { readonly [K in Kind]: PartOf<K> }[Kind]

const int = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max })
const one = fc.constantFrom
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined })

const optionsOf: { readonly [K in Kind]: fc.Arbitrary<OptionsOf[K]> } = {
  circuitBreaker: fc.record<CircuitBreakerOptions>({
    consecutiveFailures: int(1, 3),
    failureRatio: maybe(one(0.5)),
    slowCallRatio: maybe(one(0.5)),
    slowCallDuration: int(10, 40),
    window: one(5, '60ms'),
    minimumThroughput: int(1, 3),
    openFor: int(5, 60),
    openForFactor: one(1, 2),
    jitter: one(0, 0.5),
    halfOpenCalls: int(1, 2),
    successesToClose: int(1, 2),
    probeTimeout: int(10, 60),
    rampFor: one(0, 30),
    mode: one('protect', 'protect', 'protect', 'observe'),
    sharedError: fc.boolean(),
  }),
  retry: fc.record<RetryOptions>({
    maxAttempts: int(1, 4),
    backoff: one('constant', 'linear', 'exponential', 'decorrelated'),
    delay: int(0, 20),
    maxDelay: one(30),
    jitter: one(0, 0.5),
  }),
  timeout: fc.record({ after: int(1, 60) }),
  bulkhead: fc.record({ maxInFlight: int(1, 3), maxQueue: int(0, 3) }),
  fallback: one({}),
  rateLimit: one<RateLimitOptions['algorithm']>('tokenBucket', 'slidingWindow').chain((algorithm) =>
    fc.record<RateLimitOptions>({
      algorithm: one(algorithm),
      limit: int(1, 5),
      window: int(10, 100),
      burst: algorithm === 'tokenBucket' ? maybe(int(1, 5)) : one(undefined),
      maxKeys: int(1, 3),
    }),
  ),
  adaptiveLimit: fc.record<AdaptiveLimitOptions>({
    algorithm: one('aimd', 'vegas', 'gradient2'),
    initialLimit: int(1, 3),
    maxLimit: int(3, 6),
    maxQueue: int(0, 3),
    window: int(1, 30),
    headroom: int(1, 3),
    smoothing: one(0.2, 1),
    backoffRatio: one(0.5, 0.9),
    dropAfter: int(5, 40),
  }),
  throttle: fc.record<ThrottleOptions>({
    window: int(10, 200),
    k: one(1, 2),
    minimumThroughput: int(1, 3),
    maxRefusalChance: one(0.5, 1),
    byPriority: fc.boolean(),
  }),
  shed: fc.record<ShedOptions>({ target: int(1, 20), interval: int(20, 60), shedCritical: fc.boolean() }),
  hedge: fc.record<HedgeOptions>({
    delay: maybe(int(0, 30)),
    percentile: one(0.5, 0.95),
    initialDelay: maybe(int(1, 20)),
    maxHedges: int(0, 2),
  }),
  cache: fc.record<CacheOptions>({
    ttl: int(1, 40),
    staleWhileRevalidate: one(0, 60),
    staleIfError: one(0, 90),
    maxEntries: int(1, 3),
  }),
  coalesce: fc.record({ maxFlights: int(1, 3) }),
  chaos: fc.record<ChaosOptions>({
    for: int(20, 200),
    latency: fc.record({ rate: one(0, 0.5, 1), delay: int(0, 20), jitter: one(0, 0.5) }),
    errors: fc.record({ rate: one(0, 0.3) }),
    hangs: fc.record({ rate: one(0, 0.2) }),
  }),
  ledger: fc.record({ refusing: one(0, 0, 0.2) }),
}

function partOf<K extends Kind>(kind: K): fc.Arbitrary<PartOf<K>> {
  const options = optionsOf[kind] as fc.Arbitrary<OptionsOf[K]>
  return fc.record({
    kind: one(kind) as fc.Arbitrary<K>,
    first: options,
    later: options,
    flag: fc.boolean(),
    budget: fc.record({ ratio: one(0, 0.2, 1), minPerSecond: one(0, 0.3, 100) }),
  })
}

const gates: readonly Kind[] = [
  'circuitBreaker',
  'bulkhead',
  'rateLimit',
  'adaptiveLimit',
  'throttle',
  'shed',
  'ledger',
] as const
export const isLayer = ({ kind }: Part): boolean => !gates.includes(kind)

/** A queue inside another gate with a layer between is refused when a pipeline is compiled, so it gets none there. */
function withoutHiddenQueues(parts: readonly Part[]): readonly Part[] {
  return parts.map((part, index) => {
    if (part.kind !== 'bulkhead' && part.kind !== 'adaptiveLimit') return part
    const outside = parts.slice(0, parts.slice(0, index).findLastIndex(isLayer) + 1)
    if (outside.every(isLayer)) return part
    const none = { maxQueue: 0 }
    return { ...part, first: { ...part.first, ...none }, later: { ...part.later, ...none } } as Part
  })
}

/** What a cache fetches in the background has no caller who could end it, so without a timeout inside it must not hang. */
function withoutEndlessHangs(parts: readonly Part[]): readonly Part[] {
  return parts.map((part, index) => {
    if (part.kind !== 'chaos') return part
    const outside = parts.slice(0, index)
    if (
      outside.findLastIndex(({ kind }) => kind === 'timeout') >= outside.findLastIndex(({ kind }) => kind === 'cache')
    )
      return part
    const none = { hangs: { rate: 0 } }
    return { ...part, first: { ...part.first, ...none }, later: { ...part.later, ...none } }
  })
}

/** Whether a call may hang until somebody ends it. */
export const hangs = (parts: readonly Part[]): boolean =>
  parts.some((part) => part.kind === 'chaos' && [part.first, part.later].some((given) => (given.hangs?.rate ?? 0) > 0))

/** Policies of these kinds in any order that compiles, with at most one retry. */
export function stacks(kinds: readonly Kind[], most: number): fc.Arbitrary<readonly Part[]> {
  const part = fc.oneof(...kinds.map((kind) => partOf(kind) as fc.Arbitrary<Part>))
  return fc
    .array(part, { minLength: 1, maxLength: most })
    .map((parts) => parts.filter(({ kind }, at) => kind !== 'retry' || parts.findIndex((p) => p.kind === kind) === at))
    .map((parts) => withoutEndlessHangs(withoutHiddenQueues(parts)))
}

export const allKinds: readonly Kind[] = Object.keys(optionsOf) as Kind[]
/** What a pipeline may be made of that can be driven from outside. */
export const admittingKinds: readonly Kind[] = [...gates, 'timeout', 'retry']

/** One run of a function: when it ends, how, and whether it obeys its signal. */
export interface Behaviour {
  /** Undefined: much too late. */
  readonly ms: number | undefined
  readonly result: 'good' | 'bad' | 'skip' | 'nothing' | 'broken' | 'throw' | 'final' | 'later' | 'throwAtOnce'
  readonly obeys: boolean
}

/** One call of a client. */
export interface Visit {
  readonly startAt: number
  readonly abortAt: number | undefined
  /** Turns of the promise queue by which the abort comes later. */
  readonly turns: number
  readonly deadline: number | undefined
  readonly key: string | undefined
  readonly priority: 0 | 1 | 2 | 3
  readonly idempotent: boolean
  /** Through the pipeline that shares the inner policies. */
  readonly aside: boolean
  readonly behaviours: readonly Behaviour[]
}

const behaviour: fc.Arbitrary<Behaviour> = fc.record({
  ms: fc.option(int(0, 50), { nil: undefined, freq: 6 }),
  result: one(
    'good',
    'good',
    'good',
    'bad',
    'bad',
    'skip',
    'nothing',
    'broken',
    'throw',
    'throw',
    'final',
    'later',
    'throwAtOnce',
  ),
  obeys: fc.boolean(),
})
export const visit: fc.Arbitrary<Visit> = fc.record({
  startAt: int(0, 120),
  abortAt: maybe(int(0, 200)),
  turns: fc.nat(9),
  deadline: fc.option(int(1, 200), { nil: undefined, freq: 3 }),
  key: fc.option(one('a', 'b'), { nil: undefined, freq: 4 }),
  priority: one(0, 1, 2, 3),
  idempotent: one(true, true, true, true, false),
  aside: one(false, false, true),
  behaviours: fc.array(behaviour, { minLength: 1, maxLength: 3 }),
})

/** What an operator, or the world, does meanwhile; `which` picks the policy. */
export interface Act {
  readonly at: number
  readonly which: number
  readonly act: (typeof acts)[number]
}
const acts = ['update', 'update', 'save', 'restore', 'reload', 'operate', 'clear', 'chaos', 'observe', 'jump'] as const
export const act: fc.Arbitrary<Act> = fc.record({ at: int(0, 200), which: fc.nat(99), act: one(...acts) })

/** Everything that happens in one run. */
export interface Story {
  readonly parts: readonly Part[]
  readonly visits: readonly Visit[]
  readonly acts: readonly Act[]
  readonly seed: number
}
/** Few policies, among which calls meet: many calls of few kinds at nearly one time. */
export const crowds = (most: number): fc.Arbitrary<Story> =>
  fc.record({
    parts: stacks(
      ['bulkhead', 'adaptiveLimit', 'coalesce', 'cache', 'hedge', 'timeout', 'circuitBreaker', 'ledger'],
      3,
    ),
    visits: fc.array(
      visit.map((given) => ({ ...given, startAt: given.startAt % 12, aside: false, idempotent: true })),
      { minLength: 3, maxLength: most },
    ),
    acts: fc.array(act, { maxLength: 2 }),
    seed: fc.nat(),
  })
export const stories = (most: number): fc.Arbitrary<Story> =>
  fc.record({
    parts: stacks(allKinds, 7),
    visits: fc.array(visit, { minLength: 1, maxLength: most, ...(most > 10 ? { size: 'max' } : {}) }),
    acts: fc.array(act, { maxLength: 8 }),
    seed: fc.nat(),
  })
