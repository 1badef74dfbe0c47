// What no schema can say, because it lies between two places: a route needs its service, and nothing may be there twice.
// It reads values that may be wrong in other ways and never repeats what the schema says of them.
import type { Mistake } from '../judgement.ts'
import { serviceMistakes } from './policies.ts'
import { mapping, namesOf } from './reading.ts'
import { routeMistakes } from './routes.ts'
import { externalMistakes, placeMistakes, twiceListed } from './services.ts'
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
  const isDiscovered = root['discovery'] !== undefined
  return [
    ...routeMistakes(root['gateway'], namesOf(services)),
    ...Object.entries(services).flatMap(([name, service]) => {
      const path = ['services', name]
      return [
        ...placeMistakes(service, path, isDiscovered),
        ...twiceListed(service, path),
        ...serviceMistakes(service, path, shared),
      ]
    }),
    ...externalMistakes(mapping(root['external']), namesOf(services), shared),
    ...simulationMistakes(root['simulation'], services, shared),
  ]
}
