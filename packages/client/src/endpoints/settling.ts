// What a try brought, told to its endpoint, and to the trace of the call where that ejects the endpoint: whoever asks later why others
// got its traffic finds the call that was the last straw. Invariant: a success costs nothing more than the telling.
import type { Outcome } from '@switchgear/core'
import type { Hop } from '@switchgear/telemetry'
import type { Peer } from './peer.ts'

/** One try, as its endpoint and its trace know it. */
export interface Settling {
  readonly peer: Peer
  /** What `peer.enter` answered. */
  readonly ticket: number
  /** Monotonic ms. */
  readonly startedAt: number
  readonly hop: Hop
}

/**
 * Settles a try at `now` (monotonic ms). `unreachable`: no connection came about.
 *
 * @example
 * settlePeer({ peer, ticket, startedAt, hop }, 'failure', clock.now(), true)
 */
export function settlePeer(
  { peer, ticket, startedAt, hop }: Settling,
  outcome: Outcome,
  now: number,
  unreachable = false,
): void {
  const mayEject = outcome === 'failure' && peer.view.state !== 'ejected'
  peer.settle(ticket, outcome, now - startedAt, now, unreachable)
  if (!mayEject) return
  const { state, reason = '' } = peer.view
  if (state === 'ejected') hop.ejected(peer.origin, reason)
}
