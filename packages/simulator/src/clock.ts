// Virtual time. It moves only from event to event, so `now()` is exact while one happens; equal times happen in the order
// of setting. It must not look at the host's clock. An event that touches promises says so in `touched`; who drives the
// clock lets their reactions settle before the next one.
import type { Clock, Timer } from '@switchgear/core'
import { EventHeap, SimEvent } from './heap.ts'
import { Lane } from './lane.ts'

/** Wall time at the start of every simulation: 2026-01-01 UTC. */
const startsAtMs = 1_767_225_600_000

/** The clock of one simulation; policies see it as their `Clock`. */
export class SimulationClock implements Clock {
  /** Set by whatever called or settled code that works with promises. */
  touched = false
  /** Events that have happened. */
  events = 0
  readonly #heap = new EventHeap()
  readonly #lanes: Lane[] = []
  #now = 0
  #order = 0

  now(): number {
    return this.#now
  }

  wallNow(): number {
    return startsAtMs + this.#now
  }

  setTimer(run: () => void, ms: number): Timer {
    const timer = new PolicyTimer(this, run)
    this.schedule(timer, ms)
    return timer
  }

  /** Events that are set and were not cancelled. */
  get pending(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.length, this.#heap.size)
  }

  /** Lets `event` happen after `ms`; it must not be set already. What is no positive number means now. */
  schedule(event: SimEvent, ms: number): void {
    event.at = this.#now + (ms > 0 ? ms : 0)
    event.order = this.#order++
    this.#heap.push(event)
  }

  /** Harmless for an event that is not set. */
  cancel(event: SimEvent): void {
    this.#heap.remove(event)
  }

  /** A cheaper way to set events that all wait `delayMs`. */
  lane(delayMs: number): Lane {
    const lane = new Lane(delayMs)
    this.#lanes.push(lane)
    return lane
  }

  /** Lets `event` happen after the delay of `lane`. It is taken back with `lane.remove`. */
  enter(lane: Lane, event: SimEvent): void {
    event.at = this.#now + lane.delayMs
    event.order = this.#order++
    lane.push(event)
  }

  /**
   * Lets events happen until one touched promises (answers true: let them settle and come back) or none is due by `until`
   * (answers false).
   */
  advance(until: number): boolean {
    this.touched = false
    do {
      const event = this.#take(until)
      if (event === undefined) return false
      this.#now = event.at
      this.events++
      event.fire()
    } while (!this.touched)
    return true
  }

  #take(until: number): SimEvent | undefined {
    let next = this.#heap.first
    let from: Lane | undefined
    for (const lane of this.#lanes) {
      const { first } = lane
      if (first === null) continue
      if (next === undefined || first.at < next.at || (first.at === next.at && first.order < next.order)) {
        next = first
        from = lane
      }
    }
    if (next === undefined || next.at > until) return undefined
    if (from === undefined) this.#heap.remove(next)
    else from.remove(next)
    return next
  }
}

/** A timer of a policy. Nothing keeps a simulation alive, so `hold` has nothing to do; having it lets a lane keep its timer. */
class PolicyTimer extends SimEvent implements Timer {
  readonly #clock: SimulationClock
  readonly #run: () => void

  constructor(clock: SimulationClock, run: () => void) {
    super()
    this.#clock = clock
    this.#run = run
  }

  fire(): void {
    this.#clock.touched = true
    this.#run()
  }

  cancel(): void {
    this.#clock.cancel(this)
  }

  hold(): void {}
}
