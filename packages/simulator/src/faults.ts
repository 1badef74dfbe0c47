// Lets faults come and go: an event for each change of each fault. A flapping one is on and off for equally long.
import type { SimulationClock } from './clock.ts'
import type { FaultPlan } from './fault-plan.ts'
import { SimEvent } from './heap.ts'
import type { Instance, Service } from './service.ts'

/** Sets all faults of a scenario; called once, at the start, so that at equal times a fault comes before a request. */
export function setFaults(faults: readonly FaultPlan[], services: readonly Service[], clock: SimulationClock): void {
  const fates = faults.map((plan) => new Fate(plan, (services[plan.service] as Service).instances, clock))
  for (const fate of fates) fate.start()
}

class Fate extends SimEvent {
  readonly #plan: FaultPlan
  readonly #instances: readonly Instance[]
  readonly #clock: SimulationClock
  #on = false
  #begun = false

  constructor(plan: FaultPlan, instances: readonly Instance[], clock: SimulationClock) {
    super()
    this.#plan = plan
    this.#instances = instances.slice(0, plan.instances)
    this.#clock = clock
  }

  start(): void {
    this.#clock.schedule(this, this.#plan.atMs)
  }

  fire(): void {
    const { affliction, untilMs, everyMs } = this.#plan
    const now = this.#clock.now()
    // A death resets connections, which is told to whoever waits.
    this.#clock.touched = true
    this.#on = !this.#on && now < untilMs
    const over = now >= untilMs
    for (const instance of this.#instances) {
      if (!this.#begun) instance.stretches++
      if (over) instance.stretches--
      if (this.#on) instance.afflict(affliction)
      else instance.relieve(affliction)
    }
    this.#begun = true
    if (over) return
    this.#clock.schedule(this, everyMs === undefined ? untilMs - now : Math.min(everyMs, untilMs - now))
  }
}
