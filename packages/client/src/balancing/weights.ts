// The candidates of a balancer and their weights as they are now. Weights change by themselves while an endpoint starts slowly, so
// they are looked at again ten times a second, which costs one call per candidate and not one per pick. Invariants: values are
// finite and not negative, and their sum is positive where there are candidates: where all are 0, all are 1.
import type { Candidate } from './balancer.ts'

/** A step of a slow start of 30 s is a third of a percent at this interval. */
const lookEveryMs = 100

/** Candidates with their weights. */
export class Weights<C extends Candidate> {
  candidates: readonly C[] = []
  /** One for each candidate, in their order. */
  values: Float64Array<ArrayBuffer> = new Float64Array(0)
  total = 0
  #lookAt = -Infinity

  update(candidates: readonly C[]): void {
    this.candidates = candidates.slice()
    this.values = new Float64Array(candidates.length)
    this.total = 0
    this.#lookAt = -Infinity
  }

  /** Whether it is time to look again. */
  due(now: number): boolean {
    return now >= this.#lookAt
  }

  /** Looks again where it is time; answers whether anything changed, which it always has after an update. */
  look(now: number): boolean {
    return this.due(now) && this.#look(now)
  }

  #look(now: number): boolean {
    const first = this.#lookAt === -Infinity
    this.#lookAt = now + lookEveryMs
    const { values, candidates } = this
    let changed = first
    let total = 0
    for (let index = 0; index < values.length; index++) {
      const weight = weightOf(candidates[index] as C, now)
      total += weight
      if (weight === values[index]) continue
      values[index] = weight
      changed = true
    }
    if (total === 0) total = values.fill(1).length
    this.total = total
    return changed
  }
}

/** A weight that can be calculated with; what is not one counts as 0. */
export function weightOf(candidate: Candidate, now: number): number {
  const weight = candidate.weight(now)
  return weight > 0 && weight < Infinity ? weight : 0
}
