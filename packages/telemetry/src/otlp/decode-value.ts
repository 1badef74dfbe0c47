// Attributes in protobuf: KeyValue and AnyValue. Depth and number of elements are bounded while reading, so that a value made
// of brackets alone cannot exhaust the stack. Field numbers: opentelemetry/proto/common/v1/common.proto
import { bit64, sized, varint, type WireReader } from './decode-wire.ts'
import type { IngestBatch } from './ingest-batch.ts'
import type { AttributeDraft } from './ingest-span.ts'
import { integerValue, type WireValue } from './ingest-value.ts'

const keyValue = { key: sized(1), value: sized(2) }
const anyValue = {
  text: sized(1),
  bool: varint(2),
  int: varint(3),
  double: bit64(4),
  array: sized(5),
  map: sized(6),
  bytes: sized(7),
}
const elements = sized(1)

/** Reads a KeyValue, whose length comes next, into `into`. */
export function readAttribute(wire: WireReader, end: number, batch: IngestBatch, into: AttributeDraft): void {
  const [key, value] = readPair(wire, wire.enter(end), batch, 1)
  into.add(key, value)
}

function readPair(wire: WireReader, end: number, batch: IngestBatch, depth: number): readonly [string, WireValue] {
  let key = ''
  let value: WireValue = null
  for (let tag = wire.next(end); tag !== 0; tag = wire.next(end)) {
    if (tag === keyValue.key) key = wire.text(end, batch)
    else if (tag === keyValue.value) value = readValue(wire, wire.enter(end), batch, depth)
    else wire.pass(tag, end)
  }
  return [key, value]
}

/** Of several members of the oneof the last one counts, as in every protobuf parser. */
function readValue(wire: WireReader, end: number, batch: IngestBatch, depth: number): WireValue {
  let value: WireValue = null
  for (let tag = wire.next(end); tag !== 0; tag = wire.next(end)) {
    switch (tag) {
      case anyValue.text:
        value = wire.text(end, batch)
        break
      case anyValue.bool:
        value = wire.bool()
        break
      case anyValue.int:
        value = integerValue(BigInt(wire.int64()))
        break
      case anyValue.double:
        value = wire.double()
        break
      case anyValue.bytes:
        value = wire.base64(end)
        break
      case anyValue.array:
      case anyValue.map:
        value = readNested(wire, end, batch, depth, tag)
        break
      default:
        wire.pass(tag, end)
    }
  }
  return value
}

function readNested(wire: WireReader, end: number, batch: IngestBatch, depth: number, tag: number): WireValue {
  const stop = wire.enter(end)
  if (depth > batch.limits.maxDepth) {
    batch.dropped++
    wire.pos = stop
    return null
  }
  return tag === anyValue.array ? readArray(wire, stop, batch, depth) : readMap(wire, stop, batch, depth)
}

function readArray(wire: WireReader, end: number, batch: IngestBatch, depth: number): WireValue {
  const values: WireValue[] = []
  for (let tag = wire.next(end); tag !== 0; tag = wire.next(end)) {
    const wanted = tag === elements && values.length < batch.limits.maxElements
    if (wanted) values.push(readValue(wire, wire.enter(end), batch, depth + 1))
    else wire.pass(tag, end)
    if (!wanted && tag === elements) batch.dropped++
  }
  return values
}

function readMap(wire: WireReader, end: number, batch: IngestBatch, depth: number): WireValue {
  const values = Object.create(null) as Record<string, WireValue>
  let count = 0
  for (let tag = wire.next(end); tag !== 0; tag = wire.next(end)) {
    if (tag !== elements) wire.pass(tag, end)
    else if (count++ < batch.limits.maxElements) {
      const [key, value] = readPair(wire, wire.enter(end), batch, depth + 1)
      values[key] = value
    } else {
      wire.pass(tag, end)
      batch.dropped++
    }
  }
  return values
}
