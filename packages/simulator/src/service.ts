// Services and their instances: slots, a bounded first-in-first-out queue, and what is wrong with them at the moment. A slot
// that comes free goes to the head of the queue in the same instant. It knows nothing of networks and callers.
import type { Random } from '@switchgear/core'
import { SimulatedFailure } from './failure.ts'
import type { Affliction } from './fault-plan.ts'
import type { SimEvent } from './heap.ts'
import { Line } from './lane.ts'
import type { ServicePlan } from './plan.ts'

/** What occupies an instance: a request that waits or is worked on. */
export interface Occupant extends SimEvent {
  /** A slot is free: its work begins. It has left the queue. */
  begin(): void
  /** The instance died under it. It has left the instance. */
  reset(): void
}

/** One service: its instances and what they did. */
export class Service {
  readonly plan: ServicePlan
  readonly random: Random
  readonly instances: readonly Instance[]
  readonly failed: SimulatedFailure
  readonly refused: SimulatedFailure
  received = 0
  receivedDuring = 0
  refusals = 0
  failures = 0
  wasted = 0
  workMs = 0
  wastedMs = 0
  inFlight = 0
  maxInFlight = 0

  /** `first` is the number of its first instance: all instances of a simulation are numbered from 0. */
  constructor(plan: ServicePlan, random: Random, first: number) {
    this.plan = plan
    this.random = random
    this.instances = Array.from({ length: plan.instances }, (_, index) => new Instance(this, index, first + index))
    this.failed = new SimulatedFailure(plan.name, false)
    this.refused = new SimulatedFailure(plan.name, true)
  }

  /** One more, or one less, is there. */
  count(change: 1 | -1): void {
    this.inFlight += change
    if (this.inFlight > this.maxInFlight) this.maxInFlight = this.inFlight
  }
}

/** One instance of a service. */
export class Instance {
  readonly service: Service
  /** Among those of its service, and among all. */
  readonly index: number
  readonly number: number
  dead = false
  hanging = false
  /** Its work takes so many times as long. */
  slowness = 1
  failureRatio: number
  /** Milliseconds that an answered request keeps its slot. */
  holdMs = 0
  /** Faults in whose stretch it is, whether or not a flapping one is on at this moment. */
  stretches = 0
  /** Counts its deaths: who holds a slot of an earlier life has nothing to give back. */
  life = 0
  readonly #present = new Line()
  readonly #queue = new Line()
  readonly #afflictions = new Set<Affliction>()
  #slotsTaken = 0

  constructor(service: Service, index: number, number: number) {
    this.service = service
    this.index = index
    this.number = number
    this.failureRatio = service.plan.failureRatio
  }

  /** Begins it, lets it wait, or answers false: the queue is full. */
  admit(occupant: Occupant): boolean {
    const { plan } = this.service
    if (this.#slotsTaken < plan.concurrency) {
      this.service.count(1)
      this.#start(occupant)
      return true
    }
    if (this.#queue.length >= plan.queue) return false
    this.service.count(1)
    this.#queue.push(occupant)
    return true
  }

  /** One that was begun has ended; its slot is still taken until `release`. */
  leave(occupant: Occupant): void {
    this.service.count(-1)
    this.#present.remove(occupant)
  }

  /** One that waits gives up. */
  leaveQueue(occupant: Occupant): void {
    this.service.count(-1)
    this.#queue.remove(occupant)
  }

  /** A slot comes free. */
  release(): void {
    this.#slotsTaken--
    const next = this.#queue.first as Occupant | null
    if (next === null) return
    this.#queue.remove(next)
    this.#start(next)
  }

  /** Milliseconds of work for one request. */
  draw(): number {
    return this.service.plan.latency.sample(this.service.random) * this.slowness
  }

  /** Something goes wrong, beside what is wrong already. */
  afflict(affliction: Affliction): void {
    this.#afflictions.add(affliction)
    this.#suffer()
    if (affliction.kind === 'dies') this.#die()
  }

  /** It is well again in this respect. */
  relieve(affliction: Affliction): void {
    this.#afflictions.delete(affliction)
    this.#suffer()
  }

  #start(occupant: Occupant): void {
    this.#slotsTaken++
    this.#present.push(occupant)
    occupant.begin()
  }

  #suffer(): void {
    this.dead = this.hanging = false
    this.slowness = 1
    this.holdMs = 0
    let well = 1 - this.service.plan.failureRatio
    for (const affliction of this.#afflictions) {
      if (affliction.kind === 'dies') this.dead = true
      else if (affliction.kind === 'hangs') this.hanging = true
      else if (affliction.kind === 'slows') this.slowness *= affliction.factor
      else if (affliction.kind === 'fails') well *= 1 - affliction.ratio
      else this.holdMs += affliction.holdMs
    }
    this.failureRatio = 1 - well
  }

  #die(): void {
    this.life++
    this.#slotsTaken = 0
    for (const line of [this.#present, this.#queue]) {
      for (let one = line.first as Occupant | null; one !== null; one = line.first as Occupant | null) {
        this.service.count(-1)
        line.remove(one)
        one.reset()
      }
    }
  }
}
