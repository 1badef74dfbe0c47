// Many calls made into one measurement. A single latency is noise, and a limit that answers to each moves several times
// before the effect of the first move can be seen; so a window lasts at least one round trip. It keeps sums, no samples.

/** Samples that a window needs: fewer would not be an average. */
const fewest = 10

/** Mean latency of successes and most calls in flight, over windows that follow each other. */
export class SampleWindow {
  #successes = 0
  #failures = 0
  #sumMs = 0
  #leastMs = Infinity
  #most = 0
  #begun = 0
  /** Of the window that ended last: the mean latency; undefined if as many calls failed as succeeded, or more. */
  rttMs: number | undefined = undefined
  /** Of the window that ended last: the most. */
  inFlight = 0

  /** Answers whether a window ended with this sample. It lasts `leastMs`, one round trip and ten samples, at least. */
  add(rttMs: number, inFlight: number, dropped: boolean, now: number, leastMs: number): boolean {
    const before = this.#successes + this.#failures
    if (before === 0) this.#begun = now
    if (dropped) this.#failures++
    else {
      this.#successes++
      this.#sumMs += rttMs
    }
    this.#leastMs = Math.min(this.#leastMs, rttMs)
    this.#most = Math.max(this.#most, inFlight)
    if (before + 1 < fewest || now - this.#begun < Math.max(leastMs, this.#leastMs)) return false
    this.rttMs = this.#failures < this.#successes ? this.#sumMs / this.#successes : undefined
    this.inFlight = this.#most
    this.#successes = this.#failures = this.#sumMs = this.#most = 0
    this.#leastMs = Infinity
    return true
  }
}
