// The power of two choices (M. Mitzenmacher, 1996): two candidates are drawn by weight and the better one is taken, which evens load
// almost as well as looking at all, and does not send everybody to the one that looked best a moment ago.
// Weights: the second of a pair (i, j) replaces the first with probability min(1, (1 - p_i) / (1 - p_j)), the rule of Metropolis and
// Hastings for pairs drawn without repetition; with equal weights that is always. Invariants: where neither is better in the long run,
// shares are the weights exactly; and no candidate ever gets more than twice its weight's share, so that neither a new one nor the
// last fast one is flooded.
import type { Random } from '@switchgear/core'
import type { Balancer, Candidate, PickRequest } from './balancer.ts'
import { Lottery } from './lottery.ts'

/** Whether `b` is strictly better than `a`; their weights are in relation to the average, which is 1. */
export type Better = (b: Candidate, weightOfB: number, a: Candidate, weightOfA: number, now: number) => boolean

const none: readonly never[] = []

/** Least outstanding requests in relation to the weight. */
export const lessLoaded: Better = (b, weightOfB, a, weightOfA, now) => b.load(now) * weightOfA < a.load(now) * weightOfB

/**
 * Peak EWMA (Finagle's `P2CPeakEwma`): latency times the calls that would be under way. The load is divided by the weight before
 * the call itself is added, since the weight is in the draw already. One whose latency is unknown is taken to be as fast as the
 * other: a new endpoint gets its share until it has answered, and is neither flooded nor starved.
 */
export const sooner: Better = (b, weightOfB, a, weightOfA, now) => {
  const knownOfA = a.latencyMs(now)
  const knownOfB = b.latencyMs(now)
  const latencyOfA = knownOfA > 0 ? knownOfA : knownOfB > 0 ? knownOfB : 1
  const latencyOfB = knownOfB > 0 ? knownOfB : latencyOfA
  return latencyOfB * (b.load(now) / weightOfB + 1) < latencyOfA * (a.load(now) / weightOfA + 1)
}

/**
 * Picks the better of two.
 *
 * @example
 * const balancer = new TwoChoices('peakEwma', sooner, Math.random)
 * balancer.update(peers)
 * balancer.pick({ now: clock.now(), key: undefined, tried: [] })
 */
export class TwoChoices<C extends Candidate> implements Balancer<C> {
  readonly name: string
  readonly keyed = false
  readonly #better: Better
  readonly #random: Random
  readonly #lottery: Lottery<C>

  constructor(name: string, better: Better, random: Random) {
    this.name = name
    this.#better = better
    this.#random = random
    this.#lottery = new Lottery(random)
  }

  update(candidates: readonly C[]): void {
    this.#lottery.update(candidates)
  }

  pick({ now, tried }: PickRequest<C>): C | undefined {
    const lottery = this.#lottery
    const { candidates } = lottery.weights
    lottery.look(now)
    let first = lottery.draw(tried, -1)
    let open = tried
    if (first < 0) {
      // All were tried: then the better of any two.
      open = none
      first = lottery.draw(none, -1)
    }
    // Where there is no second one it would be looked for in vain.
    const second = first < 0 || open.length + 1 >= candidates.length ? -1 : lottery.draw(open, first)
    return candidates[second >= 0 && this.#replaces(second, first, now) ? second : first]
  }

  #replaces(second: number, first: number, now: number): boolean {
    const { candidates, values, total } = this.#lottery.weights
    const weightOfFirst = values[first] as number
    const weightOfSecond = values[second] as number
    const scale = values.length / total
    const a = candidates[first] as C
    const b = candidates[second] as C
    if (!this.#better(b, weightOfSecond * scale, a, weightOfFirst * scale, now)) return false
    if (weightOfFirst <= weightOfSecond) return true
    return this.#random() * (total - weightOfSecond) < total - weightOfFirst
  }
}
