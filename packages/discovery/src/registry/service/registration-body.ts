// What a stranger writes into the body of a registration. Which fields there are, at which address, and what a check may point at is
// decided here; every other field is checked as the books do it. Invariant: a check is a port and a path on the registered
// address, never a URL, so that nobody can make the registry connect elsewhere or say what it did not mean to.
import { check, checkKeys } from '@switchgear/core/options'
import type { EndpointParts } from '../../endpoint.ts'
import type { HealthCheck, Registration } from '../catalog.ts'
import { factsOf } from '../registration.ts'
import type { AddressRule } from './addresses.ts'

const endpointFields = ['port', 'scheme', 'zone', 'weight', 'version', 'metadata']
const fields = ['address', ...endpointFields, 'incarnation', 'leaseMs', 'heartbeats', 'check']
const longestPath = 256
/** An absolute path with a query (RFC 3986), without what could be taken for an authority, a user, or the end of a line. */
const checkPath = /^\/(?:[A-Za-z0-9\-._~!$&'()*+,;=:?/]|%[0-9A-Fa-f]{2})*$/
/** What a careless server could decode into another line or another path. */
const hidden = /%(?:0[0-9a-f]|1[0-9a-f]|7f|2f|5c)/i

/** Who registers, and from where. */
export interface Registrant {
  readonly service: string
  readonly id: string
  /** Of the connection. */
  readonly peer: string | undefined
}

/**
 * The registration that a body asks for. Throws `SG_BAD_OPTIONS` naming the field, `SG_ADDRESS_REFUSED`.
 *
 * @example
 * readRegistration({ port: 8080, check: { kind: 'http', path: '/healthz' } }, { service, id, peer }, rule)
 */
export function readRegistration(
  body: Record<string, unknown>,
  { service, id, peer }: Registrant,
  rule: AddressRule,
): Registration {
  checkKeys(body, fields, 'registration')
  const { address: asked, metadata } = body
  check(asked === undefined || typeof asked === 'string', 'registration.address', 'an IP address', asked)
  check(metadata === undefined || isRecord(metadata), 'registration.metadata', 'an object of texts', metadata)
  const endpoint: Record<string, unknown> = { address: rule.resolve(peer, asked as string | undefined) }
  for (const name of endpointFields) if (body[name] !== undefined) endpoint[name] = body[name]
  checkTarget(body.check)
  const { incarnation, leaseMs, heartbeats, check: health } = body
  // The types are a claim until the next line, which checks each field, whatever it is.
  const registration = {
    service,
    id,
    endpoint: endpoint as unknown as EndpointParts,
    incarnation: incarnation as number | undefined,
    leaseMs: leaseMs as number | undefined,
    heartbeats: heartbeats as boolean | undefined,
    check: health as HealthCheck | undefined,
  }
  factsOf(registration)
  return registration
}

/** What a heartbeat says: whether the instance wants traffic. Throws `SG_BAD_OPTIONS`. */
export function readHeartbeat(body: Record<string, unknown>): boolean | undefined {
  checkKeys(body, ['ready'], 'heartbeat')
  const { ready } = body
  check(ready === undefined || typeof ready === 'boolean', 'heartbeat.ready', 'true or false', ready)
  return ready as boolean | undefined
}

function checkTarget(health: unknown): void {
  if (!isRecord(health) || health.path === undefined) return
  const { path } = health
  const isPath =
    typeof path === 'string' &&
    path.length <= longestPath &&
    checkPath.test(path) &&
    !path.includes('//') &&
    !hidden.test(path)
  check(isPath, 'registration.check.path', "an absolute path like '/healthz'", path)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
