// Runs a simulation and hands it out, for tests that look at more than the result.
import type { ScenarioModel, SimulationModel } from '@switchgear/simulator'
import { unguarded } from '@switchgear/simulator'
import { planOf } from '../src/plan.ts'
import { Simulation } from '../src/simulation.ts'
import { drive } from '../src/turns.ts'

const nothing = (): void => undefined

/** Unguarded, to the end. */
export async function run(model: SimulationModel, scenario: ScenarioModel, seed = 1): Promise<Simulation> {
  const plan = planOf(model, scenario, 'scenario')
  const simulation = new Simulation(plan, unguarded, seed, nothing)
  const { clock, settled } = simulation
  await drive({ clock, untilMs: plan.durationMs, settled, breathe: nothing, thorough: false })
  return simulation
}
