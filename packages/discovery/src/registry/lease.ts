// When the silence of an instance has a consequence. Unhealthy after one lease, given up after three; an instance without
// heartbeats is judged by its check, and given up after a long time in which no registry has seen that pass.
import type { CatalogBounds } from './bounds.ts'
import type { Holding } from './holding.ts'

/** Leases of silence after which an instance is given up. */
const leasesToExpiry = 3

/** Monotonic ms at which the next thing happens to it if nothing is heard; `gone` says that it is only remembered. */
export function dueAt(holding: Holding, gone: boolean, bounds: CatalogBounds): number {
  const { record, quietFrom, lapsed } = holding
  if (gone) return quietFrom + bounds.tombstoneMs
  if (!record.facts.heartbeats) return quietFrom + bounds.checkOnlyMs
  return quietFrom + (lapsed ? leasesToExpiry * record.facts.leaseMs : patienceMs(holding))
}

/** How often registries tell each other of heartbeats of an instance, ms. */
export function spreadEveryMs({ record: { facts } }: Holding, bounds: CatalogBounds): number {
  return (facts.heartbeats ? facts.leaseMs : bounds.checkOnlyMs) / 3
}

/** A lease, and where it is heard through a peer, the time that this peer may wait before it tells. */
function patienceMs({ record: { facts }, fromPeer }: Holding): number {
  return facts.leaseMs + (fromPeer ? facts.leaseMs / 3 : 0)
}
