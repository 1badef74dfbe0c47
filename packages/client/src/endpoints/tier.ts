// Which endpoints calls may go to at all, by what their source says of them; who of these is ejected is another matter. An endpoint
// that wants no traffic gets some only where there is nobody who does.
import type { Endpoint, Readiness } from '@switchgear/discovery'

const rankOf: Readonly<Record<Readiness, number>> = { ready: 0, draining: 2, unready: 4 }

/** Lower is better. A weight of 0 means none of the traffic, while another one as ready can take it. */
function rank({ readiness, weight }: Endpoint): number {
  return rankOf[readiness] + (weight > 0 ? 0 : 1)
}

/**
 * The best of them, in their order: those that are ready, where there are none those that drain, else the unready ones. Of the same
 * readiness those with a weight, where there are any.
 *
 * @example
 * bestTier([{ endpoint: draining }, { endpoint: ready }]) // the second only
 */
export function bestTier<P extends { readonly endpoint: Endpoint }>(peers: Iterable<P>): readonly P[] {
  let best = Infinity
  let tier: P[] = []
  for (const peer of peers) {
    const its = rank(peer.endpoint)
    if (its > best) continue
    if (its < best) tier = []
    best = its
    tier.push(peer)
  }
  return tier
}
