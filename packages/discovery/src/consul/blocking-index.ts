// The index of a blocking query and its rules (Consul's HTTP API, "Blocking Queries", implementation details): a pure state machine.
// Invariant: an index is only asked with when it is greater than zero and the last answer vouched for it. Indexes are unsigned
// 64-bit numbers, so they are kept as such and not as doubles.

/** What an index says of the answer it came with. `back`: the servers have restarted or were restored from a snapshot. */
export type IndexStep = 'first' | 'same' | 'forward' | 'back' | 'unusable'

/**
 * The index of one query.
 *
 * @example
 * const index = new BlockingIndex()
 * index.learn('42') // 'first'
 * index.asked // '42': the next question waits for something newer
 * index.learn('7') // 'back'
 * index.asked // undefined: the next question is answered at once
 */
export class BlockingIndex {
  /** The index of the last answer; 0 when there is none to compare with. */
  #last = 0n
  #asked = 0n

  /** What to ask with; undefined to be answered at once. */
  get asked(): string | undefined {
    return this.#asked > 0n ? String(this.#asked) : undefined
  }

  /** Takes the `X-Consul-Index` header of an answer. */
  learn(header: string | undefined): IndexStep {
    const index = parse(header)
    if (index === undefined) {
      this.#asked = 0n
      return 'unusable'
    }
    const last = this.#last
    if (index < last) {
      // Asking with what is larger than all that exists would wait for an unbounded time: begin anew.
      this.#last = 0n
      this.#asked = 0n
      return 'back'
    }
    this.#last = index
    this.#asked = index
    return last === 0n ? 'first' : index === last ? 'same' : 'forward'
  }

  /** After a failure: the servers may have restarted, so the next question must be answered at once. The comparison stays. */
  doubt(): void {
    this.#asked = 0n
  }
}

/** Zero is a known fault of some versions; 1 is always safe to wait with and keeps the loop from being a busy one. */
function parse(header: string | undefined): bigint | undefined {
  if (header === undefined || !/^\d{1,20}$/.test(header)) return undefined
  const index = BigInt(header)
  return index >= 2n ** 64n ? undefined : index > 0n ? index : 1n
}
