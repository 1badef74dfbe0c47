// What no schema can say, because it lies between two places: a route needs its service, and nothing may be there twice.
// It reads values that may be wrong in other ways and never repeats what the schema says of them.
import type { Mistake } from '../judgement.ts'
import { shown } from '../problem.ts'
import { policyMistakes, serviceMistakes } from './policies.ts'
import { list, mapping, namesOf } from './reading.ts'
import { routeMistakes } from './routes.ts'
import { simulationMistakes } from './simulation.ts'

/**
 * Mistakes between the parts of a configuration, which need not be valid otherwise.
 *
 * @example
 * references({ services: {}, gateway: { routes: [{ path: '/', service: 'shop' }] } })[0].message // "unknown service 'shop'"
 */
export function references(config: unknown): Mistake[] {
  const root = mapping(config)
  const services = mapping(root['services'])
  const { budgets, circuitBreakers } = mapping(root['shared'])
  const shared = { budgets: namesOf(mapping(budgets)), circuitBreakers: namesOf(mapping(circuitBreakers)) }
  return [
    ...routeMistakes(root['gateway'], namesOf(services)),
    ...Object.entries(services).flatMap(([name, service]) => {
      const { endpoints, policies } = mapping(service)
      return [
        ...twiceListed(name, list(endpoints)),
        ...policyMistakes(list(policies), ['services', name, 'policies'], shared),
        ...serviceMistakes(name, list(policies)),
      ]
    }),
    ...simulationMistakes(root['simulation'], services, shared),
  ]
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
