// How registries that share what they know are spoken to, whatever lies between them. Invariant: records only ever travel
// whole and are joined where they arrive, so that a way that delivers twice, late or in another order does no harm; a way that
// loses something delivers all of it again after the next `synced`.
import type { SwitchgearError } from '@switchgear/core'
import type { CatalogRecord } from '../record.ts'

/** What peers may do with the books. No method throws. */
export interface PeersBooks {
  /** Of this registry. */
  readonly name: string
  readonly recordOf: (key: string) => CatalogRecord | undefined
  readonly records: () => Iterable<CatalogRecord>
  /** A record of a peer. */
  readonly heard: (record: CatalogRecord) => void
  /** Whether this registry can vouch that it knows all. */
  readonly whole: () => boolean
  /** Everything that the peers know was heard. `fresh`: none of them has ever vouched that it is all. */
  readonly synced: (fresh: boolean) => void
  /** Peers can no longer be heard; it is tried again until `synced`. */
  readonly lost: (problem: SwitchgearError) => void
  /** Something else that somebody should know. */
  readonly problem: (problem: SwitchgearError) => void
}

/** The way to the peers of a registry. It belongs to one catalog, which starts and closes it. */
export interface Peers {
  /** Begins, and tries for ever by itself. */
  start(books: PeersBooks): void
  /** The record of a key has news. It is taken from the books when it is sent, so that many calls may make one message. */
  spread(key: string): void
  /** What has gone is no longer remembered here; where the peers keep it, it may go, too. */
  forget(key: string): void
  /** Sends what is waiting if that takes no long, and ends. */
  close(): Promise<void>
}
