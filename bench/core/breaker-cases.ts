// The rows on the circuit breaker and on whole pipelines: those for which the design has budgets, and two larger pipelines
// beside them. A budget changes here only when the design changes.
import { type Case, ours, peer, type SubjectSpec } from './case.ts'

const classic: SubjectSpec = { library: 'classic', variant: 'breaker', label: 'classic hand-written' }
const consecutive = peer('cockatiel', 'consecutive', 'ConsecutiveBreaker')
const sampling = peer('cockatiel', 'sampling', 'SamplingBreaker')
const defaults = peer('opossum', 'defaults', 'defaults')
const lean: SubjectSpec = { library: 'opossum', variant: 'lean', label: 'opossum, no timeout or stats' }
const count = peer('mollitia', 'count', 'SlidingCountBreaker')
const stacks: readonly SubjectSpec[] = [
  peer('cockatiel', 'cooperative', 'wrap, cooperative'),
  peer('cockatiel', 'aggressive', 'wrap, aggressive'),
  peer('mollitia', 'stack', 'Retry, breaker, Timeout'),
]
const standards: readonly SubjectSpec[] = [
  peer('cockatiel', 'standard', 'wrap of the same'),
  peer('mollitia', 'standard', 'circuit of the same'),
]
// The nearest that they can put together.
const everythings: readonly SubjectSpec[] = [
  peer('cockatiel', 'everything', 'fallback, bulkhead, timeout, retry, breaker, timeout'),
  peer('mollitia', 'everything', 'Fallback, Ratelimit, Bulkhead, Timeout, Retry, breaker, Timeout'),
  peer('opossum', 'everything', 'fallback, capacity, breaker, timeout'),
]

/** In the order of the report. */
export const breakerCases: readonly Case[] = [
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
    subjects: [ours('ratio', 'switchgear', 3.7, 6), sampling, peer('mollitia', 'time', 'SlidingTimeBreaker')],
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
      peer('cockatiel', 'window', 'SamplingBreaker'),
      peer('opossum', 'window', 'defaults'),
      peer('mollitia', 'window', 'SlidingTimeBreaker'),
    ],
  },
]

/** In the order of the report. */
export const pipelineCases: readonly Case[] = [
  {
    id: 'stack',
    title: 'retry, breaker and timeout, success',
    measure: 'success',
    unit: 'x',
    subjects: [ours('stack', 'switchgear', 5.5, 8), ...stacks],
  },
  {
    id: 'stack-bytes',
    title: 'allocated per call, retry, breaker and timeout',
    measure: 'allocation',
    unit: 'B',
    subjects: [ours('stack', 'switchgear', 700), ...stacks],
  },
  {
    id: 'standard',
    title: 'the standard stack (bulkhead, total timeout, retry, breaker, attempt timeout), success',
    measure: 'success',
    unit: 'x',
    subjects: [ours('standard'), ...standards],
  },
  {
    id: 'standard-bytes',
    title: 'allocated per call, the standard stack',
    measure: 'allocation',
    unit: 'B',
    subjects: [ours('standard'), ...standards],
  },
  {
    id: 'everything',
    title:
      'everything (fallback, rateLimit, adaptiveLimit, total timeout, hedge, retry, throttle, breaker, attempt timeout), success',
    measure: 'success',
    unit: 'x',
    subjects: [ours('everything'), ...everythings],
  },
  {
    id: 'everything-bytes',
    title: 'allocated per call, everything',
    measure: 'allocation',
    unit: 'B',
    subjects: [ours('everything'), ...everythings],
  },
]
