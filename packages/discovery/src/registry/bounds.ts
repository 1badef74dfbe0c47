// How much the registry's books may hold and for how long. Whoever may register could otherwise fill our memory.
import { checkCount, checkKeys } from '@switchgear/core/options'
import { longestLeaseMs, shortestMs } from './registration.ts'

/** Bounds of the books. Every one has a default; times in ms. */
export interface CatalogBounds {
  /** Services with an instance. Default 1000. */
  readonly maxServices: number
  /** Instances of one service. Default 1000. */
  readonly maxInstancesPerService: number
  /** Instances of all services. Default 20 000. */
  readonly maxInstances: number
  /** Watches. Default 10 000. */
  readonly maxWatchers: number
  /** Changes kept for watchers that come back. Default 10 000. */
  readonly maxChanges: number
  /** Instances that have gone and are remembered, so that what they still have under way changes nothing. Default 20 000. */
  readonly maxTombstones: number
  /** How long they are remembered. Default an hour. */
  readonly tombstoneMs: number
  /** Longest lease that may be asked for; so long a registry without its books says that it may not know all. Default 300 000. */
  readonly longestLeaseMs: number
  /** An instance without heartbeats is removed once no registry has seen its check pass for so long. Default 900 000. */
  readonly checkOnlyMs: number
}

/** The defaults of `CatalogBounds`. */
export const defaultBounds: CatalogBounds = Object.freeze({
  maxServices: 1000,
  maxInstancesPerService: 1000,
  maxInstances: 20_000,
  maxWatchers: 10_000,
  maxChanges: 10_000,
  maxTombstones: 20_000,
  tombstoneMs: 3_600_000,
  longestLeaseMs,
  checkOnlyMs: 900_000,
})

/** Fills in what is not given. Throws `SG_BAD_OPTIONS`. */
export function boundsOf(given: Partial<CatalogBounds>, path: string): CatalogBounds {
  checkKeys(given, defaultBounds, path)
  const bounds = { ...defaultBounds, ...given }
  for (const [name, value] of Object.entries(bounds) as [keyof CatalogBounds, number][]) {
    const least = name.endsWith('Ms') ? shortestMs : 1
    checkCount(value, `${path}.${name}`, least, name === 'longestLeaseMs' ? longestLeaseMs : 2 ** 31)
  }
  return Object.freeze(bounds)
}
