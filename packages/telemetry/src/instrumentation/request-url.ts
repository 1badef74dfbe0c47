// What of an address may be shown. Invariant: no credentials and no value of a sensitive query parameter leaves here.
// It never parses a URL as a whole: addresses come in as their parts, and most have nothing to hide.
import { SecretKeys } from '../redaction/secret-keys.ts'

/** What stands in the place of a secret. */
export const redacted = 'REDACTED'

/** Tells which names are those of secrets. */
export interface SecretNames {
  has(name: string): boolean
}

/** Removes the values of sensitive parameters. */
export class QueryRedaction {
  readonly #names: SecretNames

  /** A list of names, compared by the letter (an empty one removes nothing), or a rule. Default: the one of logs. */
  constructor(names: readonly string[] | SecretNames = new SecretKeys()) {
    this.#names = 'has' in names ? names : new Set(names)
  }

  /**
   * A query without its leading `?`. Names may be percent-encoded.
   *
   * @example
   * new QueryRedaction().query('color=blue&access_token=abc') // 'color=blue&access_token=REDACTED'
   */
  query(query: string): string {
    let clean = ''
    let done = 0
    let begin = 0
    for (let equals = query.indexOf('='); equals >= 0; equals = query.indexOf('=', begin)) {
      let nameBegin = equals
      // Not beyond the parameter before: that bounds the time for all of them together.
      while (nameBegin > begin && !isEnd(query.charCodeAt(nameBegin - 1))) nameBegin--
      const end = endOfValue(query, equals + 1)
      if (this.#names.has(decoded(query.slice(nameBegin, equals)))) {
        clean += query.slice(done, equals + 1) + redacted
        done = end
      }
      begin = end + 1
    }
    return done === 0 ? query : clean + query.slice(done)
  }

  /** A path with its query, if there is one. */
  target(target: string): string {
    const mark = target.indexOf('?')
    if (mark < 0) return target
    const query = target.slice(mark + 1)
    const clean = this.query(query)
    return clean === query ? target : target.slice(0, mark + 1) + clean
  }

  /** A whole address: neither credentials nor secrets. */
  url(url: string): string {
    return this.target(url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, `$1${redacted}:${redacted}@`))
  }
}

/** `&` and `#`: a parameter goes on to the next one, or to the fragment, which may hold parameters too. */
function isEnd(code: number): boolean {
  return code === 38 || code === 35
}

function endOfValue(query: string, from: number): number {
  let end = from
  while (end < query.length && !isEnd(query.charCodeAt(end))) end++
  return end
}

function decoded(name: string): string {
  if (!name.includes('%')) return name
  try {
    return decodeURIComponent(name)
  } catch {
    // Malformed: nobody reads it as a name, and it is compared as it stands.
    return name
  }
}

/** An IPv4 address that a socket of both versions tells as `::ffff:192.0.2.1` (RFC 4291 section 2.5.5.2) as itself. */
export function plainAddress(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address
}

/** A host with its port. */
export interface Authority {
  readonly address: string
  /** Undefined when it is not said. */
  readonly port: number | undefined
}

/** Splits `host`, `host:port`, `[v6]` and `[v6]:port`; what is no port is taken for a part of the host. */
export function parseAuthority(text: string): Authority {
  const colon = text.lastIndexOf(':')
  const bracket = text.lastIndexOf(']')
  const port = colon > bracket ? portOf(text, colon + 1) : undefined
  const host = port === undefined ? text : text.slice(0, colon)
  return { address: host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host, port }
}

function portOf(text: string, from: number): number | undefined {
  let port = 0
  for (let at = from; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48
    if (!(digit >= 0 && digit <= 9)) return undefined
    port = port * 10 + digit
  }
  return from < text.length && port <= 65_535 ? port : undefined
}
