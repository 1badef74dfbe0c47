// The rows on each policy alone: what it adds to a call that succeeds, what a refusal costs where it refuses, what a call
// allocates, what an idle one keeps. All gates are held to the budgets of the breaker for refusals and bytes.
import { type Case, type Measure, ours, peer, type SubjectSpec } from './case.ts'

/** One policy. Its cases are called by its id: 'bulkhead', 'bulkhead-refused', 'bulkhead-bytes', 'bulkhead-idle'. */
interface PolicySpec {
  readonly id: string
  /** As the report calls it. */
  readonly title: string
  readonly success: readonly SubjectSpec[]
  readonly refused?: readonly SubjectSpec[]
  readonly idle: readonly SubjectSpec[]
  /** Gates have a budget for what a call allocates; layers make promises of their own. */
  readonly bytesBudget?: number
}

const refusal = 20
const bytes = 250
const idle = 700

const policies: readonly PolicySpec[] = [
  {
    id: 'bulkhead',
    title: 'bulkhead',
    success: [
      ours('bulkhead'),
      peer('cockatiel', 'bulkhead', 'bulkhead'),
      peer('mollitia', 'bulkhead', 'Bulkhead'),
      peer('opossum', 'capacity', 'capacity'),
    ],
    refused: [
      ours('bulkhead-full', 'switchgear', refusal, 25),
      peer('cockatiel', 'bulkhead-full', 'bulkhead'),
      peer('mollitia', 'bulkhead-full', 'Bulkhead'),
      peer('opossum', 'capacity-full', 'capacity'),
    ],
    idle: [
      ours('bulkhead', 'switchgear', idle),
      peer('cockatiel', 'bulkhead', 'bulkhead'),
      peer('mollitia', 'bulkhead', 'Bulkhead'),
    ],
    bytesBudget: bytes,
  },
  {
    id: 'timeout',
    title: 'timeout',
    success: [
      ours('timeout'),
      peer('cockatiel', 'timeout', 'timeout, cooperative'),
      peer('cockatiel', 'timeout-aggressive', 'timeout, aggressive'),
      peer('mollitia', 'timeout', 'Timeout'),
      peer('opossum', 'timeout', 'timeout'),
    ],
    idle: [
      ours('timeout', 'switchgear', idle),
      peer('cockatiel', 'timeout', 'timeout'),
      peer('mollitia', 'timeout', 'Timeout'),
    ],
  },
  {
    id: 'retry',
    title: 'retry',
    success: [
      ours('retry', 'switchgear, with its budget'),
      peer('cockatiel', 'retry', 'retry'),
      peer('mollitia', 'retry', 'Retry'),
    ],
    idle: [
      ours('retry', 'switchgear, with its budget', idle),
      peer('cockatiel', 'retry', 'retry'),
      peer('mollitia', 'retry', 'Retry'),
    ],
  },
  {
    id: 'fallback',
    title: 'fallback',
    success: [
      ours('fallback'),
      peer('cockatiel', 'fallback', 'fallback'),
      peer('mollitia', 'fallback', 'Fallback'),
      peer('opossum', 'fallback', 'fallback'),
    ],
    idle: [
      ours('fallback', 'switchgear', idle),
      peer('cockatiel', 'fallback', 'fallback'),
      peer('mollitia', 'fallback', 'Fallback'),
    ],
  },
  {
    id: 'rate-limit',
    title: 'rateLimit',
    success: [
      ours('rate-limit', 'switchgear, one key'),
      ours('rate-limit-keys', 'switchgear, 10 000 keys in turn'),
      ours('rate-limit-sliding', 'switchgear, slidingWindow'),
      peer('mollitia', 'rate-limit', 'Ratelimit of 10 000 calls'),
    ],
    refused: [ours('rate-limit-empty', 'switchgear', refusal, 31), peer('mollitia', 'rate-limit-empty', 'Ratelimit')],
    idle: [ours('rate-limit', 'switchgear', idle, 900), peer('mollitia', 'rate-limit', 'Ratelimit')],
    bytesBudget: bytes,
  },
  {
    id: 'adaptive-limit',
    title: 'adaptiveLimit',
    success: [
      ours('gradient2', 'switchgear, gradient2'),
      ours('vegas', 'switchgear, vegas'),
      ours('aimd', 'switchgear, aimd'),
    ],
    refused: [ours('adaptive-limit-reached', 'switchgear', refusal, 31)],
    idle: [ours('adaptive-limit', 'switchgear, gradient2', idle, 1100)],
    bytesBudget: bytes,
  },
  {
    id: 'throttle',
    title: 'throttle',
    success: [
      ours('throttle', 'switchgear, no failure in the window'),
      ours('throttle-failed', 'switchgear, a failure in the window'),
    ],
    refused: [ours('throttled', 'switchgear', refusal, 25)],
    idle: [ours('throttle', 'switchgear', idle)],
    bytesBudget: bytes,
  },
  {
    id: 'shed',
    title: 'shed',
    success: [ours('shed')],
    refused: [ours('shedding', 'switchgear', refusal, 25)],
    idle: [ours('shed', 'switchgear', idle)],
    bytesBudget: bytes,
  },
  {
    id: 'hedge',
    title: 'hedge, the first answers before the delay',
    success: [ours('hedge', 'switchgear, 100 ms'), ours('hedge-observed', 'switchgear, observed p95')],
    idle: [ours('hedge', 'switchgear', idle, 1450)],
  },
  {
    id: 'cache',
    title: 'cache, hit',
    success: [ours('cache'), peer('mollitia', 'cache', 'Cache'), peer('opossum', 'cache', 'cache')],
    idle: [ours('cache', 'switchgear', idle, 1100), peer('mollitia', 'cache', 'Cache')],
  },
  {
    id: 'coalesce',
    title: 'coalesce, alone in flight',
    success: [ours('coalesce'), peer('opossum', 'coalesce', 'coalesce')],
    idle: [ours('coalesce', 'switchgear', idle)],
  },
  {
    id: 'chaos',
    title: 'chaos, inactive',
    success: [ours('chaos')],
    idle: [ours('chaos', 'switchgear', idle)],
  },
]

/** In the order of the report: by policy. */
export const policyCases: readonly Case[] = policies.flatMap((policy): Case[] => {
  const { id, title, success, refused = [], idle, bytesBudget } = policy
  const allocating = success.map((subject) =>
    subject.library === 'switchgear' && bytesBudget !== undefined ? { ...subject, budget: bytesBudget } : subject,
  )
  const row = (suffix: string, title: string, measure: Measure, subjects: readonly SubjectSpec[]): Case[] =>
    subjects.length === 0
      ? []
      : [
          {
            id: id + suffix,
            title,
            measure,
            unit: measure === 'success' || measure === 'refusal' ? 'x' : 'B',
            subjects,
          },
        ]
  return [
    ...row('', `${title}, success`, 'success', success),
    ...row('-refused', `refused by ${title}`, 'refusal', refused),
    ...row('-bytes', `allocated per call, ${title}`, 'allocation', allocating),
    ...row('-idle', `retained by an idle ${title.replace(/,.*/, '')}`, 'retained', idle),
  ]
})
