// Calls that came before the first endpoint. Owns their timers and listeners. Invariant: each waits for a bounded time, and however
// its wait ends, no timer and no listener of it is left.
import type { Clock, Timer } from '@switchgear/core'

/** Ends one wait: with an error, or well. */
type End = (error?: { readonly reason: unknown }) => void

/**
 * Where calls wait.
 *
 * @example
 * const room = new WaitingRoom(clock)
 * const wait = room.wait(clock.now() + 800, signal, () => new Error('too late'))
 * room.open()
 * await wait
 */
export class WaitingRoom {
  readonly #clock: Clock
  readonly #waiting = new Set<End>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#waiting.size
  }

  /**
   * Resolves when the room opens. Rejects with what `late` makes at `deadline` (monotonic ms), or with the reason of the signal.
   */
  wait(deadline: number, signal: AbortSignal | undefined, late: () => Error): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason)
        return
      }
      let timer: Timer | undefined = undefined
      const aborted = (): void => end({ reason: signal?.reason })
      const end: End = (error) => {
        if (!this.#waiting.delete(end)) return
        timer?.cancel()
        signal?.removeEventListener('abort', aborted)
        if (error === undefined) resolve()
        else reject(error.reason)
      }
      this.#waiting.add(end)
      signal?.addEventListener('abort', aborted)
      timer = this.#clock.setTimer(() => end({ reason: late() }), deadline - this.#clock.now())
    })
  }

  /** There is an endpoint: all go. */
  open(): void {
    for (const end of this.#waiting) end()
  }

  /** There will not be one. */
  close(reason: Error): void {
    for (const end of this.#waiting) end({ reason })
  }
}
