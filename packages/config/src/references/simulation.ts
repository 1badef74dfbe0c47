// What is between the parts of a simulation: every name leads to a service, calls go in no circle, no scenario has the name
// of a built-in one. A service of the file may be missing in the simulation, where it then behaves by the defaults.
import type { Mistake } from '../judgement.ts'
import type { Path } from '../path.ts'
import { shown } from '../problem.ts'
import { circles } from './circles.ts'
import { policyMistakes, type SharedNames } from './policies.ts'
import { list, mapping, type Names, namesOf, unknownName } from './reading.ts'

type Mapping = Readonly<Record<string, unknown>>

/** Mistakes inside of `simulation`, and between it and the services of the file. */
export function simulationMistakes(simulation: unknown, services: Mapping, shared: SharedNames): Mistake[] {
  const root = mapping(simulation)
  const simulated = mapping(root['services'])
  const scenarios = Object.entries(mapping(root['scenarios'])).map(([name, one]) => [name, mapping(one)] as const)
  const names = namesOf(services, simulated)
  const added = scenarios.flatMap(([, one]) => Object.keys(mapping(one['services'])))
  const guarded = new Set([...names, ...added])
  return [
    ...unknownOfServices(simulated, ['simulation', 'services'], names, names),
    ...circles(simulated),
    ...unknownOfLoads(root['load'], ['simulation', 'load'], names),
    ...scenarios.flatMap(([name, one]) => ofScenario(name, one, simulated, names)),
    ...Object.entries(mapping(root['policies'])).flatMap(([name, policies]) => {
      const path = ['simulation', 'policies', name]
      return [
        ...unknownName(name, guarded, { path, what: 'service' }).map((mistake) => ({
          ...mistake,
          part: 'key' as const,
        })),
        ...policyMistakes(list(policies), path, shared),
      ]
    }),
  ]
}

function ofScenario(name: string, scenario: Mapping, simulated: Mapping, names: ReadonlySet<string>): Mistake[] {
  const path = ['simulation', 'scenarios', name]
  const over = mapping(scenario['services'])
  const all: Names = Object.keys(over).length === 0 ? names : new Set([...names, ...Object.keys(over)])
  return [
    ...builtIn(name, simulated),
    ...unknownOfServices(over, [...path, 'services'], all, names),
    ...circles(simulated, { services: over, path }),
    ...unknownOfLoads(scenario['load'], [...path, 'load'], all),
    ...list(scenario['faults']).flatMap((fault, index) => {
      const { service, instances } = mapping(fault)
      const place = [...path, 'faults', index]
      return [
        ...unknownName(service, all, { path: [...place, 'service'], what: 'service' }),
        ...tooMany(instances, instancesOf(service, simulated, over), [...place, 'instances']),
      ]
    }),
  ]
}

/** What happens to each called service, and to all of them, in scenarios that are there anyway. */
const outages = ['dies', 'hangs', 'slows', 'flaps', 'half-dies', 'one-bad-of-ten', 'trickles']
const general = ['overload', 'retry-storm', 'herd', 'arithmetic', 'fleet']

function builtIn(name: string, simulated: Mapping): Mistake[] {
  const called = Object.values(simulated).flatMap((service) =>
    list(mapping(service)['calls']).map((call) => mapping(call)['to']),
  )
  const taken =
    (called.length > 0 && general.includes(name)) ||
    called.some((to) => outages.some((outage) => `${String(to)}-${outage}` === name))
  if (!taken) return []
  const path = ['simulation', 'scenarios', name]
  return [{ path, part: 'key', message: `${shown(name)} is built in`, expected: 'a name of its own' }]
}

/** The policies of a service guard calls in every scenario, so `guardedAs` cannot name one that only some of them have. */
function unknownOfServices(services: Mapping, path: Path, names: Names, guarding: Names): Mistake[] {
  return Object.entries(services).flatMap(([name, service]) => {
    const { calls, guardedAs } = mapping(service)
    return [
      ...list(calls).flatMap((call, index) =>
        unknownName(mapping(call)['to'], names, { path: [...path, name, 'calls', index, 'to'], what: 'service' }),
      ),
      ...(guardedAs === name
        ? []
        : unknownName(guardedAs, guarding, { path: [...path, name, 'guardedAs'], what: 'service' })),
    ]
  })
}

function unknownOfLoads(loads: unknown, path: Path, names: Names): Mistake[] {
  return list(loads).flatMap((load, index) =>
    unknownName(mapping(load)['to'], names, { path: [...path, index, 'to'], what: 'service' }),
  )
}

function instancesOf(service: unknown, simulated: Mapping, over: Mapping): number {
  const read = (services: Mapping): unknown =>
    typeof service === 'string' && Object.hasOwn(services, service)
      ? mapping(services[service])['instances']
      : undefined
  const given = read(over) ?? read(simulated) ?? 1
  // One that is wrong in itself is told by the schema.
  return typeof given === 'number' ? given : Infinity
}

function tooMany(instances: unknown, all: number, path: Path): Mistake[] {
  if (typeof instances !== 'number' || instances <= all || all < 1) return []
  const expected = `at most the ${all === 1 ? 'one instance' : `${all} instances`} of the service`
  return [{ path, part: 'value', message: `got ${instances}`, expected }]
}
