// The people outside: a request that a user waits for, and the two ways in which requests come, at random moments whatever
// happens (open loop) or from users who wait, think and send again (closed loop).
import type { Random } from '@switchgear/core'
import { exponential } from './chance.ts'
import { SimEvent } from './heap.ts'
import type { Lane } from './lane.ts'
import type { Level, LoadPlan } from './load-plan.ts'
import type { Begun, Recorder } from './recorder.ts'
import type { Instance, Service } from './service.ts'
import { type Client, type Surroundings, Visit } from './visit.ts'

/** One load: where its requests go and how patient its users are. */
export class Load {
  readonly plan: LoadPlan
  readonly around: Surroundings
  readonly random: Random
  readonly recorder: Recorder
  readonly patience: Lane
  readonly #to: Service
  #turn = 0

  constructor(plan: LoadPlan, to: Service, around: Surroundings, recorder: Recorder, random: Random) {
    this.plan = plan
    this.around = around
    this.random = random
    this.recorder = recorder
    this.patience = around.clock.lane(plan.patienceMs)
    this.#to = to
  }

  start(): void {
    if (this.plan.rate === undefined) new Crowd(this).fire()
    else new Arrivals(this, this.plan.rate).start()
  }

  /** A balancer in front: each instance in turn. */
  next(): Instance {
    const { instances } = this.#to
    return instances[this.#turn++ % instances.length] as Instance
  }
}

/** A request of a user. As an event it is the moment at which the user gives up. */
class UserRequest extends SimEvent implements Client {
  readonly #load: Load
  readonly #user: User | undefined
  readonly #visit: Visit
  readonly #begun: Begun
  readonly #triesLeft: number
  #over = false

  constructor(load: Load, user: User | undefined, triesLeft: number) {
    super()
    const { around, recorder, plan } = load
    this.#load = load
    this.#user = user
    this.#triesLeft = triesLeft
    this.#begun = recorder.begin(around.clock.now(), triesLeft < plan.userRetries)
    this.#visit = new Visit(around, load.next(), this)
  }

  send(): void {
    this.#load.around.clock.enter(this.#load.patience, this)
    this.#visit.arrive()
  }

  /** Patience is at its end. A service that notices stops working. */
  fire(): void {
    this.#end(false, false)
    if (this.#visit.instance.service.plan.cancels) {
      this.#load.around.clock.touched = true
      this.#visit.cancel()
    }
  }

  receive({ instance, workMs, spentMs }: Visit, good: boolean, refusal: boolean): void {
    if (this.#over) return this.#load.around.ledger.waste(instance.service, workMs, spentMs)
    this.#load.patience.remove(this)
    this.#end(good, refusal)
  }

  #end(good: boolean, refusal: boolean): void {
    const { recorder, around } = this.#load
    this.#over = true
    recorder.end(this.#begun, around.clock.now(), good, refusal)
    if (!good && this.#triesLeft > 0) new UserRequest(this.#load, this.#user, this.#triesLeft - 1).send()
    else this.#user?.answered()
  }
}

/**
 * Open loop: a Poisson process, whose rate may change at given moments. Between two requests it waits until its rate has
 * added up to an exponentially distributed number; what is left of that at a change is worked off at the new rate.
 */
class Arrivals extends SimEvent {
  readonly #load: Load
  readonly #perMs: number
  #level = 0
  #left = 0
  #changes = false

  constructor(load: Load, rate: number) {
    super()
    this.#load = load
    this.#perMs = rate / 1000
  }

  start(): void {
    this.#left = exponential(this.#load.random)
    this.#wait()
  }

  fire(): void {
    if (this.#changes) this.#level++
    else {
      new UserRequest(this.#load, undefined, this.#load.plan.userRetries).send()
      this.#left = exponential(this.#load.random)
    }
    this.#wait()
  }

  #wait(): void {
    const { clock } = this.#load.around
    const { levels } = this.#load.plan
    const rate = this.#perMs * (levels[this.#level] as Level).factor
    const next = levels[this.#level + 1]
    const ms = rate > 0 ? this.#left / rate : Infinity
    this.#changes = next !== undefined && clock.now() + ms >= next.atMs
    if (next !== undefined && this.#changes) {
      const untilMs = next.atMs - clock.now()
      this.#left = Math.max(0, this.#left - untilMs * rate)
      clock.schedule(this, untilMs)
    } else if (ms < Infinity) clock.schedule(this, ms)
  }
}

/** Closed loop: as many users as the level of the moment says. As an event it is a change of the level. */
class Crowd extends SimEvent {
  readonly load: Load
  wanted = 0
  readonly #users: User[] = []
  #level = 0

  constructor(load: Load) {
    super()
    this.load = load
  }

  fire(): void {
    const { clock } = this.load.around
    const { levels, users = 0 } = this.load.plan
    this.wanted = Math.round(users * (levels[this.#level++] as Level).factor)
    for (let number = 0; number < this.wanted; number++) (this.#users[number] ??= new User(this, number)).come()
    const next = levels[this.#level]
    if (next !== undefined) clock.schedule(this, next.atMs - clock.now())
  }
}

/** One user. As an event it is the end of thinking. */
class User extends SimEvent {
  readonly #crowd: Crowd
  readonly #number: number
  #away = true

  constructor(crowd: Crowd, number: number) {
    super()
    this.#crowd = crowd
    this.#number = number
  }

  /** Harmless for a user who is there. */
  come(): void {
    if (this.#away) this.answered()
  }

  fire(): void {
    const { load, wanted } = this.#crowd
    if (this.#number >= wanted) this.#away = true
    else new UserRequest(load, this, load.plan.userRetries).send()
  }

  answered(): void {
    const { load, wanted } = this.#crowd
    this.#away = this.#number >= wanted
    if (!this.#away) load.around.clock.schedule(this, load.plan.thinkTime.sample(load.random))
  }
}
