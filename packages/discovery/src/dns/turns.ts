// How many questions may be under way at once; the others wait in order. Invariant: a turn that was given is given back once, and
// one that was given up while waiting is never given.
import { busy } from './errors.ts'

/** Questions that may wait. It bounds memory, not speed: beyond it a watch fails and asks again later. */
const mostWaiting = 10_000

/** A counted gate with a queue. */
export class Turns {
  #free: number
  readonly #waiting = new Set<() => void>()

  constructor(free: number) {
    this.#free = free
  }

  /** Runs `ask` when it is its turn. Rejects with the signal's reason when that is aborted first, and with `SG_DNS_BUSY`. */
  async run<T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
    await this.#take(signal)
    try {
      return await ask()
    } finally {
      this.#give()
    }
  }

  #take(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason as Error)
    if (this.#free > 0) {
      this.#free--
      return Promise.resolve()
    }
    if (this.#waiting.size >= mostWaiting) return Promise.reject(busy(mostWaiting))
    return new Promise((resolve, reject) => {
      const called = (): void => {
        signal.removeEventListener('abort', aborted)
        resolve()
      }
      const aborted = (): void => {
        this.#waiting.delete(called)
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', aborted, { once: true })
      this.#waiting.add(called)
    })
  }

  #give(): void {
    // Handed on rather than freed, so that nobody who comes in between can overtake.
    const [next] = this.#waiting
    if (next === undefined) {
      this.#free++
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
