// What can be said of a request by its head: whom it is meant for, where it comes from, what it points at. A web page can reach
// loopback, so a Host that nobody announced (DNS rebinding) and a foreign Origin are refused before anything else. Nothing here
// allows a page to ask: there is no CORS. Invariant: a target is decoded once, and what is unusual in it is refused.
import type { IncomingMessage } from 'node:http'
import { check } from '@switchgear/core/options'
import { canonicalAddress } from './addresses.ts'
import { badRequest, ServiceRefusal } from './errors.ts'

/** Where a request points. */
export interface Target {
  /** Decoded; none is empty. */
  readonly segments: readonly string[]
  readonly query: string
}

const loopbackHosts = ['localhost', '127.0.0.1', '[::1]']
const longestTarget = 12 * 1024

/** The names of `hosts` beside those of loopback, as they stand in a Host header without its port. Throws `SG_BAD_OPTIONS`. */
export function servedHosts(hosts: readonly string[], path: string): ReadonlySet<string> {
  for (const [index, name] of hosts.entries()) {
    const isHost = typeof name === 'string' && /^(?:\[?[\da-f:.]*:[\da-f:.]*:[\da-f:.]*\]?|[\w.-]+)$/i.test(name)
    check(isHost, `${path}[${index}]`, 'a host name or an address, without a port', name)
  }
  const bracketed = (name: string): string => (name.includes(':') && !name.startsWith('[') ? `[${name}]` : name)
  return new Set([...loopbackHosts, ...hosts].map((name) => bracketed(name).toLowerCase()))
}

/** Lets a request pass whose Host is served and whose Origin, where it has one, is the same. Throws `SG_REGISTRY_HOST`. */
export function screenSource(request: IncomingMessage, served: ReadonlySet<string>): void {
  const { origin } = request.headers
  // One header, once: what two of them mean depends on who reads.
  const [host = '', another] = request.headersDistinct.host ?? []
  const name = /^(\[[\da-f:.]+\]|[^:[\]]+)(?::\d{1,5})?$/i.exec(host)?.[1]?.toLowerCase()
  if (name === undefined || another !== undefined || !(served.has(name) || isOwn(name, request.socket.localAddress)))
    throw new ServiceRefusal(421, 'SG_REGISTRY_HOST', 'this Host is not served here: add its name to hosts')
  const scheme = 'encrypted' in request.socket ? 'https' : 'http'
  if (origin !== undefined && origin.toLowerCase() !== `${scheme}://${host.toLowerCase()}`)
    throw new ServiceRefusal(403, 'SG_REGISTRY_HOST', 'requests of web pages from elsewhere are not taken')
}

/** The path in its parts. Throws `SG_REGISTRY_REQUEST`. */
export function targetOf(url: string): Target {
  if (url.length > longestTarget) throw badRequest(414, 'the target is too long')
  const [, path, query = ''] = /^\/([^?#]*)(?:\?([^#]*))?$/.exec(url) ?? []
  if (path === undefined) throw badRequest(400, 'the target must be a path')
  const segments = path.split('/').map(decoded)
  if (segments.includes('')) throw notFound()
  return { segments, query }
}

/** The values of the only parameter that a query may have. Throws `SG_REGISTRY_REQUEST`. */
export function queryValues(query: string, name: string): readonly string[] {
  if (query === '') return []
  return query.split('&').map((pair) => {
    const at = pair.indexOf('=')
    if (at < 0 || decoded(pair.slice(0, at)) !== name) throw badRequest(400, `the only parameter is ${name}`)
    return decoded(pair.slice(at + 1))
  })
}

/** 404. */
export function notFound(): ServiceRefusal {
  return badRequest(404, 'there is nothing here: see /v1/services')
}

/** The address that was connected to: a page that was rebound comes by a name, never by this. */
function isOwn(name: string, local: string | undefined): boolean {
  if (local === undefined) return false
  const own = canonicalAddress(local)
  return own !== undefined && canonicalAddress(name.replace(/^\[|\]$/g, '')) === own
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw badRequest(400, 'the target has a percent sign that encodes nothing')
  }
}
