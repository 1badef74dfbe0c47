// From the `simulation` of a configuration to the model that the simulator takes.
import type { LoadModel, ServiceModel, SimulationModel } from '@switchgear/simulator'
import type { Config } from './schema/config.ts'

/**
 * The simulation of a configuration without its policies; services of the file that it names and does not describe are added,
 * with the defaults. Undefined where the configuration has no simulation.
 *
 * @example
 * const model = simulatedModel(config) ?? defaultModel(Object.keys(config.services))
 */
export function simulatedModel({ services, simulation }: Config): SimulationModel | undefined {
  if (simulation === undefined) return undefined
  const { policies: _, ...model } = simulation
  const scenarios = Object.values(model.scenarios ?? {})
  const named = [
    ...namedBy(model.services, model.load),
    ...scenarios.flatMap((one) => [
      ...namedBy(one.services ?? {}, one.load ?? []),
      ...(one.faults ?? []).map(({ service }) => service),
    ]),
  ]
  const missing = named.filter((name) => Object.hasOwn(services, name) && !Object.hasOwn(model.services, name))
  return { ...model, services: { ...model.services, ...Object.fromEntries(missing.map((name) => [name, {}])) } }
}

function namedBy(services: Readonly<Record<string, ServiceModel>>, loads: readonly LoadModel[]): string[] {
  const ofServices = Object.values(services).flatMap(({ calls = [], guardedAs }) => [
    ...calls.map(({ to }) => to),
    ...(guardedAs === undefined ? [] : [guardedAs]),
  ])
  return [...ofServices, ...loads.map(({ to }) => to)]
}
