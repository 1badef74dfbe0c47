// What no schema can say, because it lies between two places: a route needs its service, and nothing may be there twice.
// It reads values that may be wrong in other ways and never repeats what the schema says of them.
import type { Mistake } from './judgement.ts'
import { nearest } from '@switchgear/client'
import { formatPath, type Path } from './path.ts'
import { shown } from './problem.ts'
import { isMapping } from './schema/expectation.ts'
import { withoutSlash } from './schema/route-path.ts'

/**
 * Mistakes between the parts of a configuration, which need not be valid otherwise.
 *
 * @example
 * references({ services: {}, gateway: { routes: [{ path: '/', service: 'shop' }] } })[0].message // "unknown service 'shop'"
 */
export function references(config: unknown): Mistake[] {
  const root = mapping(config)
  const services = mapping(root['services'])
  const routes = list(mapping(root['gateway'])['routes']).map(mapping)
  return [
    ...routes.flatMap((route, index) =>
      unknownService(route['service'], services, ['gateway', 'routes', index, 'service']),
    ),
    ...twiceRouted(routes),
    ...Object.entries(services).flatMap(([name, service]) => {
      const { endpoints, policies } = mapping(service)
      return [
        ...twiceListed(name, list(endpoints)),
        ...twiceRetried(name, list(policies)),
        ...misplacedFallback(name, list(policies)),
      ]
    }),
  ]
}

function unknownService(service: unknown, services: Readonly<Record<string, unknown>>, path: Path): Mistake[] {
  if (typeof service !== 'string' || Object.hasOwn(services, service)) return []
  const names = Object.keys(services)
  const few = `${names.slice(0, 12).join(', ')}${names.length > 12 ? ', ...' : ''}`
  const expected = names.length === 0 ? 'a service, but none is defined' : `one of ${few}`
  return [
    { path, part: 'value', message: `unknown service ${shown(service)}`, expected, nearest: nearest(service, names) },
  ]
}

/** Two routes for one path and method: which of them is meant cannot be seen. */
function twiceRouted(routes: readonly Readonly<Record<string, unknown>>[]): Mistake[] {
  const table = new Map<string, Map<string, number>>()
  return routes.flatMap((route, index) => {
    const { path } = route
    if (typeof path !== 'string') return []
    const prefix = withoutSlash(path)
    const taken = table.get(prefix) ?? new Map<string, number>()
    table.set(prefix, taken)
    const methods = methodsOf(route)
    // A route for every method meets any other, and the other way round.
    const met = methods.includes('*') ? [...taken.keys()] : [...methods, '*']
    const earlier = met.map((method) => taken.get(method)).find((found) => found !== undefined)
    for (const method of methods) if (!taken.has(method)) taken.set(method, index)
    if (earlier === undefined) return []
    const message = `${shown(path)} is routed already, by gateway.routes[${earlier}]`
    return [
      { path: ['gateway', 'routes', index, 'path'], part: 'value', message, expected: 'each path and method once' },
    ]
  })
}

/** '*' for all. Who may GET may HEAD. */
function methodsOf(route: Readonly<Record<string, unknown>>): string[] {
  if (route['methods'] === undefined) return ['*']
  const methods = list(route['methods']).filter((method) => typeof method === 'string')
  return methods.includes('GET') ? [...methods, 'HEAD'] : methods
}

/** An endpoint listed twice would get twice the calls. */
function twiceListed(name: string, endpoints: readonly unknown[]): Mistake[] {
  const seen = new Set<string>()
  return endpoints.flatMap((endpoint, index) => {
    if (typeof endpoint !== 'string') return []
    const origin = URL.parse(endpoint)?.origin ?? endpoint
    const path = ['services', name, 'endpoints', index]
    if (seen.has(origin)) {
      return [{ path, part: 'value', message: `${shown(endpoint)} is listed already`, expected: 'each endpoint once' }]
    }
    seen.add(origin)
    return []
  })
}

/** A service is asked by streaming, which no policy can answer instead of: its fallback stands around all of them. */
function misplacedFallback(name: string, policies: readonly unknown[]): Mistake[] {
  const found = [...policies.keys()].filter((index) => Object.hasOwn(mapping(policies[index]), 'fallback'))
  return found.map((index) => ({
    path: ['services', name, 'policies', index, 'fallback'],
    part: 'key',
    message: 'a fallback among the policies of a service',
    expected: `it beside them, as ${formatPath(['services', name, 'fallback'])}`,
  }))
}

/** Two retries multiply: three times three attempts for one call. */
function twiceRetried(name: string, policies: readonly unknown[]): Mistake[] {
  const retries = [...policies.keys()].filter((index) => Object.hasOwn(mapping(policies[index]), 'retry'))
  return retries.slice(1).map((index) => ({
    path: ['services', name, 'policies', index, 'retry'],
    part: 'key',
    message: 'a second retry, which multiplies the attempts of the first',
    expected: 'at most one retry in a list',
  }))
}

function mapping(value: unknown): Readonly<Record<string, unknown>> {
  return isMapping(value) ? value : {}
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
