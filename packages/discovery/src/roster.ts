// What is held of a service, as its callers see it: the types between discovery and those who use it. The rules by which something
// is held or let go are in roster-law.ts, who watches in roster-watch.ts, all services together in directory.ts.
import type { Endpoint } from './endpoint.ts'

/** One endpoint as it is held. */
export interface Entry {
  readonly endpoint: Endpoint
  /** `absent`: the source no longer names it; it keeps its traffic until it fails or its time is over. */
  readonly presence: 'present' | 'absent'
}

/**
 * What is known of a service. `waiting`: nothing yet. `live`: the source answers. `stale`: it does not, or what is held comes from
 * the disk; `since` says since when (wall clock, ms) and `error` why.
 */
export interface RosterView {
  readonly service: string
  readonly state: 'waiting' | 'live' | 'stale'
  readonly since: number
  readonly error: Error | undefined
  readonly entries: readonly Entry[]
  /** Grows with each change of anything above, so that a reader sees by one comparison whether it is up to date. */
  readonly version: number
}

/** The held endpoints of one service. */
export interface Roster {
  readonly service: string
  /** As of now; the same object until something changes. */
  readonly view: RosterView
  /** Hears of each new view. The answer ends it. */
  subscribe(listener: (view: RosterView) => void): () => void
  /** Whoever calls it tells that this endpoint could not be reached: an absent one is then let go. */
  unreachable(id: string): void
}

/** All services that somebody asked for. */
export interface Directory {
  /** The roster of a service; the first call begins to watch it. Throws `SG_DISCOVERY_FULL` beyond `maxServices`. */
  roster(service: string): Roster
  /** Names under watch. */
  services(): readonly string[]
  /**
   * Ends the watch of a service that nobody subscribes to, so that it no longer counts among `maxServices`; what the disk knows of it
   * stays. Answers whether it is not under watch any more. A roster that is still held somewhere keeps its last view.
   */
  release(service: string): boolean
  close(): Promise<void>
}
