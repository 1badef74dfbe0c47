// After TCP Vegas: the share of the latency above the best one seen is time in a queue, which tells how many calls queue at
// the dependency; a few are wanted, many are not. Differences from Netflix's VegasLimit: it hears means of windows, and its
// best latency is that of their moving average, since the best of single ones is too good to be reached again. A failure is
// no drop of its own, since one per window would take the limit to the floor: those faster than the baseline are not heard,
// and a window of which half or more failed slowly (timeouts) takes a tenth. The baseline is measured anew under half the
// limit, twice a minute and for two windows, since under full load it would contain the very queue that it is to show.
import { clamped, type LimitAlgorithm, type LimitRules } from './algorithm.ts'
import { SampleWindow } from './sample-window.ts'

/** Windows between two measurements of the baseline: half a minute of windows of 100 ms. */
const windowsPerProbe = 300
/** First windows, in which the baseline is the average itself: what ends first was short, and would pass for the best. */
const warmUp = 10
/** Share of the newest window in the moving average. */
const newest = 0.2

/** See the head of the file. */
export class Vegas implements LimitAlgorithm {
  limit: number
  baselineMs: number | undefined
  rules: LimitRules
  readonly #window = new SampleWindow()
  /** Moving average of the windows. */
  #meanMs: number
  /** Counts down: from 1 half the limit holds; in the next window what was queued drains, the one after it is measured. */
  #windowsLeft: number

  constructor(limit: number, rules: LimitRules, baselineMs?: number) {
    this.limit = limit
    this.rules = rules
    this.baselineMs = baselineMs
    this.#meanMs = baselineMs ?? 0
    this.#windowsLeft = windowsPerProbe + (baselineMs === undefined ? warmUp : 0)
  }

  sample(rttMs: number, inFlight: number, dropped: boolean, now: number): number {
    // It failed faster than it can be done: that is no latency of the dependency's.
    const counts = !dropped || (this.baselineMs !== undefined && rttMs >= this.baselineMs)
    if (counts && this.#window.add(rttMs, inFlight, dropped, now, this.rules.windowMs)) {
      this.#windowsLeft--
      if (this.#windowsLeft === -1) {
        this.#windowsLeft = windowsPerProbe
        this.baselineMs = this.#meanMs = this.#window.rttMs ?? this.#meanMs
      } else if (this.#windowsLeft > 1) {
        this.#follow()
      }
    }
    return this.#windowsLeft > 1 ? this.limit : clamped(this.limit / 2, this.rules)
  }

  #follow(): void {
    const { limit, rules } = this
    const { rttMs, inFlight } = this.#window
    if (rttMs === undefined) {
      this.limit = clamped(limit * 0.9, rules)
      return
    }
    const known = this.baselineMs
    this.#meanMs = known === undefined ? rttMs : this.#meanMs + (rttMs - this.#meanMs) * newest
    const isWarm = known !== undefined && this.#windowsLeft <= windowsPerProbe
    this.baselineMs = isWarm ? Math.min(this.#meanMs, known) : this.#meanMs
    if (inFlight * 2 < limit) return
    const queued = Math.ceil(limit * (1 - this.baselineMs / rttMs))
    const step = Math.max(1, Math.floor(Math.log10(limit)))
    if (queued <= step) this.limit = clamped(limit + 6 * step, rules)
    else if (queued < 3 * step) this.limit = clamped(limit + step, rules)
    else if (queued > 6 * step) this.limit = clamped(limit - step, rules)
  }
}
