// Answers of DNS as endpoints. Owns the translation of SRV's priority and weight (RFC 2782). The order of what comes out depends
// on nothing but its content, so that two answers can be compared.
import type { Endpoint } from '../endpoint.ts'
import { authority, endpoint } from '../endpoint.ts'
import type { SrvRecord } from './wire.ts'

/** An SRV record with the addresses of its target. */
export interface Located extends Pick<SrvRecord, 'priority' | 'weight' | 'port' | 'target'> {
  readonly addresses: readonly string[]
}

type Scheme = 'http' | 'https' | undefined

/** Most of `Endpoint.weight`. */
const heaviest = 1000

/** One endpoint for each address, all alike. */
export function addressEndpoints(addresses: readonly string[], port: number, scheme: Scheme): readonly Endpoint[] {
  return sorted([...new Set(addresses)].map((address) => endpoint({ address, port, scheme }, 'dns')))
}

/**
 * One endpoint for each address of each target, with the target's name in `metadata.target`.
 *
 * - The lowest priority number that has an address is `ready`. Every other one is `unready`: RFC 2782 wants it tried only when all of
 *   a lower number cannot be reached, and an endpoint that is unready gets traffic only where there is nobody else.
 * - A target's weight is shared by its addresses, so that a second address brings it no second share.
 * - Weight 0 means "no choice to be made" when all have it, so all are equal; beside others it means a very small chance, and
 *   gets a hundredth of the smallest of them. Large weights are scaled down to what an endpoint may have.
 */
export function serviceEndpoints(located: readonly Located[], scheme: Scheme): readonly Endpoint[] {
  const reachable = located.filter(({ addresses }) => addresses.length > 0)
  const first = Math.min(...reachable.map(({ priority }) => priority))
  const byAuthority = new Map<string, Endpoint>()
  for (const priority of new Set(reachable.map((record) => record.priority).toSorted((a, b) => a - b))) {
    const group = reachable.filter((record) => record.priority === priority)
    const weightOf = weights(group)
    for (const { weight, port, target, addresses } of group) {
      for (const address of addresses) {
        const id = authority(address, port)
        const share = weightOf(weight) / addresses.length
        // The same instance under two names: what is preferred stands, and shares of one priority add up.
        const known = byAuthority.get(id)
        if (known !== undefined && known.metadata.priority !== String(priority)) continue
        const total = Math.min(heaviest, share + (known?.weight ?? 0))
        const metadata = known?.metadata ?? { target, priority: String(priority) }
        const readiness = priority === first ? 'ready' : 'unready'
        byAuthority.set(id, endpoint({ address, port, scheme, weight: total, readiness, metadata }, 'dns'))
      }
    }
  }
  return sorted([...byAuthority.values()])
}

function weights(group: readonly Located[]): (weight: number) => number {
  const heavy = group.map(({ weight }) => weight).filter((weight) => weight > 0)
  if (heavy.length === 0) return () => 1
  const scale = Math.min(1, heaviest / Math.max(...heavy))
  const least = Math.min(...heavy) / 100
  return (weight) => scale * (weight === 0 ? least : weight)
}

function sorted(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  return endpoints.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}
