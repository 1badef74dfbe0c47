// How soon good answers are again what they were, from the requests that began in each quarter of a second. See
// `timeToRecoverMs` for the definition.

/** The grain of the measure, in milliseconds. */
const sliceMs = 250
/** Good again means so much of the share before the outage, for so long. */
const enough = 0.95
const staysMs = 3000

/** Counts requests by the slice in which they began. */
export class Recovery {
  readonly #begun: Uint32Array
  readonly #good: Uint32Array

  constructor(durationMs: number) {
    const slices = Math.ceil(durationMs / sliceMs)
    this.#begun = new Uint32Array(slices)
    this.#good = new Uint32Array(slices)
  }

  /** Answers the slice of a request that begins now. `counts` is false for one that began too late to be judged. */
  begin(now: number, counts: boolean): number {
    const slice = Math.min(Math.floor(now / sliceMs), this.#begun.length - 1)
    if (counts) this.#begun[slice] = (this.#begun[slice] as number) + 1
    return slice
  }

  end(slice: number, good: boolean, counts: boolean): void {
    if (good && counts) this.#good[slice] = (this.#good[slice] as number) + 1
  }

  /**
   * Milliseconds from `toMs`, the end of the last outage, to the first slice in which, and in the 3 s from which on (or to the
   * end), the share of good answers is at least 95 % of what it was before `fromMs`; undefined if there is none.
   */
  afterMs(fromMs: number, toMs: number): number | undefined {
    const usual = this.#share(0, Math.floor(fromMs / sliceMs)) ?? 1
    const slices = this.#begun.length
    for (let slice = Math.floor(toMs / sliceMs); slice < slices; slice++) {
      const until = Math.min(slices, slice + staysMs / sliceMs)
      const now = this.#share(slice, slice + 1) ?? 1
      const then = this.#share(slice, until)
      // Without a request until the end nobody can say that it recovered.
      if (then !== undefined && then >= enough * usual && now >= enough * usual)
        return Math.max(0, slice * sliceMs - toMs)
    }
    return undefined
  }

  #share(from: number, to: number): number | undefined {
    let begun = 0
    let good = 0
    for (let slice = from; slice < to; slice++) {
      begun += this.#begun[slice] as number
      good += this.#good[slice] as number
    }
    return begun === 0 ? undefined : good / begun
  }
}
