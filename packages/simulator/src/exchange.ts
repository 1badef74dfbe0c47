// One sending of a guarded call: a request to one instance, and the promise that the guard waits for. It obeys the signal of
// its attempt as any client does. Invariant: whose work was of use is booked once, whichever way it ends.
import { Answer } from './ledger.ts'
import type { Client, Surroundings, Visit } from './visit.ts'

/** The guarded call that sends. */
export interface Asking {
  /** Whose call it is. */
  readonly visit: Visit
  /** Its guard has answered. */
  readonly ended: boolean
}

// Captured rather than closed over, so that an exchange costs a promise and no closure.
let resolvePromise: (answer: Answer) => void
let rejectPromise: (error: unknown) => void
const capture = (resolve: (answer: Answer) => void, reject: (error: unknown) => void): void => {
  resolvePromise = resolve
  rejectPromise = reject
}

/** One sending: what the called instance answers settles the promise that the guard waits for. */
export class Exchange implements Client {
  readonly promise: Promise<Answer>
  readonly #call: Asking
  readonly #around: Surroundings
  readonly #resolve: (answer: Answer) => void
  readonly #reject: (error: unknown) => void
  #closed = false
  #unlisten: (() => void) | undefined = undefined

  constructor(call: Asking, around: Surroundings) {
    this.#call = call
    this.#around = around
    this.promise = new Promise(capture)
    this.#resolve = resolvePromise
    this.#reject = rejectPromise
  }

  /** Like any client, it ends at once when its signal aborts; whether the other side stops too is the other side's affair. */
  listen(signal: AbortSignal, visit: Visit): void {
    const abort = (): void => {
      this.#closed = true
      this.#around.clock.touched = true
      if (visit.instance.service.plan.cancels) visit.cancel()
      this.#reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    this.#unlisten = () => signal.removeEventListener('abort', abort)
  }

  receive(visit: Visit, good: boolean, refusal: boolean): void {
    const { ledger, clock } = this.#around
    const { service } = visit.instance
    if (this.#closed) return ledger.waste(service, visit.workMs, visit.spentMs)
    this.#unlisten?.()
    clock.touched = true
    if (good) {
      const answer = new Answer(service, visit.workMs, visit.spentMs)
      ledger.delivered(answer)
      this.#resolve(answer)
    } else {
      // An error has no identity to follow: it counts as received while the call it answers still waits.
      if (this.#call.ended) ledger.waste(service, visit.workMs, visit.spentMs)
      else this.#call.visit.spentMs += visit.spentMs
      this.#reject(refusal ? service.refused : service.failed)
    }
  }
}
