// One span in protobuf. Field numbers: opentelemetry/proto/trace/v1/trace.proto
// Unset fields keep the defaults of the draft; enum numbers of a later version read as "unspecified".
import { kinds, statuses } from '../trace/span-block.ts'
import { readAttribute } from './decode-value.ts'
import { bit32, bit64, sized, varint, type WireReader } from './decode-wire.ts'
import type { IngestBatch } from './ingest-batch.ts'
import { AttributeDraft, micros, type SpanDraft } from './ingest-span.ts'

const span = {
  traceId: sized(1),
  spanId: sized(2),
  traceState: sized(3),
  parentSpanId: sized(4),
  name: sized(5),
  kind: varint(6),
  start: bit64(7),
  end: bit64(8),
  attributes: sized(9),
  droppedAttributes: varint(10),
  events: sized(11),
  droppedEvents: varint(12),
  links: sized(13),
  droppedLinks: varint(14),
  status: sized(15),
  flags: bit32(16),
}
const event = { time: bit64(1), name: sized(2), attributes: sized(3), droppedAttributes: varint(4) }
const link = {
  traceId: sized(1),
  spanId: sized(2),
  traceState: sized(3),
  attributes: sized(4),
  droppedAttributes: varint(5),
  flags: bit32(6),
}
const status = { message: sized(2), code: varint(3) }

/** Reads a span that ends at `end` into `into`. Throws when the bytes are no message. */
export function readSpan(wire: WireReader, end: number, batch: IngestBatch, into: SpanDraft): void {
  for (let tag = wire.next(end); tag !== 0; tag = wire.next(end)) {
    switch (tag) {
      case span.traceId:
        into.traceId = wire.id(end, 16, 'traceId')
        break
      case span.spanId:
        into.spanId = wire.id(end, 8, 'spanId')
        break
      case span.parentSpanId:
        into.parentSpanId = wire.id(end, 8, 'parentSpanId')
        break
      case span.traceState:
        into.traceState = wire.text(end, batch)
        break
      case span.name:
        into.name = wire.text(end, batch)
        break
      case span.kind:
        into.kind = kinds[wire.int32() - 1] ?? 'internal'
        break
      case span.start:
        into.startLow = wire.fixed32()
        into.startHigh = wire.fixed32()
        break
      case span.end:
        into.endLow = wire.fixed32()
        into.endHigh = wire.fixed32()
        break
      case span.flags:
        into.flags = wire.fixed32()
        break
      default:
        readRest(wire, tag, end, batch, into)
    }
  }
}

/** What fewer spans have, and what is repeated. */
function readRest(wire: WireReader, tag: number, end: number, batch: IngestBatch, into: SpanDraft): void {
  switch (tag) {
    case span.attributes:
      return readAttribute(wire, end, batch, into.attributes)
    case span.events:
      return readEvent(wire, wire.enter(end), batch, into)
    case span.links:
      return readLink(wire, wire.enter(end), batch, into)
    case span.status:
      return readStatus(wire, wire.enter(end), batch, into)
    case span.droppedAttributes:
      into.droppedAttributes = wire.uint32()
      break
    case span.droppedEvents:
      into.droppedEvents = wire.uint32()
      break
    case span.droppedLinks:
      into.droppedLinks = wire.uint32()
      break
    default:
      wire.pass(tag, end)
  }
}

function readEvent(wire: WireReader, end: number, batch: IngestBatch, into: SpanDraft): void {
  const attributes = new AttributeDraft(batch)
  let name = ''
  let timeMicros = 0
  let dropped = 0
  for (let tag = wire.next(end); tag !== 0; tag = wire.next(end)) {
    if (tag === event.name) name = wire.text(end, batch)
    else if (tag === event.time) {
      const low = wire.fixed32()
      timeMicros = micros(wire.fixed32(), low)
    } else if (tag === event.attributes) readAttribute(wire, end, batch, attributes)
    else if (tag === event.droppedAttributes) dropped = wire.uint32()
    else wire.pass(tag, end)
  }
  into.addEvent({ name, timeMicros, attributes: attributes.values, droppedAttributes: dropped + attributes.dropped })
}

function readLink(wire: WireReader, end: number, batch: IngestBatch, into: SpanDraft): void {
  const attributes = new AttributeDraft(batch)
  const found = { traceId: '', spanId: '', traceState: '', flags: 0 }
  let dropped = 0
  for (let tag = wire.next(end); tag !== 0; tag = wire.next(end)) {
    if (tag === link.traceId) found.traceId = wire.id(end, 16, "a link's traceId")
    else if (tag === link.spanId) found.spanId = wire.id(end, 8, "a link's spanId")
    else if (tag === link.traceState) found.traceState = wire.text(end, batch)
    else if (tag === link.attributes) readAttribute(wire, end, batch, attributes)
    else if (tag === link.droppedAttributes) dropped = wire.uint32()
    else if (tag === link.flags) found.flags = wire.fixed32()
    else wire.pass(tag, end)
  }
  into.addLink({ ...found, attributes: attributes.values, droppedAttributes: dropped + attributes.dropped })
}

function readStatus(wire: WireReader, end: number, batch: IngestBatch, into: SpanDraft): void {
  for (let tag = wire.next(end); tag !== 0; tag = wire.next(end)) {
    if (tag === status.code) into.status = statuses[wire.int32()] ?? 'unset'
    else if (tag === status.message) into.statusMessage = wire.text(end, batch)
    else wire.pass(tag, end)
  }
}
