// What an instance says of itself, checked: it comes from strangers, is kept for long, and decides where the registry itself
// connects to. Invariant: facts never change and are complete; a check is only ever a port and a path at an address that no
// name server can point elsewhere afterwards.
import { isIP } from 'node:net'
import { check, checkCount, checkKeys, checkObject } from '@switchgear/core/options'
import { type Endpoint, endpoint, longestWord } from '../endpoint.ts'
import type { HealthCheck, Registration } from './catalog.ts'

/** Longest lease that may be asked for, ms. */
export const longestLeaseMs = 300_000
/** Shortest one, and shortest interval of a check, ms. */
export const shortestMs = 1000
/** Longest interval of a check, ms: an hour. */
const longestIntervalMs = 3_600_000
/** Highest incarnation that may be asked for; it leaves room for those that follow. */
const mostIncarnation = 2 ** 52
/** Characters that an instance's metadata may take, keys and values together. */
export const mostMetadataText = 8192

/** A health check with everything filled in. */
export interface CheckFacts {
  readonly kind: HealthCheck['kind']
  readonly port: number
  readonly path: string
  readonly service: string
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly failures: number
  readonly successes: number
}

/** What is known of an instance from its registration, the same until it registers again. */
export interface Facts {
  readonly endpoint: Endpoint
  readonly leaseMs: number
  readonly heartbeats: boolean
  readonly check: CheckFacts | undefined
}

/** A name of a service: that of a host, because it stands in URLs. */
const serviceName = /^[0-9A-Za-z_](?:[0-9A-Za-z_.-]{0,252})$/
/** What HTTP allows in a path and query; no space and no control character can split the request. */
const httpPath = /^\/[\x21-\x7e]{0,1023}$/
const keys = ['service', 'id', 'endpoint', 'incarnation', 'leaseMs', 'heartbeats', 'check']
const checkKeysKnown = ['kind', 'port', 'path', 'service', 'intervalMs', 'timeoutMs', 'failures', 'successes']
const endpointKeys = ['address', 'port', 'scheme', 'zone', 'weight', 'version', 'metadata']

/**
 * Checks a registration and fills in its defaults. Throws `SG_BAD_OPTIONS` naming the field below `registration`.
 *
 * @example
 * factsOf({ service: 'orders', id: 'a', endpoint: { address: '10.0.0.7', port: 80 } }).leaseMs // 15000
 */
export function factsOf(registration: Registration, mostLeaseMs: number = longestLeaseMs): Facts {
  const path = 'registration'
  checkKeys(registration, keys, path)
  const {
    service,
    id,
    incarnation,
    leaseMs = Math.min(15_000, mostLeaseMs),
    heartbeats = true,
    check: health,
  } = registration
  check(
    typeof service === 'string' && serviceName.test(service),
    `${path}.service`,
    'a name like that of a host',
    service,
  )
  if (incarnation !== undefined) checkCount(incarnation, `${path}.incarnation`, 0, mostIncarnation)
  checkCount(leaseMs, `${path}.leaseMs`, shortestMs, mostLeaseMs)
  check(typeof heartbeats === 'boolean', `${path}.heartbeats`, 'true or false', heartbeats)
  checkKeys(registration.endpoint, endpointKeys, `${path}.endpoint`)
  check(typeof id === 'string' && id !== '', `${path}.id`, `a text of 1 to ${longestWord} characters`, id)
  const where = endpoint({ ...registration.endpoint, id }, `${path}.endpoint`)
  const text = Object.entries(where.metadata).reduce((sum, [key, value]) => sum + key.length + value.length, 0)
  check(text <= mostMetadataText, `${path}.endpoint.metadata`, `at most ${mostMetadataText} characters in all`, text)
  if (!heartbeats) check(health !== undefined, `${path}.check`, 'there where no heartbeats are sent', health)
  return Object.freeze({
    endpoint: where,
    leaseMs,
    heartbeats,
    check: health === undefined ? undefined : checkFacts(health, where, `${path}.check`),
  })
}

function checkFacts(health: HealthCheck, where: Endpoint, path: string): CheckFacts {
  checkObject(health, path)
  checkKeys(health, checkKeysKnown, path)
  const { kind, port = where.port, path: target = '/healthz', service = '', intervalMs = 10_000 } = health
  const { timeoutMs = Math.min(2000, intervalMs - 1), failures = 3, successes = 2 } = health
  check(kind === 'http' || kind === 'tcp' || kind === 'grpc', `${path}.kind`, "'http', 'tcp' or 'grpc'", kind)
  // A name could be pointed at another machine after it was checked who may register it.
  check(
    isIP(where.address) !== 0,
    'registration.endpoint.address',
    'an IP address where there is a check',
    where.address,
  )
  checkCount(port, `${path}.port`, 1, 65_535)
  check(typeof target === 'string' && httpPath.test(target), `${path}.path`, 'an absolute path', target)
  const named = typeof service === 'string' && /^[\x21-\x7e]{0,256}$/.test(service)
  check(named, `${path}.service`, 'the name of a gRPC service', service)
  checkCount(intervalMs, `${path}.intervalMs`, shortestMs, longestIntervalMs)
  checkCount(timeoutMs, `${path}.timeoutMs`, 1, intervalMs - 1)
  checkCount(failures, `${path}.failures`, 1, 100)
  checkCount(successes, `${path}.successes`, 1, 100)
  return Object.freeze({ kind, port, path: target, service, intervalMs, timeoutMs, failures, successes })
}
