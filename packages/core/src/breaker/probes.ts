// The probes of one half-open phase: who is in flight, since when, and who has ended. Slots are numbered from 1, because
// 0 in a ticket means "no probe". Invariant: never more than the limit are taken at once; a slot is taken again only
// after it was freed.

const free = Number.NaN
/** Settled, but still holding its slot until the exit. */
const settled = Infinity

/** Slots of probes. Made when a circuit becomes half-open and dropped when it leaves that phase. */
export class Probes {
  /** When each slot was taken, or `settled`, or `free`. */
  readonly #takenAt: number[] = []
  inFlight = 0
  successes = 0

  /** Takes a slot below `limit` and answers its number, or 0 when all are taken. */
  take(now: number, limit: number): number {
    if (this.inFlight >= limit) return 0
    let index = this.#takenAt.findIndex(Number.isNaN)
    if (index < 0) index = this.#takenAt.length
    this.#takenAt[index] = now
    this.inFlight++
    return index + 1
  }

  settle(slot: number): void {
    this.#takenAt[slot - 1] = settled
  }

  release(slot: number): void {
    this.#takenAt[slot - 1] = free
    this.inFlight--
  }

  /** When the oldest probe that has not settled was taken; Infinity if there is none. */
  oldest(): number {
    let oldest = settled
    for (const at of this.#takenAt) if (at < oldest) oldest = at
    return oldest
  }
}
