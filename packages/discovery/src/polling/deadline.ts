// The time that one question may take. Owns its timer and its hold on the outer signal, and gives both up at `end`. It must be
// ended by whoever made it, on every path.
import type { Clock, Timer } from '@switchgear/core'

/**
 * A signal that is aborted when a time is over, or when an outer signal is.
 *
 * @example
 * const deadline = new Deadline(clock, signal, 10_000, () => new Error('it took too long'))
 * try {
 *   await ask(deadline.signal)
 * } finally {
 *   deadline.end()
 * }
 */
export class Deadline {
  readonly #clock: Clock
  readonly #outer: AbortSignal
  readonly #late: () => Error
  readonly #controller = new AbortController()
  #timer: Timer

  constructor(clock: Clock, outer: AbortSignal, ms: number, late: () => Error) {
    this.#clock = clock
    this.#outer = outer
    this.#late = late
    this.#timer = this.#set(ms)
    if (outer.aborted) this.#cut()
    else outer.addEventListener('abort', this.#cut)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Gives it `ms` from now instead of what was left. */
  extend(ms: number): void {
    this.#timer.cancel()
    if (!this.#controller.signal.aborted) this.#timer = this.#set(ms)
  }

  /** Lets go of timer and outer signal. */
  end(): void {
    this.#timer.cancel()
    this.#outer.removeEventListener('abort', this.#cut)
  }

  #set(ms: number): Timer {
    const timer = this.#clock.setTimer(() => this.#controller.abort(this.#late()), ms)
    timer.hold?.(false)
    return timer
  }

  readonly #cut = (): void => {
    this.end()
    this.#controller.abort(this.#outer.reason)
  }
}
