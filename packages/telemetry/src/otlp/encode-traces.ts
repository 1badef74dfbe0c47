// Spans as an ExportTraceServiceRequest of OTLP, in Protocol Buffers. Owns how a span is written, from the columns of a block
// and from a plain object. Invariant: a key appears once among the attributes of a span; where own and shared attributes
// have it, the own one is written. The field numbers are those of opentelemetry/proto/trace/v1/trace.proto.
import type { AttributeSet } from '../trace/attribute-set.ts'
import { kinds, type SpanBlock, type SpanDetails, statuses } from '../trace/span-block.ts'
import type { SpanData, SpanEvent, SpanLink } from '../trace/span-data.ts'
import { encodedSet, spanAttributesTag, writeAttribute, writeAttributes } from './encode-attributes.ts'
import { closeScope, groupBytes, grouped, openScope, writeId, writeResource, writeText } from './encode-groups.ts'
import { addNanos, nanosOfMicros, nanosOfMillis } from './nanos.ts'
import { WireWriter } from './wire.ts'

const two32 = 2 ** 32
const noSpan = '0000000000000000'
const writer = new WireWriter()

/**
 * The spans `from` <= n < `to` of a block (default: all) as an ExportTraceServiceRequest. Times are exact to the nanosecond
 * that the clock had.
 *
 * @example
 * const body = encodeBlock(block) // Content-Type: application/x-protobuf
 */
export function encodeBlock(block: SpanBlock, from = 0, to: number = block.size): Uint8Array {
  writer.reset()
  if (from >= to) return writer.take()
  writer.byte(0x0a)
  const mark = writer.open(groupBytes)
  writeResource(writer, block.resource)
  const epoch = nanosOfMillis(block.epochMs)
  for (const [index, scope] of block.scopes.entries()) {
    let scopeMark: number | undefined
    for (let n = from; n < to; n++) {
      if (block.places[3 * n] !== index + 1) continue
      if (scopeMark === undefined) {
        writer.byte(0x12)
        scopeMark = openScope(writer, scope)
      }
      writeRow(block, n, epoch.high, epoch.low)
    }
    if (scopeMark !== undefined) closeScope(writer, scope, scopeMark)
  }
  writer.close(mark, groupBytes)
  return writer.take()
}

/** Spans as an ExportTraceServiceRequest, grouped by resource and scope (by identity) in the order of their first span. */
export function encodeSpans(spans: readonly SpanData[]): Uint8Array {
  writer.reset()
  for (const [resource, scopes] of grouped(spans)) {
    writer.byte(0x0a)
    const mark = writer.open(groupBytes)
    writeResource(writer, resource)
    for (const [scope, group] of scopes) {
      writer.byte(0x12)
      const scopeMark = openScope(writer, scope)
      for (const span of group) writeSpan(span)
      closeScope(writer, scope, scopeMark)
    }
    writer.close(mark, groupBytes)
  }
  return writer.take()
}

function writeRow(block: SpanBlock, n: number, epochHigh: number, epochLow: number): void {
  const { traceIds, spanIds, parentIds, codes } = block
  const code = codes[n] ?? 0
  writer.byte(0x12)
  const mark = writer.open(2)
  writer.byte(0x0a)
  writer.byte(16)
  for (let part = 4 * n; part < 4 * n + 4; part++) writer.idPart(traceIds[part] ?? 0)
  writer.byte(0x12)
  writer.byte(8)
  writer.idPart(spanIds[2 * n] ?? 0)
  writer.idPart(spanIds[2 * n + 1] ?? 0)
  const parentA = parentIds[2 * n] ?? 0
  const parentB = parentIds[2 * n + 1] ?? 0
  if (parentA !== 0 || parentB !== 0) {
    writer.byte(0x22)
    writer.byte(8)
    writer.idPart(parentA)
    writer.idPart(parentB)
  }
  writer.byte(0x2a)
  writer.text(block.names[n] ?? '')
  writer.byte(0x30)
  writer.byte((code & 0xf) + 1)
  // Whole nanoseconds since the start of the process are exact in a double; the halves carry by hand, without an object.
  const low = epochLow + Math.round((block.startMs[n] ?? 0) * 1e6)
  const endLow = low + Math.max(0, Math.round((block.durationMs[n] ?? 0) * 1e6))
  writeTime(0x39, epochHigh, low)
  writeTime(0x41, epochHigh, endLow)
  writeRowAttributes(block, n)
  const details = block.details.get(n)
  if (details !== undefined) writeDetails(details)
  writeStatus((code >>> 4) & 0xf, details === undefined ? '' : details.statusMessage)
  writeFlags(code >>> 8)
  writer.close(mark, 2)
}

function writeTime(tag: number, high: number, low: number): void {
  const carry = Math.floor(low / two32)
  writer.byte(tag)
  writer.fixed64(high + carry, low - carry * two32)
}

function writeRowAttributes(block: SpanBlock, n: number): void {
  const { own } = block
  const start = block.ownStart(n)
  const end = block.ownEnd[n] ?? 0
  const shared = block.sharedSet(n, 1)
  const more = block.sharedSet(n, 2)
  if (hasTwice(own, start, end, shared, more)) {
    writeAttributes(writer, spanAttributesTag, block.attributes(n))
    return
  }
  if (shared !== undefined) writer.raw(shared.encoded ?? encodedSet(shared))
  if (more !== undefined) writer.raw(more.encoded ?? encodedSet(more))
  for (let index = start; index < end; index += 2) {
    writeAttribute(writer, spanAttributesTag, own[index] as string, own[index + 1] ?? '')
  }
}

/** Whether a key stands in two of the three places, or twice among the own ones. */
function hasTwice(
  own: SpanBlock['own'],
  start: number,
  end: number,
  shared: AttributeSet | undefined,
  more: AttributeSet | undefined,
): boolean {
  if (end - start > 32) return true
  for (let index = start; index < end; index += 2) {
    const key = own[index] as string
    if (shared !== undefined && Object.hasOwn(shared.attributes, key)) return true
    if (more !== undefined && Object.hasOwn(more.attributes, key)) return true
    for (let other = start; other < index; other += 2) if (own[other] === key) return true
  }
  return shared !== undefined && more !== undefined && overlap(shared, more)
}

function overlap(shared: AttributeSet, more: AttributeSet): boolean {
  for (const key in more.attributes) if (Object.hasOwn(shared.attributes, key)) return true
  return false
}

function writeSpan(span: SpanData): void {
  writer.byte(0x12)
  const mark = writer.open(2)
  writeId(writer, 0x0a, span.traceId)
  writeId(writer, 0x12, span.spanId)
  if (span.parentSpanId !== undefined && span.parentSpanId !== noSpan) writeId(writer, 0x22, span.parentSpanId)
  writer.byte(0x2a)
  writer.text(span.name)
  writer.byte(0x30)
  writer.byte(kinds.indexOf(span.kind) + 1)
  const start = nanosOfMicros(span.startMicros)
  const end = addNanos(start.high, start.low, Math.max(0, span.durationNanos))
  writeTime(0x39, start.high, start.low)
  writeTime(0x41, end.high, end.low)
  writeAttributes(writer, spanAttributesTag, span.attributes)
  writeDetails(span)
  writeStatus(statuses.indexOf(span.status), span.statusMessage)
  writeFlags(span.flags)
  writer.close(mark, 2)
}

function writeDetails(details: SpanDetails): void {
  writeText(writer, 0x1a, details.traceState)
  writeCount(0x50, details.droppedAttributes)
  for (const event of details.events) writeEvent(event)
  writeCount(0x60, details.droppedEvents)
  for (const link of details.links) writeLink(link)
  writeCount(0x70, details.droppedLinks)
}

function writeEvent(event: SpanEvent): void {
  writer.byte(0x5a)
  const mark = writer.open(1)
  const { high, low } = nanosOfMicros(event.timeMicros)
  writeTime(0x09, high, low)
  writeText(writer, 0x12, event.name)
  writeAttributes(writer, 0x1a, event.attributes)
  writeCount(0x20, event.droppedAttributes)
  writer.close(mark, 1)
}

function writeLink(link: SpanLink): void {
  writer.byte(0x6a)
  const mark = writer.open(1)
  writeId(writer, 0x0a, link.traceId)
  writeId(writer, 0x12, link.spanId)
  writeText(writer, 0x1a, link.traceState)
  writeAttributes(writer, 0x22, link.attributes)
  writeCount(0x28, link.droppedAttributes)
  if (link.flags !== 0) {
    writer.byte(0x35)
    writer.fixed32(link.flags)
  }
  writer.close(mark, 1)
}

function writeCount(tag: number, count: number): void {
  if (count === 0) return
  writer.byte(tag)
  writer.varint(Math.min(count, two32 - 1))
}

function writeStatus(code: number, message: string): void {
  if (code <= 0 && message === '') return
  writer.byte(0x7a)
  const mark = writer.open(1)
  writeText(writer, 0x12, message)
  if (code > 0) {
    writer.byte(0x18)
    writer.byte(code)
  }
  writer.close(mark, 1)
}

function writeFlags(flags: number): void {
  if (flags === 0) return
  writer.byte(0x85)
  writer.byte(0x01)
  writer.fixed32(flags)
}
