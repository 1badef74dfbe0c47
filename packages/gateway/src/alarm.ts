// The one timer of a request. It keeps two times: a bound, which lasts over the phases of a call, and the moment of the
// present phase (a small body, a try's deadline, the wait for the next try, a client that does not read); the earlier one
// rings. Invariant: at most one host timer is set, and none rings early. Setting a later time does not touch the host.
import type { Clock, Timer } from '@switchgear/core'

interface Ring {
  readonly at: number
  readonly run: () => void
}

/** One timer, set again and again. Times are monotonic milliseconds of `clock`. */
export class Alarm {
  readonly clock: Clock
  #bound: Ring | undefined = undefined
  #phase: Ring | undefined = undefined
  #timer: Timer | undefined = undefined
  #timerAt = Infinity

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Runs `run` at `at`, whatever the phase, until `end`. Infinity: there is no bound. */
  boundAt(at: number, run: () => void): void {
    this.#bound = at === Infinity ? undefined : { at, run }
    this.#arm()
  }

  /** Runs `run` at `at`, instead of what the phase before had set. Infinity only clears. */
  setAt(at: number, run: () => void): void {
    this.#phase = at === Infinity ? undefined : { at, run }
    this.#arm()
  }

  setAfter(ms: number, run: () => void): void {
    this.setAt(this.clock.now() + ms, run)
  }

  /** The present phase is over. */
  clear(): void {
    this.#phase = undefined
  }

  /** Nothing rings any more. */
  end(): void {
    this.#bound = this.#phase = undefined
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAt = Infinity
  }

  #next(): Ring | undefined {
    const [bound, phase] = [this.#bound, this.#phase]
    return bound === undefined || (phase !== undefined && phase.at < bound.at) ? phase : bound
  }

  /** A timer that is set too early is left alone: it looks again when it fires, which costs less than a cancel per chunk. */
  #arm(): void {
    const next = this.#next()
    if (next === undefined || this.#timerAt <= next.at) return
    this.#timer?.cancel()
    this.#timerAt = next.at
    this.#timer = this.clock.setTimer(this.#ring, next.at - this.clock.now())
  }

  readonly #ring = (): void => {
    this.#timer = undefined
    this.#timerAt = Infinity
    const next = this.#next()
    // The host's timers may fire a little early, and a deadline must not; or it was put off meanwhile.
    if (next === undefined || this.clock.now() < next.at) return this.#arm()
    if (next === this.#phase) this.#phase = undefined
    else this.#bound = undefined
    this.#arm()
    next.run()
  }
}
