// From the values of the wire, which nest, to attribute values, which do not. An array of one kind of scalars stays an array;
// an array of anything else becomes an array of texts, and a map its JSON text, so that both can be searched and shown.
// https://opentelemetry.io/docs/specs/otel/common/ (mapping AnyValue to non-OTLP protocols)
import type { AttributeValue } from '../trace/span-data.ts'
import type { IngestBatch } from './ingest-batch.ts'

/** An AnyValue as the decoders read it: null is the empty value, bytes are base64 text already. */
export type WireValue = null | string | number | boolean | readonly WireValue[] | WireMap

/** A map of the wire. Made without a prototype, so that every key is a key. */
export interface WireMap {
  readonly [key: string]: WireValue
}

/** An int64 as a number, or as its digits where a number cannot hold it: an id that is off by one is worth nothing. */
export function integerValue(value: bigint): number | string {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value.toString()
}

/** The attribute value that stands for `value`. */
export function attributeValue(value: WireValue, batch: IngestBatch): AttributeValue {
  if (typeof value === 'number' || typeof value === 'boolean') return value
  return Array.isArray(value) ? list(value, batch) : asText(value, batch)
}

function list(values: readonly WireValue[], batch: IngestBatch): AttributeValue {
  const kind = typeof values[0]
  const scalars = kind !== 'object' && values.every((value) => typeof value === kind)
  if (scalars && kind !== 'string') return values as readonly number[] | readonly boolean[]
  return values.map((value) => asText(value, batch))
}

function asText(value: WireValue, batch: IngestBatch): string {
  if (value === null) return ''
  return batch.text(typeof value === 'object' ? JSON.stringify(value) : String(value))
}
