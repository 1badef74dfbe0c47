// How far the wall clock is ahead of the monotonic one. Spans are timed monotonically and dated when a block begins; this
// keeps the dates of neighbouring blocks together although the wall clock tells whole milliseconds only.
import { type Clock, systemClock } from '@switchgear/core'

/** Beyond this the wall clock was set, or the machine slept; below, it is rounding or drift. Milliseconds. */
export const jumpMs = 2

/** The offset between the two times of a clock, measured again whenever it is asked for. */
export class WallOffset {
  readonly #clock: Clock
  #offsetMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    // The host knows when its monotonic time began to the microsecond; that makes spans of processes on one machine fit together.
    this.#offsetMs = clock === systemClock ? performance.timeOrigin : clock.wallNow() - clock.now()
    this.measure()
  }

  /** Epoch milliseconds minus monotonic milliseconds. */
  measure(): number {
    // The wall time is cut to whole milliseconds: the true offset lies between `least` and one more. Moving only as far as
    // that interval forces narrows it down with every measurement, instead of following the rounding back and forth.
    const least = this.#clock.wallNow() - this.#clock.now()
    const nearest = Math.min(Math.max(this.#offsetMs, least), least + 1)
    this.#offsetMs = Math.abs(nearest - this.#offsetMs) > jumpMs ? least : nearest
    return this.#offsetMs
  }
}
