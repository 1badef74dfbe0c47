// Histograms: how often a value fell into each bucket, and the sum. A row is the sum followed by the buckets' own counts (they
// are added up at a scrape). `observe` is on the hot path of every request: a short search, two stores, no allocation.
import { ExemplarColumns, isSampled, type SampledIds } from './exemplars.ts'
import type { HistogramFamily as Family, HistogramSeries } from './family.ts'
import { epochOf, Instrument, type InstrumentOptions, type InstrumentParts } from './instrument.ts'

/** Bounds for durations in seconds that the OpenTelemetry semantic conventions advise for HTTP. */
export const durationBounds: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
]

/** Options of a histogram. */
export interface HistogramOptions extends InstrumentOptions {
  /** Upper bounds of the buckets, inclusive, finite, >= 0 and ascending; at most 64. Default `durationBounds`. */
  readonly bounds?: readonly number[] | undefined
}

/** All histograms of one name. Made by `MetricRegistry.histogram`. */
export class HistogramFamily<Names extends readonly string[] = readonly string[]>
  extends Instrument<Names, Histogram>
  implements Family
{
  readonly type = 'histogram' as const
  readonly bounds: readonly number[]
  /** The bounds and Infinity: where the search for a bucket ends. */
  readonly limits: Float64Array

  constructor(parts: InstrumentParts<Names>, bounds: readonly number[]) {
    super(parts, bounds.length + 2)
    this.bounds = Object.freeze([...bounds])
    this.limits = new Float64Array([...bounds, Infinity])
  }

  *series(): Generator<HistogramSeries> {
    const epochMs = epochOf(this.clock)
    const stride = this.limits.length + 1
    for (const { row, labels, labelText } of this.rows()) {
      const counts = this.values.slice(row * stride + 1, (row + 1) * stride)
      const sum = this.values[row * stride] ?? 0
      yield { labels, labelText, counts, sum, exemplars: this.exemplars?.readAll(row, epochMs) }
    }
  }

  protected bind(row: number): Histogram {
    return new Histogram(this, row)
  }
}

/** A histogram with its labels fixed; hold it where you measure. */
export class Histogram {
  readonly #family: HistogramFamily
  readonly #row: number

  /** By `HistogramFamily.with` only. */
  constructor(family: HistogramFamily, row: number) {
    this.#family = family
    this.#row = row
  }

  /** Whether this is the series that label sets beyond the bound share. */
  get overflow(): boolean {
    return this.#row === 0
  }

  /**
   * Takes a value in the base unit (seconds, bytes). What is below 0 or not finite is dropped and counted as invalid, because
   * the sum is a counter. A sampled `span` becomes the exemplar of the bucket; `atMs` is its time (monotonic), read from the
   * clock when absent.
   */
  observe(value: number, span?: SampledIds, atMs?: number): void {
    const family = this.#family
    if (!(value >= 0 && value < Infinity)) {
      family.invalid++
      return
    }
    const { limits, values } = family
    let bucket = 0
    // It ends at the last limit, which is Infinity.
    while (value > (limits[bucket] ?? Infinity)) bucket++
    const row = this.#row
    const start = row * (limits.length + 1)
    values[start] = (values[start] ?? 0) + value
    const cell = start + 1 + bucket
    values[cell] = (values[cell] ?? 0) + 1
    if (row === 0) family.overflows++
    if (span !== undefined && isSampled(span)) {
      family.exemplars ??= new ExemplarColumns(limits.length)
      family.exemplars.keep(row, bucket, value, span, atMs ?? family.clock.now())
    }
  }
}
