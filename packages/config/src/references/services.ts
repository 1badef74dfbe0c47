// What is between services, hosts outside, and where they are: who names no endpoints must be found by somebody, nothing is there
// twice, and two things do not share a name.
import { isServiceName } from '@switchgear/discovery'
import type { Mistake } from '../judgement.ts'
import type { Path } from '../path.ts'
import { shown } from '../problem.ts'
import { isMapping } from '../schema/expectation.ts'
import { serviceMistakes, type SharedNames } from './policies.ts'
import { list, mapping, type Names } from './reading.ts'

/** A service without endpoints needs discovery, and a name that discovery can look for. */
export function placeMistakes(service: unknown, path: Path, isDiscovered: boolean): Mistake[] {
  if (!isMapping(service) || Object.hasOwn(service, 'endpoints')) return []
  if (!isDiscovered) {
    const expected = 'a list of at least one origin, or discovery: in this file, by which they are found'
    return [{ path: [...path, 'endpoints'], part: 'key', message: 'missing', expected }]
  }
  const name = path.at(-1)
  if (isServiceName(name)) return []
  const expected = "a name without capitals and '..' where discovery looks for it, or endpoints"
  return [{ path, part: 'key', message: `got ${shown(name)}`, expected }]
}

/** An endpoint listed twice would get twice the calls. */
export function twiceListed(service: unknown, path: Path): Mistake[] {
  const seen = new Set<string>()
  return list(mapping(service)['endpoints']).flatMap((endpoint, index) => {
    if (typeof endpoint !== 'string') return []
    const origin = URL.parse(endpoint)?.origin ?? endpoint
    const place = [...path, 'endpoints', index]
    if (seen.has(origin)) {
      return [
        {
          path: place,
          part: 'value',
          message: `${shown(endpoint)} is listed already`,
          expected: 'each endpoint once',
        },
      ]
    }
    seen.add(origin)
    return []
  })
}

/** Hosts outside: what guards them, and that none has the name of a service, by which both would be known. */
export function externalMistakes(
  hosts: Readonly<Record<string, unknown>>,
  services: Names,
  shared: SharedNames,
): Mistake[] {
  return Object.entries(hosts).flatMap(([host, one]) => {
    const path = ['external', host]
    const taken: Mistake[] = services.has(host)
      ? [{ path, part: 'key', message: `${shown(host)} is a service too`, expected: 'a name of its own' }]
      : []
    return [...taken, ...twiceListed(one, path), ...serviceMistakes(one, path, shared)]
  })
}
