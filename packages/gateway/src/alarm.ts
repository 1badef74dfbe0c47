// The one timer of a request. Each phase sets it for its own purpose (a small body, the deadline, the wait for the next try,
// a client that does not read) and so takes it away from the phase before. Invariant: at most one timer is set.
import type { Clock, Timer } from '@switchgear/core'

/** One timer, set again and again. Times are monotonic milliseconds of `clock`. */
export class Alarm {
  readonly clock: Clock
  #timer: Timer | undefined = undefined

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Runs `run` at `at`, instead of what was set before. Infinity only clears. */
  setAt(at: number, run: () => void): void {
    this.clear()
    if (at !== Infinity) this.#timer = this.clock.setTimer(run, at - this.clock.now())
  }

  setAfter(ms: number, run: () => void): void {
    this.setAt(this.clock.now() + ms, run)
  }

  clear(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
