// Which requests are for services: by the origin of their URL. Invariant: an origin that nobody configured and that discovery does
// not know is never ours, so that a typing error or another host meets what it would have met without us.
import type { Depot } from '../depot.ts'

/** Finds out whether discovery knows a service of this name: at once, or with its first answer. */
export type Prospect = (name: string) => Depot | undefined | Promise<Depot | undefined>

/** A host that may be the bare name of a service: no dot, no port. */
const bare = /^http:\/\/([a-z0-9_-]{1,100})$/
const loopback = 'http://localhost'

/** Origins of services. */
export class OriginRoutes {
  readonly #depots = new Map<string, Depot>()
  readonly #prospect: Prospect | undefined

  /** Without `prospect`, only what was added is known. */
  constructor(prospect: Prospect | undefined) {
    this.#prospect = prospect
  }

  /**
   * A service by its name: `http://name`, also with a port that an endpoint of it has. Over `https://` too where every endpoint
   * speaks TLS: a request that was to be encrypted never goes out in the clear.
   */
  addService(name: string, depot: Depot): void {
    const host = name.toLowerCase()
    const { origins } = depot.upstream
    const encrypted = origins.length > 0 && origins.every(({ protocol }) => protocol === 'https:')
    for (const scheme of encrypted ? ['http', 'https'] : ['http']) {
      this.#depots.set(`${scheme}://${host}`, depot)
      for (const { port } of origins) if (port !== '') this.#depots.set(`${scheme}://${host}:${port}`, depot)
    }
  }

  /** A host outside, exactly with the scheme of its endpoints. */
  addExternal(host: string, depot: Depot): void {
    for (const { protocol } of depot.upstream.origins) this.#depots.set(`${protocol}//${host.toLowerCase()}`, depot)
  }

  find(origin: string | URL | undefined): Depot | undefined | Promise<Depot | undefined> {
    const text = typeof origin === 'string' ? origin : origin?.origin
    if (text === undefined) return undefined
    const found = this.#depots.get(text)
    if (found !== undefined) return found
    const plain = text.endsWith('/') || /[A-Z]/.test(text) ? (URL.parse(text)?.origin ?? text) : text
    if (plain !== text) return this.find(plain)
    if (this.#prospect === undefined || plain === loopback) return undefined
    const name = bare.exec(plain)?.[1]
    return name === undefined ? undefined : this.#prospect(name)
  }
}
