// The calls between services: for each caller instance and called service one site, with its guard and its turn among the
// called instances. A guard decides when and how often to send; each sending is one exchange with one instance.
import type { CircuitState } from '@switchgear/core'
import type { BreakerLog } from './breaker-log.ts'
import { chance } from './chance.ts'
import type { Detection } from './detection.ts'
import { type Asking, Exchange } from './exchange.ts'
import { isBug } from './failure.ts'
import type { Guard, Guards } from './guard.ts'
import { Answer } from './ledger.ts'
import type { Instance, Service } from './service.ts'
import { type Downstream, type Surroundings, Visit } from './visit.ts'

/** What the calls of a simulation are made with. */
export interface CallOptions {
  readonly services: readonly Service[]
  readonly guards: Guards
  readonly seed: number
  readonly breakers: BreakerLog
  readonly detection: Detection
  /** Ends the simulation with an error of the code itself. */
  readonly fail: (error: unknown) => void
}

type Send = (attempt: { readonly signal: AbortSignal }) => Promise<Answer>

/** Makes all calls of one simulation. */
export class Calls implements Downstream {
  readonly options: CallOptions
  /** By the number of the calling instance, then in the order in which they were made: an instance calls few services. */
  readonly #sites: Site[][] = []
  #surroundings: Surroundings | undefined = undefined

  constructor(options: CallOptions) {
    this.options = options
  }

  /** Set once, before the first call. */
  set around(around: Surroundings) {
    this.#surroundings = around
  }

  get around(): Surroundings {
    return this.#surroundings as Surroundings
  }

  call(visit: Visit, index: number): void {
    const { instance } = visit
    const to = this.options.services[instance.service.plan.calls[index]?.to ?? -1] as Service
    const sites = (this.#sites[instance.number] ??= [])
    for (const site of sites) if (site.to === to) return site.begin(visit)
    const site = new Site(this, instance, to)
    sites.push(site)
    site.begin(visit)
  }
}

/** Where one instance calls one service. */
class Site {
  readonly calls: Calls
  readonly to: Service
  readonly #guard: Guard
  readonly #listens: boolean
  readonly #breaker: number
  #state: CircuitState | undefined
  #turn: number

  constructor(calls: Calls, from: Instance, to: Service) {
    const { guards, seed, breakers } = calls.options
    const { name } = from.service.plan
    this.calls = calls
    this.to = to
    this.#guard = guards(
      to.plan.guardedAs,
      { service: name, instance: from.index },
      { clock: calls.around.clock, random: chance(seed, `guard ${to.plan.name} ${name} ${from.index}`) },
    )
    this.#listens = this.#guard.answersAtOnce !== true || to.plan.cancels
    // Not all callers begin with the same instance.
    this.#turn = from.index
    this.#state = this.#guard.state?.()
    this.#breaker = breakers.add(to, this.#guard, this.#state)
  }

  begin(visit: Visit): void {
    const call = new GuardedCall(this, visit)
    this.calls.around.clock.touched = true
    this.#guard.call(call.send, visit.signal).then(call.good, call.bad)
    // The beginning of a call changes a breaker only where time has: one that was closed is still closed.
    if (this.#state !== 'closed') this.look()
  }

  /** Next in turn, also for a retry. */
  send(call: GuardedCall, attempt: { readonly signal: AbortSignal }): Promise<Answer> {
    const { around } = this.calls
    const signal = this.#listens ? attempt.signal : undefined
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    const { instances } = this.to
    const instance = instances[this.#turn++ % instances.length] as Instance
    call.sends++
    if (instance.stretches > 0) call.hit = true
    const exchange = new Exchange(call, around)
    const visit = new Visit(around, instance, exchange)
    if (signal !== undefined) exchange.listen(signal, visit)
    visit.travel()
    return exchange.promise
  }

  /** Whether the breaker has changed; it is looked at whenever a call begins or ends. */
  look(): void {
    if (this.#state === undefined) return
    const state = this.#guard.state?.()
    if (state === this.#state || state === undefined) return
    this.#state = state
    this.calls.options.breakers.changed(this.#breaker, state, this.calls.around.clock.now())
  }
}

/** One call of a visit, from the guard's beginning to its end. */
class GuardedCall implements Asking {
  readonly visit: Visit
  ended = false
  sends = 0
  /** It was sent to an instance that something is wrong with. */
  hit = false
  readonly #site: Site
  readonly #begunAt: number
  readonly #slice: number

  constructor(site: Site, visit: Visit) {
    const { options, around } = site.calls
    this.#site = site
    this.visit = visit
    this.#begunAt = around.clock.now()
    this.#slice = options.detection.begin(site.to, this.#begunAt)
  }

  readonly send: Send = (attempt) => this.#site.send(this, attempt)

  readonly good = (value: unknown): void => {
    try {
      // A visit that was cut short no longer takes an answer; nor does it twice take one that several calls share.
      if (value instanceof Answer && this.visit.stage === 'calling' && !value.taken) {
        value.taken = true
        this.visit.spentMs += value.spentMs
      }
      this.#end(true, false)
    } catch (error) {
      this.#site.calls.options.fail(error)
    }
  }

  readonly bad = (error: unknown): void => {
    try {
      if (isBug(error)) throw error
      // Who sent nothing was refused by the guard itself, whatever its error looks like.
      this.#end(false, this.sends === 0 || (error as { refusal?: unknown } | undefined)?.refusal === true)
    } catch (problem) {
      this.#site.calls.options.fail(problem)
    }
  }

  #end(good: boolean, refusal: boolean): void {
    const { detection } = this.#site.calls.options
    const { clock } = this.#site.calls.around
    this.ended = true
    if (this.#slice >= 0 && !this.hit) detection.end(this.#slice, this.sends, clock.now() - this.#begunAt)
    this.#site.look()
    if (this.visit.stage === 'calling') this.visit.called(good, refusal)
  }
}
