// What a switchgear.yaml says to the simulator: which policies stand in front of which service, and the world they are
// played in. It reads files and builds plain objects; it plays nothing.
import { type ServiceOptions, standardPolicies } from '@switchgear/client'
import { type Config, loadConfig, simulatedModel } from '@switchgear/config'
import type { PolicySpec, SharedSpec } from '@switchgear/core'
import { defaultModel, type Policies, type SimulationModel } from '@switchgear/simulator'

/** One configuration, ready to be played. */
export interface Setting {
  /** The file as it was named on the command line. */
  readonly label: string
  readonly config: Config
  readonly policies: Policies
  /** What the policies share by name. */
  readonly shared: SharedSpec | undefined
}

/**
 * Reads a file. Throws a `ConfigError` with every problem of it.
 *
 * @example
 * const { policies } = await readSetting('switchgear.yaml')
 */
export async function readSetting(file: string): Promise<Setting> {
  const config = await loadConfig(file)
  return { label: file, config, policies: policiesOf(config), shared: config.shared }
}

/**
 * The policies of every service as the simulator takes them: those that the simulation shall try, else the service's own, else
 * the client's standard stack, as in production. A simulated failure is a thrown error, so the default classifier judges it.
 */
export function policiesOf(config: Config): Policies {
  const names = new Set([...Object.keys(config.services), ...Object.keys(config.simulation?.policies ?? {})])
  return Object.fromEntries(
    [...names].map((name) => [name, { policies: guarded(config.services[name], stackOf(config, name)) }]),
  )
}

/** The policies of a service without its fallback. */
export function stackOf({ services, simulation }: Config, name: string): readonly PolicySpec[] {
  return simulation?.policies?.[name] ?? services[name]?.policies ?? standardPolicies
}

/** Puts the service's fallback and its hedge in front of `policies`, where the client applies them. */
export function guarded(service: ServiceOptions | undefined, policies: readonly PolicySpec[]): readonly PolicySpec[] {
  const { fallback, hedge } = service ?? {}
  // Policies that a simulation tries may have a hedge among them, which then stands for that of the service.
  const isHedged = hedge === undefined || policies.some((policy) => 'hedge' in policy)
  const hedged = isHedged ? policies : [{ hedge }, ...policies]
  // A fallback that answers an error status is no good answer, so it counts for nothing here.
  if (fallback === undefined || (!fallback.cached && (fallback.status ?? 200) >= 400)) return hedged
  return [{ fallback: { value: fallback.body ?? '', name: fallback.name } }, ...hedged]
}

/** What is played in, and whose it is. */
export interface World {
  readonly model: SimulationModel
  /** The file whose `simulation` it is; undefined for the one that is made up. */
  readonly file: string | undefined
}

/**
 * The world of several settings: the `simulation` of the first that has one, so that all of them meet the same outage; else
 * an app that calls each of their services.
 */
export function worldOf(settings: readonly Setting[]): World {
  for (const { config, label } of settings) {
    const model = simulatedModel(config)
    if (model !== undefined) return { model, file: label }
  }
  const services = new Set(settings.flatMap(({ config }) => Object.keys(config.services)))
  return { model: defaultModel([...services]), file: undefined }
}
