// How soon callers stop waiting for what is broken, without knowing how they guard themselves: it looks only at which calls
// were still sent to a broken instance. See `timeToDetectMs` for the definition.
import type { Service } from './service.ts'

/** The grain of the measure, in milliseconds. */
const sliceMs = 50
/** A call that was neither sent nor answered within this waited, for a slot or a queue. */
const promptMs = 20
/** A verdict needs so many calls that would have met a broken instance if nobody had noticed. */
const leastCalls = 5

/** What was broken in the first outage. */
export interface Broken {
  readonly fromMs: number
  readonly toMs: number
  readonly services: ReadonlySet<Service>
  /** Instances that had something wrong, by all instances of these services. */
  readonly share: number
}

/** Follows the calls to broken services that begin in the first outage. */
export class Detection {
  readonly #broken: Broken | undefined
  readonly #begun: Uint32Array
  readonly #spared: Uint32Array

  constructor(broken: Broken | undefined) {
    const slices = broken === undefined ? 0 : Math.ceil((broken.toMs - broken.fromMs) / sliceMs)
    this.#broken = broken
    this.#begun = new Uint32Array(slices)
    this.#spared = new Uint32Array(slices)
  }

  /** A call begins; answers the slice that it is counted in, -1 for a call that says nothing. */
  begin(to: Service, now: number): number {
    const broken = this.#broken
    if (broken === undefined || now < broken.fromMs || now >= broken.toMs || !broken.services.has(to)) return -1
    const slice = Math.floor((now - broken.fromMs) / sliceMs)
    this.#begun[slice] = (this.#begun[slice] as number) + 1
    return slice
  }

  /** A call that was sent to no broken instance has ended, after so many sendings and milliseconds. */
  end(slice: number, sends: number, tookMs: number): void {
    if (sends > 0 || tookMs <= promptMs) this.#spared[slice] = (this.#spared[slice] as number) + 1
  }

  /**
   * Milliseconds from the start of the outage to the first slice with which begins a stretch (as short as it can be with 5
   * calls that would have met a broken instance) of whose calls at most a tenth of that share did; undefined if there is none.
   */
  get afterMs(): number | undefined {
    const { share } = this.#broken ?? { share: 0 }
    for (const start of this.#begun.keys()) {
      let begun = 0
      let spared = 0
      for (let slice = start; slice < this.#begun.length && begun * share < leastCalls; slice++) {
        begun += this.#begun[slice] as number
        spared += this.#spared[slice] as number
      }
      if (begun * share >= leastCalls && begun - spared <= begun * share * 0.1) return start * sliceMs
    }
    return undefined
  }
}
