// How fast a ramp passes. A dependency that has come back well need not wait for the whole ramp, a cold one needs all of it: so
// time counts several times while most results are good and take about as long as usual. Invariant: it only ever shortens.

/** A result is easy up to so many times the usual duration. */
export const easyFactor = 2
/** Weight of one more result. */
const weight = 0.2

/** The pace of one recovery, from its first probe to its end. */
export class Pace {
  /** Share of easy results, the latest weigh most. */
  #ease = 0.5
  #lastAt = 0

  /** A result came at `now`. Answers how many milliseconds earlier the ramp ends by it. */
  learn(easy: boolean, now: number, speedUp: number): number {
    this.#ease += weight * ((easy ? 1 : 0) - this.#ease)
    const gained = this.#ease > 0.5 ? (now - this.#lastAt) * (speedUp - 1) : 0
    this.#lastAt = now
    return gained
  }

  /** The ramp begins. */
  begin(now: number): void {
    this.#lastAt = now
  }
}
