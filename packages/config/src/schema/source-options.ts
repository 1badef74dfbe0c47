// The options of what finds services, one schema for each source. Bounds, words and defaults are those of the resolvers of
// discovery, which stay the truth: a test holds that what is accepted here is accepted there.
import { z } from 'zod'
import type {
  ConsulSource,
  EtcdSource,
  FileSource,
  KubernetesSource,
  NatsSource,
  RegistrySource,
} from './discovery-config.ts'
import { expecting } from './expectation.ts'
import { between, count, duration, milliseconds, option } from './field.ts'
import { oneOrMore, origin, path, secret, tlsFiles, url, word } from './place.ts'

/** Of a bound between two places of one secret. */
function notBoth<T>(schema: z.ZodType<T>, name: string): z.ZodType<T> {
  const [file, variable] = [`${name}File`, `${name}Variable`]
  const both = (given: T): boolean => has(given, file) && has(given, variable)
  return schema.refine((given) => !both(given), between(variable, `one of ${file} and ${variable}`))
}

/** Of a key that is nothing without another. */
function needs<T>(schema: z.ZodType<T>, key: string, ...others: readonly [string, ...string[]]): z.ZodType<T> {
  return schema.refine(
    (given) => !has(given, key) || others.some((other) => has(given, other)),
    between(others[0], `${others.join(' or ')} beside ${key}`),
  )
}

function has(given: unknown, key: string): boolean {
  return (given as Readonly<Record<string, unknown>>)[key] !== undefined
}

/** The Switchgear registry. */
export const registrySource: z.ZodType<RegistrySource> = notBoth(
  expecting(
    z.strictObject({
      urls: oneOrMore(url, 'the URL of a registry, or a list of 1 to 100').meta({
        description: 'Registries, of which one that answers is used.',
      }),
      ...secret('token'),
      connectTimeout: option(duration(1), 'How long connecting, and then the head of an answer, may take.', '3s'),
      maxServices: option(count(1), 'Services under watch.', 1000),
    }),
    "a mapping with the key 'urls'",
  ),
  'token',
)

/** A JSON file. */
export const fileSource: z.ZodType<FileSource> = expecting(
  z.strictObject({
    path: path.meta({ description: 'A JSON file: names of services to lists of endpoints.' }),
    every: option(duration(10), 'Between two looks.', '1s'),
    maxBytes: option(count(1), 'A larger file is refused.', 16_777_216),
  }),
  "a mapping with the key 'path'",
)

const tenMinutes = "a duration of 1s to 10m, which is Consul's own bound"

/** Consul. */
export const consulSource: z.ZodType<ConsulSource> = notBoth(
  expecting(
    z.strictObject({
      url: url.meta({ description: 'Of an agent or a server.' }),
      ...secret('token'),
      datacenter: option(word, "Unless given: the agent's own."),
      tag: option(oneOrMore(word, 'a tag, or a list of tags'), 'Only instances that have all of these tags.'),
      namespace: option(word, 'Of Consul Enterprise.'),
      passingOnly: option(
        z.boolean(),
        'Lets Consul leave out what does not pass its checks; else it is unready.',
        false,
      ),
      stale: option(z.boolean(), 'Lets any server answer and not only the leader.', false),
      maxStale: option(duration(0), 'An answer of a server that knows no leader for longer is not complete.', '5s'),
      wait: option(expecting(bounded(1000, 600_000), tenMinutes), 'How long Consul keeps a question.', '5m'),
      timeout: option(duration(1), 'To connect, and beyond the time that a question is kept.', '10s'),
      atMostEvery: option(
        duration(1),
        'Answers that follow each other too fast are asked for once in this time.',
        '5s',
      ),
      settleFor: option(duration(0), "After Consul's index went back no answer is complete for this time.", '2m'),
      caFile: tlsFiles.caFile,
      maxAnswerBytes: option(count(1024), 'Largest answer in bytes.', 16_777_216),
    }),
    "a mapping with the key 'url'",
  ),
  'token',
)

const dnsLabel = expecting(z.string().regex(/^[0-9a-z](?:[0-9a-z-]{0,61}[0-9a-z])?$/), 'a name of Kubernetes')
const portChoice = expecting(
  z.union([dnsLabel, count(1, 65_535)]),
  'the name of a port or a whole number in [1, 65535]',
)

const kubernetesPlace = expecting(
  z.strictObject({
    service: option(dnsLabel, "Name of the Service. Unless given: the first part of the service's own name."),
    namespace: option(dnsLabel, 'Its namespace.'),
    port: option(portChoice, 'Its port, by name or by number.'),
  }),
  'a mapping with service, namespace and port, as needed',
)

const kubernetesOptions: z.ZodType<KubernetesSource> = expecting(
  z.strictObject({
    server: option(url, 'The API server. Unless given: that of the cluster in which the process runs.'),
    namespace: option(dnsLabel, 'Of services that do not say theirs. Unless given: that of the pod.'),
    ...secret('token'),
    caFile: tlsFiles.caFile,
    services: option(
      expecting(z.record(z.string(), kubernetesPlace), 'a mapping from names of services to places'),
      'Where services are whose place the name does not say.',
    ),
    port: option(portChoice, 'Of services that do not say theirs. Unless given: the only one, else http, else https.'),
    watchFor: option(
      expecting(bounded(10_000, 3_600_000), 'a duration of 10s to 1h'),
      'How long one watch lasts.',
      '4m',
    ),
    timeout: option(duration(1), 'To connect, to answer, and beyond the time that a watch lasts.', '10s'),
    atMostEvery: option(duration(1), 'Watches that end at once are begun again once in this time.', '5s'),
    gatherFor: option(duration(0), 'Events that come within this time are told together.', '100ms'),
    pageSize: option(count(1, 1000), 'EndpointSlices in one page of a list.', 100),
    maxAnswerBytes: option(count(4096), 'Largest page in bytes.', 16_777_216),
    maxSlices: option(count(1), 'EndpointSlices of one service.', 1000),
  }),
  'a mapping of options',
)

/** Kubernetes; `true` is all by the cluster in which the process runs. */
export const kubernetesSource: z.ZodType<true | KubernetesSource> = expecting(
  z.union([z.literal(true), needs(notBoth(kubernetesOptions, 'token'), 'server', 'namespace')]),
  'true for the cluster in which the process runs, or a mapping of options',
)

/** Etcd. */
export const etcdSource: z.ZodType<EtcdSource> = [
  ['username', 'passwordFile', 'passwordVariable'],
  ['passwordFile', 'username'],
  ['passwordVariable', 'username'],
  ['certFile', 'keyFile'],
  ['keyFile', 'certFile'],
].reduce<z.ZodType<EtcdSource>>(
  (schema, [key = '', first = '', ...others]) => needs(schema, key, first, ...others),
  notBoth(
    expecting(
      z.strictObject({
        urls: oneOrMore(origin, 'the URL of a member of the cluster, or a list of 1 to 100').meta({
          description: 'Members of the cluster.',
        }),
        prefix: option(
          expecting(z.string().regex(/^[^{}]*\{service\}[^{}]+$/), "a text like '/shop/{service}/'"),
          'What the keys of a service begin with.',
          '/switchgear/{service}/',
        ),
        username: option(word, 'Where etcd wants a user.'),
        ...secret('password'),
        ...tlsFiles,
        timeout: option(duration(10), 'For one question.', '5s'),
        checkEvery: option(duration(10), 'How often a silent watch is compared with what etcd holds.', '15s'),
        maxEndpoints: option(count(1, 1_000_000), 'Keys of one service.', 10_000),
      }),
      "a mapping with the key 'urls'",
    ),
    'password',
  ),
)

const natsServer = expecting(z.string().regex(/^[^@\s]{1,512}$/), "an address like '127.0.0.1:4222', without user")

const natsCredentials = [
  ['user', 'passFile', 'passVariable'],
  ['passFile', 'user'],
  ['passVariable', 'user'],
  ['certFile', 'keyFile'],
  ['keyFile', 'certFile'],
].reduce<z.ZodType<NonNullable<NatsSource['credentials']>>>(
  (schema, [key = '', first = '', ...others]) => needs(schema, key, first, ...others),
  notBoth(
    notBoth(
      expecting(
        z.strictObject({
          user: option(word, 'Where NATS wants a user.'),
          ...secret('pass'),
          ...secret('token'),
          ...tlsFiles,
        }),
        'a mapping with user, token or certificates',
      ),
      'pass',
    ),
    'token',
  ),
)

/** A NATS KV bucket. */
export const natsSource: z.ZodType<NatsSource> = expecting(
  z.strictObject({
    servers: oneOrMore(natsServer, 'the address of a server, or a list of 1 to 100').meta({
      description: 'Servers, of which one that answers is used.',
    }),
    bucket: expecting(z.string().regex(/^[-\w]{1,128}$/), 'letters, digits, - and _').meta({
      description: 'The KV bucket.',
    }),
    credentials: option(natsCredentials, 'How we are known to NATS.'),
    timeout: option(duration(10), 'For one question, and for a connection to come about.', '5s'),
    checkEvery: option(duration(10), 'How often what is held is compared with the bucket.', '15s'),
    maxEndpoints: option(count(1, 1_000_000), 'Keys of one service.', 10_000),
  }),
  "a mapping with the keys 'servers' and 'bucket'",
)

function bounded(leastMs: number, mostMs: number): ReturnType<typeof duration> {
  return duration(leastMs).refine((value) => (milliseconds(value) ?? 0) <= mostMs)
}
