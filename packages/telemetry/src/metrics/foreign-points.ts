// An application's own prom-client families as what OTLP exports: the same numbers as in the text. Invariant: like there, a family
// that hangs or throws costs itself only, and a name that is ours is not sent twice.
import type { HistogramPoint, MetricData, NumberPoint } from '../otlp/metric-data.ts'
import type { Attributes } from '../trace/span-data.ts'
import { type ForeignFamily, type ForeignReader, metricsOf, type PromRegistry } from './foreign.ts'
import { baseName, claimedNames } from './naming.ts'
import type { MetricRegistry } from './registry.ts'

/** All families of `also` that can be read. Summaries have no counterpart that a backend can add up, and are left out. */
export async function foreignData(
  also: readonly PromRegistry[],
  registry: MetricRegistry,
  reader: ForeignReader,
): Promise<MetricData[]> {
  const taken = new Set(registry.families().flatMap((family) => [...claimedNames(family)]))
  const found: MetricData[] = []
  for (const metric of also.flatMap((one) => [...metricsOf(one)])) {
    const names = [...claimedNames(metric)]
    if (names.some((name) => taken.has(name))) continue
    for (const name of names) taken.add(name)
    const family = await reader.read(metric)
    if (typeof family === 'string') registry.skipped.with(metric.name, family).add()
    else found.push(...dataOf(family, registry))
  }
  return found
}

function dataOf(family: ForeignFamily, { clock, startedMs }: MetricRegistry): MetricData[] {
  const timeMicros = clock.wallNow() * 1000
  const startMicros = startedMs * 1000
  const head = { name: baseName(family), unit: '', description: family.help }
  if (family.type === 'histogram')
    return [{ ...head, type: 'histogram', points: histograms(family, startMicros, timeMicros) }]
  const isSum = family.type === 'counter'
  if (!isSum && family.type !== 'gauge') return []
  const points: NumberPoint[] = family.values.map(({ labels, value }) => ({
    attributes: attributesOf(labels),
    startMicros: isSum ? startMicros : undefined,
    timeMicros,
    value,
  }))
  return points.length === 0 ? [] : [{ ...head, type: isSum ? 'sum' : 'gauge', points }]
}

/** One series while it is put together from its samples. */
interface Parts {
  readonly attributes: Attributes
  /** Upper bound and what fell at or below it. */
  readonly cumulative: [number, number][]
  sum: number
  count: number
}

function histograms({ name, values }: ForeignFamily, startMicros: number, timeMicros: number): HistogramPoint[] {
  const series = new Map<string, Parts>()
  for (const { labels, value, metricName } of values) {
    const { le, ...own } = labels
    const attributes = attributesOf(own)
    const key = JSON.stringify(attributes)
    const parts = series.get(key) ?? { attributes, cumulative: [], sum: 0, count: 0 }
    series.set(key, parts)
    if (metricName === `${name}_sum`) parts.sum = value
    else if (metricName === `${name}_count`) parts.count = value
    else if (le !== undefined) parts.cumulative.push([le === '+Inf' ? Infinity : Number(le), value])
  }
  return [...series.values()].map(({ attributes, cumulative, sum, count }) => {
    const sorted = cumulative.toSorted(([a], [b]) => a - b).filter(([bound]) => bound < Infinity)
    const below = sorted.map(([, upTo], index) => upTo - (sorted[index - 1]?.[1] ?? 0))
    const buckets = [...below, count - (sorted.at(-1)?.[1] ?? 0)]
    return { attributes, startMicros, timeMicros, count, sum, buckets, bounds: sorted.map(([bound]) => bound) }
  })
}

function attributesOf(labels: Readonly<Record<string, string | number>>): Attributes {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]))
}
