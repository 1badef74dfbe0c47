// What of a message's head crosses the gateway. Hop-by-hop fields end here, in both directions; what says who the client is
// is written by us, because the client is not to be trusted with it. Works on flat lists [name, value, …], so that repeated
// fields and their order survive.
import type { IncomingMessage } from 'node:http'

/** Fields of one connection, not of the message (RFC 9110, 7.6.1). Framing is written anew by each side's HTTP engine. */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Request fields that the gateway writes itself or answers itself; what the client sent under these names is dropped. */
const written: ReadonlySet<string> = new Set([
  'content-length',
  'expect',
  'forwarded',
  'host',
  'traceparent',
  'tracestate',
  'via',
  'x-real-ip',
  'x-request-deadline',
])

/** How we sign `Via`. A name, not the host: an outsider learns nothing about the network. */
const pseudonym = 'switchgear'

/** What the gateway says about the client in a forwarded request. */
export interface Origin {
  readonly address: string
  readonly scheme: 'http' | 'https'
  /** The `Host` that the client asked for; undefined when it named none (HTTP/1.0). */
  readonly host: string | undefined
}

/**
 * Head of the request as the service gets it. `Host` is left out: the HTTP engine writes that of the endpoint.
 * The trace headers are left out too: they differ from try to try. `contentLength` is given when the body is streamed with a known length.
 */
export function requestHeaders(request: IncomingMessage, origin: Origin, contentLength: number | undefined): string[] {
  const { rawHeaders } = request
  const named = namedByConnection(request.headers.connection)
  const forwarded: string[] = []
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    const lower = name.toLowerCase()
    if (hopByHop.has(lower) || written.has(lower) || lower.startsWith('x-forwarded-') || named.has(lower)) continue
    forwarded.push(name, rawHeaders[index + 1] ?? '')
  }
  if (contentLength !== undefined && contentLength >= 0) forwarded.push('content-length', String(contentLength))
  forwarded.push('via', via(request.headers.via, request.httpVersion))
  forwarded.push('x-forwarded-for', origin.address, 'x-forwarded-proto', origin.scheme)
  if (origin.host !== undefined) forwarded.push('x-forwarded-host', origin.host)
  return forwarded
}

/** Head of the response as the client gets it. `raw` is a flat list as it came from the service. */
export function responseHeaders(raw: readonly (Buffer | string)[], status: number): string[] {
  const all = raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')))
  const valuesOf = (wanted: string): string | undefined => {
    const values = all.filter((_, index) => index % 2 === 1 && all[index - 1]?.toLowerCase() === wanted)
    return values.length === 0 ? undefined : values.join(', ')
  }
  const named = namedByConnection(valuesOf('connection'))
  const forwarded: string[] = []
  for (let index = 0; index + 1 < all.length; index += 2) {
    const name = all[index] ?? ''
    const lower = name.toLowerCase()
    if (hopByHop.has(lower) || lower === 'via' || named.has(lower)) continue
    // A 204 has no length to speak of (RFC 9110, 8.6).
    if (status === 204 && lower === 'content-length') continue
    forwarded.push(name, all[index + 1] ?? '')
  }
  forwarded.push('via', via(valuesOf('via'), '1.1'))
  return forwarded
}

function namedByConnection(connection: string | undefined): ReadonlySet<string> {
  if (connection === undefined) return nobody
  const named = new Set(connection.split(',').map((option) => option.trim().toLowerCase()))
  // Framing belongs to the HTTP engine: naming it must not make it vanish.
  named.delete('content-length')
  return named
}

const nobody: ReadonlySet<string> = new Set()

function via(earlier: string | undefined, version: string): string {
  return earlier === undefined ? `${version} ${pseudonym}` : `${earlier}, ${version} ${pseudonym}`
}
