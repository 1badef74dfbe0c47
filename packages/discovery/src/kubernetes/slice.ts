// One EndpointSlice (discovery.k8s.io/v1, by the comments of its types) as endpoints. It comes from a network: what is not as
// documented is left out if it can be, and the endpoint is left out if not. The first address counts, as for kube-proxy.
import { endpoint, type Endpoint, type Readiness } from '../endpoint.ts'
import { type Fields, fields, word } from '../polling/json-parts.ts'
import type { PortChoice } from './options.ts'

/** What a slice holds. */
export interface SliceReading {
  readonly endpoints: readonly Endpoint[]
  /** Why some of it could not be used; the first reason. */
  readonly problem: string | undefined
}

type Port = Pick<Endpoint, 'port' | 'scheme'>

const families: ReadonlySet<unknown> = new Set(['IPv4', 'IPv6', 'FQDN'])

/**
 * Reads a slice.
 *
 * - id: the uid of `targetRef`, else its namespace and name, else `address:port`;
 * - readiness: `ready` if the slice says so or nothing (so publishNotReadyAddresses works), `draining` when it terminates and still
 *   serves, else `unready`;
 * - scheme: `https` for a port whose appProtocol is https, or that is named so and has none; `http` for appProtocol http;
 * - metadata: `node`, `hostname`, `pod` (name of `targetRef`), `forZones` and `forNodes` (hints, joined by commas).
 *
 * @example
 * readSlice(event.object, 'http', 'payments').endpoints
 */
export function readSlice(slice: unknown, choice: PortChoice | undefined, service: string): SliceReading {
  const { addressType, endpoints: listed, ports } = fields(slice)
  const entries = Array.isArray(listed) ? listed : []
  if (entries.length === 0) return { endpoints: [], problem: undefined }
  if (!families.has(addressType)) return { endpoints: [], problem: 'a slice has an addressType that is not known' }
  const port = choose(ports, choice)
  if (port === undefined)
    return { endpoints: [], problem: `no port ${choice ?? 'to choose'}; there are ${names(ports)}` }
  const endpoints: Endpoint[] = []
  let problem: string | undefined
  for (const entry of entries) {
    try {
      endpoints.push(read(fields(entry), port, service))
    } catch (error) {
      problem ??= (error as Error).message
    }
  }
  return { endpoints, problem }
}

function read(entry: Fields, { port, scheme }: Port, service: string): Endpoint {
  const { addresses, conditions, zone, nodeName, hostname, targetRef, hints } = entry
  const target = fields(targetRef)
  const name = word(target.name)
  const named = name === undefined ? undefined : word(`${word(target.namespace) ?? ''}/${name}`)
  const metadata: Record<string, string> = {}
  for (const [key, value] of [
    ['node', word(nodeName)],
    ['hostname', word(hostname)],
    ['pod', name],
    ['forZones', joined(fields(hints).forZones)],
    ['forNodes', joined(fields(hints).forNodes)],
  ] as const)
    if (value !== undefined) metadata[key] = value
  return endpoint(
    {
      id: word(target.uid) ?? named,
      // Not as documented, it is no text, and `endpoint` says so.
      address: (Array.isArray(addresses) ? addresses[0] : undefined) as string,
      port,
      scheme,
      zone: word(zone),
      metadata,
      readiness: readinessOf(fields(conditions)),
    },
    service,
  )
}

/** A condition that is not given counts as ready, serving, and not terminating. */
function readinessOf({ ready, serving, terminating }: Fields): Readiness {
  if (ready !== false) return 'ready'
  return terminating === true && serving !== false ? 'draining' : 'unready'
}

function choose(ports: unknown, choice: PortChoice | undefined): Port | undefined {
  const usable = (Array.isArray(ports) ? ports : []).map(fields).filter(({ protocol = 'TCP' }) => protocol === 'TCP')
  const named = (name: string): Fields | undefined => usable.find((port) => port.name === name)
  if (typeof choice === 'string') return portOf(named(choice), undefined)
  // A port without a number means all ports.
  if (choice !== undefined)
    return portOf(
      usable.find(({ port }) => port === choice || port == null),
      choice,
    )
  return portOf(usable.length === 1 ? usable[0] : (named('http') ?? named('https')), undefined)
}

function portOf(found: Fields | undefined, choice: number | undefined): Port | undefined {
  const port = found?.port ?? choice
  if (found === undefined || typeof port !== 'number') return undefined
  const { appProtocol = found.name === 'https' ? 'https' : undefined } = found
  return { port, scheme: appProtocol === 'https' || appProtocol === 'http' ? appProtocol : undefined }
}

/** The ports of a slice for a message. */
function names(ports: unknown): string {
  const all = (Array.isArray(ports) ? ports : []).slice(0, 10).map(fields)
  const texts = all.map(
    ({ name, port }) => word(name === '' ? undefined : name) ?? (typeof port === 'number' ? String(port) : '?'),
  )
  return texts.length === 0 ? 'none' : texts.join(', ')
}

function joined(hints: unknown): string | undefined {
  if (!Array.isArray(hints) || hints.length === 0) return undefined
  return word(
    hints
      .map((hint) => word(fields(hint).name))
      .filter((name) => name !== undefined)
      .join(','),
  )
}
