// An estimate of what a span takes, in memory and on the wire, for budgets and bounds. Characters count as bytes: it
// decides how much is kept, not how long a buffer must be.
import type { Attributes, AttributeValue, SpanData } from '../trace/span-data.ts'

/** Ids, times, kind and status with the framing around them. */
const spanBytes = 96
/** Ids, times and framing of an event or a link. */
const partBytes = 40
/** Tags and lengths around key and value. */
const attributeBytes = 6

/** Estimated bytes of a span, without its resource, which many spans share. */
export function estimateSpanBytes(span: SpanData): number {
  let bytes = spanBytes + span.name.length + span.traceState.length + span.statusMessage.length
  bytes += attributesBytes(span.attributes)
  for (const event of span.events) bytes += partBytes + event.name.length + attributesBytes(event.attributes)
  for (const link of span.links) bytes += partBytes + link.traceState.length + attributesBytes(link.attributes)
  return bytes
}

/** Estimated bytes of several spans. */
export function estimateTraceBytes(spans: readonly SpanData[]): number {
  let bytes = 0
  for (const span of spans) bytes += estimateSpanBytes(span)
  return bytes
}

function attributesBytes(attributes: Attributes): number {
  let bytes = 0
  for (const key in attributes) {
    const value = attributes[key]
    if (value !== undefined) bytes += attributeBytes + key.length + valueBytes(value)
  }
  return bytes
}

function valueBytes(value: AttributeValue): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object') return 8
  let bytes = 0
  for (const element of value) bytes += 2 + valueBytes(element)
  return bytes
}
