// Metrics as an ExportMetricsServiceRequest of OTLP, in JSON. Invariant: the same content as encode-metrics.ts.
import { cumulative } from './encode-metrics.ts'
import {
  jsonAttributes,
  jsonDouble,
  type JsonObject,
  jsonOptional,
  jsonResource,
  jsonScope,
  jsonText,
} from './json-values.ts'
import type { HistogramPoint, MetricData, MetricExemplar, MetricsExport, NumberPoint } from './metric-data.ts'
import { nanosOfMicros, nanosText } from './nanos.ts'

/** Metrics as a request in JSON. */
export function encodeMetricsJson({ resource, scope, metrics }: MetricsExport): Uint8Array {
  const scopeMetrics = [
    { scope: jsonScope(scope), metrics: metrics.map(jsonMetric), schemaUrl: jsonOptional(scope.schemaUrl) },
  ]
  return Buffer.from(JSON.stringify({ resourceMetrics: [{ resource: jsonResource(resource), scopeMetrics }] }))
}

function jsonMetric(metric: MetricData): JsonObject {
  const { name, description, unit } = metric
  const head = { name: jsonText(name), description: jsonOptional(description), unit: jsonOptional(unit) }
  if (metric.type === 'gauge') return { ...head, gauge: { dataPoints: metric.points.map(jsonNumber) } }
  if (metric.type === 'sum') {
    const isMonotonic = metric.monotonic !== false
    return {
      ...head,
      sum: { dataPoints: metric.points.map(jsonNumber), aggregationTemporality: cumulative, isMonotonic },
    }
  }
  return { ...head, histogram: { dataPoints: metric.points.map(jsonHistogram), aggregationTemporality: cumulative } }
}

function jsonNumber(point: NumberPoint): JsonObject {
  return {
    attributes: jsonAttributes(point.attributes),
    startTimeUnixNano: point.startMicros === undefined ? undefined : jsonMicros(point.startMicros),
    timeUnixNano: jsonMicros(point.timeMicros),
    asDouble: jsonDouble(point.value),
    exemplars: point.exemplars?.map(jsonExemplar),
  }
}

function jsonHistogram(point: HistogramPoint): JsonObject {
  return {
    attributes: jsonAttributes(point.attributes),
    startTimeUnixNano: jsonMicros(point.startMicros),
    timeUnixNano: jsonMicros(point.timeMicros),
    count: String(point.count),
    sum: jsonDouble(point.sum),
    bucketCounts: Array.from(point.buckets, String),
    explicitBounds: Array.from(point.bounds, jsonDouble),
    exemplars: point.exemplars?.map(jsonExemplar),
    min: point.min === undefined ? undefined : jsonDouble(point.min),
    max: point.max === undefined ? undefined : jsonDouble(point.max),
  }
}

function jsonExemplar(exemplar: MetricExemplar): JsonObject {
  return {
    filteredAttributes: exemplar.attributes === undefined ? undefined : jsonAttributes(exemplar.attributes),
    timeUnixNano: jsonMicros(exemplar.timeMicros),
    asDouble: jsonDouble(exemplar.value),
    spanId: jsonOptional(exemplar.spanId),
    traceId: jsonOptional(exemplar.traceId),
  }
}

function jsonMicros(micros: number): string {
  return nanosText(nanosOfMicros(micros))
}
