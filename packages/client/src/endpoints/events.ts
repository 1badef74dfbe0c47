// What a set of endpoints tells. An event is built only where somebody listens; the totals are there anyway. Invariant: a listener
// changes nothing, and what it throws is counted.
import type { EjectionReason, ReturnCause } from '../ejection/index.ts'

interface About {
  readonly service: string
  /** Monotonic milliseconds of the client's clock; what time brought about is told when it is noticed. */
  readonly at: number
}

/** Which endpoint an event is about. */
export interface AboutPeer extends About {
  readonly id: string
  readonly origin: string
}

/** One event. */
export type PeerEvent =
  | (AboutPeer & { readonly type: 'added' | 'removed' })
  | (AboutPeer & {
      readonly type: 'ejected'
      readonly reason: EjectionReason
      /** In words for a person. */
      readonly detail: string
      readonly until: number
      /** How often in a row, 1 for the first. */
      readonly times: number
    })
  | (AboutPeer & { readonly type: 'returned'; readonly cause: ReturnCause })
  /** So many are ejected that they are used all the same, or no longer. */
  | (About & {
      readonly type: 'panic'
      readonly isPanicking: boolean
      readonly ejected: number
      readonly endpoints: number
    })
  /** No connections can be made to what discovery names, now or ever: its address is none. It is left out. */
  | (About & { readonly type: 'unusable'; readonly id: string; readonly error: unknown })
  /** The connections of one that was removed could not be closed properly. */
  | (AboutPeer & { readonly type: 'closeFailed'; readonly error: unknown })

/** What happened so far; all of it only grows. */
export interface PeerTotals {
  readonly added: number
  readonly removed: number
  /** By reason. */
  readonly ejections: Readonly<Record<EjectionReason, number>>
  readonly returns: number
  /** Ejections that the quota prevented. */
  readonly spared: number
  /** How often a panic began. */
  readonly panics: number
  /** Picks while no endpoint was known. */
  readonly unpicked: number
  /** Waits for the first endpoint that were refused or ended without one. */
  readonly vainWaits: number
  readonly closeErrors: number
  readonly listenerErrors: number
}
