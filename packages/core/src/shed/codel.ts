// When a queue is too long, told by the delay in it: CoDel's rule (RFC 8289) with levels in the place of dropped packets. A
// queue that empties now and then only smooths bursts; one whose *shortest* delay stays above the target for a whole
// interval stands, and adds delay to everything for nothing. Then one level more is refused, and while it still stands the
// next ones follow after interval / sqrt(n): the shrinking spacing of CoDel. A delay below the target takes a level back at
// once, and the others one by one. A pure state machine: it reads no clock, holds no timer, refuses nothing.

/** What it goes by. */
export interface CodelRules {
  /** A delay of so many milliseconds is too long if it stays. */
  readonly targetMs: number
  /** For how many milliseconds it must have stayed. */
  readonly intervalMs: number
  /** Levels there are. */
  readonly most: number
}

/** Steps after which the spacing shrinks no further, to a quarter of the interval. */
const mostSteps = 16
/** Intervals of calm after which the spacing is the whole interval again; CoDel's own number. */
const calmIntervals = 16

/**
 * One queue, or one loop, that is watched.
 *
 * @example
 * const codel = new Codel({ targetMs: 20, intervalMs: 100, most: 3 })
 * codel.observe(50, 0)
 * codel.observe(50, 100) // codel.level is 1: for 100 ms no delay was below 20 ms
 */
export class Codel {
  rules: CodelRules
  /** 0 while nothing need be refused. */
  level = 0
  /** The last delay. */
  delayMs = 0
  /** Monotonic ms of the last delay. */
  #toldAt = -Infinity
  /** When the next level follows if the delay stays; undefined while it is below the target. */
  #riseAt: number | undefined = undefined
  /** When the next level is taken back if the delay stays below the target. */
  #fallAt = -Infinity
  #steps = 0

  constructor(rules: CodelRules) {
    this.rules = rules
  }

  /** Something was delayed by so much, until `now`. */
  observe(delayMs: number, now: number): void {
    const { targetMs, intervalMs } = this.rules
    // Nothing was known for so long that what was before says nothing: not late since then, but late again.
    if (now - delayMs - this.#toldAt > intervalMs) this.#riseAt = undefined
    this.delayMs = delayMs
    this.#toldAt = now
    if (delayMs >= targetMs) this.#late(now)
    else this.#timely(now)
  }

  /** Tells that nothing is delayed as far as is known: after an interval of silence that counts as a delay of 0. */
  silent(now: number): void {
    if (now - this.#toldAt < this.rules.intervalMs) return
    this.delayMs = 0
    this.#timely(now)
  }

  #late(now: number): void {
    const { intervalMs, most } = this.rules
    if (this.#riseAt === undefined) {
      if (now - this.#fallAt > calmIntervals * intervalMs) this.#steps = 0
      this.#riseAt = now + this.#spacing()
    } else if (now >= this.#riseAt) {
      this.level = Math.min(most, this.level + 1)
      this.#steps = Math.min(mostSteps, this.#steps + 1)
      this.#riseAt = now + this.#spacing()
      // From here on the first timely delay takes a level back.
      this.#fallAt = now
    }
  }

  #timely(now: number): void {
    this.#riseAt = undefined
    if (this.level === 0 || now < this.#fallAt) return
    this.level--
    this.#fallAt = now + this.rules.intervalMs
  }

  #spacing(): number {
    return this.rules.intervalMs / Math.sqrt(this.#steps + 1)
  }
}
