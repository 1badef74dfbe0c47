// What the rest of the client sees of the endpoints of a service: one of them as a peer, with its load, its gate and its connections,
// and all of them as a set to pick from. Types only; `endpoint-peer.ts` and `service-peers.ts` are what stands behind them.
import type { Outcome } from '@switchgear/core'
import type { Endpoint } from '@switchgear/discovery'
import type { Dispatcher } from 'undici'
import type { Candidate } from '../balancing/balancer.ts'

/** What is visible of one. Times are monotonic ms of the client's clock. */
export interface PeerView {
  readonly id: string
  readonly origin: string
  readonly zone: string | undefined
  readonly inFlight: number
  readonly latencyMs: number
  readonly state: 'healthy' | 'ejected' | 'absent' | 'draining' | 'unready'
  /** Of an ejected one: why, since when, until when, and how often in a row. */
  readonly reason: string | undefined
  readonly since: number | undefined
  readonly until: number | undefined
  readonly ejections: number
}

/** An endpoint as a gate. `enter`, `settle` at the head (again with 'failure' when a body breaks after a success), `exit` at the last byte. */
export interface Peer extends Candidate {
  readonly endpoint: Endpoint
  /** Without a path. */
  readonly origin: URL
  /** Connections to this endpoint only; requests need no `origin` of their own but may have it. */
  readonly dispatcher: Dispatcher
  readonly view: PeerView
  /** A try begins. Answers a ticket (the generation), as a gate does; it never refuses. Allocates nothing. */
  enter(now: number): number
  /** `unreachable`: no connection came about. `tookMs` is the time from enter to the head or the failure. */
  settle(ticket: number, outcome: Outcome, tookMs: number, now: number, unreachable?: boolean): void
  exit(ticket: number): void
}

/** All endpoints of one service, kept up to date by its roster. */
export interface PeerSet {
  readonly service: string
  /** One that was not `tried` while there is another; undefined only where no endpoint is known at all. */
  pick(now: number, key: string | undefined, tried: readonly Peer[]): Peer | undefined
  /** undefined when endpoints are known; else resolves when the first are, and rejects with `SG_NO_ENDPOINT` at `deadline`. */
  ready(deadline: number, signal: AbortSignal | undefined): Promise<void> | undefined
  readonly views: readonly PeerView[]
  /** Ends its connections; `peers` in use are ended too. */
  close(): Promise<void>
}
