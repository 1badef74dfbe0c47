// What a rate limit needs of the place where quotas are kept, and the rule that it hands over with every question. It
// is synchronous: whether a call may start is never waited for.

/** How much each key may do. Frozen; an update makes a new one. */
export interface RateLimitRule {
  /** Name of the limit: what a store that several limits share tells them apart by. */
  readonly name: string
  readonly algorithm: 'tokenBucket' | 'slidingWindow'
  /** Calls per window. */
  readonly limit: number
  readonly windowMs: number
  /** Calls that are admitted at once after a quiet time; for a sliding window the same as `limit`. */
  readonly burst: number
}

/** What is left of one key. */
export interface RateLimitState {
  /** Calls that would be admitted now: a whole number. */
  readonly remaining: number
  /** Milliseconds until one more is admitted; 0 while `remaining` is not. */
  readonly retryAfterMs: number
  /** Milliseconds until all of the quota is there again, if nothing is taken. */
  readonly resetMs: number
}

/**
 * Keeps the quotas. `now` is milliseconds on a monotonic clock whose zero has no meaning outside the process.
 *
 * A store for many processes answers at once from a share of its own: it leases quota from the shared place in batches,
 * before the share is used up, and tops it up in the background. So one that is slow or gone costs a call nothing; at
 * worst a process lives for a while on what it has leased, or on a guess. Never make `take` wait for a network. One
 * that throws, or whose `take` or `look` answers a promise or anything else than numbers, stops no call either: the call
 * is admitted and counted in `storeErrors`.
 *
 * @example
 * class Shares implements RateLimitStore {
 *   take(key: string): number {
 *     const share = this.shareOf(key)
 *     if (share.left < share.low) this.leaseSoon(key)
 *     if (share.left <= 0) return share.nextLeaseInMs
 *     share.left--
 *     return 0
 *   }
 *   // …
 * }
 */
export interface RateLimitStore {
  /**
   * Takes one call of `key` and answers 0, or takes nothing and answers the milliseconds (> 0) until another try has a
   * chance.
   */
  take(key: string, now: number, rule: RateLimitRule): number
  /** A call that took at `takenAt` did not run after all. It must never leave more than a full quota. */
  giveBack(key: string, now: number, takenAt: number, rule: RateLimitRule): void
  /** What is left, taking nothing. */
  look(key: string, now: number, rule: RateLimitRule): RateLimitState
}
