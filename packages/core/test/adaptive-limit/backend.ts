// A simulated dependency behind a real gate: `slots` calls are served at once, each for about `serviceMs`, the rest queue
// there, first in, first out. Everything runs on the virtual clock and synchronously, so that minutes take milliseconds.
import { CallRecord } from '../../src/call.ts'
import { classify, Judge } from '../../src/classify.ts'
import type { Environment } from '../../src/environment.ts'
import type { Gate, Outcome, Priority, Random } from '../../src/index.ts'
import { seededRandom, VirtualClock } from '../../src/testing/index.ts'

export const seed: number = Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101)

export interface Service {
  slots: number
  serviceMs: number
  /** 'fixed', 'even' (half to one and a half of it) or 'exponential' service times. */
  spread?: 'fixed' | 'even' | 'exponential'
  /** Share of calls that fail at once, without being served. */
  failFast?: number
  /** Time after which a call is given up as a failure; it is served all the same. */
  timeoutMs?: number
}

export class Backend {
  readonly clock: VirtualClock = new VirtualClock()
  readonly random: Random = seededRandom(seed)
  readonly environment: Environment
  readonly service: Service
  readonly gate: Gate
  /** Of the last period that `load` played. */
  readonly period = { offered: 0, refused: 0, succeeded: 0, failed: 0, sumMs: 0, mostInFlight: 0 }
  inFlight = 0
  #busy = 0
  readonly #waiting: (() => void)[] = []

  constructor(gate: Gate, service: Service) {
    this.gate = gate
    this.service = service
    this.environment = { name: 'simulated', clock: this.clock, random: this.random, judge: new Judge(classify) }
    gate.adopt?.(this.environment)
  }

  /** Calls in flight that serve all that can be served and queue nothing: Little's law. */
  get littles(): number {
    return this.service.slots
  }

  /** Mean latency of the calls that succeeded in the last period. */
  get meanMs(): number {
    return this.period.sumMs / this.period.succeeded
  }

  /** Offers calls at random times, `perSecond` on average, for so long. */
  load(perSecond: number, seconds: number): this {
    Object.assign(this.period, { offered: 0, refused: 0, succeeded: 0, failed: 0, sumMs: 0, mostInFlight: 0 })
    const until = this.clock.now() + seconds * 1000
    for (;;) {
      const pauseMs = (-Math.log(1 - this.random()) * 1000) / perSecond
      if (this.clock.now() + pauseMs > until) break
      this.clock.advanceSync(pauseMs)
      this.offer(1)
    }
    this.clock.advanceSync(until - this.clock.now())
    return this
  }

  offer(priority: Priority): boolean {
    const { gate, period } = this
    const call = new CallRecord(() => undefined, this.environment, { priority }, undefined)
    period.offered++
    const ticket = gate.enter(call)
    if (ticket < 0) {
      period.refused++
      return false
    }
    this.inFlight++
    period.mostInFlight = Math.max(period.mostInFlight, this.inFlight)
    let isOpen = true
    const end = (outcome: Outcome): void => {
      if (!isOpen) return
      isOpen = false
      period[outcome === 'success' ? 'succeeded' : 'failed']++
      if (outcome === 'success') period.sumMs += this.clock.now() - call.startedAt
      this.inFlight--
      gate.settle(call, ticket, outcome)
      gate.exit(call, ticket)
    }
    const { failFast = 0, timeoutMs } = this.service
    if (this.random() < failFast) {
      this.clock.setTimer(() => end('failure'), 1)
      return true
    }
    if (timeoutMs !== undefined) this.clock.setTimer(() => end('failure'), timeoutMs)
    this.#serve(() => end('success'))
    return true
  }

  #serve(done: () => void): void {
    if (this.#busy >= this.service.slots) {
      this.#waiting.push(done)
      return
    }
    this.#busy++
    this.clock.setTimer(() => {
      this.#busy--
      done()
      const next = this.#waiting.shift()
      if (next !== undefined) this.#serve(next)
    }, this.#serviceMs())
  }

  #serviceMs(): number {
    const { serviceMs, spread = 'even' } = this.service
    if (spread === 'fixed') return serviceMs
    if (spread === 'even') return serviceMs * (0.5 + this.random())
    return -Math.log(1 - this.random()) * serviceMs
  }
}
