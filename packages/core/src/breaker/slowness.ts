// From how many milliseconds on a call is slow: a fixed time, or so many times what a call usually takes. Usual is a running
// median of the successes: one number, moved by a small factor per success, up or down, so that it costs nothing to keep. How far
// it moves goes by time, not by calls: doubling takes half a minute at any rate, else the outage itself would become the usual
// before the window of a busy service has filled with slow calls. It learns in every state, so that a service that has
// become slower for good is accepted in the end.

/** No call that is quicker than this is slow by comparison: nobody waits for it. */
const leastMs = 100
/** Successes after which the usual is worth something. */
const enough = 20
/** Within this time it doubles at most. */
const doublingMs = 30_000
/** By how much one success may move it after a long pause. */
const mostStep = 1 / 64

/** What one breaker calls slow. */
export class Slowness {
  /** From so many milliseconds on a call is slow. */
  fromMs: number = Infinity
  #mostMs = Infinity
  #factor = 0
  #usualMs = 0
  #seen = 0
  #learnedAt = 0

  /** New rules; what is usual stays. `factor` is 0 where slow is no comparison. */
  set(mostMs: number, factor: number): void {
    this.#mostMs = mostMs
    this.#factor = factor
    this.#compare()
  }

  /** Milliseconds; undefined while too little is known. */
  get usualMs(): number | undefined {
    return this.#seen < enough ? undefined : this.#usualMs
  }

  /** What was known before a restart. */
  restore(usualMs: number): void {
    this.#usualMs = usualMs
    this.#seen = enough
    this.#compare()
  }

  /** A success of `now` took so long. The first ones move the usual further, because it begins at a single duration. */
  learn(tookMs: number, now: number): void {
    const step = Math.min(mostStep, ((now - this.#learnedAt) / doublingMs) * Math.LN2)
    this.#learnedAt = now
    this.#seen++
    if (this.#usualMs === 0) this.#usualMs = Math.max(tookMs, 0.01)
    const move = 1 + (this.#seen < enough ? 0.5 / this.#seen : step)
    if (tookMs > this.#usualMs) this.#usualMs *= move
    else this.#usualMs /= move
    this.#compare()
  }

  #compare(): void {
    const { usualMs } = this
    const compares = this.#factor > 0 && usualMs !== undefined
    this.fromMs = compares ? Math.min(this.#mostMs, Math.max(leastMs, usualMs * this.#factor)) : this.#mostMs
  }
}
