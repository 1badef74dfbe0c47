// The growing share of calls after a recovery. A dependency that has come back well need not wait for the whole ramp, a cold one
// needs all of it: so time counts several times while most results are good and take about as long as usual, those of the
// probes included. Invariant: the share never shrinks; what slows down is only its growth.

/** A result is easy up to so many times the usual duration. */
export const easyFactor = 2
/** Share at the beginning. */
const least = 0.1
/** Weight of one more result in the share of easy ones. */
const weight = 0.2

/** One recovery, from its first probe to its end. Times are monotonic milliseconds. */
export class Ramp {
  #forMs = 1
  #speedUp = 1
  /** Share of easy results, the latest weigh most. */
  #ease = 0.5
  #progress = 0
  /** When the progress was that; undefined before the ramp begins. */
  #at: number | undefined = undefined

  begin(now: number, forMs: number, speedUp: number): void {
    this.#at = now
    this.#forMs = forMs
    this.#speedUp = speedUp
  }

  /** A result of a probe, or of a call in the ramp. */
  learn(easy: boolean, now: number): void {
    if (this.#at !== undefined) {
      this.#progress = this.#progressAt(now, this.#at)
      this.#at = now
    }
    this.#ease += weight * ((easy ? 1 : 0) - this.#ease)
  }

  /** The admitted share. */
  share(now: number): number {
    return least + (1 - least) * this.#progressAt(now, this.#at ?? now)
  }

  /** When it ends, if nothing else is learned. */
  get endsAt(): number {
    return (this.#at ?? 0) + ((1 - this.#progress) * this.#forMs) / this.#speed
  }

  get #speed(): number {
    return this.#ease > 0.5 ? this.#speedUp : 1
  }

  #progressAt(now: number, at: number): number {
    return Math.min(1, this.#progress + ((now - at) * this.#speed) / this.#forMs)
  }
}
