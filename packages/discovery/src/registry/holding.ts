// One instance as this registry sees it: the record that all registries share, and what is only this one's own observation
// (since when it is silent here, how its check goes here). Observations are not told to peers: each registry judges by what it
// hears itself, and an instance that one of them cannot reach is not lost to the others.
import type { CatalogInstance } from './catalog.ts'
import type { CatalogRecord } from './record.ts'

/** What this registry holds of one instance. Changed only by the books. */
export interface Holding {
  record: CatalogRecord
  /** Monotonic ms from which its silence counts. */
  quietFrom: number
  /** Whether its last heartbeat was heard of from a peer, so with a delay. */
  fromPeer: boolean
  /** Silent for a lease; only a heartbeat takes that back. */
  lapsed: boolean
  /** Whether its check makes it healthy; undefined where there is no check. */
  wellByCheck: boolean | undefined
  /** Whether its check has ever passed. */
  proven: boolean
  /** The last result of its check, and how many times in a row that was it. */
  passing: boolean
  inARow: number
  /** Why its check fails. The first reason of many stands, so that watchers are not told each of them. */
  failure: string | undefined
  /** As watchers know it; undefined when they do not, or no longer. */
  shown: CatalogInstance | undefined
  /** The registration that `shown` is of. */
  shownOf: string | undefined
}

/** A record that is news here. With a check it is unhealthy until that has passed for the first time. */
export function hold(record: CatalogRecord, now: number, fromPeer: boolean): Holding {
  return {
    record,
    quietFrom: now,
    fromPeer,
    lapsed: false,
    wellByCheck: record.facts.check === undefined ? undefined : false,
    proven: false,
    passing: false,
    inARow: 0,
    failure: undefined,
    shown: undefined,
    shownOf: undefined,
  }
}

/**
 * Takes in a result of its check: so many in a row make it healthy or unhealthy. The first success ever is enough, because an
 * instance that has just started is not one that keeps failing.
 */
export function look(holding: Holding, passed: boolean, reason: string | undefined): void {
  const facts = holding.record.facts.check
  if (facts === undefined) return
  holding.inARow = holding.passing === passed ? holding.inARow + 1 : 1
  holding.passing = passed
  if (passed) {
    if (holding.inARow >= (holding.proven ? facts.successes : 1)) holding.wellByCheck = true
    holding.proven = true
    return
  }
  if (holding.wellByCheck || holding.failure === undefined) holding.failure = reason
  if (holding.inARow >= facts.failures) holding.wellByCheck = false
}

/** Why it is unhealthy; undefined while it is healthy. It holds no number that changes with time. */
export function complaint({ lapsed, wellByCheck, failure, record }: Holding): string | undefined {
  if (lapsed) return `no heartbeat within its lease of ${record.facts.leaseMs} ms`
  if (wellByCheck !== false) return undefined
  return failure === undefined ? 'its check has not passed yet' : `its check fails: ${failure}`
}

/**
 * Brings `shown` up to date and answers it: the same object when watchers would see no difference. `since` is the wall clock
 * of the last change of health.
 */
export function show(holding: Holding, wallMs: number): CatalogInstance {
  const { shown, record, shownOf } = holding
  const { facts, incarnation, secretHash, ready } = record
  const reason = complaint(holding)
  const health = reason === undefined ? 'healthy' : 'unhealthy'
  const readiness = ready ? 'ready' : 'unready'
  const life = `${incarnation}/${secretHash}`
  const same = shown !== undefined && shownOf === life
  if (same && shown.reason === reason && shown.endpoint.readiness === readiness) return shown
  const since = same && shown.health === health ? shown.since : wallMs
  holding.shownOf = life
  holding.shown = Object.freeze({
    endpoint: Object.freeze({ ...facts.endpoint, readiness } as const),
    incarnation,
    health,
    reason,
    since,
  })
  return holding.shown
}
