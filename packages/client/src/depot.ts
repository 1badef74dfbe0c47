// What all calls of one service share in one client, whichever face they come through.
import type { Clock } from '@switchgear/core'
import type { DueLanes } from './dispatch/due-lanes.ts'
import type { ClientExchange } from './exchange.ts'
import type { Upstream } from './upstream.ts'

/** A call that is under way. */
export interface Live {
  /** Ends it, because its client is being closed. */
  stop(reason: Error): void
}

/** One service of one client. */
export interface Depot {
  readonly upstream: Upstream
  readonly clock: Clock
  readonly lanes: DueLanes
  /** Undefined where nobody listens. */
  readonly report: ((exchange: ClientExchange) => void) | undefined
  /** How much of a body that comes piece by piece is kept for another try, in bytes. */
  readonly mostReplayed: number
  /** The calls under way. */
  readonly live: Set<Live>
  /** Whether deadlines are told to it: not to strangers. */
  readonly travels: boolean
  closed: boolean
}
