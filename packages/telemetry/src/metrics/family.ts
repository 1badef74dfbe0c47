// The contract between what counts and what writes the numbers out: a family is all series of one name. Bound instruments are
// families, and so is anything that can tell its numbers when it is asked, such as the totals that policies keep anyway.
// Invariant: what `series` yields is a copy of one moment; a later observation never changes it.

/** What stands above the series of a name. */
interface FamilyHead {
  /** As in the Prometheus text: lower case with underscores, the unit last; a counter ends with `_total`. */
  readonly name: string
  /** One sentence for people. */
  readonly help: string
  /** Base unit in the plural, such as `seconds` or `bytes`; the name ends with it. */
  readonly unit?: string | undefined
  readonly labelNames: readonly string[]
}

/** A family of single numbers. */
export interface NumberFamily extends FamilyHead {
  readonly type: 'counter' | 'gauge'
  /** All series of this moment, no label values twice. It may be paused for a while between two of them. */
  series(scrape: Scrape): Iterable<NumberSeries>
}

/** A family of distributions; of a `summary` only count and sum are shown. */
export interface HistogramFamily extends FamilyHead {
  readonly type: 'histogram' | 'summary'
  /** Upper bounds of the buckets but the last, which has none: ascending, inclusive. Empty for a summary. */
  readonly bounds: readonly number[]
  /** All series of this moment, no label values twice. It may be paused for a while between two of them. */
  series(scrape: Scrape): Iterable<HistogramSeries>
}

/**
 * All series of one name. Given to `registry.collect`, it is read whenever somebody scrapes, and never else.
 *
 * @example
 * registry.collect({
 *   name: 'queue_messages',
 *   help: 'Messages that wait.',
 *   type: 'gauge',
 *   labelNames: ['queue'],
 *   series: () => queues.map((queue) => ({ labels: [queue.name], value: queue.length })),
 * })
 */
export type Family = NumberFamily | HistogramFamily

interface SeriesHead {
  /** One value for each name in `labelNames`, in their order. '' is the same as no label. */
  readonly labels: readonly string[]
  /** `labelText` of them where it is known already; it saves the escaping. */
  readonly labelText?: string | undefined
}

/** One number. */
export interface NumberSeries extends SeriesHead {
  readonly value: number
  /** A trace that was counted last; for counters only. */
  readonly exemplar?: Exemplar | undefined
}

/** One distribution. */
export interface HistogramSeries extends SeriesHead {
  /** Observations of each bucket alone, one number more than there are bounds. */
  readonly counts: ArrayLike<number>
  readonly sum: number
  /** By bucket. */
  readonly exemplars?: readonly (Exemplar | undefined)[] | undefined
}

/** A trace that stands for the others of its series or bucket. */
export interface Exemplar {
  /** 32 hex digits. */
  readonly traceId: string
  /** 16 hex digits. */
  readonly spanId: string
  readonly value: number
  /** Milliseconds since 1970. */
  readonly timeMs: number
}

/** One reading of all families, so that families which read the same source can agree. */
export class Scrape {
  readonly #taken = new Map<object, unknown>()

  /**
   * What `take` returned when it was first asked for `source` in this scrape.
   *
   * @example
   * series: (scrape) => scrape.once(registry, () => registry.snapshot()).pipelines.map(toSeries)
   */
  once<T>(source: object, take: () => T): T {
    if (!this.#taken.has(source)) this.#taken.set(source, take())
    return this.#taken.get(source) as T
  }
}
