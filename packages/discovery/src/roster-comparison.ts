// When two sightings of an endpoint are the same. Invariant: whoever holds an endpoint keeps the object as long as nothing of it
// changed, so that a source which repeats itself changes nothing and wakes nobody.
import type { Endpoint } from './endpoint.ts'

/**
 * Whether nothing of an endpoint changed.
 *
 * @example
 * if (!sameEndpoint(held, seen)) replace(seen)
 */
export function sameEndpoint(one: Endpoint, other: Endpoint): boolean {
  if (one === other) return true
  return (
    one.id === other.id &&
    one.address === other.address &&
    one.port === other.port &&
    one.scheme === other.scheme &&
    one.zone === other.zone &&
    one.weight === other.weight &&
    one.version === other.version &&
    one.readiness === other.readiness &&
    sameMetadata(one.metadata, other.metadata)
  )
}

/** Whether two lists name the same endpoints in the same order. */
export function sameEndpoints(some: readonly Endpoint[], others: readonly Endpoint[]): boolean {
  return (
    some.length === others.length &&
    some.every((one, index) => {
      const other = others[index]
      return other !== undefined && sameEndpoint(one, other)
    })
  )
}

function sameMetadata(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  if (one === other) return true
  const keys = Object.keys(one)
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key])
}
