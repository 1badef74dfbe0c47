// Attributes in OTLP/JSON: lists of {key, value}, where a value is an object with one key that says its type. The same bounds as
// in protobuf hold for depth and number of elements.
import type { JsonObject, JsonPath } from './decode-json-path.ts'
import type { IngestBatch } from './ingest-batch.ts'
import { AttributeDraft } from './ingest-span.ts'
import { integerValue, type WireValue } from './ingest-value.ts'

/** Reads the list of attributes `object.attributes`. */
export function jsonAttributes(
  path: JsonPath,
  object: JsonObject,
  batch: IngestBatch,
  into: AttributeDraft = new AttributeDraft(batch),
): AttributeDraft {
  path.each(object, 'attributes', (element) => {
    const [key, value] = pair(path, element, batch, 1)
    into.add(key, value)
  })
  return into
}

function pair(path: JsonPath, element: unknown, batch: IngestBatch, depth: number): readonly [string, WireValue] {
  const object = path.object(element)
  const key = path.field(object, 'key', (value) => batch.text(path.text(value)), '')
  return [key, path.field<WireValue>(object, 'value', (value) => anyValue(path, value, batch, depth), null)]
}

type ValueReader = (path: JsonPath, value: unknown, batch: IngestBatch, depth: number) => WireValue

const readers: readonly (readonly [key: string, read: ValueReader])[] = [
  ['stringValue', (path, value, batch) => batch.text(path.text(value))],
  ['boolValue', (path, value) => path.bool(value)],
  ['intValue', (path, value) => integerValue(path.int64(value))],
  ['doubleValue', (path, value) => path.double(value)],
  ['bytesValue', (path, value) => path.base64(value)],
  ['arrayValue', (path, value, batch, depth) => nested(path, value, batch, depth, array)],
  ['kvlistValue', (path, value, batch, depth) => nested(path, value, batch, depth, map)],
]

function anyValue(path: JsonPath, element: unknown, batch: IngestBatch, depth: number): WireValue {
  const object = path.object(element)
  let found: WireValue | undefined
  for (const [key, read] of readers) {
    if (object[key] === undefined || object[key] === null) continue
    if (found !== undefined) path.fail('must have one value only')
    found = path.field<WireValue>(object, key, (value) => read(path, value, batch, depth), null)
  }
  return found ?? null
}

function nested(path: JsonPath, value: unknown, batch: IngestBatch, depth: number, read: NestedReader): WireValue {
  if (depth <= batch.limits.maxDepth) return read(path, path.object(value), batch, depth)
  batch.dropped++
  return null
}

type NestedReader = (path: JsonPath, object: JsonObject, batch: IngestBatch, depth: number) => WireValue

function array(path: JsonPath, object: JsonObject, batch: IngestBatch, depth: number): WireValue {
  const values: WireValue[] = []
  path.each(object, 'values', (element) => {
    if (values.length < batch.limits.maxElements) values.push(anyValue(path, element, batch, depth + 1))
    else batch.dropped++
  })
  return values
}

function map(path: JsonPath, object: JsonObject, batch: IngestBatch, depth: number): WireValue {
  const values = Object.create(null) as Record<string, WireValue>
  let count = 0
  path.each(object, 'values', (element) => {
    if (count++ >= batch.limits.maxElements) return void batch.dropped++
    const [key, value] = pair(path, element, batch, depth + 1)
    values[key] = value
  })
  return values
}
