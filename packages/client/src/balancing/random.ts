// Chance alone, in proportion to weights: no memory and no view of the load. Good where calls are many and alike.
import type { Random } from '@switchgear/core'
import type { Balancer, Candidate, PickRequest } from './balancer.ts'
import { Lottery } from './lottery.ts'

const none: readonly never[] = []

/**
 * Picks at random by weight, in one step.
 *
 * @example
 * const balancer = new RandomBalancer(Math.random)
 * balancer.update(peers)
 * balancer.pick({ now: clock.now(), key: undefined, tried: [] })
 */
export class RandomBalancer<C extends Candidate> implements Balancer<C> {
  readonly name = 'random'
  readonly keyed = false
  readonly #lottery: Lottery<C>

  constructor(random: Random) {
    this.#lottery = new Lottery(random)
  }

  update(candidates: readonly C[]): void {
    this.#lottery.update(candidates)
  }

  pick({ now, tried }: PickRequest<C>): C | undefined {
    const lottery = this.#lottery
    lottery.look(now)
    const index = lottery.draw(tried, -1)
    return lottery.weights.candidates[index < 0 ? lottery.draw(none, -1) : index]
  }
}
