// What became of the requests to one shop, as its customers see it. It counts every request from the moment it is sent,
// so one that is never answered is not forgotten. Samples are bounded: when full, the older half is dropped.

/** What a customer got. */
export type Verdict =
  /** What was asked for. */
  | 'full'
  /** A declared fallback, marked as such. */
  | 'fallback'
  /** 503 with Retry-After: an honest refusal. */
  | 'refused'
  /** An error, a broken connection, or nothing within the customer's patience. */
  | 'failed'

/** One finished request. Times are monotonic milliseconds of the process that sends. */
export interface Sample {
  readonly route: string
  readonly begunAt: number
  readonly tookMs: number
  readonly verdict: Verdict
  /** Status or error code, for the list of failures. */
  readonly why: string
}

/** What happened since the last `window()`. */
export interface ScoreWindow {
  readonly sent: number
  /** Answered in full or by a fallback. */
  readonly served: number
  readonly tookMs: readonly number[]
  readonly inFlight: number
}

const samplesKept = 100_000

/**
 * The score of one shop.
 *
 * @example
 * const score = new Scoreboard()
 * score.sent()
 * score.done({ route: 'GET /orders', begunAt: 0, tookMs: 4, verdict: 'full', why: '200' })
 */
export class Scoreboard {
  #samples: Sample[] = []
  #inFlight = 0
  #atMost = 0
  #window = { sent: 0, served: 0, tookMs: [] as number[] }

  /** Finished requests, in the order in which they finished. */
  get samples(): readonly Sample[] {
    return this.#samples
  }

  /** Sent and not yet finished. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** The largest `inFlight` there ever was. */
  get inFlightAtMost(): number {
    return this.#atMost
  }

  sent(): void {
    this.#window.sent++
    this.#inFlight++
    this.#atMost = Math.max(this.#atMost, this.#inFlight)
  }

  done(sample: Sample): void {
    this.#inFlight--
    this.#window.tookMs.push(sample.tookMs)
    if (isServed(sample.verdict)) this.#window.served++
    if (this.#samples.length >= samplesKept) this.#samples = this.#samples.slice(samplesKept / 2)
    this.#samples.push(sample)
  }

  /** What happened since the last call of it, and begins anew. */
  window(): ScoreWindow {
    const window = { ...this.#window, inFlight: this.#inFlight }
    this.#window = { sent: 0, served: 0, tookMs: [] }
    return window
  }
}

/** Whether the customer got something useful. */
export function isServed(verdict: Verdict): boolean {
  return verdict === 'full' || verdict === 'fallback'
}
