// What one key has used, by either algorithm. Both keep the same promise: in no span of t milliseconds are more than
// burst + limit * t / window calls admitted (burst is limit for a sliding window), counting no call that was given
// back. Reading changes nothing but the representation. All times are milliseconds of one clock.
import type { RateLimitRule, RateLimitState } from './store.ts'

/** A millionth of a call decides nothing, and rounding must not refuse one at the very moment that a refusal named. */
export const slack = 1e-6

/** The use of one key, and its place in the order of last use. */
export class Bucket {
  readonly key: string
  /** When it was made, or last changed from outside: what was taken before is not given back to it. */
  since: number
  /** Token bucket: what was missing at `at`. Sliding window: calls since `at`. */
  used = 0
  /** Sliding window: calls of the window before `at`. */
  previous = 0
  /** Token bucket: when `used` was right. Sliding window: the start of the current window. */
  at: number
  newer: Bucket | undefined = undefined
  older: Bucket | undefined = undefined

  constructor(key: string, now: number) {
    this.key = key
    this.since = this.at = now
  }

  /**
   * What is used of `rule.burst` at `now`.
   *
   * A token bucket is refilled continuously, so its use decays in a line. A sliding window adds to the calls of the
   * current window those of the one before, by the share of it that the last `windowMs` still cover, as if they had
   * come evenly. The error of that: when they came in one rush at its end, a span of one window may see up to twice the
   * limit (never more, and never more than the limit in the long run); when they came at its beginning, calls are
   * refused too early, the smaller the limit the more so: one of a single call admits one in two windows.
   */
  level(now: number, rule: RateLimitRule): number {
    if (rule.algorithm === 'tokenBucket') {
      const elapsed = Math.max(0, now - this.at)
      return Math.max(0, this.used - (elapsed * rule.limit) / rule.windowMs)
    }
    const passed = this.#slide(now, rule.windowMs)
    return this.used + this.previous * (1 - passed)
  }

  /** Takes one call and answers 0, or answers the milliseconds until one can be taken. */
  take(now: number, rule: RateLimitRule): number {
    const level = this.level(now, rule)
    if (level + 1 > rule.burst + slack) return this.#wait(now, level, rule)
    if (rule.algorithm === 'slidingWindow') {
      this.used++
    } else {
      this.used = level + 1
      this.at = now
    }
    return 0
  }

  /**
   * Undoes a `take` as if it had not been. From a token bucket, time has refilled a part of what was taken since then,
   * and only the rest goes back: otherwise calls that are given back late would add up to a second burst.
   */
  giveBack(now: number, takenAt: number, rule: RateLimitRule): void {
    if (takenAt < this.since) return
    const level = this.level(now, rule)
    if (rule.algorithm === 'tokenBucket') {
      const owed = 1 - ((now - takenAt) * rule.limit) / rule.windowMs
      if (owed <= 0) return
      this.used = Math.max(0, level - owed)
      this.at = now
    } else if (takenAt >= this.at) {
      this.used = Math.max(0, this.used - 1)
    } else if (takenAt >= this.at - rule.windowMs - slack) {
      // The slack is for the call that began that window: its time and the sum of start and length may round apart.
      this.previous = Math.max(0, this.previous - 1)
    }
  }

  /** What is left at `now`. */
  look(now: number, rule: RateLimitRule): RateLimitState {
    const level = this.level(now, rule)
    const remaining = Math.max(0, Math.floor(rule.burst - level + slack))
    const retryAfterMs = remaining > 0 ? 0 : this.#wait(now, level, rule)
    return { remaining, retryAfterMs, resetMs: this.#reset(now, level, rule) }
  }

  /** Whether all of its quota is there, so that forgetting it forgets nothing. */
  isFull(now: number, rule: RateLimitRule): boolean {
    return this.level(now, rule) < slack
  }

  /** Sets the use to `level` as of `at`, from when on it fades within one window (or as a token bucket refills). */
  set(level: number, at: number, now: number, rule: RateLimitRule): void {
    const slides = rule.algorithm === 'slidingWindow'
    // As calls of the window before it fades from now on; as calls of this one it would stand for up to two windows.
    this.previous = slides ? level : 0
    this.used = slides ? 0 : level
    this.at = at
    this.since = now
  }

  #wait(now: number, level: number, { algorithm, limit, windowMs, burst }: RateLimitRule): number {
    if (algorithm === 'tokenBucket') return ((level + 1 - burst) * windowMs) / limit
    const passed = (now - this.at) / windowMs
    const room = burst - 1 - this.used
    // Either the window before fades enough, or the current one has to end and fade in its turn.
    const due = room >= 0 ? 1 - room / this.previous : 2 - (burst - 1) / this.used
    return Math.max(slack, (due - passed) * windowMs)
  }

  #reset(now: number, level: number, { algorithm, limit, windowMs }: RateLimitRule): number {
    if (level < slack) return 0
    if (algorithm === 'tokenBucket') return (level * windowMs) / limit
    return this.at + windowMs * (this.used > 0 ? 2 : 1) - now
  }

  /** Moves on to the window that holds `now` and answers the share of it that has passed, in [0, 1). */
  #slide(now: number, windowMs: number): number {
    const passed = Math.max(0, now - this.at) / windowMs
    if (passed < 1) return passed
    this.previous = passed < 2 ? this.used : 0
    this.used = 0
    // After a quiet time a window begins with the next call. The bound is for rounding: no window begins later than
    // now.
    this.at = passed < 2 ? Math.min(now, this.at + windowMs) : now
    return (now - this.at) / windowMs
  }
}
