// Metrics at one moment as plain objects: what a registry is turned into before it leaves. Invariant: sums and histograms
// are cumulative since `startMicros`; the bounds of a histogram are sorted and it has one bucket more than bounds.
import type { Attributes, InstrumentationScope, Resource } from '../trace/span-data.ts'

/** A measurement that links a point to the trace it was made in. */
export interface MetricExemplar {
  /** 32 hex digits, or '' where it is not known. */
  readonly traceId: string
  /** 16 hex digits, or '' where it is not known. */
  readonly spanId: string
  readonly value: number
  /** Microseconds since the epoch. */
  readonly timeMicros: number
  /** Attributes of the measurement that its series does not have. */
  readonly attributes?: Attributes | undefined
}

/** One series of a sum or a gauge at one moment. */
export interface NumberPoint {
  readonly attributes: Attributes
  /** Microseconds since the epoch when the sum was 0; left out of gauges. */
  readonly startMicros?: number | undefined
  readonly timeMicros: number
  readonly value: number
  readonly exemplars?: readonly MetricExemplar[] | undefined
}

/** One series of a histogram at one moment. */
export interface HistogramPoint {
  readonly attributes: Attributes
  readonly startMicros: number
  readonly timeMicros: number
  readonly count: number
  readonly sum: number
  /** How many values fell into each bucket, not accumulated over buckets; the last bucket has no upper bound. */
  readonly buckets: readonly number[] | Float64Array
  /** Inclusive upper bounds of all buckets but the last. */
  readonly bounds: readonly number[] | Float64Array
  readonly min?: number | undefined
  readonly max?: number | undefined
  readonly exemplars?: readonly MetricExemplar[] | undefined
}

interface MetricName {
  readonly name: string
  readonly description: string
  /** UCUM, such as 's', 'By', '{request}'; '' for none. */
  readonly unit: string
}

/** A metric with all its series. */
export type MetricData =
  | (MetricName & {
      readonly type: 'sum'
      /** Default true: it only grows. False for what goes up and down, such as requests in flight. */
      readonly monotonic?: boolean | undefined
      readonly points: readonly NumberPoint[]
    })
  | (MetricName & { readonly type: 'gauge'; readonly points: readonly NumberPoint[] })
  | (MetricName & { readonly type: 'histogram'; readonly points: readonly HistogramPoint[] })

/** What one request of metrics holds. */
export interface MetricsExport {
  readonly resource: Resource
  readonly scope: InstrumentationScope
  readonly metrics: readonly MetricData[]
}

/** How many points there are. */
export function countPoints({ metrics }: MetricsExport): number {
  let count = 0
  for (const metric of metrics) count += metric.points.length
  return count
}
