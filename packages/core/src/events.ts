// What policies tell. A policy builds an event only when somebody listens, so an unheard event costs two comparisons.
// Invariant: a listener changes nothing; if it throws, the error goes to `onListenerError`, or is counted.
import type { Call } from './call.ts'
import { observing } from './observer.ts'
import type { PolicyEvent } from './policy-event.ts'

export type { CircuitState, PolicyEvent } from './policy-event.ts'

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
    return this.#listeners.length !== 0 || observing() !== undefined
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

  /** Tells everybody; `call` is the one it is about, where it is about one. */
  publish(event: PolicyEvent, call?: Call): void {
    observing()?.event(event, call?.scope)
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
