// Attributes as OTLP's KeyValue and AnyValue. Owns the cache of encoded keys. Invariant: a whole number is an int_value and
// any other a double_value; the numbers of an array are all of one kind. It must not fail on a value that is none: such a
// value is written as OTLP's "empty".
import type { AttributeSet } from '../trace/attribute-set.ts'
import type { Attributes, AttributeValue } from '../trace/span-data.ts'
import { varintBytes, WireWriter } from './wire.ts'

/** Tag of `Span.attributes`, the one field whose encodings an AttributeSet keeps. */
export const spanAttributesTag = 0x4a

/** Keys come from programmers, so there are few; a program that makes keys from data pays for encoding them. */
const maxKeys = 1024
const longestKey = 200
const keys = new Map<string, Uint8Array>()
/** Apart from that of the messages, because sets and keys are encoded in the midst of one. */
const side = new WireWriter()

/** Writes all of `attributes` as repeated KeyValue with `tag`. */
export function writeAttributes(writer: WireWriter, tag: number, attributes: Attributes): void {
  for (const key in attributes) {
    const value = attributes[key]
    if (value !== undefined) writeAttribute(writer, tag, key, value)
  }
}

/** Writes one KeyValue with `tag`. */
export function writeAttribute(writer: WireWriter, tag: number, key: string, value: AttributeValue): void {
  const keyBytes = keys.get(key) ?? encodedKey(key)
  // Exact for ASCII, so that nothing moves when the lengths are filled in.
  const valueLength = typeof value === 'string' ? 1 + varintBytes(value.length) + value.length : 0
  const inner = varintBytes(valueLength)
  const outer = varintBytes(keyBytes.length + 1 + inner + valueLength)
  writer.byte(tag)
  const mark = writer.open(outer)
  writer.raw(keyBytes)
  writer.byte(0x12)
  const valueMark = writer.open(inner)
  writeValue(writer, value)
  writer.close(valueMark, inner)
  writer.close(mark, outer)
}

/** The encoding of a shared set as `Span.attributes`, made at its first use. */
export function encodedSet(set: AttributeSet): Uint8Array {
  if (set.encoded === undefined) {
    const writer = new WireWriter()
    writeAttributes(writer, spanAttributesTag, set.attributes)
    set.encoded = writer.take()
  }
  return set.encoded
}

function encodedKey(key: string): Uint8Array {
  side.reset()
  side.byte(0x0a)
  side.text(key)
  const bytes = side.take()
  if (keys.size < maxKeys && key.length <= longestKey) keys.set(key, bytes)
  return bytes
}

function writeValue(writer: WireWriter, value: AttributeValue): void {
  if (typeof value === 'string') {
    writer.byte(0x0a)
    writer.text(value)
  } else if (typeof value === 'number') {
    writeNumber(writer, value, Number.isSafeInteger(value))
  } else if (typeof value === 'boolean') {
    writer.byte(0x10)
    writer.byte(value ? 1 : 0)
  } else if (Array.isArray(value)) {
    writeArray(writer, value)
  }
}

function writeNumber(writer: WireWriter, value: number, whole: boolean): void {
  writer.byte(whole ? 0x18 : 0x21)
  if (whole) writer.int64(value)
  else writer.double(value)
}

function writeArray(writer: WireWriter, values: readonly unknown[]): void {
  writer.byte(0x2a)
  const mark = writer.open(1)
  const whole = values.every((value) => typeof value !== 'number' || Number.isSafeInteger(value))
  for (const value of values) {
    writer.byte(0x0a)
    const valueMark = writer.open(1)
    if (typeof value === 'number') writeNumber(writer, value, whole)
    // An array within an array is none of OpenTelemetry's values.
    else if (!Array.isArray(value)) writeValue(writer, value as AttributeValue)
    writer.close(valueMark, 1)
  }
  writer.close(mark, 1)
}
