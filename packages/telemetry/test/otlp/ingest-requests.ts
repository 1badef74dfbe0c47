// Requests as a sender of the official schema would write them, in both encodings, and the span they mean.
import type { SpanData } from '../../src/trace/span-data.ts'
import { traceRequest } from './encode-schema.ts'

export const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

export const traceId = '5b8efff798038103d269b633813fc60c'
export const spanId = 'eee19b7ec3c1b174'
export const parentSpanId = '00f067aa0ba902b7'

type Fields = Readonly<Record<string, unknown>>

/** A span with everything, in OTLP/JSON; `more` replaces fields. */
export function jsonSpan(more: Fields = {}): Fields {
  return {
    traceId,
    spanId,
    parentSpanId,
    traceState: 'vendor=1',
    flags: 0x301,
    name: 'GET /orders/{id}',
    kind: 2,
    startTimeUnixNano: '1700000000123456750',
    endTimeUnixNano: '1700000000123999999',
    attributes: [
      { key: 'text', value: { stringValue: 'été 😀' } },
      { key: 'yes', value: { boolValue: true } },
      { key: 'int', value: { intValue: '-42' } },
      { key: 'double', value: { doubleValue: 2.5 } },
      { key: 'texts', value: { arrayValue: { values: [{ stringValue: 'a' }, { stringValue: 'b' }] } } },
      { key: 'ints', value: { arrayValue: { values: [{ intValue: '1' }, { intValue: '2' }] } } },
    ],
    droppedAttributesCount: 3,
    events: [
      {
        timeUnixNano: '1700000000123500000',
        name: 'exception',
        attributes: [{ key: 'exception.type', value: { stringValue: 'TypeError' } }],
        droppedAttributesCount: 1,
      },
    ],
    droppedEventsCount: 4,
    links: [
      {
        traceId: 'a'.repeat(32),
        spanId: 'b'.repeat(16),
        traceState: 'k=v',
        attributes: [{ key: 'n', value: { intValue: '7' } }],
        droppedAttributesCount: 2,
        flags: 1,
      },
    ],
    droppedLinksCount: 5,
    status: { code: 2, message: 'broke' },
    ...more,
  }
}

/** What `jsonSpan()` means. */
export const expectedSpan: SpanData = {
  traceId,
  spanId,
  parentSpanId,
  traceState: 'vendor=1',
  flags: 0x301,
  name: 'GET /orders/{id}',
  kind: 'server',
  startMicros: 1_700_000_000_123_456.75,
  durationNanos: 543_249,
  status: 'error',
  statusMessage: 'broke',
  attributes: { text: 'été 😀', yes: true, int: -42, double: 2.5, texts: ['a', 'b'], ints: [1, 2] },
  events: [
    {
      timeMicros: 1_700_000_000_123_500,
      name: 'exception',
      attributes: { 'exception.type': 'TypeError' },
      droppedAttributes: 1,
    },
  ],
  links: [
    {
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      traceState: 'k=v',
      flags: 1,
      attributes: { n: 7 },
      droppedAttributes: 2,
    },
  ],
  droppedAttributes: 3,
  droppedEvents: 4,
  droppedLinks: 5,
  resource: { attributes: { 'service.name': 'shop', 'process.pid': 12 } },
  scope: { name: 'http', version: '1.2.3', schemaUrl: 'https://example.com/schema' },
}

/** A request of one resource and one scope. */
export function jsonRequest(...spans: readonly unknown[]): Fields {
  return {
    resourceSpans: [
      {
        resource: {
          attributes: [
            { key: 'service.name', value: { stringValue: 'shop' } },
            { key: 'process.pid', value: { intValue: 12 } },
          ],
        },
        scopeSpans: [{ scope: { name: 'http', version: '1.2.3' }, spans, schemaUrl: 'https://example.com/schema' }],
      },
    ],
  }
}

/** Spans with one attribute each, whose value is given in OTLP/JSON. */
export function withValue(value: unknown): Fields {
  return jsonRequest(jsonSpan({ attributes: [{ key: 'v', value }] }))
}

export function jsonBody(request: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(request))
}

/** The same request in protobuf, written by an independent implementation. Its JSON takes ids in base64. */
export function protobufBody(request: unknown): Uint8Array {
  const text = JSON.stringify(request)
  const message: unknown = JSON.parse(text, (key, value: unknown) =>
    /^(traceId|spanId|parentSpanId)$/.test(key) && typeof value === 'string'
      ? Buffer.from(value, 'hex').toString('base64')
      : value,
  )
  return traceRequest.encode(traceRequest.fromObject(message as Fields)).finish()
}
