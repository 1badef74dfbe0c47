// All scenarios of a model by name: the built-in ones of each called service, the general ones, and the model's own.
import { OptionsError } from '@switchgear/core'
import type { ScenarioModel, SimulationModel } from '../model.ts'
import { herd, overload, retryStorm } from './load.ts'
import { outagesOf } from './outages.ts'
import { arithmetic, fleet } from './scale.ts'
import { surroundingsOf } from './surroundings.ts'

/**
 * `<service>-dies`, `-hangs`, `-slows`, `-flaps`, `-half-dies`, `-one-bad-of-ten` and `-trickles` of each called service;
 * `overload`, `retry-storm`, `herd`, `arithmetic` and `fleet`, which are about the busiest of them; and the model's own,
 * which may not have the name of a built-in one. A model in which nothing is called has only its own. Throws
 * `SG_BAD_OPTIONS` for a model that makes no sense.
 *
 * @example
 * for (const [name, { title }] of scenariosOf(defaultModel(['payments']))) console.log(name, title)
 */
export function scenariosOf(model: SimulationModel): ReadonlyMap<string, ScenarioModel> {
  const around = surroundingsOf(model)
  const scenarios = new Map<string, ScenarioModel>()
  for (const called of around.called) {
    for (const [what, scenario] of Object.entries(outagesOf(called))) scenarios.set(`${called.name}-${what}`, scenario)
  }
  const [first, ...rest] = around.called
  if (first !== undefined) {
    const busiest = rest.reduce((most, one) => (one.rate > most.rate ? one : most), first)
    scenarios.set('overload', overload(around, busiest))
    scenarios.set('retry-storm', retryStorm(around))
    scenarios.set('herd', herd(around, busiest))
    scenarios.set('arithmetic', arithmetic(around, busiest))
    scenarios.set('fleet', fleet(around, busiest))
  }
  for (const [name, scenario] of Object.entries(model.scenarios ?? {})) {
    if (scenarios.has(name)) throw new OptionsError(`simulation.scenarios.${name} has the name of a built-in scenario`)
    scenarios.set(name, scenario)
  }
  return scenarios
}
