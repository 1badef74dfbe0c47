// Divides long work into stretches between which the event loop runs. It measures real time, also where a clock is virtual,
// because it is the real event loop that must not be held up.
import { setImmediate } from 'node:timers/promises'

/** Milliseconds of work at a time: a slice may end a little later, and the garbage collector takes its share. */
const stretchMs = 3

/** The pace of one piece of long work. */
export class Pace {
  #since = performance.now()

  /** Whether the event loop has waited long enough. */
  get isOver(): boolean {
    return performance.now() - this.#since >= stretchMs
  }

  /** Lets the event loop run when it is time. */
  async rest(): Promise<void> {
    if (!this.isOver) return
    await setImmediate()
    this.#since = performance.now()
  }
}
