// Whose certificate an endpoint must show: its own host's, and not that of the Host field, which names the service.
import { isIP } from 'node:net'

/** Asked once per request, so that the parts of a URL are not cut out and looked at each time; an endpoint keeps its URL. */
const known = new WeakMap<URL, string>()

/** The name for TLS; '' for an address, which is no name: there the transport knows. */
export function serverNameOf(origin: URL): string {
  let name = known.get(origin)
  if (name === undefined) {
    const { protocol, hostname } = origin
    name = protocol === 'https:' && isIP(hostname.replace(/^\[|\]$/g, '')) !== 0 ? '' : hostname
    known.set(origin, name)
  }
  return name
}
