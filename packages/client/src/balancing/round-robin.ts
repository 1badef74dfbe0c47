// One after the other, by weight: stride scheduling (C. Waldspurger and W. Weihl, 1995), O(log n) a pick. Each candidate has a deadline
// on a virtual clock and gets its next one 1 / weight later; with equal weights that is plain rotation. Invariants: between two that
// are both there, picks over weight differ by at most one turn of each, whoever else comes and goes; one that is passed over because
// it was tried keeps its turn. A new one begins at a random point of its first turn, so that many callers do not march in step.
import type { Random } from '@switchgear/core'
import type { Balancer, Candidate, PickRequest } from './balancer.ts'
import { Turns } from './turns.ts'
import { Weights } from './weights.ts'

/**
 * Round robin, smooth and weighted. `roundRobin` and `weighted` are two names of it.
 *
 * @example
 * const balancer = new RoundRobin(Math.random)
 * balancer.update(peers)
 * balancer.pick({ now: clock.now(), key: undefined, tried: [] })
 */
export class RoundRobin<C extends Candidate> implements Balancer<C> {
  readonly name: string
  readonly keyed = false
  readonly #random: Random
  readonly #weights = new Weights<C>()
  #turns = new Turns(0)
  /**
   * What is left until each one's turn, as a share of the time between two: its deadline without its weight, so that a turn survives
   * a change of it. At most 1; below 0 it is overdue.
   */
  #left = new Float64Array(0)
  /** The virtual clock: the deadline of the last pick. */
  #time = 0
  /** Whether `#turns` has deadlines for the weights of now. */
  #scheduled = false

  constructor(random: Random, name: string = 'roundRobin') {
    this.#random = random
    this.name = name
  }

  update(candidates: readonly C[]): void {
    this.#keepTurns()
    const kept = new Map<string, number>()
    this.#weights.candidates.forEach(({ id }, index) => kept.set(id, this.#left[index] as number))
    this.#weights.update(candidates)
    this.#left = Float64Array.from(candidates, ({ id }) => kept.get(id) ?? this.#random())
    this.#turns = new Turns(candidates.length)
    this.#scheduled = false
  }

  pick({ now, tried }: PickRequest<C>): C | undefined {
    const turns = this.#turns
    const { candidates, values } = this.#weights
    if (this.#weights.due(now)) this.#look(now)
    if (tried.length > 0) while (turns.next >= 0 && tried.includes(candidates[turns.next] as C)) turns.setAside()
    if (turns.next < 0) turns.recall()
    const index = turns.next
    if (index < 0) return undefined
    const deadline = turns.deadlines[index] as number
    if (deadline < Infinity) {
      // A turn that was passed over is overdue: time does not go back for it, and of several only one is made up for.
      if (deadline > this.#time) this.#time = deadline
      turns.postpone(Math.max(this.#time, deadline + 1 / (values[index] as number)))
    }
    if (tried.length > 0) turns.recall()
    return candidates[index]
  }

  #look(now: number): void {
    // The turns are measured by the weights they were given with, so they are kept before those change.
    this.#keepTurns()
    if (!this.#weights.look(now)) return
    const { values } = this.#weights
    const { deadlines } = this.#turns
    // One without weight is never due, and gets a call only where all others were tried.
    for (let index = 0; index < values.length; index++)
      deadlines[index] = this.#time + (this.#left[index] as number) / (values[index] as number)
    this.#turns.sort()
    this.#scheduled = true
  }

  #keepTurns(): void {
    if (!this.#scheduled) return
    const { values } = this.#weights
    const { deadlines } = this.#turns
    for (let index = 0; index < values.length; index++) {
      const weight = values[index] as number
      if (weight > 0) this.#left[index] = ((deadlines[index] as number) - this.#time) * weight
    }
  }
}
