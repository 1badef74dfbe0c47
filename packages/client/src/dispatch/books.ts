// What a try is in the books of others: an attempt of the pipeline, a ticket of the endpoint, a span, a line for whoever counts
// exchanges. Invariant: attempt and endpoint learn once at the head or at the failure before it, once more if the body of a success
// breaks, and are exited once, together with the span's end and the report.
import { type Attempt, ignored, type Outcome, type Verdict } from '@switchgear/core'
import type { Departure, Hop, Sending } from '@switchgear/telemetry'
import type { Peer } from '../endpoints/peer.ts'
import { type Settling, settlePeer } from '../endpoints/settling.ts'
import type { Errand } from './errand.ts'
import { isWhole } from './outgoing.ts'

/** The books of one try, and what its span is made from. */
export class Books implements Sending, Settling {
  /** The pipeline's side of it. */
  readonly granted: Attempt
  readonly peer: Peer
  readonly startedAt: number
  readonly ticket: number
  /** 1 for the first of the call. */
  readonly attempt: number
  readonly #errand: Errand
  readonly #departure: Departure
  #succeeded = false
  #closed = false

  constructor(errand: Errand, granted: Attempt, peer: Peer, now: number) {
    this.#errand = errand
    this.granted = granted
    this.peer = peer
    this.startedAt = now
    this.attempt = errand.sendTo(peer)
    this.ticket = peer.enter(now)
    this.#departure = errand.hop.depart(this)
  }

  get service(): string {
    return this.#errand.depot.upstream.name
  }

  get hop(): Hop {
    return this.#errand.hop
  }

  get method(): string {
    return this.#errand.outgoing.method
  }

  get endpoint(): URL {
    return this.peer.origin
  }

  get path(): string {
    return this.#errand.outgoing.path
  }

  get hasBaggage(): boolean {
    return this.#errand.outgoing.headers.hasBaggage
  }

  /** Fields that carry the trace: name, value, name, value. */
  get trace(): readonly string[] {
    return this.#departure.fields
  }

  /** The outcome is known. `unreachable`: no connection came about. */
  settle(verdict: Verdict, error: unknown, unreachable = false): void {
    const { clock } = this.#errand.depot
    // Asked for another try, the pipeline grants it at once; what cannot be sent again must not cost its budget.
    const spent = verdict.retryable && !isWhole(this.#errand.outgoing)
    this.granted.settle(spent ? { outcome: verdict.outcome, retryable: false } : verdict, error)
    this.#succeeded = verdict.outcome === 'success'
    settlePeer(this, verdict.outcome, clock.now(), unreachable)
  }

  /** The body broke: after a success, that is one further failure. */
  broke(error: unknown): void {
    if (!this.#succeeded) return
    this.granted.settle('failure', error)
    settlePeer(this, 'failure', this.#errand.depot.clock.now())
  }

  /** It is over: with the status that came (0 if none did) and why it failed, if it did. */
  close(status: number, errorCode: string | undefined): void {
    if (this.#closed) return
    this.#closed = true
    this.granted.exit()
    this.peer.exit(this.ticket)
    const { depot } = this.#errand
    this.#departure.end(status === 0 ? undefined : status, errorCode)
    if (depot.report === undefined) return
    depot.report({
      service: this.service,
      method: this.method,
      ...(status === 0 ? {} : { status }),
      ...(errorCode === undefined ? {} : { errorCode }),
      seconds: (depot.clock.now() - this.startedAt) / 1000,
      attempt: this.attempt,
    })
  }
}

/** What an outcome means to a pipeline when it was not the service that brought it about: nothing is tried again. */
export function forced(outcome: Outcome): Verdict {
  return outcome === 'ignored' ? ignored : { outcome, retryable: false }
}
