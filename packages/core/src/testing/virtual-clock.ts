// Time that stands still until a test moves it. Timers run in the order of their time, equal ones in the order in which
// they were set; while one runs, `now()` is exactly its time. It must not use the host's clock anywhere.
import type { Clock, Timer } from '../clock.ts'

interface Pending extends Timer {
  readonly at: number
  readonly run: () => void
}

/**
 * A clock for tests and simulations.
 *
 * @example
 * const clock = new VirtualClock()
 * clock.setTimer(() => console.log(clock.now()), 100)
 * await clock.advance(250) // prints 100
 */
export class VirtualClock implements Clock {
  #now: number
  /** Sorted by time, then by order of setting. */
  readonly #timers: Pending[] = []
  /** What is added to the virtual time to get the wall time; a test may move it to let the wall clock jump. */
  wallOffset: number

  /** Starts at monotonic `now` milliseconds (default 0) and at wall time `now + wallOffset` (default 2026-01-01 UTC). */
  constructor({ now = 0, wallOffset = 1_767_225_600_000 }: { now?: number; wallOffset?: number } = {}) {
    this.#now = now
    this.wallOffset = wallOffset
  }

  /** How many timers are set. A finished call leaves none behind. */
  get pending(): number {
    return this.#timers.length
  }

  now(): number {
    return this.#now
  }

  wallNow(): number {
    return this.#now + this.wallOffset
  }

  setTimer(run: () => void, ms: number): Timer {
    const timers = this.#timers
    const timer: Pending = {
      at: this.#now + Math.max(0, ms),
      run,
      cancel() {
        const index = timers.indexOf(timer)
        if (index >= 0) timers.splice(index, 1)
      },
    }
    let index = timers.length
    while (index > 0 && (timers[index - 1]?.at ?? 0) > timer.at) index--
    timers.splice(index, 0, timer)
    return timer
  }

  /** Moves time by `ms`, running what falls due, and lets promises settle before and after every timer. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms
    await settle()
    for (let timer = this.#timers[0]; timer !== undefined && timer.at <= until; timer = this.#timers[0]) {
      this.#fire(timer)
      await settle()
    }
    this.#now = Math.max(this.#now, until)
  }

  /** Like `advance`, without letting promises settle in between: for tests that must stay inside one turn. */
  advanceSync(ms: number): void {
    const until = this.#now + ms
    for (let timer = this.#timers[0]; timer !== undefined && timer.at <= until; timer = this.#timers[0])
      this.#fire(timer)
    this.#now = until
  }

  #fire(timer: Pending): void {
    this.#timers.shift()
    this.#now = Math.max(this.#now, timer.at)
    timer.run()
  }
}

/** Long enough for a chain of promise reactions through several layers; it waits for no host timer. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await undefined
}
