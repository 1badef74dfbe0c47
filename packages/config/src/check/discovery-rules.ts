// Discovery that finds nothing, forgets at once, or leaves a start without any endpoint.
import { formatPath, type Path } from '../path.ts'
import type { Config } from '../schema/config.ts'
import type { DiscoveryConfig, DiscoverySource } from '../schema/discovery-config.ts'
import { milliseconds } from '../schema/field.ts'
import type { Finding } from './finding.ts'

/** Sources that are asked over the network, and may be down when a process starts. A name server is the host's own business. */
const remote = [
  'registry',
  'consul',
  'kubernetes',
  'etcd',
  'nats',
] as const satisfies readonly (keyof DiscoverySource)[]

/** Findings about `discovery`. */
export function discoveryRules({ discovery }: Config): Finding[] {
  if (discovery === undefined) return []
  const sources = sourcesOf(discovery)
  return [
    ...sources.flatMap(([source, path]) => portless(source, path)),
    ...forgetful(discovery),
    ...unprepared(
      discovery,
      sources.map(([source]) => source),
    ),
  ]
}

function sourcesOf(discovery: DiscoveryConfig): (readonly [DiscoverySource, Path])[] {
  const chained = (['prefer', 'fallBack', 'merge'] as const).flatMap((chain) =>
    (discovery[chain] ?? []).map((source, index) => [source, ['discovery', chain, index]] as const),
  )
  return [[discovery, ['discovery']], ...chained]
}

/** In code the name of a service may end with a port; here no name can. */
function portless({ dns }: DiscoverySource, path: Path): Finding[] {
  if (dns === undefined || dns.type === 'SRV' || dns.port !== undefined || /:\d+$/.test(dns.name ?? '')) return []
  return [
    {
      id: 'dns-without-port',
      severity: 'error',
      path: formatPath([...path, 'dns']),
      message: 'type A gives addresses only, and no port is given: nothing that is found can be connected to',
      advice: "Give port, end name with one ('{service}:8080'), or take 'type: SRV', which tells ports.",
    },
  ]
}

function forgetful(discovery: DiscoveryConfig): Finding[] {
  return (['absentFor', 'emptyFor'] as const)
    .filter((key) => milliseconds(discovery[key]) === 0)
    .map((key) => ({
      id: 'forgets-at-once',
      severity: 'warning',
      path: `discovery.${key}`,
      message: `${key} 0 drops endpoints that work the moment a source does not name them, as after a restart of it`,
      advice: 'Leave it out: what has gone is noticed by the calls, within an attempt.',
    }))
}

function unprepared({ lastKnown }: DiscoveryConfig, sources: readonly DiscoverySource[]): Finding[] {
  const asked = remote.find((name) => sources.some((source) => source[name] !== undefined))
  if (lastKnown !== undefined || asked === undefined) return []
  return [
    {
      id: 'no-last-known',
      severity: 'info',
      path: 'discovery',
      message: `a process that starts while ${asked} is down finds no endpoint`,
      advice: 'Give lastKnown, a directory: what was found last is used until the source answers.',
    },
  ]
}
