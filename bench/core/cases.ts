// What is measured: every row of the kernel's budgets, with who is measured beside it. The budgets bind Switchgear only;
// peers are there for comparison. A budget changes here only when the design changes.

/** How a case is measured; each has one file. */
export type Measure = 'success' | 'refusal' | 'allocation' | 'retained' | 'traffic'

/** Units of what was measured: times a bare await, bytes, or times the cost with a nearly empty window. */
export type Unit = 'x' | 'B' | 'x growth'

/** One library in one configuration. */
export interface SubjectSpec {
  /** Name of the file under `subjects/`. */
  readonly library: string
  /** Which of its guards or idle breakers. */
  readonly variant: string
  /** How the report calls it. */
  readonly label: string
  /** The most it may measure, inclusive. */
  readonly budget?: number
  /** Where the budget is missed: what the tests hold until it is met. */
  readonly ceiling?: number
}

export interface Case {
  readonly id: string
  readonly title: string
  readonly measure: Measure
  readonly unit: Unit
  readonly subjects: readonly SubjectSpec[]
}

const ours = (variant: string, label: string, budget?: number, ceiling?: number): SubjectSpec => ({
  library: 'switchgear',
  variant,
  label,
  ...(budget === undefined ? {} : { budget }),
  ...(ceiling === undefined ? {} : { ceiling }),
})
const classic: SubjectSpec = { library: 'classic', variant: 'breaker', label: 'classic hand-written' }
const consecutive: SubjectSpec = { library: 'cockatiel', variant: 'consecutive', label: 'cockatiel ConsecutiveBreaker' }
const sampling: SubjectSpec = { library: 'cockatiel', variant: 'sampling', label: 'cockatiel SamplingBreaker' }
const defaults: SubjectSpec = { library: 'opossum', variant: 'defaults', label: 'opossum defaults' }
const lean: SubjectSpec = { library: 'opossum', variant: 'lean', label: 'opossum, no timeout or stats' }
const count: SubjectSpec = { library: 'mollitia', variant: 'count', label: 'mollitia SlidingCountBreaker' }
const stacks: readonly SubjectSpec[] = [
  { library: 'cockatiel', variant: 'cooperative', label: 'cockatiel wrap, cooperative' },
  { library: 'cockatiel', variant: 'aggressive', label: 'cockatiel wrap, aggressive' },
  { library: 'mollitia', variant: 'stack', label: 'mollitia Retry, breaker, Timeout' },
]

/** Every case that runs in child processes, in the order of the report. */
export const cases: readonly Case[] = [
  {
    id: 'success',
    title: 'default breaker, success',
    measure: 'success',
    unit: 'x',
    subjects: [
      ours('breaker', 'switchgear', 2),
      ours('registered', 'switchgear in a registry'),
      classic,
      consecutive,
      defaults,
      lean,
      count,
    ],
  },
  {
    id: 'ratio',
    title: 'failure ratio and slow calls on the exact clock, success',
    measure: 'success',
    unit: 'x',
    subjects: [
      ours('ratio', 'switchgear', 3.7, 6),
      sampling,
      { library: 'mollitia', variant: 'time', label: 'mollitia SlidingTimeBreaker' },
    ],
  },
  {
    id: 'stack',
    title: 'retry, breaker and timeout, success',
    measure: 'success',
    unit: 'x',
    subjects: [ours('stack', 'switchgear', 5.5, 8), ...stacks],
  },
  {
    id: 'refused',
    title: 'refused by an open breaker',
    measure: 'refusal',
    unit: 'x',
    subjects: [
      ours('breaker', 'switchgear, fresh error', 20, 25),
      ours('shared', 'switchgear, sharedError', 8),
      classic,
      consecutive,
      defaults,
      lean,
      count,
    ],
  },
  {
    id: 'bytes',
    title: 'allocated per call, breaker alone',
    measure: 'allocation',
    unit: 'B',
    subjects: [ours('breaker', 'switchgear', 250), classic, consecutive, sampling, defaults, lean, count],
  },
  {
    id: 'stack-bytes',
    title: 'allocated per call, retry, breaker and timeout',
    measure: 'allocation',
    unit: 'B',
    subjects: [ours('stack', 'switchgear', 700), ...stacks],
  },
  {
    id: 'idle',
    title: 'retained by an idle breaker',
    measure: 'retained',
    unit: 'B',
    subjects: [
      ours('breaker', 'switchgear', 700),
      ours('pipeline', 'switchgear in its pipeline'),
      classic,
      consecutive,
      sampling,
      defaults,
      lean,
      count,
    ],
  },
  {
    id: 'failure',
    title: 'a failure with 100k calls in the window, against 100 calls',
    measure: 'traffic',
    unit: 'x growth',
    subjects: [
      ours('window', 'switchgear', 1.5),
      { library: 'cockatiel', variant: 'window', label: 'cockatiel SamplingBreaker' },
      { library: 'opossum', variant: 'window', label: 'opossum defaults' },
      { library: 'mollitia', variant: 'window', label: 'mollitia SlidingTimeBreaker' },
    ],
  },
]

/** How long to measure. */
export interface Plan {
  /** CPU milliseconds of warming up. */
  readonly warmMs: number
  /** CPU milliseconds of one block of calls. */
  readonly blockMs: number
  /** Pairs of blocks: one of the reference, one of the subject. */
  readonly pairs: number
  /** CPU milliseconds for each level of traffic in the window. */
  readonly levelMs: number
  /** Idle breakers built. */
  readonly idle: number
}

/** What is committed: about four minutes in all. */
export const full: Plan = { warmMs: 1000, blockMs: 20, pairs: 80, levelMs: 2000, idle: 20_000 }
/** For a look while working: under a minute in all, and noisier. */
export const quick: Plan = { warmMs: 400, blockMs: 8, pairs: 25, levelMs: 400, idle: 5000 }
