// Plays one scenario from its beginning to its end and answers what was measured. The same model, policies and seed give the
// same result, to the last digit; only `cost` is of this machine.
import { getHeapStatistics } from 'node:v8'
import { type Duration, OptionsError, type SharedSpec } from '@switchgear/core'
import { check, checkCount } from './check.ts'
import type { Guards, Policies } from './guard.ts'
import { rounded } from './histogram.ts'
import type { ScenarioModel, SimulationModel } from './model.ts'
import { pipelineGuards, unguarded } from './pipeline-guards.ts'
import { planOf } from './plan.ts'
import type { SimulationResult, Totals } from './result.ts'
import { scenariosOf } from './scenarios/all.ts'
import { Simulation } from './simulation.ts'
import { drive } from './turns.ts'

/** What is played, and how. */
export interface PlayOptions {
  readonly model: SimulationModel
  /** A name of `scenariosOf(model)`, or a scenario itself. */
  readonly scenario: string | (ScenarioModel & { readonly name?: string | undefined })
  /** By called service; one without policies is called unguarded. Default none. */
  readonly policies?: Policies | undefined
  /** What the policies of one caller instance share by name. */
  readonly shared?: SharedSpec | undefined
  /** Instead of policies: other libraries. */
  readonly guards?: Guards | undefined
  /** Default 1. */
  readonly seed?: number | undefined
  /** How the configuration is called. Default 'switchgear'. */
  readonly label?: string | undefined
  /** Of the time series. Default 1s up to a duration of 5 min, beyond it about 300 steps. */
  readonly step?: Duration | undefined
  /** Told after each step. */
  readonly onProgress?: ((virtualMs: number, durationMs: number) => void) | undefined
  /** Ends the play early; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Plays a scenario in virtual time. Rejects with `SG_BAD_OPTIONS` for a model or policies that make no sense, with what
 * simulated code throws where it is the code that is wrong, and with the reason of `signal`.
 *
 * @example
 * const model = defaultModel(['payments'])
 * const policies = { payments: { policies: [{ circuitBreaker: {} }, { timeout: '800ms' }] } }
 * const { totals } = await play({ model, scenario: 'payments-hangs', policies })
 */
export async function play(options: PlayOptions): Promise<SimulationResult> {
  const { model, policies = {}, guards, seed = 1, label = 'switchgear', signal, onProgress } = options
  checkCount(seed, 'seed', 0, Number.MAX_SAFE_INTEGER)
  check(guards === undefined || options.policies === undefined, 'guards', 'given without policies', guards)
  signal?.throwIfAborted()
  const { name, scenario, path } = scenarioOf(options)
  const plan = planOf(model, scenario, path, options.step)
  const chosen = guards ?? (Object.keys(policies).length === 0 ? unguarded : pipelineGuards(policies, options.shared))
  const simulation = new Simulation(plan, chosen, seed, (virtualMs) => onProgress?.(virtualMs, plan.durationMs))
  const startedAt = performance.now()
  let heapBytes = getHeapStatistics().used_heap_size
  const breathe = (): void => {
    signal?.throwIfAborted()
    heapBytes = Math.max(heapBytes, getHeapStatistics().used_heap_size)
  }
  const thorough = guards !== undefined && guards !== unguarded
  const { clock, settled } = simulation
  await drive({ clock, untilMs: plan.durationMs, settled, breathe, thorough })
  const realMs = performance.now() - startedAt
  return {
    version: 1,
    label,
    scenario: name,
    title: plan.title === '' ? name : plan.title,
    seed,
    durationMs: plan.durationMs,
    outages: simulation.outages,
    totals: totalsOf(simulation),
    series: simulation.recorder.series(plan.stepMs),
    services: simulation.logs.map((log) => log.result()),
    breakers: simulation.breakers.results(simulation.services),
    cost: { realMs, events: clock.events, heapBytes },
  }
}

function scenarioOf({ model, scenario }: PlayOptions): {
  readonly name: string
  readonly scenario: ScenarioModel
  readonly path: string
} {
  if (typeof scenario !== 'string') return { name: scenario.name ?? 'scenario', scenario, path: 'scenario' }
  const known = scenariosOf(model)
  const found = known.get(scenario)
  if (found !== undefined) return { name: scenario, scenario: found, path: `simulation.scenarios.${scenario}` }
  throw new OptionsError(`scenario '${scenario}' is not known; known are ${[...known.keys()].join(', ')}`)
}

function totalsOf({ recorder, services, ledger, detection, expectedCalls, outages }: Simulation): Totals {
  // What users send to a service that is also called by others cannot be told apart later, so it is taken off as sent.
  const arrivals = (of: 'received' | 'receivedDuring'): number => services.reduce((sum, one) => sum + one[of], 0)
  const amplified = (received: number, sent: number, firsts: number): number | undefined => {
    const expected = firsts * expectedCalls
    return expected === 0 ? undefined : (received - sent) / expected
  }
  const { offered, offeredDuring, firsts, firstsDuring } = recorder
  const workMs = services.reduce((sum, one) => sum + one.workMs, 0)
  const { good, failed, refused, goodShare, goodShareDuring, goodShareAfter, maxInFlight, timeToRecoverMs } = recorder
  return {
    offered,
    good,
    failed,
    refused,
    goodShare,
    goodShareDuring,
    goodShareAfter,
    ...recorder.percentiles(),
    maxInFlight,
    amplification: amplified(arrivals('received'), offered, firsts) ?? 1,
    amplificationDuring:
      outages.length === 0 ? undefined : amplified(arrivals('receivedDuring'), offeredDuring, firstsDuring),
    wastedShare: workMs === 0 ? 0 : Math.min(1, ledger.wastedMs / workMs),
    timeToDetectMs: rounded(detection.afterMs),
    timeToRecoverMs,
  }
}
