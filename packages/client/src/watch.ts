// What may end a call from outside: its caller's signal, a deadline, the closing of the client. Owns one listener and at
// most one timer per call. Invariant: whatever is running now is ended once; after `end` nothing is left behind.
import type { Clock, Outcome } from '@switchgear/core'

/** Ends what runs now. `outcome` is what the gates learn from it, `reason` what the caller receives. */
export type Cut = (outcome: Outcome, reason: unknown) => void

/** The watch over one call. */
export class Watch {
  readonly #clock: Clock
  readonly #signal: AbortSignal | undefined
  /** All calls of a client, so that closing it reaches them. */
  readonly #others: Set<Watch>
  #cut: Cut | undefined = undefined
  #timer: { cancel(): void } | undefined = undefined

  constructor(clock: Clock, signal: AbortSignal | undefined, others: Set<Watch>) {
    this.#clock = clock
    this.#signal = signal
    this.#others = others
    others.add(this)
    signal?.addEventListener('abort', this.#aborted)
  }

  /**
   * From now on `cut` ends what runs, instead of the one before. At `due` (monotonic ms, default never) it is called with a
   * failure and what `expired` answers.
   */
  over(cut: Cut, due: number = Infinity, expired?: () => unknown): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#cut = cut
    if (due < Infinity && expired !== undefined) this.#arm(due, expired)
  }

  /** Ends what runs now, as the caller's abort would. */
  stop(reason: unknown): void {
    this.#end('ignored', reason)
  }

  /** The call is over. Harmless when it was before. */
  end(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#cut = undefined
    this.#signal?.removeEventListener('abort', this.#aborted)
    this.#others.delete(this)
  }

  #arm(due: number, expired: () => unknown): void {
    this.#timer = this.#clock.setTimer(() => {
      // The host's timer may fire a little early; a deadline must not.
      if (this.#clock.now() < due) this.#arm(due, expired)
      else this.#end('failure', expired())
    }, due - this.#clock.now())
  }

  #end(outcome: Outcome, reason: unknown): void {
    const cut = this.#cut
    this.#cut = undefined
    this.#timer?.cancel()
    this.#timer = undefined
    cut?.(outcome, reason)
  }

  readonly #aborted = (): void => {
    this.#end('ignored', this.#signal?.reason)
  }
}
