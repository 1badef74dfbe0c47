// The limit follows the ratio of the long-term latency to that of the moment: calls that take longer than usual queue
// somewhere, so fewer are let in; `headroom` is the queue that is wanted, and by which the limit grows while nothing queues.
// Netflix's Gradient2Limit, with windows in front of it as its documentation describes. One difference: failures teach the
// baseline nothing. Those faster than it are not heard at all; a window of which half or more failed slowly (timeouts) counts
// as one of the steepest gradient. The baseline follows what it sees, which lets the limit recover when the dependency becomes
// slower for good, and lets it creep up by `headroom` per half a minute of uninterrupted overload.
import { clamped, type LimitAlgorithm, type LimitRules } from './algorithm.ts'
import { SampleWindow } from './sample-window.ts'

/** Windows over which the baseline forgets: a minute of windows of 100 ms. */
const longWindow = 600
/** The first windows are averaged plainly, so that the very first does not count for a minute. */
const warmUp = 10

/** See the head of the file. */
export class Gradient2 implements LimitAlgorithm {
  limit: number
  baselineMs: number | undefined
  rules: LimitRules
  readonly #window = new SampleWindow()
  #windows: number

  constructor(limit: number, rules: LimitRules, baselineMs?: number) {
    this.limit = limit
    this.rules = rules
    this.baselineMs = baselineMs
    this.#windows = baselineMs === undefined ? 0 : warmUp
  }

  sample(rttMs: number, inFlight: number, dropped: boolean, now: number): number {
    // It failed faster than it can be done: that is no latency of the dependency's.
    const counts = !dropped || (this.baselineMs !== undefined && rttMs >= this.baselineMs)
    if (counts && this.#window.add(rttMs, inFlight, dropped, now, this.rules.windowMs)) this.#follow()
    return this.limit
  }

  #follow(): void {
    const { limit, rules } = this
    const { rttMs, inFlight } = this.#window
    const ratio = rttMs === undefined ? 0 : this.#learn(rttMs) / rttMs
    // A limit that is not used says nothing about whether another would do.
    if (inFlight * 2 < limit) return
    const gradient = Math.max(0.5, Math.min(1, ratio))
    const wanted = limit * gradient + rules.headroom
    this.limit = clamped(limit + (wanted - limit) * rules.smoothing, rules)
  }

  /** Answers the baseline with this window in it. */
  #learn(rttMs: number): number {
    const share = this.#windows < warmUp ? 1 / ++this.#windows : 2 / (longWindow + 1)
    const before = this.baselineMs ?? rttMs
    const longMs = before + (rttMs - before) * share
    // After a long overload the baseline is far too high, and to forget it window by window would take minutes.
    this.baselineMs = longMs > 2 * rttMs ? longMs * 0.9 : longMs
    return longMs
  }
}
