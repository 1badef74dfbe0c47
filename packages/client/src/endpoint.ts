// Where a service can be reached, and whose turn it is. Endpoints are origins: a path or a password in one would be lost
// or leaked silently, so it is refused. Invariant: a try never goes to the endpoint of the try before it if there is another.
import { OptionsError } from '@switchgear/core'

/** Checks `endpoints` of a service; `path` is where they stand, for messages. */
export function parseEndpoints(endpoints: readonly string[], path: string): readonly URL[] {
  if (!Array.isArray(endpoints) || endpoints.length === 0)
    throw new OptionsError(`${path} must list at least one endpoint`)
  return endpoints.map((text: unknown, index) => parseEndpoint(text, `${path}[${index}]`))
}

function parseEndpoint(text: unknown, path: string): URL {
  const wanted = `${path} must be an origin such as 'http://127.0.0.1:4001'`
  const url = typeof text === 'string' ? URL.parse(text) : null
  // Not even a part of it is repeated: what cannot be parsed may hold a password anywhere.
  if (url !== null && (url.username !== '' || url.password !== ''))
    throw new OptionsError(`${wanted}, without credentials`)
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new OptionsError(
      `${wanted}, got ${typeof text === 'string' && !text.includes('@') ? `'${text}'` : typeof text}`,
    )
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new OptionsError(`${wanted}, without a path, got '${url.href}'`)
  }
  return url
}

/** Takes turns. */
export class RoundRobin {
  readonly #endpoints: readonly URL[]
  #turn = 0

  constructor(endpoints: readonly URL[]) {
    this.#endpoints = endpoints
  }

  /** The next in turn, skipping `previous` if there is another. */
  pick(previous?: URL): URL {
    const next = this.#next()
    return next === previous && this.#endpoints.length > 1 ? this.#next() : next
  }

  #next(): URL {
    const endpoint = this.#endpoints[this.#turn] as URL
    this.#turn = (this.#turn + 1) % this.#endpoints.length
    return endpoint
  }
}
