// Stories: random options and random sequences of everything that can happen to a breaker with them.
import * as fc from 'fast-check'
import type { Outcome } from '../../src/index.ts'
import type { ModelOptions } from './model.ts'

/** One thing that happens. `pick` chooses among the calls in flight, `chance` is what the injected chance answers. */
export type Step =
  | { readonly do: 'enter' | 'look'; readonly chance: number }
  | { readonly do: 'settle' | 'end'; readonly pick: number; readonly outcome: Outcome; readonly chance: number }
  | { readonly do: 'exit'; readonly pick: number; readonly chance: number }
  | { readonly do: 'advance'; readonly ms: number }
  /** To the moment at which time changes something, or just before or after it. */
  | { readonly do: 'edge'; readonly off: number }
  | { readonly do: 'isolate' | 'disable' }
  | { readonly do: 'release'; readonly to: 'half-open' | 'closed' | 'open' }
  | { readonly do: 'update'; readonly options: Partial<ModelOptions> }
  | { readonly do: 'restore'; readonly passed: number }

export interface Story {
  readonly options: ModelOptions
  /** What the monotonic clock shows at the beginning. */
  readonly now: number
  readonly steps: readonly Step[]
}

// Binary fractions, so that the model and the breaker compute the same open time to the last bit.
const chance = fc.constantFrom(0, 0.0625, 0.25, 0.5, 0.75, 0.96875)
const ratio = fc.constantFrom(0.07, 0.1, 0.25, 0.3, 0.5, 0.55, 0.75, 1)
const few = fc.integer({ min: 1, max: 6 })
const duration = fc.constantFrom(10, 50, 100, 400, 1000)
const window: fc.Arbitrary<ModelOptions['window']> = fc.oneof(
  fc.integer({ min: 1, max: 30 }),
  fc.constantFrom('10ms' as const, '100ms' as const, '250ms' as const, '1000ms' as const),
)

const options: fc.Arbitrary<ModelOptions> = fc
  .record({
    consecutiveFailures: fc.oneof({ weight: 3, arbitrary: few }, { weight: 1, arbitrary: fc.constant(false as const) }),
    failureRatio: fc.option(ratio, { nil: undefined }),
    slowCallRatio: fc.option(ratio, { nil: undefined }),
    slowCallDuration: fc.constantFrom(0, 10, 50, 400),
    window,
    minimumThroughput: few,
    openFor: duration,
    openForMax: fc.constantFrom(0, 100, 2500),
    openForFactor: fc.constantFrom(1, 1.5, 2),
    jitter: fc.constantFrom(0, 0, 0.25, 1),
    halfOpenCalls: fc.constantFrom(1, 1, 2, 3, 6),
    successesToClose: few,
    probeTimeout: duration,
    rampFor: fc.constantFrom(0, 0, 100, 1000),
    mode: fc.constantFrom('protect', 'protect', 'protect', 'observe'),
  })
  .map((given) => {
    const { consecutiveFailures, failureRatio, slowCallRatio, openFor, window, minimumThroughput } = given
    const ratios = failureRatio !== undefined || slowCallRatio !== undefined
    return {
      ...given,
      consecutiveFailures: ratios || consecutiveFailures !== false ? consecutiveFailures : 3,
      openForMax: openFor + given.openForMax,
      minimumThroughput: typeof window === 'number' ? Math.min(window, minimumThroughput) : minimumThroughput,
    }
  })

const update: fc.Arbitrary<Partial<ModelOptions>> = fc.oneof(
  few.map((consecutiveFailures) => ({ consecutiveFailures })),
  few.map((halfOpenCalls) => ({ halfOpenCalls })),
  few.map((successesToClose) => ({ successesToClose })),
  ratio.map((failureRatio) => ({ failureRatio })),
  ratio.map((slowCallRatio) => ({ slowCallRatio })),
  duration.map((openFor) => ({ openFor, openForMax: openFor * 2 })),
  duration.map((probeTimeout) => ({ probeTimeout })),
  window.map((window) => ({ window, minimumThroughput: 1 })),
  fc.constantFrom('protect' as const, 'observe' as const).map((mode) => ({ mode })),
)

const outcome = fc.constantFrom<Outcome[]>('success', 'success', 'failure', 'failure', 'ignored')
const pick = fc.nat(100)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 30, arbitrary: fc.record({ do: fc.constant('enter' as const), chance }) },
  { weight: 30, arbitrary: fc.record({ do: fc.constant('end' as const), pick, outcome, chance }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('settle' as const), pick, outcome, chance }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('exit' as const), pick, chance }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('look' as const), chance }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(0.5, 1, 7, 50, 100, 3000) }),
  },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('edge' as const), off: fc.constantFrom(-1, 0, 0, 0.5, 37) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('isolate' as const, 'disable' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('release' as const),
      to: fc.constantFrom('half-open' as const, 'closed' as const, 'open' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('update' as const), options: update }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('restore' as const), passed: fc.constantFrom(-1000, 0, 50, 5000) }),
  },
)

/** Stories of up to `length` steps. */
export const stories = (length: number): fc.Arbitrary<Story> =>
  fc.record({
    options,
    now: fc.constantFrom(0, 0, 123_456.5),
    steps: fc.array(step, { minLength: 1, maxLength: length, size: 'max' }),
  })
