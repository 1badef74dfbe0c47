// What is between routes: each needs its service, and no path and method may be routed twice.
import type { Mistake } from '../judgement.ts'
import { shown } from '../problem.ts'
import { withoutSlash } from '../schema/route-path.ts'
import { list, mapping, type Names, unknownName } from './reading.ts'

/** Mistakes between the routes of the gateway and the services. */
export function routeMistakes(gateway: unknown, services: Names): Mistake[] {
  const routes = list(mapping(gateway)['routes']).map(mapping)
  return [
    ...routes.flatMap((route, index) =>
      unknownName(route['service'], services, {
        path: ['gateway', 'routes', index, 'service'],
        what: 'service',
      }),
    ),
    ...twiceRouted(routes),
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
