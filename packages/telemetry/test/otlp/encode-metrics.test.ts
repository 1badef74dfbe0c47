import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeMetrics } from '../../src/otlp/encode-metrics.ts'
import { encodeMetricsJson } from '../../src/otlp/json-metrics.ts'
import type {
  HistogramPoint,
  MetricData,
  MetricExemplar,
  MetricsExport,
  NumberPoint,
} from '../../src/otlp/metric-data.ts'
import { parts } from '../../src/otlp/metric-exporter.ts'
import { base64, decoded, decodedJson, type Message, metricsRequest } from './encode-schema.ts'
import { attributesOf, expectedAttributes, lean, nanos, seed } from './encode-spans.ts'

const micros = fc.integer({ min: 1_000_000, max: 4_102_444_800_000_000 })
const double = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)
const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((id) => Buffer.from(id).toString('hex'))
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const text = fc.constantFrom('', 's', 'By', '{request}', 'é😀', 'x'.repeat(300))

const exemplars = optional(
  fc.array(
    fc.record<MetricExemplar>({
      traceId: fc.oneof(fc.constant(''), hex(16)),
      spanId: fc.oneof(fc.constant(''), hex(8)),
      value: double,
      timeMicros: micros,
      attributes: optional(attributesOf),
    }),
    { maxLength: 3 },
  ),
)
const numberPoint = fc.record<NumberPoint>({
  attributes: attributesOf,
  startMicros: optional(micros),
  timeMicros: micros,
  value: double,
  exemplars,
})
const histogramPoint = fc
  .record({
    attributes: attributesOf,
    startMicros: micros,
    timeMicros: micros,
    sum: double,
    buckets: fc.array(fc.maxSafeInteger().map(Math.abs), { minLength: 1, maxLength: 20 }),
    typed: fc.boolean(),
    min: optional(double),
    max: optional(double),
    exemplars,
  })
  .map(({ typed, buckets, ...rest }): HistogramPoint => {
    const bounds = buckets.slice(1).map((_, index) => index / 8)
    const count = Math.min(
      Number.MAX_SAFE_INTEGER,
      buckets.reduce((sum, bucket) => sum + bucket, 0),
    )
    const [shownBuckets, shownBounds] = typed
      ? [Float64Array.from(buckets), Float64Array.from(bounds)]
      : [buckets, bounds]
    return { ...rest, count, buckets: shownBuckets, bounds: shownBounds }
  })
const named = { name: text, description: text, unit: text }
const metric: fc.Arbitrary<MetricData> = fc.oneof(
  fc.record({
    ...named,
    type: fc.constant('sum' as const),
    monotonic: fc.constantFrom(undefined, true, false),
    points: fc.array(numberPoint, { maxLength: 3 }),
  }),
  fc.record({ ...named, type: fc.constant('gauge' as const), points: fc.array(numberPoint, { maxLength: 3 }) }),
  fc.record({ ...named, type: fc.constant('histogram' as const), points: fc.array(histogramPoint, { maxLength: 3 }) }),
)
const resource = { attributes: { 'service.name': 'shop' } }
const scope = { name: 'metrics', version: '2', schemaUrl: 'https://opentelemetry.io/schemas/1.37.0' }

test('any metrics: the official schema reads from bytes and from JSON what went in', () => {
  fc.assert(
    fc.property(fc.array(metric, { maxLength: 4 }), (metrics) => {
      const data: MetricsExport = { resource, scope, metrics }
      assert.deepEqual(withoutOrder(decoded(metricsRequest, encodeMetrics(data))), withoutOrder(expected(data)))
      assert.deepEqual(withoutOrder(decodedJson(metricsRequest, encodeMetricsJson(data))), withoutOrder(expected(data)))
    }),
    { seed, numRuns: 300 },
  )
})

test('doubles that are no numbers, and infinite bounds', () => {
  const point: NumberPoint = { attributes: {}, timeMicros: 5, value: Number.NaN }
  const data: MetricsExport = {
    resource,
    scope,
    metrics: [{ type: 'gauge', name: 'g', description: '', unit: '', points: [point, { ...point, value: -Infinity }] }],
  }
  const readings = [decoded(metricsRequest, encodeMetrics(data)), decodedJson(metricsRequest, encodeMetricsJson(data))]
  for (const request of readings) {
    assert.deepEqual(
      pointsOf(request).map((one) => one.asDouble),
      [Number.NaN, -Infinity],
    )
  }
})

test('large exports are cut at points: none is lost, none is doubled, no request is larger or empty', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 12 }),
      fc.integer({ min: 1, max: 30 }),
      (sizes, most) => {
        const metrics = sizes.map((size, index): MetricData => ({
          type: 'gauge',
          name: `m${index}`,
          description: '',
          unit: '',
          points: Array.from({ length: size }, (_, n) => ({ attributes: { n }, timeMicros: 1, value: n })),
        }))
        const cut = [...parts({ resource, scope, metrics }, most)]
        const flat = (list: readonly MetricData[]) =>
          list.flatMap(({ name, points }) => points.map((point) => `${name} ${String(point.attributes.n)}`))
        assert.deepEqual(
          cut.flatMap((one) => flat(one.metrics)),
          flat(metrics),
        )
        for (const one of cut.slice(0, -1)) assert.equal(flat(one.metrics).length, most)
        const last = cut.at(-1)
        if (last !== undefined) assert.ok(flat(last.metrics).length >= 1 && flat(last.metrics).length <= most)
      },
    ),
    { seed },
  )
})

function expected({ metrics }: MetricsExport): Message {
  return {
    resourceMetrics: [
      {
        resource: { attributes: expectedAttributes(resource.attributes) },
        scopeMetrics: [
          lean({
            scope: { name: scope.name, version: '2' },
            metrics: metrics.map(expectedMetric),
            schemaUrl: scope.schemaUrl,
          }),
        ],
      },
    ],
  }
}

function expectedMetric(one: MetricData): Message {
  const head = lean({ name: one.name, description: one.description, unit: one.unit })
  if (one.type === 'gauge') return { ...head, gauge: lean({ dataPoints: one.points.map(expectedNumber) }) }
  const temporality = { aggregationTemporality: 2 }
  if (one.type === 'histogram') {
    return { ...head, histogram: { ...lean({ dataPoints: one.points.map(expectedHistogram) }), ...temporality } }
  }
  const monotonic = one.monotonic === false ? {} : { isMonotonic: true }
  return { ...head, sum: { ...lean({ dataPoints: one.points.map(expectedNumber) }), ...temporality, ...monotonic } }
}

function expectedNumber(point: NumberPoint): Message {
  return {
    ...lean({
      attributes: expectedAttributes(point.attributes),
      startTimeUnixNano: point.startMicros === undefined ? undefined : nanos(point.startMicros),
      timeUnixNano: nanos(point.timeMicros),
      exemplars: point.exemplars?.map(expectedExemplar),
    }),
    asDouble: point.value,
  }
}

function expectedHistogram(point: HistogramPoint): Message {
  return {
    ...lean({
      attributes: expectedAttributes(point.attributes),
      startTimeUnixNano: nanos(point.startMicros),
      timeUnixNano: nanos(point.timeMicros),
      count: point.count === 0 ? undefined : String(point.count),
      bucketCounts: Array.from(point.buckets, String),
      explicitBounds: Array.from(point.bounds),
      exemplars: point.exemplars?.map(expectedExemplar),
    }),
    sum: point.sum,
    ...(point.min === undefined ? {} : { min: point.min }),
    ...(point.max === undefined ? {} : { max: point.max }),
  }
}

function expectedExemplar(exemplar: MetricExemplar): Message {
  return {
    ...lean({
      filteredAttributes: exemplar.attributes && expectedAttributes(exemplar.attributes),
      timeUnixNano: nanos(exemplar.timeMicros),
      spanId: base64(exemplar.spanId),
      traceId: base64(exemplar.traceId),
    }),
    asDouble: exemplar.value,
  }
}

function pointsOf(request: Message): Message[] {
  const groups = request.resourceMetrics as { scopeMetrics: { metrics: { gauge: { dataPoints: Message[] } }[] }[] }[]
  return groups.flatMap((group) =>
    group.scopeMetrics.flatMap((one) => one.metrics.flatMap((two) => two.gauge.dataPoints)),
  )
}

/** Plain objects with their keys in one order, so that a difference is readable. */
function withoutOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutOrder)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, withoutOrder(one)]),
  )
}
