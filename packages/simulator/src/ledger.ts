// The book of work: what was done, and what of it was for nobody. An answer counts as taken when the guard's call ended with
// it; since all reactions settle before time moves, that is known at the end of the instant in which it was delivered.
// Invariant: the work of one visit is booked as wasted at most once.
import type { Service } from './service.ts'

/** A good answer, as it goes through the guards to the caller. Its identity says whose work was of use. */
export class Answer {
  /** For classifiers that look at it. */
  readonly status = 200
  readonly service: Service
  readonly workMs: number
  readonly spentMs: number
  /** Somebody received it. */
  taken = false

  constructor(service: Service, workMs: number, spentMs: number) {
    this.service = service
    this.workMs = workMs
    this.spentMs = spentMs
  }
}

/** Books arrivals and work of all services. */
export class Ledger {
  /** Whether arrivals count as those during an outage. */
  during = false
  /** Work whose result, or the result built on it, nobody received. */
  wastedMs = 0
  readonly #delivered: Answer[] = []

  arrived(service: Service): void {
    service.received++
    if (this.during) service.receivedDuring++
  }

  /** The answer was handed to whoever waits for it; `settle` will see whether somebody did. */
  delivered(answer: Answer): void {
    this.#delivered.push(answer)
  }

  /** All reactions of this instant have settled. */
  settle(): void {
    const delivered = this.#delivered
    if (delivered.length === 0) return
    for (const { taken, service, workMs, spentMs } of delivered) if (!taken) this.waste(service, workMs, spentMs)
    delivered.length = 0
  }

  /** Nobody received the result of this work; `spentMs` includes the work behind it. */
  waste(service: Service, workMs: number, spentMs: number): void {
    if (workMs > 0) service.wasted++
    service.wastedMs += workMs
    this.wastedMs += spentMs
  }
}
