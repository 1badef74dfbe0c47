// `discovery`: one source, or a chain of them, and how what they say is kept. One mapping and not a union of ten, so that whoever
// misspells a source or an option of it is told just that.
import { z } from 'zod'
import type { DiscoveryConfig, DiscoverySource } from './discovery-config.ts'
import { dnsSource } from './dns-source.ts'
import { expecting, isMapping } from './expectation.ts'
import { between, count, duration, option } from './field.ts'
import { path } from './place.ts'
import { consulSource, etcdSource, fileSource, kubernetesSource, natsSource, registrySource } from './source-options.ts'

const sources = {
  registry: option(registrySource, 'The Switchgear registry.'),
  dns: option(dnsSource, 'DNS: A and AAAA with a port, or SRV.'),
  file: option(fileSource, 'A JSON file that somebody else keeps.'),
  consul: option(consulSource, 'Consul.'),
  kubernetes: option(kubernetesSource, 'EndpointSlices of Kubernetes; true is the cluster in which the process runs.'),
  etcd: option(etcdSource, 'Keys of etcd.'),
  nats: option(natsSource, 'Keys of a NATS KV bucket.'),
}
const sourceNames = Object.keys(sources)
const several = 'it alone: several sources stand in a list under prefer, fallBack or merge'

/** Exactly one of `names` is there. */
function exactlyOne<T>(schema: z.ZodType<T>, names: readonly string[]): z.ZodType<T> {
  const given = (value: T): string[] => names.filter((name) => Object.hasOwn(value as object, name))
  const atLeast = schema.refine((value) => given(value).length > 0, {
    when: ({ value }) => isMapping(value),
    params: { expected: `one source: ${names.join(', ')}` },
  })
  return names.reduce(
    (one, name) => one.refine((value) => !given(value).slice(1).includes(name), between(name, several)),
    atLeast,
  )
}

const source: z.ZodType<DiscoverySource> = exactlyOne(
  expecting(z.strictObject(sources), `a mapping with one source: ${sourceNames.join(', ')}`),
  sourceNames,
)

const chain = expecting(z.array(source).min(1).max(10), 'a list of 1 to 10 sources')
const chains = {
  prefer: option(chain, 'The first source that has endpoints of a service.'),
  fallBack: option(chain, 'The first source that answers.'),
  merge: option(chain, 'The endpoints of all sources together.'),
}

/** `discovery`. */
export const discovery: z.ZodType<DiscoveryConfig> = exactlyOne(
  expecting(
    z.strictObject({
      ...sources,
      ...chains,
      fallBackAfter: option(duration(0), 'How long a source must fail until the next of fallBack is used.', '30s'),
      lastKnown: option(path, 'A directory for the last known endpoints, so that a start needs no source.'),
      absentFor: option(duration(0), 'How long an endpoint that its source no longer names keeps its traffic.', '30s'),
      emptyFor: option(duration(0), 'How long all of them do when the source suddenly has none.', '5m'),
      maxServices: option(count(1, 100_000), 'Services under watch.', 1000),
      maxEndpoints: option(count(1, 1_000_000), 'Endpoints of one service.', 10_000),
    }),
    `a mapping with one source: ${[...sourceNames, ...Object.keys(chains)].join(', ')}`,
  ),
  [...sourceNames, ...Object.keys(chains)],
).refine(
  ({ fallBack, fallBackAfter }) => fallBackAfter === undefined || fallBack !== undefined,
  between('fallBackAfter', 'it only beside fallBack'),
)
