// From the command line to the simulator: finds the scenario that is meant, and plays it while the progress is told.
import { nearest } from '@switchgear/client'
import { parseDuration, type SharedSpec } from '@switchgear/core'
import {
  type Guards,
  play,
  type Policies,
  type ScenarioModel,
  scenariosOf,
  type SimulationModel,
  type SimulationResult,
} from '@switchgear/simulator'
import { UsageError } from './failure.ts'
import { duration } from './quantity.ts'

/** A scenario and what stands in front of its services. */
export interface Playing {
  readonly model: SimulationModel
  readonly scenario: string
  readonly label: string
  readonly seed: number
  /** Instead of the scenario's own. */
  readonly duration?: string | undefined
  readonly policies?: Policies
  readonly shared?: SharedSpec | undefined
  readonly guards?: Guards
}

/**
 * The scenario of a name. Throws a `UsageError` with the names that were probably meant.
 *
 * @example
 * scenarioNamed(model, 'payments-dies').title
 */
export function scenarioNamed(model: SimulationModel, name: string): ScenarioModel {
  const known = scenariosOf(model)
  const found = known.get(name)
  if (found !== undefined) return found
  const near = neighbours(name, [...known.keys()])
  const guess = near.length === 0 ? '' : `; did you mean ${near.join(' or ')}?`
  throw new UsageError(`there is no scenario '${name}'${guess}\n--list lists all ${known.size} of them`)
}

/**
 * Plays one scenario. `told` hears how far it is, in one line, very often.
 *
 * @example
 * const result = await played({ model, scenario: 'payments-dies', label: 'switchgear.yaml', seed: 1, policies }, report)
 */
export async function played(playing: Playing, told: (line: () => string) => void): Promise<SimulationResult> {
  const { scenario: name, duration: span, ...rest } = playing
  const found = scenarioNamed(playing.model, name)
  const scenario = span === undefined ? name : { ...found, duration: span, name }
  return play({
    ...rest,
    scenario,
    onProgress: (virtualMs, durationMs) =>
      told(() => `${name}, ${playing.label}: ${duration(virtualMs)} of ${duration(durationMs)}`),
  })
}

/**
 * Results as they are printed for machines: all that the seed decides, and nothing of the machine that played them.
 *
 * @example
 * JSON.stringify(replayable([result])) // the same text for the same seed
 */
export function replayable(
  results: readonly SimulationResult[],
): (Omit<SimulationResult, 'cost'> & { readonly cost: undefined })[] {
  // JSON leaves out what is undefined.
  return results.map((result) => ({ ...result, cost: undefined }))
}

/**
 * About how many requests of an open loop a scenario has, without its bursts: what a play costs grows with them.
 *
 * @example
 * expectedRequests(model, scenarioNamed(model, 'fleet')) // 6_000_000
 */
export function expectedRequests(
  model: SimulationModel,
  { load = model.load, duration: span = '60s' }: ScenarioModel,
): number {
  return load.reduce((sum, { rate = 0 }) => sum + rate, 0) * (parseDuration(span, 'duration') / 1000)
}

/** The nearest names by spelling, and those that share a word when none is near. */
function neighbours(name: string, names: readonly string[]): string[] {
  const near = nearest(name, names)
  const words = new Set(
    name
      .toLowerCase()
      .split(/[-_\s]+/)
      .filter((word) => word.length > 2),
  )
  const sharing = names.filter((other) => other !== near && other.split('-').some((word) => words.has(word)))
  return [...(near === undefined ? [] : [near]), ...sharing].slice(0, 3)
}
