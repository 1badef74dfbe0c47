// Additive increase, multiplicative decrease: the limit grows by one per round of successes until calls fail or take too
// long, then shrinks by a tenth. It needs no baseline and believes no latency, so it suits what rejects or times out when it
// is overloaded. Differences from Netflix's AIMDLimit: growth is one per *round* (a limit's worth of successes), as in TCP;
// calls that began before the last cut cut nothing again, since they ran under the old limit, or one burst of timeouts would
// take it to the floor; and a few failures are tolerated, since services fail for other reasons than load.
import { clamped, type LimitAlgorithm, type LimitRules } from './algorithm.ts'

/** Share of dropped calls that is no sign of overload. With `dropAfter` alone it holds the 90th percentile there. */
const tolerated = 0.1

/** See the head of the file. */
export class Aimd implements LimitAlgorithm {
  limit: number
  readonly baselineMs: undefined
  rules: LimitRules
  /** Monotonic ms of the last cut. */
  #cutAt = -Infinity
  /** Moving share of dropped calls, over about a round. */
  #dropped = 0

  constructor(limit: number, rules: LimitRules) {
    this.limit = limit
    this.rules = rules
  }

  sample(rttMs: number, inFlight: number, dropped: boolean, now: number): number {
    const { limit, rules } = this
    const drops = dropped || rttMs > rules.dropAfterMs
    // They ran under the limit before the cut.
    if (drops && now - rttMs < this.#cutAt) return limit
    this.#dropped += ((drops ? 1 : 0) - this.#dropped) / Math.max(10, limit)
    if (drops) {
      if (this.#dropped < tolerated) return limit
      this.#cutAt = now
      this.#dropped = 0
      return (this.limit = clamped(Math.min(limit - 1, limit * rules.backoffRatio), rules))
    }
    // A limit that is not used says nothing about whether a higher one would do.
    if (inFlight * 2 < limit) return limit
    return (this.limit = clamped(limit + 1 / limit, rules))
  }
}
