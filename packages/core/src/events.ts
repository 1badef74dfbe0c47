// What policies tell. A policy builds an event only when somebody listens, so an unheard event costs one comparison.
// Invariant: a listener changes nothing; if it throws, the error goes to `onListenerError`, or is counted.

/** The states of a circuit breaker, with those that only an operator sets. */
export type CircuitState = 'closed' | 'open' | 'half-open' | 'isolated' | 'disabled'

/** Everything that policies publish, told apart by `type`. `at` is monotonic milliseconds of the policy's clock. */
export type PolicyEvent =
  | {
      readonly type: 'transition'
      readonly policy: string
      readonly from: CircuitState
      readonly to: CircuitState
      /** When it happened; a change driven by time is noticed later and still carries its own time. */
      readonly at: number
      /** Why, in words for a person. */
      readonly reason: string
    }
  | { readonly type: 'rejected'; readonly policy: string; readonly pipeline: string; readonly code: string }
  | { readonly type: 'wouldReject'; readonly policy: string; readonly pipeline: string; readonly code: string }
  | {
      readonly type: 'retry'
      readonly policy: string
      readonly pipeline: string
      /** The attempt that failed: 1 for the first. */
      readonly attempt: number
      readonly delayMs: number
      readonly error: unknown
    }
  | { readonly type: 'timeout'; readonly policy: string; readonly pipeline: string; readonly afterMs: number }
  | { readonly type: 'abandoned'; readonly policy: string; readonly pipeline: string }
  | { readonly type: 'fallback'; readonly policy: string; readonly pipeline: string; readonly error: unknown }
  /** A second attempt starts beside the first, which has been running for `delayMs`. */
  | { readonly type: 'hedge'; readonly policy: string; readonly pipeline: string; readonly delayMs: number }
  /** The second attempt answered first. */
  | { readonly type: 'hedgeWon'; readonly policy: string; readonly pipeline: string }
  /** An adaptive limit moved to another whole number. */
  | { readonly type: 'limit'; readonly policy: string; readonly from: number; readonly to: number; readonly at: number }
  /** A load shedder now refuses calls of priority `to` and of less important ones; 4 means none. */
  | {
      readonly type: 'shedding'
      readonly policy: string
      readonly from: number
      readonly to: number
      readonly at: number
    }
  | {
      readonly type: 'cache'
      readonly policy: string
      readonly pipeline: string
      readonly key: string
      readonly result: 'hit' | 'miss' | 'stale' | 'staleOnError'
    }
  /** A call was answered by the flight of another. */
  | { readonly type: 'coalesced'; readonly policy: string; readonly pipeline: string; readonly key: string }
  | {
      readonly type: 'chaos'
      readonly policy: string
      readonly pipeline: string
      readonly fault: 'latency' | 'error' | 'hang'
      /** How long the call was held up; 0 for an error, Infinity for a hang. */
      readonly delayMs: number
    }

/** Hears events. What it returns is ignored. */
export type Listener = (event: PolicyEvent) => void

/**
 * The publishing side of one policy.
 *
 * @example
 * const breaker = circuitBreaker()
 * const stop = breaker.events.subscribe((event) => console.log(event.type))
 * stop()
 */
export class PolicyEvents {
  #listeners: readonly Listener[] = none
  /** How often a listener threw and nobody had set `onListenerError`. */
  listenerErrors = 0
  /** Receives what a listener throws. */
  onListenerError: ((error: unknown, event: PolicyEvent) => void) | undefined = undefined

  /** Whether anybody listens; asked before an event is built. */
  get heard(): boolean {
    return this.#listeners.length !== 0
  }

  /** Adds a listener; the answer removes it. */
  subscribe(listener: Listener): () => void {
    // Each subscription is an entry of its own, so that the same function subscribed twice is removed one at a time.
    const entry: Listener = (event) => listener(event)
    this.#listeners = [...this.#listeners, entry]
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== entry)
    }
  }

  publish(event: PolicyEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch (error) {
        this.#report(error, event)
      }
    }
  }

  #report(error: unknown, event: PolicyEvent): void {
    if (this.onListenerError === undefined) {
      this.listenerErrors++
      return
    }
    try {
      this.onListenerError(error, event)
    } catch {
      // The reporter itself is broken. The count is the last place where it can still be seen.
      this.listenerErrors++
    }
  }
}

const none: readonly Listener[] = []
