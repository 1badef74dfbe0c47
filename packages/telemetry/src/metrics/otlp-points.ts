// All families of a registry as what OTLP exports: the same numbers as the text, under the names of OpenTelemetry. It rests
// between series like the text does. Invariant: sums and histograms are cumulative since the registry was made.
import type { HistogramPoint, MetricData, MetricExemplar, NumberPoint } from '../otlp/metric-data.ts'
import { type Exemplar, type Family, type HistogramFamily, type NumberFamily, Scrape } from './family.ts'
import { baseName } from './naming.ts'
import { Pace } from './pace.ts'
import type { MetricRegistry } from './registry.ts'
import { otelAttributes, otelName } from './semconv-names.ts'

/**
 * The metrics of `registry` at this moment. A family without series is left out, and so is one that throws: it is counted like
 * one that is missing from a scrape.
 */
export async function metricData(registry: MetricRegistry): Promise<MetricData[]> {
  const pace = new Pace()
  const scrape = new Scrape()
  const found: MetricData[] = []
  for (const family of registry.families()) {
    try {
      const data = await familyData(family, registry, scrape, pace)
      if (data.points.length > 0) found.push(data)
    } catch {
      registry.skipped.with(family.name, 'error').add()
    }
  }
  return found
}

async function familyData(family: Family, registry: MetricRegistry, scrape: Scrape, pace: Pace): Promise<MetricData> {
  const { name, unit, upDown = false } = otelName(baseName(family), family.unit)
  const head = { name, unit, description: family.help }
  if ('bounds' in family)
    return { ...head, type: 'histogram', points: await histograms(family, registry, scrape, pace) }
  const isSum = family.type === 'counter' || upDown
  const points = await numbers(family, isSum ? registry.startedMs * 1000 : undefined, registry, scrape, pace)
  return isSum ? { ...head, type: 'sum', monotonic: !upDown, points } : { ...head, type: 'gauge', points }
}

async function numbers(
  family: NumberFamily,
  startMicros: number | undefined,
  { clock }: MetricRegistry,
  scrape: Scrape,
  pace: Pace,
): Promise<NumberPoint[]> {
  const points: NumberPoint[] = []
  for (const { labels, value, exemplar } of family.series(scrape)) {
    points.push({
      attributes: otelAttributes(family.labelNames, labels),
      startMicros,
      timeMicros: clock.wallNow() * 1000,
      value,
      exemplars: exemplar === undefined ? undefined : [exemplarOf(exemplar)],
    })
    if (pace.isOver) await pace.rest()
  }
  return points
}

async function histograms(
  family: HistogramFamily,
  { clock, startedMs }: MetricRegistry,
  scrape: Scrape,
  pace: Pace,
): Promise<HistogramPoint[]> {
  const points: HistogramPoint[] = []
  for (const { labels, counts, sum, exemplars } of family.series(scrape)) {
    const buckets = Array.from(counts)
    points.push({
      attributes: otelAttributes(family.labelNames, labels),
      startMicros: startedMs * 1000,
      timeMicros: clock.wallNow() * 1000,
      count: buckets.reduce((count, bucket) => count + bucket, 0),
      sum,
      buckets,
      bounds: family.bounds,
      exemplars: exemplars?.flatMap((exemplar) => (exemplar === undefined ? [] : [exemplarOf(exemplar)])),
    })
    if (pace.isOver) await pace.rest()
  }
  return points
}

function exemplarOf({ traceId, spanId, value, timeMs }: Exemplar): MetricExemplar {
  return { traceId, spanId, value, timeMicros: timeMs * 1000 }
}
