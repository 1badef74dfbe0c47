// How fast a source may be asked that answers at once although it should have kept the question: a token bucket. Invariant: while
// answers are rare nothing waits; when they churn, the asking falls to one per `everyMs`. It knows no timer: it says how long.

/**
 * Paces the asking of one source.
 *
 * @example
 * const pace = new Pace(2, 15_000)
 * pace.take(0) // 0
 * pace.take(0) // 0
 * pace.take(0) // 15000: that is when the next may be asked
 */
export class Pace {
  readonly #burst: number
  readonly #everyMs: number
  #tokens: number
  #filledAt: number | undefined = undefined

  /** `burst` (>= 1) in a row without a wait, then one per `everyMs`. */
  constructor(burst: number, everyMs: number) {
    this.#burst = burst
    this.#everyMs = everyMs
    this.#tokens = burst
  }

  /** Milliseconds to wait before the next question, at monotonic `now`; the question counts as asked after them. */
  take(now: number): number {
    const sinceMs = now - (this.#filledAt ?? now)
    this.#tokens = Math.min(this.#burst, this.#tokens + sinceMs / this.#everyMs)
    this.#filledAt = now
    // It may fall below zero: what is owed is waited for, and refills meanwhile.
    this.#tokens -= 1
    return Math.max(0, -this.#tokens * this.#everyMs)
  }
}
