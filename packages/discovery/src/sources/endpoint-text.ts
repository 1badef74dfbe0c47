// Endpoints as people write them: a URL, `host:port`, or their parts. Invariant: what is not one is refused with the place where
// it stands; nothing is guessed but the port that a scheme implies.
import { type EndpointParts, endpoint, type Endpoint } from '../endpoint.ts'
import { check, checkKeys, checkObject } from '@switchgear/core/options'

/** `'http://10.0.0.1:4001'`, `'10.0.0.1:4001'`, or the parts. */
export type EndpointText = string | EndpointParts

/** Names of services to their endpoints. */
export type ServiceTexts = Readonly<Record<string, readonly EndpointText[]>>

const partNames = [
  'id',
  'address',
  'port',
  'scheme',
  'zone',
  'weight',
  'version',
  'metadata',
  'readiness',
] as const satisfies readonly (keyof EndpointParts)[]

/**
 * An endpoint of what somebody wrote. Throws `SG_BAD_OPTIONS` naming `path`.
 *
 * @example
 * endpointOf('https://payments.internal', 'services.payments[0]').port // 443
 */
export function endpointOf(text: EndpointText, path: string): Endpoint {
  if (typeof text !== 'string') {
    checkKeys(text, partNames, path)
    return endpoint(text, path)
  }
  const bound = "a URL like 'http://10.0.0.1:4001', or 'host:port'"
  const scheme = /^(https?):\/\//i.exec(text)?.[1]?.toLowerCase() as 'http' | 'https' | undefined
  const url = URL.parse(scheme === undefined ? `http://${text}` : text)
  // A path or a user would silently do nothing: an endpoint is only where somebody listens.
  const isPlain =
    url !== null && `${url.username}${url.password}${url.search}${url.hash}` === '' && url.pathname === '/'
  check(isPlain && !text.includes('@'), path, bound, redacted(text))
  const { hostname, port } = url as URL
  const written = /:(\d+)\/?$/.exec(text)?.[1]
  check(scheme !== undefined || written !== undefined, path, bound, text)
  const number = port === '' ? Number(written ?? (scheme === 'https' ? 443 : 80)) : Number(port)
  return endpoint({ address: hostname.replace(/^\[|\]$/g, ''), port: number, scheme }, path)
}

/** All services. Throws `SG_BAD_OPTIONS` at the first that is wrong; two endpoints of a service never share an id. */
export function servicesOf(services: ServiceTexts, path: string): Map<string, readonly Endpoint[]> {
  checkObject(services, path)
  const all = new Map<string, readonly Endpoint[]>()
  for (const [service, texts] of Object.entries(services)) {
    check(Array.isArray(texts), `${path}.${service}`, 'a list of endpoints', texts)
    const seen = new Set<string>()
    const endpoints = texts.map((text, index) => {
      const one = endpointOf(text, `${path}.${service}[${index}]`)
      check(!seen.has(one.id), `${path}.${service}[${index}]`, 'another endpoint than those before it', one.id)
      seen.add(one.id)
      return one
    })
    all.set(service, Object.freeze(endpoints))
  }
  return all
}

/** A credential in a URL must not stand in a message. */
function redacted(text: string): string {
  return text.includes('@') ? `…${text.slice(text.lastIndexOf('@'))}` : text
}
