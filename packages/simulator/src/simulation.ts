// One run, put together: services, calls, load, faults and what is measured, on one clock. It lives as long as the run.
import { chance } from './chance.ts'
import { BreakerLog } from './breaker-log.ts'
import { Calls } from './calls.ts'
import { SimulationClock } from './clock.ts'
import { type Broken, Detection } from './detection.ts'
import { type Outage, outagesOf } from './fault-plan.ts'
import { setFaults } from './faults.ts'
import type { Guards } from './guard.ts'
import { SimEvent } from './heap.ts'
import { Ledger } from './ledger.ts'
import type { Plan } from './plan.ts'
import { Recorder } from './recorder.ts'
import { Service } from './service.ts'
import { ServiceLog } from './service-log.ts'
import { Load } from './users.ts'
import type { Surroundings } from './visit.ts'

/** Milliseconds of the network, one way. */
export const networkMs = 0.5

/** A run that can be driven. */
export class Simulation {
  readonly plan: Plan
  readonly clock: SimulationClock = new SimulationClock()
  readonly ledger: Ledger = new Ledger()
  readonly outages: readonly Outage[]
  readonly services: readonly Service[]
  readonly logs: readonly ServiceLog[]
  readonly recorder: Recorder
  readonly breakers: BreakerLog = new BreakerLog()
  readonly detection: Detection
  #problem: { readonly error: unknown } | undefined = undefined

  constructor(plan: Plan, guards: Guards, seed: number, onStep: (virtualMs: number) => void) {
    const { clock, ledger, breakers } = this
    this.plan = plan
    let instances = 0
    this.services = plan.services.map((service) => {
      instances += service.instances
      return new Service(service, chance(seed, `service ${service.name}`), instances - service.instances)
    })
    this.logs = this.services.map((service) => new ServiceLog(service))
    this.outages = outagesOf(plan.faults, plan.loads, plan.durationMs)
    this.recorder = new Recorder(this.outages, plan.durationMs)
    this.detection = new Detection(this.#broken())
    const calls = new Calls({
      services: this.services,
      guards,
      seed,
      breakers,
      detection: this.detection,
      fail: (error) => (this.#problem ??= { error }),
    })
    const around: Surroundings = { clock, network: clock.lane(networkMs), downstream: calls, ledger }
    calls.around = around
    // Outages and faults are set first: at equal times they come before what they are about.
    for (const { fromMs, toMs } of this.outages) {
      clock.schedule(new Moment(() => (ledger.during = true)), fromMs)
      clock.schedule(new Moment(() => (ledger.during = false)), toMs)
    }
    setFaults(plan.faults, this.services, clock)
    this.#step(onStep)
    for (const [index, load] of plan.loads.entries()) {
      const to = this.services[load.to] as Service
      new Load(load, to, around, this.recorder, chance(seed, `load ${index}`)).start()
    }
  }

  /** After all reactions of an event. Throws what went wrong in the code itself. */
  readonly settled = (): void => {
    this.ledger.settle()
    if (this.#problem !== undefined) throw this.#problem.error
  }

  /** Requests that arrive at called services by one request from outside, if nothing is refused or repeated. */
  get expectedCalls(): number {
    const { services, loads } = this.plan
    const below = (index: number): number =>
      (services[index]?.calls ?? []).reduce((sum, { to, probability }) => sum + probability * (1 + below(to)), 0)
    const weight = loads.reduce((sum, { rate, users }) => sum + (rate ?? users ?? 0), 0)
    const calls = loads.reduce((sum, { to, rate, users }) => sum + (rate ?? users ?? 0) * below(to), 0)
    return weight === 0 ? 0 : calls / weight
  }

  /** The end of each step, and of the last one that is shorter. */
  #step(onStep: (virtualMs: number) => void): void {
    const { clock, plan } = this
    const next = (): void => {
      const ms = Math.min(plan.stepMs, plan.durationMs - clock.now())
      if (ms > 0) clock.schedule(new Moment(over), ms)
    }
    const over = (): void => {
      const now = clock.now()
      this.recorder.step()
      for (const log of this.logs) log.step()
      this.breakers.step(now)
      // Reading a breaker may publish its change.
      clock.touched = true
      onStep(now)
      next()
    }
    next()
  }

  #broken(): Broken | undefined {
    const first = this.outages.find(({ fromMs, toMs }) =>
      this.plan.faults.some((f) => f.atMs < toMs && f.untilMs > fromMs),
    )
    if (first === undefined) return undefined
    const { fromMs, toMs } = first
    const faults = this.plan.faults.filter((fault) => fault.atMs < toMs && fault.untilMs > fromMs)
    const instances = new Map<Service, number>()
    for (const { service, instances: some } of faults) {
      const one = this.services[service] as Service
      instances.set(one, Math.max(some, instances.get(one) ?? 0))
    }
    const broken = instances.values().reduce((sum, some) => sum + some, 0)
    const all = instances.keys().reduce((sum, { plan }) => sum + plan.instances, 0)
    return {
      fromMs: Math.min(...faults.map(({ atMs }) => atMs)),
      toMs,
      services: new Set(instances.keys()),
      share: broken / all,
    }
  }
}

/** A moment at which something is done once. */
class Moment extends SimEvent {
  readonly #run: () => void

  constructor(run: () => void) {
    super()
    this.#run = run
  }

  fire(): void {
    this.#run()
  }
}
