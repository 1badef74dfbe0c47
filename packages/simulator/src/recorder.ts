// What users see, counted: totals, the time series, and the shares by the moment at which requests began. Its memory grows
// with the length of the scenario only, never with the number of requests.
import type { Outage } from './fault-plan.ts'
import { Histogram, rounded } from './histogram.ts'
import { Recovery } from './recovery.ts'
import type { Percentiles, Series } from './result.ts'

/** When a request began. */
type Phase = 'before' | 'during' | 'between' | 'after'

/** A request that is under way, as far as its user is concerned. */
export interface Begun {
  readonly at: number
  readonly phase: Phase
  readonly slice: number
}

interface Share {
  good: number
  /** Unanswered at the end although old enough to be answered. */
  late: number
  ended: number
}

/** Requests that began less than this before the end and have no answer yet are left out of all shares. */
export const lateMs = 1000

/** Records the requests of users. */
export class Recorder {
  readonly latency: Histogram = new Histogram()
  readonly latencyDuring: Histogram = new Histogram()
  offered = 0
  /** Without those that a user sent again. */
  firsts = 0
  firstsDuring = 0
  offeredDuring = 0
  good = 0
  failed = 0
  refused = 0
  inFlight = 0
  maxInFlight = 0
  readonly #recovery: Recovery
  readonly #outages: readonly Outage[]
  readonly #shares: Readonly<Record<Phase, Share>> = { before: none(), during: none(), between: none(), after: none() }
  readonly #step = new Histogram()
  readonly #last = { offered: 0, good: 0, failed: 0, refused: 0 }
  readonly #durationMs: number
  readonly #series: {
    readonly [K in Exclude<keyof Series, 'stepMs'>]: (K extends 'p50' | 'p99' ? number | null : number)[]
  } = { offered: [], good: [], failed: [], refused: [], inFlight: [], p50: [], p99: [] }

  constructor(outages: readonly Outage[], durationMs: number) {
    this.#outages = outages
    this.#durationMs = durationMs
    this.#recovery = new Recovery(durationMs)
  }

  /** A user sends a request; `again` when it repeats one that failed. */
  begin(at: number, again: boolean): Begun {
    const phase = this.#phaseAt(at)
    this.offered++
    if (phase === 'during') this.offeredDuring++
    if (!again) {
      this.firsts++
      if (phase === 'during') this.firstsDuring++
    }
    if (++this.inFlight > this.maxInFlight) this.maxInFlight = this.inFlight
    // Whether it can be judged at the end is known only when it ends; until then it is late or too young.
    const counts = at < this.#durationMs - lateMs
    if (counts) this.#shares[phase].late++
    return { at, phase, slice: this.#recovery.begin(at, counts) }
  }

  /** The user has an answer, or gave up. */
  end({ at, phase, slice }: Begun, now: number, good: boolean, refusal: boolean): void {
    const tookMs = now - at
    const share = this.#shares[phase]
    this.inFlight--
    if (at < this.#durationMs - lateMs) share.late--
    share.ended++
    if (good) share.good++
    this.#recovery.end(slice, good, at < this.#durationMs - lateMs)
    if (good) this.good++
    else this.failed++
    if (refusal && !good) this.refused++
    this.latency.add(tookMs)
    this.#step.add(tookMs)
    if (phase === 'during') this.latencyDuring.add(tookMs)
  }

  /** A step of the series is over. */
  step(): void {
    const series = this.#series
    for (const key of ['offered', 'good', 'failed', 'refused'] as const) {
      series[key].push(this[key] - this.#last[key])
      this.#last[key] = this[key]
    }
    series.inFlight.push(this.inFlight)
    series.p50.push(rounded(this.#step.at(0.5)) ?? null)
    series.p99.push(rounded(this.#step.at(0.99)) ?? null)
    this.#step.clear()
  }

  series(stepMs: number): Series {
    return { stepMs, ...this.#series }
  }

  percentiles(): { readonly latency: Percentiles; readonly latencyDuring: Percentiles } {
    return { latency: this.latency.percentiles(), latencyDuring: this.latencyDuring.percentiles() }
  }

  /** Good answers by requests that began then; 1 when there were none at all. */
  get goodShare(): number {
    return shareOf(Object.values(this.#shares)) ?? 1
  }

  get goodShareDuring(): number | undefined {
    return shareOf([this.#shares.during])
  }

  get goodShareAfter(): number | undefined {
    return shareOf([this.#shares.after])
  }

  get timeToRecoverMs(): number | undefined {
    const [first, last] = [this.#outages[0], this.#outages.at(-1)]
    return first === undefined || last === undefined ? undefined : this.#recovery.afterMs(first.fromMs, last.toMs)
  }

  #phaseAt(at: number): Phase {
    let phase: Phase = 'before'
    for (const { fromMs, toMs } of this.#outages) {
      if (at < fromMs) return phase
      if (at < toMs) return 'during'
      phase = 'between'
    }
    return this.#outages.length === 0 ? 'before' : 'after'
  }
}

function none(): Share {
  return { good: 0, late: 0, ended: 0 }
}

function shareOf(shares: readonly Share[]): number | undefined {
  const good = shares.reduce((sum, share) => sum + share.good, 0)
  const judged = shares.reduce((sum, share) => sum + share.ended + share.late, 0)
  return judged === 0 ? undefined : good / judged
}
