// What must be known to read a comparison, in a line each: in whose world both files are played, and which calls nothing
// protects because a file does not know the service. It judges nothing and plays nothing.
import type { ScenarioModel, SimulationModel } from '@switchgear/simulator'
import type { Setting, World } from './setting.ts'

const mostNamed = 5

/**
 * The lines; none for a single file, which has its own world and says itself what it protects.
 *
 * @example
 * comparisonNotes(settings, worldOf(settings), [scenario]) // ['world: the simulation of a.yaml, for both files']
 */
export function comparisonNotes(
  settings: readonly Setting[],
  { model, file }: World,
  scenarios: readonly ScenarioModel[],
): string[] {
  if (settings.length < 2) return []
  const aside = settings.filter(({ label, config }) => config.simulation !== undefined && label !== file)
  const ignored = aside.length === 0 ? '' : `; that of ${aside.map(({ label }) => label).join(', ')} is not played`
  const world =
    file === undefined ? 'an app that calls the services of both files' : `the simulation of ${file}, for both files`
  const guarded = guardedNames(model, scenarios)
  return [
    `world: ${world}${ignored}`,
    ...settings.flatMap(({ label, policies }) => {
      const missing = guarded.filter((name) => (policies[name]?.policies.length ?? 0) === 0)
      return missing.length === 0 ? [] : [`${label} has no policies for ${listed(missing)}: played unprotected`]
    }),
  ]
}

/** The names under which policies are looked up for the calls of these scenarios. */
function guardedNames(model: SimulationModel, scenarios: readonly ScenarioModel[]): string[] {
  const names = new Set<string>()
  for (const { services: laid = {} } of scenarios) {
    for (const service of new Set([...Object.keys(model.services), ...Object.keys(laid)])) {
      // A scenario is laid over the model key by key.
      const { calls = [] } = { ...model.services[service], ...laid[service] }
      for (const { to } of calls) names.add(laid[to]?.guardedAs ?? model.services[to]?.guardedAs ?? to)
    }
  }
  return [...names]
}

function listed(names: readonly string[]): string {
  const more = names.length - mostNamed
  return more > 0 ? `${names.slice(0, mostNamed).join(', ')} and ${more} more` : names.join(', ')
}
