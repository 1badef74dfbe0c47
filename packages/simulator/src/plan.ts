// From a model and a scenario to what is played: everything checked, every default filled in, every duration a number of
// milliseconds. Nothing after this asks whether a name exists.
import { type Duration, OptionsError, parseDuration } from '@switchgear/core'
import { check, checkCount, checkKeys, checkList, checkName, checkNumber } from './check.ts'
import { type FaultPlan, planFaults } from './fault-plan.ts'
import { type Distribution, distributionOf } from './latency.ts'
import { type LoadPlan, planLoads } from './load-plan.ts'
import type { CallModel, ScenarioModel, ServiceModel, SimulationModel } from './model.ts'

/** One service, checked. */
export interface ServicePlan {
  readonly name: string
  readonly guardedAs: string
  readonly instances: number
  readonly latency: Distribution
  readonly concurrency: number
  readonly queue: number
  readonly failureRatio: number
  readonly cancels: boolean
  readonly calls: readonly CallPlan[]
}

/** One call of a service, checked; `to` is an index in the plan's services. */
export interface CallPlan {
  readonly to: number
  readonly probability: number
  readonly required: boolean
}

/** What is played. */
export interface Plan {
  readonly title: string
  readonly durationMs: number
  readonly stepMs: number
  readonly services: readonly ServicePlan[]
  readonly loads: readonly LoadPlan[]
  readonly faults: readonly FaultPlan[]
}

const knownOfService = ['instances', 'latency', 'concurrency', 'queue', 'failureRatio', 'cancels', 'calls', 'guardedAs']
const usual = Object.freeze({ median: '20ms', p99: '100ms' })
const hourMs = 3_600_000

/** Checks and compiles. `path` is where the scenario stands. Throws `SG_BAD_OPTIONS`. */
export function planOf(model: SimulationModel, scenario: ScenarioModel, path: string, step?: Duration): Plan {
  checkKeys(model, ['services', 'load', 'scenarios'], 'simulation')
  checkKeys(scenario, ['title', 'reason', 'duration', 'faults', 'load', 'services', 'name'], path)
  const merged = overlaid(model.services, scenario.services, path)
  const names = Object.keys(merged)
  check(names.length > 0, 'simulation.services', 'an object with at least one service', merged)
  const services = names.map((name) =>
    planService(name, merged[name] ?? {}, names, `simulation.services.${name}`, model.services),
  )
  checkAcyclic(services)
  const durationMs = parseDuration(scenario.duration ?? '60s', `${path}.duration`, 1000)
  check(durationMs <= 24 * hourMs, `${path}.duration`, 'at most 24h', scenario.duration)
  const loadPath = scenario.load === undefined ? 'simulation.load' : `${path}.load`
  return {
    title: scenario.title ?? '',
    durationMs,
    stepMs: stepOf(durationMs, step),
    services,
    loads: planLoads(scenario.load ?? model.load, names, durationMs, loadPath),
    faults: planFaults(scenario.faults ?? [], services, `${path}.faults`),
  }
}

/** The services of a model with those of a scenario laid over them. */
export function overlaid(
  services: Readonly<Record<string, ServiceModel>>,
  over: Readonly<Record<string, ServiceModel>> | undefined,
  path: string,
): Readonly<Record<string, ServiceModel>> {
  check(typeof services === 'object' && services !== null, 'simulation.services', 'an object', services)
  const merged: Record<string, ServiceModel> = { ...services }
  if (over === undefined) return merged
  check(typeof over === 'object' && over !== null, `${path}.services`, 'an object', over)
  for (const [name, service] of Object.entries(over)) merged[name] = { ...merged[name], ...service }
  return merged
}

/** Up to 5 minutes a second each; longer scenarios have about 300 steps of whole seconds. */
function stepOf(durationMs: number, step: Duration | undefined): number {
  const stepMs = parseDuration(step ?? Math.max(1000, Math.ceil(durationMs / 300_000) * 1000), 'step', 1)
  check(durationMs / stepMs <= 100_000, 'step', 'long enough for at most 100000 steps', step)
  return stepMs
}

function planService(
  name: string,
  model: ServiceModel,
  names: readonly string[],
  path: string,
  known: Readonly<Record<string, unknown>>,
): ServicePlan {
  checkKeys(model, knownOfService, path)
  const { instances = 1, concurrency = 100, queue = 1000, failureRatio = 0, cancels = false } = model
  checkCount(instances, `${path}.instances`, 1, 100_000)
  checkCount(concurrency, `${path}.concurrency`, 1, 10_000_000)
  checkCount(queue, `${path}.queue`, 0, 10_000_000)
  checkNumber(failureRatio, `${path}.failureRatio`, 0, 1)
  check(typeof cancels === 'boolean', `${path}.cancels`, 'true or false', cancels)
  const { calls = [], guardedAs = name } = model
  checkList(calls, `${path}.calls`)
  if (guardedAs !== name) checkName(guardedAs, Object.keys(known), `${path}.guardedAs`)
  return {
    name,
    guardedAs,
    instances,
    concurrency,
    queue,
    failureRatio,
    cancels,
    latency: distributionOf(model.latency ?? usual, `${path}.latency`),
    calls: calls.map((call, index) => planCall(call, names, `${path}.calls[${index}]`)),
  }
}

function planCall(call: CallModel, names: readonly string[], path: string): CallPlan {
  checkKeys(call, ['to', 'probability', 'required'], path)
  const { to, probability = 1, required = true } = call
  checkName(to, names, `${path}.to`)
  checkNumber(probability, `${path}.probability`, 0, 1)
  check(typeof required === 'boolean', `${path}.required`, 'true or false', required)
  return { to: names.indexOf(to), probability, required }
}

/** A circle of calls would never end. The message names the call that closes it and the whole circle. */
function checkAcyclic(services: readonly ServicePlan[]): void {
  const done = new Set<number>()
  const walk = (index: number, above: readonly number[]): void => {
    const service = services[index] as ServicePlan
    for (const [place, { to }] of service.calls.entries()) {
      const path = [...above, index]
      if (path.includes(to)) {
        const circle = [...path.slice(path.indexOf(to)), to].map((one) => services[one]?.name).join(' -> ')
        throw new OptionsError(`simulation.services.${service.name}.calls[${place}].to closes a circle: ${circle}`)
      }
      if (!done.has(to)) walk(to, path)
    }
    done.add(index)
  }
  for (const index of services.keys()) walk(index, [])
}
