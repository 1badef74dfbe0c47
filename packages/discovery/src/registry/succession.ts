// Which registration may follow which. Invariant: what an earlier life still has under way never replaces a later one, and who
// has left does not come back under the same incarnation.
import type { Registration } from './catalog.ts'
import { registryError } from './errors.ts'
import { type Beats, type CatalogRecord, keyOf } from './record.ts'
import type { Facts } from './registration.ts'

/** What a registration brings with it that is not in its text. */
export interface Entrance {
  readonly facts: Facts
  readonly secretHash: string
  /** Wall clock, ms: at least so high is an incarnation that nobody asked for. */
  readonly wallMs: number
  readonly beats: Beats
}

/**
 * The record of a registration that follows `known`. The same incarnation may register again (its answer was lost, or it was
 * given up), as a later edition, unless it has left. Throws `SG_STALE_REGISTRATION`.
 */
export function succeed(
  known: CatalogRecord | undefined,
  registration: Registration,
  entrance: Entrance,
): CatalogRecord {
  const { service, id } = registration
  const { facts, secretHash, wallMs, beats } = entrance
  const incarnation = registration.incarnation ?? Math.max((known?.incarnation ?? -1) + 1, Math.floor(wallMs))
  const again = known !== undefined && known.incarnation === incarnation
  if (known !== undefined && (known.incarnation > incarnation || (again && known.left)))
    throw registryError(
      'SG_STALE_REGISTRATION',
      `incarnation ${incarnation} of ${keyOf(known)} is stale: ${known.incarnation} ${known.left ? 'has left' : 'is known'}`,
    )
  const edition = again ? known.edition + 1 : 0
  const start = { beats, expiry: undefined, left: false, ready: true, turn: 0 }
  return { service, id, incarnation, edition, secretHash, facts, ...start }
}
