// How many lines a second may be written. Invariant: never more than `most` in one second of the clock, counted from whole seconds.

/** A bound per second. */
export class RateBound {
  readonly #most: number
  #second = Number.NEGATIVE_INFINITY
  #taken = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Whether one more is in it at `nowMs`. */
  take(nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#taken = 0
    }
    if (this.#taken >= this.#most) return false
    this.#taken++
    return true
  }
}
