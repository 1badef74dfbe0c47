// One call as its tries know it: what is asked and of whom, where it stands in its trace, and whom was asked already. It is also what
// the pipeline is told of the call, so that nothing is copied for it. Invariant: it knows no handler but the one who looks at heads.
import type { CallOptions, Priority } from '@switchgear/core'
import type { Hop } from '@switchgear/telemetry'
import type { Depot } from '../depot.ts'
import type { Peer } from '../endpoints/peer.ts'
import type { Outgoing } from './outgoing.ts'

/** What only some faces know of a call. */
export interface Placing {
  /** Monotonic milliseconds of the depot's clock. */
  readonly deadline?: number | undefined
  readonly key?: string | undefined
  readonly priority?: Priority | undefined
}

/** Who looks at heads. */
export interface Inspector {
  /** Looks at a head before it is judged; what it throws makes the response an invalid one, a failure of the service. */
  inspect?(status: number, rawHeaders: unknown, statusText: string): void
}

const nobody: readonly Peer[] = Object.freeze([])

/** What the tries of one call have in common. */
export class Errand implements CallOptions {
  readonly depot: Depot
  readonly outgoing: Outgoing
  /** Where the call stands in its trace. */
  readonly hop: Hop
  readonly inspector: Inspector
  /** Monotonic milliseconds of the depot's clock. */
  readonly deadline: number | undefined
  readonly key: string | undefined
  readonly priority: Priority | undefined
  /** Endpoints that were asked, by all tries of the call. */
  tried: readonly Peer[] = nobody
  #sends = 0

  constructor(
    depot: Depot,
    outgoing: Outgoing,
    hop: Hop,
    inspector: Inspector,
    deadline: number | undefined,
    { key, priority }: Placing,
  ) {
    this.depot = depot
    this.outgoing = outgoing
    this.hop = hop
    this.inspector = inspector
    this.deadline = deadline
    this.key = key
    this.priority = priority
  }

  get idempotent(): boolean {
    return this.outgoing.idempotent
  }

  get scope(): unknown {
    return this.hop.span
  }

  /** A request goes to `peer`; answers its number, 1 for the first. */
  sendTo(peer: Peer): number {
    // As a literal, because a list that is pushed to has room for sixteen more at once, and most calls have one try.
    this.tried = this.#sends === 0 ? [peer] : [...this.tried, peer]
    return ++this.#sends
  }
}
