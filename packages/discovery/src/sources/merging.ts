// All sources together. For services that run in several places at once. Invariant: the union is complete only while every source is
// heard and vouches for all of its own; one that fails keeps what it contributed.
import { systemClock } from '@switchgear/core'
import { authority, type Endpoint } from '../endpoint.ts'
import type { Resolver, Snapshot } from '../resolver.ts'
import { Chain, type Link, type Rule } from './chain.ts'

/**
 * Uses the endpoints of all sources. Where two name the same address and port, or the same id, the earlier source wins. While one of
 * them fails, or has not answered yet, nothing of the union is taken for missing; only what a source said to have left goes.
 * `close` closes the sources.
 *
 * @example
 * merging(consulResolver({ url }), kubernetesResolver({ namespace: 'shop' }))
 */
export function merging(...sources: readonly Resolver[]): Resolver {
  return new Chain('merging', sources, systemClock, union)
}

/** The rule of one watch. */
export function union(): Rule {
  let told: readonly (Snapshot | undefined)[] = []
  let wasComplete = false
  return (links, _now, last) => {
    const failing = links.find((link) => link.error !== undefined)
    if (links.every((link) => link.snapshot === undefined)) {
      // Nobody knows anything: that is told when nobody is waited for any more.
      return links.every((link) => link.error !== undefined)
        ? { snapshot: undefined, error: failing?.error }
        : undefined
    }
    const complete = failing === undefined && links.every((link) => link.snapshot?.complete === true)
    const news = links.map((link) => link.snapshot)
    const isSame = complete === wasComplete && news.every((snapshot, index) => snapshot === told[index])
    if (isSame && last !== undefined) return { snapshot: last.snapshot, error: failing?.error }
    const endpoints = together(links)
    // A departure is told once: with the answer that said it.
    const gone = news.flatMap((snapshot, index) => (snapshot === told[index] ? [] : (snapshot?.left ?? [])))
    told = news
    wasComplete = complete
    const named = new Set(endpoints.map((one) => one.id))
    return { snapshot: { endpoints, complete, left: gone.filter((id) => !named.has(id)) }, error: failing?.error }
  }
}

function together(links: readonly Link[]): readonly Endpoint[] {
  const places = new Set<string>()
  const ids = new Set<string>()
  const endpoints: Endpoint[] = []
  for (const { snapshot } of links) {
    // Within one source two ids at one place are that source's own business.
    const own = (snapshot?.endpoints ?? []).filter(
      ({ id, address, port }) => !ids.has(id) && !places.has(authority(address, port)),
    )
    for (const one of own) {
      places.add(authority(one.address, one.port))
      ids.add(one.id)
      endpoints.push(one)
    }
  }
  return endpoints
}
