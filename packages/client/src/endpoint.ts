// Where a service can be reached, as it is written in its options. Endpoints are origins: a path or a password in one would be lost
// or leaked silently, so it is refused.
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
