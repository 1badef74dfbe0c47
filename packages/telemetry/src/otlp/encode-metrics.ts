// Metrics as an ExportMetricsServiceRequest of OTLP, in Protocol Buffers. Invariant: numbers are written as doubles, so that a
// series never changes its type between two exports. The field numbers are those of
// opentelemetry/proto/metrics/v1/metrics.proto.
import { writeAttributes } from './encode-attributes.ts'
import { closeScope, groupBytes, openScope, writeId, writeResource, writeText } from './encode-groups.ts'
import type { HistogramPoint, MetricData, MetricExemplar, MetricsExport, NumberPoint } from './metric-data.ts'
import { nanosOfMicros } from './nanos.ts'
import { WireWriter } from './wire.ts'

/** AGGREGATION_TEMPORALITY_CUMULATIVE. */
export const cumulative = 2
const two32 = 2 ** 32
const writer = new WireWriter()

/**
 * Metrics as an ExportMetricsServiceRequest. It holds the thread for about 0.3 us a number and 0.5 us a histogram of 15
 * buckets (Node 26, measured), so whoever has many series encodes them in parts.
 *
 * @example
 * const body = encodeMetrics({ resource, scope, metrics: [{ type: 'sum', name: 'orders', description: '', unit: '{order}', points }] })
 */
export function encodeMetrics({ resource, scope, metrics }: MetricsExport): Uint8Array {
  writer.reset()
  writer.byte(0x0a)
  const mark = writer.open(groupBytes)
  writeResource(writer, resource)
  writer.byte(0x12)
  const scopeMark = openScope(writer, scope)
  for (const metric of metrics) writeMetric(metric)
  closeScope(writer, scope, scopeMark)
  writer.close(mark, groupBytes)
  return writer.take()
}

function writeMetric(metric: MetricData): void {
  writer.byte(0x12)
  const mark = writer.open(2)
  writeText(writer, 0x0a, metric.name)
  writeText(writer, 0x12, metric.description)
  writeText(writer, 0x1a, metric.unit)
  writer.byte(metric.type === 'gauge' ? 0x2a : metric.type === 'sum' ? 0x3a : 0x4a)
  const dataMark = writer.open(2)
  if (metric.type === 'histogram') for (const point of metric.points) writeHistogram(point)
  else for (const point of metric.points) writeNumber(point)
  if (metric.type !== 'gauge') {
    writer.byte(0x10)
    writer.byte(cumulative)
  }
  if (metric.type === 'sum' && metric.monotonic !== false) {
    writer.byte(0x18)
    writer.byte(1)
  }
  writer.close(dataMark, 2)
  writer.close(mark, 2)
}

function writeNumber(point: NumberPoint): void {
  writer.byte(0x0a)
  const mark = writer.open(1)
  if (point.startMicros !== undefined) writeMicros(0x11, point.startMicros)
  writeMicros(0x19, point.timeMicros)
  writer.byte(0x21)
  writer.double(point.value)
  for (const exemplar of point.exemplars ?? []) writeExemplar(0x2a, exemplar)
  writeAttributes(writer, 0x3a, point.attributes)
  writer.close(mark, 1)
}

function writeHistogram(point: HistogramPoint): void {
  writer.byte(0x0a)
  const mark = writer.open(2)
  writeMicros(0x11, point.startMicros)
  writeMicros(0x19, point.timeMicros)
  writer.byte(0x21)
  writeCount64(point.count)
  writeDouble(0x29, point.sum)
  writer.byte(0x32)
  writer.varint(8 * point.buckets.length)
  for (const bucket of point.buckets) writeCount64(bucket)
  writer.byte(0x3a)
  writer.varint(8 * point.bounds.length)
  for (const bound of point.bounds) writer.double(bound)
  for (const exemplar of point.exemplars ?? []) writeExemplar(0x42, exemplar)
  writeAttributes(writer, 0x4a, point.attributes)
  if (point.min !== undefined) writeDouble(0x59, point.min)
  if (point.max !== undefined) writeDouble(0x61, point.max)
  writer.close(mark, 2)
}

function writeExemplar(tag: number, exemplar: MetricExemplar): void {
  writer.byte(tag)
  const mark = writer.open(1)
  writeMicros(0x11, exemplar.timeMicros)
  writeDouble(0x19, exemplar.value)
  if (exemplar.spanId !== '') writeId(writer, 0x22, exemplar.spanId)
  if (exemplar.traceId !== '') writeId(writer, 0x2a, exemplar.traceId)
  if (exemplar.attributes !== undefined) writeAttributes(writer, 0x3a, exemplar.attributes)
  writer.close(mark, 1)
}

function writeMicros(tag: number, micros: number): void {
  const { high, low } = nanosOfMicros(micros)
  writer.byte(tag)
  writer.fixed64(high, low)
}

function writeDouble(tag: number, value: number): void {
  writer.byte(tag)
  writer.double(value)
}

function writeCount64(count: number): void {
  const high = Math.floor(count / two32)
  writer.fixed64(high, count - high * two32)
}
