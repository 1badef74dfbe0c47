// One source of a file as a resolver. Every kind is one entry of a table; which of them a source is, its only key says.
import { type Clock, OptionsError } from '@switchgear/core'
import type {
  ConsulSource,
  DiscoverySource,
  EtcdSource,
  KubernetesSource,
  NatsSource,
  RegistrySource,
} from '@switchgear/config'
import {
  consulResolver,
  dnsResolver,
  etcdResolver,
  fileResolver,
  inCluster,
  kubernetesResolver,
  registryResolver,
  type Resolver,
} from '@switchgear/discovery'
import type { Reading } from './reading.ts'

/** What every source gets. */
export interface SourceParts {
  readonly clock: Clock | undefined
  readonly onProblem: (problem: Error) => void
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Makes the resolver of a source. Rejects with `SG_BAD_OPTIONS`, `SG_KUBERNETES_OUTSIDE`. */
export async function resolverOf(source: DiscoverySource, reading: Reading, parts: SourceParts): Promise<Resolver> {
  const { registry, dns, file, consul, kubernetes, etcd, nats } = source
  const { clock, onProblem } = parts
  if (registry !== undefined) return await registryOf(registry, reading, parts)
  if (dns !== undefined) return dnsResolver({ ...dns, clock, onProblem })
  if (file !== undefined) return fileResolver({ ...file, clock })
  if (consul !== undefined) return await consulOf(consul, reading, parts)
  if (kubernetes !== undefined) return await kubernetesOf(kubernetes === true ? {} : kubernetes, reading, parts)
  if (etcd !== undefined) return await etcdOf(etcd, reading, parts)
  if (nats !== undefined) return await natsOf(nats, reading, parts)
  throw new OptionsError(`${reading.path} must have one source`)
}

async function registryOf(source: RegistrySource, reading: Reading, { clock }: SourceParts): Promise<Resolver> {
  const { tokenFile, tokenVariable, ...options } = source
  return registryResolver({
    ...options,
    token: await reading.secret('registry.token', tokenFile, tokenVariable),
    clock,
  })
}

async function consulOf(source: ConsulSource, reading: Reading, { clock, onProblem }: SourceParts): Promise<Resolver> {
  const { tokenFile, tokenVariable, caFile, ...options } = source
  const token = await reading.secret('consul.token', tokenFile, tokenVariable)
  const ca = await reading.text('consul.caFile', caFile)
  return consulResolver({ ...options, token, ca, clock, onProblem: worded(onProblem, 'consul') })
}

/** Token and certificates stay files here: they rotate, and the resolver reads them again. */
async function kubernetesOf(source: KubernetesSource, reading: Reading, parts: SourceParts): Promise<Resolver> {
  const { server, namespace = '', tokenFile, tokenVariable, ...options } = source
  const token = await reading.secret('kubernetes.token', undefined, tokenVariable)
  const cluster = server === undefined ? inCluster(parts.environment) : { server, namespace, tokenFile: undefined }
  return kubernetesResolver({
    ...cluster,
    ...(namespace === '' ? {} : { namespace }),
    ...options,
    token,
    tokenFile: token === undefined ? (tokenFile ?? cluster.tokenFile) : undefined,
    clock: parts.clock,
    onProblem: worded(parts.onProblem, 'kubernetes'),
  })
}

async function etcdOf(source: EtcdSource, reading: Reading, { clock, onProblem }: SourceParts): Promise<Resolver> {
  const { passwordFile, passwordVariable, caFile, certFile, keyFile, ...options } = source
  return etcdResolver({
    ...options,
    password: await reading.secret('etcd.password', passwordFile, passwordVariable),
    ca: await reading.text('etcd.caFile', caFile),
    cert: await reading.text('etcd.certFile', certFile),
    key: await reading.text('etcd.keyFile', keyFile),
    clock,
    onProblem,
  })
}

async function natsOf(source: NatsSource, reading: Reading, { clock, onProblem }: SourceParts): Promise<Resolver> {
  // Whoever does not use NATS does not load its client.
  const { natsResolver } = await import('@switchgear/discovery/nats')
  const { credentials = {}, ...options } = source
  const { user, passFile, passVariable, tokenFile, tokenVariable, caFile, certFile, keyFile } = credentials
  const at = 'nats.credentials'
  const found = {
    user,
    pass: await reading.secret(`${at}.pass`, passFile, passVariable),
    token: await reading.secret(`${at}.token`, tokenFile, tokenVariable),
  }
  const tls = {
    ca: await reading.text(`${at}.caFile`, caFile),
    cert: await reading.text(`${at}.certFile`, certFile),
    key: await reading.text(`${at}.keyFile`, keyFile),
  }
  const hasTls = Object.values(tls).some((text) => text !== undefined)
  return natsResolver({
    ...options,
    credentials: { ...withoutGaps(found), ...(hasTls ? { tls: withoutGaps(tls) } : {}) },
    clock,
    onProblem,
  })
}

function withoutGaps<T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const there = Object.entries(given).filter(([, value]) => value !== undefined)
  // Safe: only what is undefined was left out.
  return Object.fromEntries(there) as { [K in keyof T]?: Exclude<T[K], undefined> }
}

function worded(onProblem: (problem: Error) => void, kind: string): (message: string) => void {
  return (message) => onProblem(new Error(`${kind}: ${message}`))
}
