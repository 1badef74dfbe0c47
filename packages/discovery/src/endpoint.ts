// One instance of a service as discovery knows it: where it listens and what its source says of it. Invariant: an endpoint never
// changes; a source that learns something new makes a new one with the same id. Nothing here knows of load or connections.
import { OptionsError } from '@switchgear/core'
import { check, checkRange } from '@switchgear/core/options'

/**
 * What a source says of an instance: `ready` takes traffic; `draining` finishes what it has and gets new calls only where nobody
 * is ready; `unready` is alive and does not want any, so it gets some only where there is nobody else.
 */
export type Readiness = 'ready' | 'draining' | 'unready'

/** One instance of a service. Made by `endpoint`, so that every one of them is checked. */
export interface Endpoint {
  /** What the source calls the instance, else `address:port`. The same instance keeps it. */
  readonly id: string
  /** An IP address (IPv6 without brackets), or a host name that is resolved when it is connected to. */
  readonly address: string
  readonly port: number
  /** How it is spoken to; undefined leaves it to whoever connects. */
  readonly scheme: 'http' | 'https' | undefined
  readonly zone: string | undefined
  /** Its share of the traffic in relation to its siblings, in [0, 1000]. 0 gets none while another can take it. Default 1. */
  readonly weight: number
  readonly version: string | undefined
  readonly metadata: Readonly<Record<string, string>>
  readonly readiness: Readiness
}

/** What an endpoint is made of; only where it listens has no default. */
export interface EndpointParts {
  readonly id?: string | undefined
  readonly address: string
  readonly port: number
  readonly scheme?: 'http' | 'https' | undefined
  readonly zone?: string | undefined
  readonly weight?: number | undefined
  readonly version?: string | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
  readonly readiness?: Readiness | undefined
}

/** Characters of an id, a zone, a version or one value of metadata; what a stranger registers must not fill our memory. */
export const longestWord = 256
/** Entries of metadata. */
export const mostMetadata = 64

const none: Readonly<Record<string, string>> = Object.freeze({})
const printable = /^[^\p{C}\p{Zl}\p{Zp}]*$/u
const readinesses: ReadonlySet<string> = new Set<Readiness>(['ready', 'draining', 'unready'])
/**
 * A host name (RFC 1123, with the underscores that DNS allows) or an IP address; nothing that could be a path or a user. No scoped
 * address either: a URL has no place for a scope.
 */
const host = /^(?:[0-9A-Za-z_](?:[0-9A-Za-z_.-]{0,252})|[0-9A-Fa-f:.]{2,45})$/

/**
 * Checks what a source says of an instance. Throws `SG_BAD_OPTIONS` naming `path`, which is where it stands.
 *
 * @example
 * endpoint({ address: '10.0.0.7', port: 8080, zone: 'b' }, 'services.payments')
 */
export function endpoint(parts: EndpointParts, path: string): Endpoint {
  const { address, port, scheme, zone, weight = 1, version, metadata = none, readiness = 'ready' } = parts
  check(typeof address === 'string' && host.test(address), `${path}.address`, 'an IP address or a host name', address)
  check(Number.isInteger(port) && port >= 1 && port <= 65_535, `${path}.port`, 'a whole number in [1, 65535]', port)
  check(scheme === undefined || scheme === 'http' || scheme === 'https', `${path}.scheme`, 'http or https', scheme)
  check(readinesses.has(readiness), `${path}.readiness`, `one of ${[...readinesses].join(', ')}`, readiness)
  checkRange(weight, `${path}.weight`, 0, 1000)
  const id = parts.id ?? authority(address, port)
  for (const [name, word] of [
    ['id', id],
    ['zone', zone],
    ['version', version],
  ] as const)
    checkWord(word, `${path}.${name}`)
  return Object.freeze({
    id,
    address,
    port,
    scheme,
    zone,
    weight,
    version,
    metadata: metadata === none ? none : checkedMetadata(metadata, `${path}.metadata`),
    readiness,
  })
}

/** `address:port` as it stands in a URL. */
export function authority(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/**
 * Whether a value can be an id, a zone, a version or one value of metadata: a text of 1 to 256 characters, none of which ends a line,
 * turns the direction of a text or cannot be seen (Unicode's categories C, Zl and Zp). They all end up in logs and on terminals.
 */
export function isWord(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= longestWord && printable.test(value)
}

function checkWord(word: string | undefined, path: string): void {
  if (word === undefined) return
  if (!isWord(word)) throw new OptionsError(`${path} must be a text of 1 to ${longestWord} printable characters`)
}

function checkedMetadata(metadata: Readonly<Record<string, string>>, path: string): Readonly<Record<string, string>> {
  const entries = Object.entries(metadata)
  check(entries.length <= mostMetadata, path, `at most ${mostMetadata} entries`, entries.length)
  for (const [key, value] of entries) {
    checkWord(key, `${path}: a key`)
    if (value !== '') checkWord(value, `${path}.${key}`)
  }
  return Object.freeze(Object.fromEntries(entries))
}
