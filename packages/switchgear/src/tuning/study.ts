// One tuning: which setting of a service's policies serves a goal best over several scenarios. The search sees one seed; what
// it finds is believed only when it holds on seeds that the search never saw.
import type { SimulationResult } from '@switchgear/simulator'
import type { PolicySpec, Random } from '@switchgear/core'
import type { Goal } from './goal.ts'
import { isBetter, noScore, type Score, scoreOf, sum } from './score.ts'
import { type Found, search, type Trial } from './search.ts'
import { type Point, spaceOf } from './space.ts'

/** What is tuned. */
export interface StudyOptions {
  readonly policies: readonly PolicySpec[]
  readonly goals: readonly Goal[]
  readonly scenarios: readonly string[]
  /** Plays one scenario with these policies of the service. */
  readonly play: (policies: readonly PolicySpec[], scenario: string, seed: number) => Promise<SimulationResult>
  /** Plays of the search, of which there is at least one for each scenario; those of the validation come on top. */
  readonly budget: number
  readonly seed: number
  readonly random: Random
  readonly onProgress?: (spent: number, best: Score | undefined) => void
}

/** What came of it. */
export interface Study {
  /** The best setting that was found; the present one when none is better. */
  readonly policies: readonly PolicySpec[]
  /** Whether all goals hold with it in every scenario, on every unseen seed. */
  readonly reached: boolean
  /** Whether it is better than the present setting, on the unseen seeds. */
  readonly better: boolean
  /** Results on the unseen seeds, scenario by scenario. */
  readonly present: readonly SimulationResult[]
  readonly tuned: readonly SimulationResult[]
  /** The seeds of those. */
  readonly seeds: readonly number[]
  readonly plays: { readonly search: number; readonly validation: number }
}

/** So many seeds that the search did not see. */
const unseen = 3
/** So many of the best settings are validated until one holds. */
const mostValidated = 3

/** How many plays the validation takes for each scenario: those of the present setting, and of the best ones found. */
export const validationPlays: { readonly least: number; readonly most: number } = {
  least: 2 * unseen,
  most: (1 + mostValidated) * unseen,
}

/**
 * Searches, then validates.
 *
 * @example
 * const { reached, policies } = await study({ policies: present, goals, scenarios, play, budget: 60, seed: 1, random })
 */
export async function study(options: StudyOptions): Promise<Study> {
  const { policies: written, goals, scenarios, play, budget, seed, random, onProgress } = options
  const space = spaceOf(written)
  const seeds = Array.from({ length: unseen }, (_, index) => (seed + 1001 + index) >>> 0)
  const tried = new Map<string, Score | undefined>()
  let searched = 0
  const trial = async (point: Point, best: Score | undefined): Promise<Trial> => {
    const policies = space.policies(point)
    const name = JSON.stringify(policies)
    if (tried.has(name)) return { score: tried.get(name), cost: 0 }
    let score = noScore
    let cost = 0
    for (const scenario of scenarios) {
      score = sum(score, scoreOf(await play(policies, scenario, seed), goals))
      cost++
      searched++
      // What is missed only grows, so a setting that already misses more will not win.
      if (best !== undefined && score.missed > best.missed + 1e-9) break
    }
    const whole = cost === scenarios.length
    tried.set(name, whole ? score : undefined)
    return { score: whole ? score : undefined, cost }
  }
  const latencyMs = goals.filter(({ measure }) => /^p\d+$/.test(measure)).map(({ bound }) => bound)
  const guesses = space.guesses(latencyMs.length === 0 ? undefined : Math.min(...latencyMs))
  const found = await search({
    starts: [space.present, ...guesses],
    trial,
    budget,
    mostCost: scenarios.length,
    random,
    ...(onProgress === undefined ? {} : { onProgress }),
  })
  const replay = async (policies: readonly PolicySpec[]): Promise<SimulationResult[]> => {
    const results: SimulationResult[] = []
    for (const scenario of scenarios) for (const one of seeds) results.push(await play(policies, scenario, one))
    return results
  }
  // The present setting is what is written, not the rounded point that stands for it.
  const present = await replay(written)
  const chosen = await validated(found, (point) => replay(space.policies(point)), goals)
  const validation = present.length * (1 + chosen.validated)
  const total = (results: readonly SimulationResult[]): Score =>
    results.reduce((score, result) => sum(score, scoreOf(result, goals)), noScore)
  const better = isBetter(total(chosen.results), total(present))
  const tuned = better ? chosen.results : present
  return {
    policies: better ? space.policies(chosen.point) : written,
    reached: total(tuned).missed === 0,
    better,
    present,
    tuned,
    seeds,
    plays: { search: searched, validation },
  }
}

/** The first of the best that holds on the unseen seeds, or the one that misses the least there. */
async function validated(
  found: readonly Found[],
  replay: (point: Point) => Promise<SimulationResult[]>,
  goals: readonly Goal[],
): Promise<{ point: Point; results: SimulationResult[]; validated: number }> {
  let best: { point: Point; results: SimulationResult[]; score: Score } | undefined
  let validated = 0
  for (const { point } of found.slice(0, mostValidated)) {
    const results = await replay(point)
    validated++
    const score = results.reduce((all, result) => sum(all, scoreOf(result, goals)), noScore)
    if (best === undefined || isBetter(score, best.score)) best = { point, results, score }
    if (best.score.missed === 0) break
  }
  // The first start is always tried to its end, so there is one.
  if (best === undefined) throw new Error('the search found nothing')
  return { point: best.point, results: best.results, validated }
}
