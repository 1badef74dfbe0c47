// How we listen to `diagnostics_channel`. Invariant: an error of ours never reaches the application, which Node would end
// with an uncaught exception: it is counted, and the first one is told. What was subscribed is unsubscribed by `close`.
import { channel } from 'node:diagnostics_channel'

/** Who is told of an error of ours, once. */
export type OnProblem = (error: unknown) => void

/** The subscriptions of one instrumentation. */
export class Subscriptions {
  /** Errors in subscribers. Monotone. */
  errors: number = 0
  readonly #undo: (() => void)[] = []
  readonly #onProblem: OnProblem

  constructor(onProblem: OnProblem) {
    this.#onProblem = onProblem
  }

  /**
   * Calls `take` with every message of a channel, and `recover` after an error of it. A channel that this Node does not have
   * stays silent.
   */
  on<Message>(name: string, take: (message: Message) => void, recover?: () => void): void {
    const subscriber = (message: unknown): void => {
      try {
        take(message as Message)
      } catch (error) {
        recover?.()
        this.problem(error)
      }
    }
    const subscribed = channel(name)
    subscribed.subscribe(subscriber)
    this.#undo.push(() => subscribed.unsubscribe(subscriber))
  }

  /** `undo` runs with `close`. */
  onClose(undo: () => void): void {
    this.#undo.push(undo)
  }

  /** Counts an error and tells the first. */
  problem(error: unknown): void {
    if (this.errors++ > 0) return
    try {
      this.#onProblem(error)
    } catch {
      // Whoever is told of problems must not cause one. The error that matters is counted.
    }
  }

  /** Ends them all; harmless when done before. */
  close(): void {
    for (const undo of this.#undo.splice(0)) undo()
  }
}
