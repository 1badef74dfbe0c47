// The decisions on traces that are no longer waiting, so that late spans follow them. Two generations instead of one
// list in order of use: when the younger one is half of what is allowed, the older one is dropped as a whole. That
// takes constant time, which deleting the oldest key of a large map one by one does not. Invariant: at most `max`
// entries, among them the `max / 2` that were set or asked for last.
import type { TailDecision } from './tail-sampler.ts'

/** Remembers the latest decisions by trace id. */
export class DecisionCache {
  #young = new Map<string, TailDecision>()
  #old: ReadonlyMap<string, TailDecision> = new Map()
  readonly #half: number

  /** `max` is at least 2. */
  constructor(max: number) {
    this.#half = Math.floor(max / 2)
  }

  /** Entries; one that is in both generations counts twice. */
  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(traceId: string): TailDecision | undefined {
    const decision = this.#young.get(traceId)
    if (decision !== undefined) return decision
    const older = this.#old.get(traceId)
    if (older !== undefined) this.set(traceId, older)
    return older
  }

  set(traceId: string, decision: TailDecision): void {
    if (this.#young.size >= this.#half && !this.#young.has(traceId)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(traceId, decision)
  }

  clear(): void {
    this.#young.clear()
    this.#old = new Map()
  }
}
