// What the built-in scenarios need to know of a model: which services are called, how many requests reach them, and how many
// slots that takes.
import type { LoadModel, ServiceModel, SimulationModel } from '../model.ts'
import { type Plan, planOf, type ServicePlan } from '../plan.ts'

/** A service that is called. */
export interface Called {
  readonly name: string
  readonly plan: ServicePlan
  /** Requests a second that reach it when all is well. */
  readonly rate: number
}

/** A checked model, seen from its scenarios. */
export interface Surroundings {
  readonly model: SimulationModel
  /** In the order of the model. */
  readonly called: readonly Called[]
  readonly loads: readonly LoadModel[]
  /** Where requests arrive first, with another name should it be called itself. */
  readonly door: string
}

/** Checks the model; throws `SG_BAD_OPTIONS`. */
export function surroundingsOf(model: SimulationModel): Surroundings {
  const plan = planOf(model, {}, 'simulation')
  const rates = ratesOf(plan)
  const targets = new Set(plan.services.flatMap(({ calls }) => calls.map(({ to }) => to)))
  const called = [...targets]
    .toSorted((a, b) => a - b)
    .map((index) => {
      const service = plan.services[index] as ServicePlan
      return { name: service.name, plan: service, rate: rates[index] ?? 0 }
    })
  const entry = plan.loads[0]?.to ?? 0
  const name = plan.services[entry]?.name ?? ''
  return { model, called, loads: model.load, door: targets.has(entry) ? `${name}-door` : name }
}

/** Slots of each instance that so many requests a second use to the given share. */
export function slotsFor({ plan }: Called, rate: number, share: number): number {
  return Math.max(1, Math.ceil((rate * plan.latency.meanMs) / 1000 / share / plan.instances))
}

/** An entry that is no bottleneck itself and calls one service, under the policies of that service. */
export function doorTo(service: string, instances = 2): ServiceModel {
  return {
    instances,
    latency: '1ms',
    concurrency: 1_000_000,
    failureRatio: 0,
    cancels: false,
    calls: [{ to: service }],
  }
}

/** Requests a second by service, when nothing fails and nobody repeats. */
function ratesOf(plan: Plan): readonly number[] {
  const rates = plan.services.map(() => 0)
  const flow = (index: number, rate: number): void => {
    rates[index] = (rates[index] ?? 0) + rate
    for (const { to, probability } of plan.services[index]?.calls ?? []) flow(to, rate * probability)
  }
  const takesMs = (index: number): number => {
    const { latency, calls } = plan.services[index] as ServicePlan
    return calls.reduce((sum, { to, probability }) => sum + probability * takesMs(to), latency.meanMs)
  }
  for (const { to, rate, users = 0, thinkTime } of plan.loads) {
    flow(to, rate ?? (1000 * users) / Math.max(1, thinkTime.meanMs + takesMs(to)))
  }
  return rates
}
