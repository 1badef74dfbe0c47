// One request at one instance of a service: its way there, waiting, work, calls, and its way back. At any moment it waits
// for at most one event, which is itself. Invariant: whoever sent it hears of it at most once, and a slot that it was given
// goes back once.
import type { SimulationClock } from './clock.ts'
import { SimEvent } from './heap.ts'
import { Hold } from './hold.ts'
import type { Lane } from './lane.ts'
import type { Ledger } from './ledger.ts'
import type { Instance, Occupant } from './service.ts'

/** Who sent a request. */
export interface Client {
  /** The answer is there. What the work of `visit` was good for is now the client's to say: see `Ledger`. */
  receive(visit: Visit, good: boolean, refusal: boolean): void
}

/** Makes the calls of a visit under their guards. */
export interface Downstream {
  /** Makes call number `index` of the visited service; the answer comes by `visit.called`. */
  call(visit: Visit, index: number): void
}

/** What all visits of a simulation share. */
export interface Surroundings {
  readonly clock: SimulationClock
  /** One way. */
  readonly network: Lane
  readonly downstream: Downstream
  readonly ledger: Ledger
}

type Stage = 'new' | 'travelling' | 'waiting' | 'working' | 'calling' | 'returning' | 'over'

/** A request at an instance. */
export class Visit extends SimEvent implements Occupant {
  readonly instance: Instance
  /** Milliseconds of own work, done. */
  workMs = 0
  /** The same, and the work behind the answers that it took. */
  spentMs = 0
  stage: Stage = 'new'
  readonly #around: Surroundings
  readonly #client: Client
  #remote = false
  #begunAt = 0
  #call = 0
  #good = false
  #refusal = false
  #controller: AbortController | undefined = undefined

  constructor(around: Surroundings, instance: Instance, client: Client) {
    super()
    this.#around = around
    this.instance = instance
    this.#client = client
  }

  /** Aborts when this visit is cancelled; undefined where the service would not notice. */
  get signal(): AbortSignal | undefined {
    return this.instance.service.plan.cancels ? (this.#controller ??= new AbortController()).signal : undefined
  }

  /** Over the network, there and back. */
  travel(): void {
    this.#remote = true
    this.stage = 'travelling'
    this.#around.clock.enter(this.#around.network, this)
  }

  /** It is at the instance: directly, or after its travel. */
  arrive(): void {
    const { instance } = this
    const { service } = instance
    this.#around.ledger.arrived(service)
    if (instance.dead) {
      service.refusals++
      this.#deliver(false, true)
    } else if (instance.hanging) {
      // Nobody will ever answer. Only its client still knows of it.
      this.stage = 'over'
    } else {
      this.stage = 'waiting'
      if (instance.admit(this)) return
      service.refusals++
      this.#answer(false, true)
    }
  }

  begin(): void {
    this.stage = 'working'
    this.#begunAt = this.#around.clock.now()
    this.#around.clock.schedule(this, this.instance.draw())
  }

  fire(): void {
    if (this.stage === 'working') this.#worked()
    else if (this.stage === 'travelling') this.arrive()
    else this.#deliver(this.#good, this.#refusal)
  }

  /** The answer to its call, after all that the guard did for it. */
  called(good: boolean, refusal: boolean): void {
    const required = this.instance.service.plan.calls[this.#call]?.required === true
    if (!good && required) return this.#finish(false, refusal)
    this.#call++
    this.#proceed()
  }

  /** Its client gave up and the instance notices: it stops where it is and answers nobody. */
  cancel(): void {
    const { clock, network, ledger } = this.#around
    const { stage } = this
    if (stage === 'over' || stage === 'returning') return
    this.stage = 'over'
    if (stage === 'travelling') network.remove(this)
    else if (stage === 'waiting') this.instance.leaveQueue(this)
    else {
      clock.cancel(this)
      if (stage === 'working') this.#account(clock.now() - this.#begunAt)
      ledger.waste(this.instance.service, this.workMs, this.spentMs)
      this.instance.leave(this)
      this.instance.release()
    }
    this.#controller?.abort(new Error('the caller gave up'))
  }

  /** The connection breaks. What was done for it is lost. */
  reset(): void {
    const { clock, ledger } = this.#around
    const { service } = this.instance
    clock.cancel(this)
    if (this.stage === 'working') this.#account(clock.now() - this.#begunAt)
    ledger.waste(service, this.workMs, this.spentMs)
    this.workMs = this.spentMs = 0
    this.#controller?.abort(new Error('the instance died'))
    this.#answer(false, false)
  }

  #worked(): void {
    const { service, failureRatio } = this.instance
    this.#account(this.#around.clock.now() - this.#begunAt)
    if (failureRatio > 0 && service.random() < failureRatio) {
      service.failures++
      this.#finish(false, false)
    } else this.#proceed()
  }

  #account(ms: number): void {
    this.workMs += ms
    this.spentMs += ms
    this.instance.service.workMs += ms
  }

  /** Its next call, or the good end. */
  #proceed(): void {
    const { plan, random } = this.instance.service
    for (; this.#call < plan.calls.length; this.#call++) {
      const { probability } = plan.calls[this.#call] as { readonly probability: number }
      if (probability < 1 && random() >= probability) continue
      this.stage = 'calling'
      return this.#around.downstream.call(this, this.#call)
    }
    this.#finish(true, false)
  }

  #finish(good: boolean, refusal: boolean): void {
    const { instance } = this
    instance.leave(this)
    // The answer is set on its way before the slot is given on: equal times keep the order of cause and effect.
    if (instance.hanging) {
      this.stage = 'over'
      this.#around.ledger.waste(instance.service, this.workMs, this.spentMs)
      instance.release()
    } else if (instance.holdMs > 0) {
      this.#around.clock.schedule(new Hold(instance), instance.holdMs)
      this.#answer(good, refusal)
    } else {
      this.#answer(good, refusal)
      instance.release()
    }
  }

  #answer(good: boolean, refusal: boolean): void {
    if (!this.#remote) return this.#deliver(good, refusal)
    this.#good = good
    this.#refusal = refusal
    this.stage = 'returning'
    this.#around.clock.enter(this.#around.network, this)
  }

  #deliver(good: boolean, refusal: boolean): void {
    this.stage = 'over'
    this.#client.receive(this, good, refusal)
  }
}
