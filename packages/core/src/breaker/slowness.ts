// From how many milliseconds on a call is slow: a fixed time, or so many times what a call usually takes. Usual is a running
// median of the successes: one number moved by a small factor per success, up or down, so that it costs nothing to keep and no
// single call moves it far. It learns in every state, else a service that has become slower for good would be refused for ever.

/** No call that is quicker than this is slow by comparison: below it stand the host's own pauses. */
const leastMs = 20
/** Successes after which the usual is worth something. */
const enough = 20
/** By how much one success moves the usual: doubling it takes 178 of them. */
const step = 1 / 256

/** What one breaker calls slow. */
export class Slowness {
  /** From so many milliseconds on a call is slow. */
  fromMs: number = Infinity
  #mostMs = Infinity
  #factor = 0
  #usualMs = 0
  #seen = 0

  /** New rules; what is usual stays. `factor` is 0 where slow is no comparison. */
  set(mostMs: number, factor: number): void {
    this.#mostMs = mostMs
    this.#factor = factor
    this.#compare()
  }

  /** Milliseconds; Infinity while too little is known. */
  get usualMs(): number {
    return this.#seen < enough ? Infinity : this.#usualMs
  }

  /** A success took so long. The first ones move the usual further, because it begins at a single duration. */
  learn(tookMs: number): void {
    this.#seen++
    if (this.#usualMs === 0) this.#usualMs = Math.max(tookMs, 0.01)
    const move = 1 + Math.max(step, 0.5 / this.#seen)
    if (tookMs > this.#usualMs) this.#usualMs *= move
    else this.#usualMs /= move
    this.#compare()
  }

  #compare(): void {
    const { usualMs } = this
    const compares = this.#factor > 0 && usualMs < Infinity
    this.fromMs = compares ? Math.min(this.#mostMs, Math.max(leastMs, usualMs * this.#factor)) : this.#mostMs
  }
}
