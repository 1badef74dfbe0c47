// Draws candidates by weight, and leaves out those that must not be drawn. A few draws are almost always enough to find another one;
// when they are not (two endpoints, or one that has nearly all the weight), one walk over the weights draws exactly. Invariant: the
// chances among those that may be drawn are their weights, however many are left out.
import type { Random } from '@switchgear/core'
import { AliasTable } from './alias-table.ts'
import type { Candidate } from './balancer.ts'
import { Weights } from './weights.ts'

/** Draws before walking. */
const mostDraws = 8

/** A weighted lottery over candidates; draws are indices into `weights`. */
export class Lottery<C extends Candidate> {
  readonly weights: Weights<C> = new Weights()
  readonly #table = new AliasTable()
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  update(candidates: readonly C[]): void {
    this.weights.update(candidates)
  }

  /** To be called before the draws of a pick. */
  look(now: number): void {
    if (this.weights.look(now)) this.#table.build(this.weights.values, this.weights.total)
  }

  /** One that is neither `tried` nor at `but`; -1 when there is none. */
  draw(tried: readonly C[], but: number): number {
    const { candidates } = this.weights
    if (candidates.length === 0) return -1
    for (let draws = 0; draws < mostDraws; draws++) {
      const index = this.#table.draw(this.#random())
      if (index !== but && (tried.length === 0 || !tried.includes(candidates[index] as C))) return index
    }
    return this.#walk(tried, but)
  }

  #walk(tried: readonly C[], but: number): number {
    const { candidates, values } = this.weights
    let left = 0
    let found = -1
    for (let index = 0; index < candidates.length; index++) {
      if (index === but || tried.includes(candidates[index] as C)) continue
      left += values[index] as number
      found = index
    }
    // One without weight is better than none and better than one that was tried.
    if (left === 0) return found
    let place = this.#random() * left
    for (let index = 0; index < candidates.length; index++) {
      if (index === but || tried.includes(candidates[index] as C)) continue
      place -= values[index] as number
      if (place < 0) return index
    }
    return found
  }
}
