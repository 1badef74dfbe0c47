// What the algorithms that find a limit have in common: pure state machines that hear of one ended call at a time. They
// follow Netflix's concurrency-limits (github.com/Netflix/concurrency-limits), which brought TCP's congestion control to
// services; where ours differ, the file of the algorithm says so and why. None of them reads a clock or holds a timer.

/** How a limit is found. */
export type LimitKind = 'aimd' | 'vegas' | 'gradient2'

/** What an algorithm goes by; `AdaptiveLimitOptions` tells what each means. Durations are milliseconds. */
export interface LimitRules {
  readonly minLimit: number
  readonly maxLimit: number
  readonly windowMs: number
  readonly headroom: number
  readonly smoothing: number
  readonly backoffRatio: number
  readonly dropAfterMs: number
}

/** One way to find a limit. Invariant: `limit` is a number, with a fraction, in [minLimit, maxLimit]. */
export interface LimitAlgorithm {
  limit: number
  /** The latency that it takes for that of an unloaded dependency; undefined while unknown, or where none is needed. */
  baselineMs: number | undefined
  /** May be replaced at any time; the next sample goes by it. */
  rules: LimitRules
  /**
   * One call has ended: it took `rttMs` (> 0), began when `inFlight` were in flight with it, and failed if `dropped`.
   * `now` is monotonic ms. Answers the new limit.
   */
  sample(rttMs: number, inFlight: number, dropped: boolean, now: number): number
}

/** `limit` within the bounds. */
export function clamped(limit: number, { minLimit, maxLimit }: LimitRules): number {
  return Math.max(minLimit, Math.min(maxLimit, limit))
}
