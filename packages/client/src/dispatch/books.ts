// What a try is in the books of others: an attempt of the pipeline, a ticket of the endpoint, a span, a line for whoever counts
// exchanges. Invariant: attempt and endpoint learn once at the head or at the failure before it, once more if the body of a success
// breaks, and are exited once, together with the span's end and the report.
import { type Attempt, ignored, type Outcome, type Verdict } from '@switchgear/core'
import type { Departure, Hop } from '@switchgear/telemetry'
import type { Depot } from '../depot.ts'
import type { Peer } from '../endpoints/peer.ts'
import { isWhole, type Outgoing } from './outgoing.ts'

/** What the tries of one call have in common. */
export interface Errand {
  readonly depot: Depot
  readonly outgoing: Outgoing
  /** Where the call stands in its trace. */
  readonly hop: Hop
  /** Endpoints that were asked, by all tries of the call. */
  readonly tried: Peer[]
  /** Requests made so far. */
  sends: number
  /** Looks at a head before it is judged; what it throws makes the response an invalid one, a failure of the service. */
  inspect?(status: number, rawHeaders: unknown, statusText: string): void
}

/** The books of one try. */
export class Books {
  readonly attempt: Attempt
  readonly peer: Peer
  readonly startedAt: number
  readonly #errand: Errand
  readonly #ticket: number
  readonly #number: number
  readonly #departure: Departure
  #succeeded = false
  #closed = false

  constructor(errand: Errand, attempt: Attempt, peer: Peer, now: number) {
    const { depot, hop, outgoing } = errand
    this.#errand = errand
    this.attempt = attempt
    this.peer = peer
    this.startedAt = now
    this.#number = ++errand.sends
    errand.tried.push(peer)
    this.#ticket = peer.enter(now)
    this.#departure = hop.depart({
      service: depot.upstream.name,
      method: outgoing.method,
      endpoint: peer.origin,
      path: outgoing.path,
      attempt: this.#number,
      hasBaggage: outgoing.headers.hasBaggage,
    })
  }

  /** Fields that carry the trace. */
  get trace(): readonly (readonly [string, string])[] {
    return this.#departure.headers
  }

  /** The outcome is known. `unreachable`: no connection came about. */
  settle(verdict: Verdict, error: unknown, unreachable = false): void {
    const { clock } = this.#errand.depot
    // Asked for another try, the pipeline grants it at once; what cannot be sent again must not cost its budget.
    const spent = verdict.retryable && !isWhole(this.#errand.outgoing)
    this.attempt.settle(spent ? { outcome: verdict.outcome, retryable: false } : verdict, error)
    this.#succeeded = verdict.outcome === 'success'
    const now = clock.now()
    this.peer.settle(this.#ticket, verdict.outcome, now - this.startedAt, now, unreachable)
  }

  /** The body broke: after a success, that is one further failure. */
  broke(error: unknown): void {
    if (!this.#succeeded) return
    const now = this.#errand.depot.clock.now()
    this.attempt.settle('failure', error)
    this.peer.settle(this.#ticket, 'failure', now - this.startedAt, now)
  }

  /** It is over: with the status that came (0 if none did) and why it failed, if it did. */
  close(status: number, errorCode: string | undefined): void {
    if (this.#closed) return
    this.#closed = true
    this.attempt.exit()
    this.peer.exit(this.#ticket)
    const { depot, outgoing } = this.#errand
    this.#departure.end(status === 0 ? undefined : status, errorCode)
    if (depot.report === undefined) return
    depot.report({
      service: depot.upstream.name,
      method: outgoing.method,
      ...(status === 0 ? {} : { status }),
      ...(errorCode === undefined ? {} : { errorCode }),
      seconds: (depot.clock.now() - this.startedAt) / 1000,
      attempt: this.#number,
    })
  }
}

/** What an outcome means to a pipeline when it was not the service that brought it about: nothing is tried again. */
export function forced(outcome: Outcome): Verdict {
  return outcome === 'ignored' ? ignored : { outcome, retryable: false }
}
