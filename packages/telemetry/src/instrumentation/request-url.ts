// What of an address may be shown. Invariant: no credentials and no value of a sensitive query parameter leaves here.
// It never parses a URL as a whole: addresses come in as their parts, and most have nothing to hide.

/** What stands in the place of a secret. */
export const redacted = 'REDACTED'

/**
 * Query parameters whose values are secrets, by the letter of their names.
 *
 * Source: OpenTelemetry semantic conventions, `url.query` and `url.full`.
 */
export const sensitiveParameters: readonly string[] = Object.freeze([
  'X-Amz-Signature',
  'X-Amz-Credential',
  'X-Amz-Security-Token',
  'AWSAccessKeyId',
  'Signature',
  'sig',
  'X-Goog-Signature',
])

/** Removes the values of sensitive parameters. */
export class QueryRedaction {
  readonly #pattern: RegExp | undefined

  /** Names are compared by the letter. An empty list removes nothing. */
  constructor(names: readonly string[] = sensitiveParameters) {
    const choices = names.map((name) => name.replace(/[\\^$.*+?()[\]{}|-]/g, '\\$&')).join('|')
    this.#pattern = names.length === 0 ? undefined : new RegExp(`((?:^|&)(?:${choices})=)[^&#]*`, 'g')
  }

  /**
   * A query without its leading `?`.
   *
   * @example
   * new QueryRedaction().query('color=blue&sig=abc') // 'color=blue&sig=REDACTED'
   */
  query(query: string): string {
    return this.#pattern === undefined ? query : query.replace(this.#pattern, `$1${redacted}`)
  }

  /** A path with its query, if there is one. */
  target(target: string): string {
    const mark = target.indexOf('?')
    return mark < 0 ? target : `${target.slice(0, mark + 1)}${this.query(target.slice(mark + 1))}`
  }

  /** A whole address: neither credentials nor secrets. */
  url(url: string): string {
    return this.target(url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, `$1${redacted}:${redacted}@`))
  }
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
