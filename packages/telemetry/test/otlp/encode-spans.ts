// Random spans for property tests, and what the official schema must read of them: written down anew from the schema, not
// from the encoder.
import fc from 'fast-check'
import type { Attributes, InstrumentationScope, Resource, SpanData } from '../../src/trace/span-data.ts'
import { base64, type Message } from './encode-schema.ts'

export const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constantFrom('', 'GET /orders/{id}', 'é', '😀'.repeat(40), 'x'.repeat(127), 'x'.repeat(128), 'y'.repeat(17_000)),
)
const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true }).map((value) => value + 0),
  fc.constantFrom(2 ** 32, 2 ** 53, -1, 0.5, 1e300, -Infinity, 127, 128),
)
const value = fc.oneof(
  text,
  number,
  fc.boolean(),
  fc.array(text, { maxLength: 4 }),
  fc.array(number, { maxLength: 4 }),
  fc.array(fc.boolean(), { maxLength: 40 }),
)
// A key of digits only would be moved to the front by the language, and the order is compared.
const key = text.map((one) => `k${one}`)
export const attributesOf: fc.Arbitrary<Attributes> = fc.dictionary(key, value, { maxKeys: 6 })
const hex = (bytes: number) =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .filter((id) => id.some((byte) => byte !== 0))
    .map((id) => Buffer.from(id).toString('hex'))
/** From one second of 1970 to 2100, exact to a quarter. */
const micros = fc
  .tuple(fc.integer({ min: 1, max: 4_102_444_800 }), fc.integer({ min: 0, max: 3_999_999 }))
  .map(([seconds, quarters]) => seconds * 1e6 + quarters / 4)
const count = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 32 - 1 }))
const event = fc.record({ name: text, timeMicros: micros, attributes: attributesOf, droppedAttributes: count })
const link = fc.record({
  traceId: hex(16),
  spanId: hex(8),
  traceState: fc.constantFrom('', 'a=1,b=2'),
  flags: fc.integer({ min: 0, max: 0x3ff }),
  attributes: attributesOf,
  droppedAttributes: count,
})
const scopes: readonly InstrumentationScope[] = [
  { name: 'http', version: '1.2.3', schemaUrl: 'https://opentelemetry.io/schemas/1.37.0' },
  { name: 'pg' },
]
const resources: readonly Resource[] = [
  { attributes: { 'service.name': 'shop', 'process.pid': 12 } },
  { attributes: { 'service.name': 'payments', 'process.command_args': ['node', 'x'.repeat(300)] } },
]

export const spanOf: fc.Arbitrary<SpanData> = fc.record({
  traceId: hex(16),
  spanId: hex(8),
  parentSpanId: fc.option(hex(8), { nil: undefined }),
  traceState: fc.constantFrom('', 'sg=1', 'a=1,b=2'),
  flags: fc.integer({ min: 0, max: 0x3ff }),
  name: text,
  kind: fc.constantFrom('internal', 'server', 'client', 'producer', 'consumer'),
  startMicros: micros,
  durationNanos: fc.integer({ min: 0, max: 2 ** 46 }),
  status: fc.constantFrom('unset', 'ok', 'error'),
  statusMessage: text,
  attributes: attributesOf,
  events: fc.array(event, { maxLength: 3 }),
  links: fc.array(link, { maxLength: 3 }),
  droppedAttributes: count,
  droppedEvents: count,
  droppedLinks: count,
  resource: fc.constantFrom(...resources),
  scope: fc.constantFrom(...scopes),
})

/** The request that the schema must read, in the form of `decoded`: what has its default is not there. */
export function expectedRequest(spans: readonly SpanData[]): Message {
  const resourceSpans = [...new Set(spans.map((span) => span.resource))].map((resource) => {
    const ofResource = spans.filter((span) => span.resource === resource)
    const scopeSpans = [...new Set(ofResource.map((span) => span.scope))].map((scope) =>
      lean({
        scope: lean({ name: scope.name, version: scope.version }),
        spans: ofResource.filter((span) => span.scope === scope).map(expectedSpan),
        schemaUrl: scope.schemaUrl,
      }),
    )
    return { resource: { attributes: expectedAttributes(resource.attributes) }, scopeSpans }
  })
  return lean({ resourceSpans })
}

function expectedSpan(span: SpanData): Message {
  return {
    ...lean({
      traceId: base64(span.traceId),
      spanId: base64(span.spanId),
      traceState: span.traceState,
      parentSpanId: span.parentSpanId === undefined ? undefined : base64(span.parentSpanId),
      flags: span.flags,
      attributes: expectedAttributes(span.attributes),
      droppedAttributesCount: span.droppedAttributes,
      events: span.events.map((one) =>
        lean({
          timeUnixNano: nanos(one.timeMicros),
          name: one.name.toWellFormed(),
          attributes: expectedAttributes(one.attributes),
          droppedAttributesCount: one.droppedAttributes,
        }),
      ),
      droppedEventsCount: span.droppedEvents,
      links: span.links.map((one) =>
        lean({
          traceId: base64(one.traceId),
          spanId: base64(one.spanId),
          traceState: one.traceState,
          flags: one.flags,
          attributes: expectedAttributes(one.attributes),
          droppedAttributesCount: one.droppedAttributes,
        }),
      ),
      droppedLinksCount: span.droppedLinks,
    }),
    ...lean({
      name: span.name.toWellFormed(),
      startTimeUnixNano: nanos(span.startMicros),
      endTimeUnixNano: String(BigInt(nanos(span.startMicros)) + BigInt(span.durationNanos)),
    }),
    kind: 1 + ['internal', 'server', 'client', 'producer', 'consumer'].indexOf(span.kind),
    status: lean({ message: span.statusMessage.toWellFormed(), code: ['unset', 'ok', 'error'].indexOf(span.status) }),
  }
}

/** Attributes as the schema must read them. */
export function expectedAttributes(attributes: Attributes): Message[] {
  return Object.entries(attributes).map(([name, one]) => ({ key: name.toWellFormed(), value: expectedValue(one) }))
}

function expectedValue(one: unknown): Message {
  if (Array.isArray(one)) {
    const fraction = one.some((element) => typeof element === 'number' && !Number.isSafeInteger(element))
    const values = one.map((element: unknown) => expectedScalar(element, fraction))
    return { arrayValue: lean({ values }) }
  }
  return expectedScalar(one, !Number.isSafeInteger(one))
}

function expectedScalar(one: unknown, double: boolean): Message {
  if (typeof one === 'string') return { stringValue: one.toWellFormed() }
  if (typeof one === 'boolean') return { boolValue: one }
  return double ? { doubleValue: one } : { intValue: String(one) }
}

/** Microseconds as the text of whole nanoseconds. */
export function nanos(value: number): string {
  return String(BigInt(value * 4) * 250n)
}

/** Without what has its default. */
export function lean(fields: Message): Message {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([, one]) => one !== undefined && one !== '' && one !== 0 && !(Array.isArray(one) && one.length === 0),
    ),
  )
}
