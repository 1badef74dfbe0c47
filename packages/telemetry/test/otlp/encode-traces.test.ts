import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeBlock, encodeSpans } from '../../src/otlp/encode-traces.ts'
import { encodeBlockJson, encodeSpansJson } from '../../src/otlp/json-traces.ts'
import { AttributeSet } from '../../src/trace/attribute-set.ts'
import { SpanBlock, type SpanDetails, type SpanRow } from '../../src/trace/span-block.ts'
import type { AttributeValue, SpanData } from '../../src/trace/span-data.ts'
import { decoded, decodedJson, type Message, traceRequest } from './encode-schema.ts'
import { attributesOf, expectedAttributes, expectedRequest, seed, spanOf } from './encode-spans.ts'

/** The wire has no defaults of messages: a status without code and message is not there at all. */
function withoutEmptyStatus(request: Message): Message {
  return JSON.parse(JSON.stringify(request), (key, value: unknown) =>
    key === 'status' && JSON.stringify(value) === '{}' ? undefined : value,
  ) as Message
}

/** JSON of this test cannot hold infinities, so both sides lose them alike. */
const same = (actual: Message, expected: Message) =>
  assert.deepEqual(withoutEmptyStatus(actual), withoutEmptyStatus(expected))

test('any spans: the official schema reads from the bytes what went in', () => {
  fc.assert(
    fc.property(fc.array(spanOf, { maxLength: 8 }), (spans) => {
      same(decoded(traceRequest, encodeSpans(spans)), expectedRequest(spans))
    }),
    { seed, numRuns: 400 },
  )
})

test('any spans: the official schema reads from the JSON what went in', () => {
  fc.assert(
    fc.property(fc.array(spanOf, { maxLength: 8 }), (spans) => {
      same(decodedJson(traceRequest, encodeSpansJson(spans)), expectedRequest(spans))
    }),
    { seed, numRuns: 300 },
  )
})

test('infinities and "not a number" stay what they are', () => {
  const attributes = { a: Infinity, b: -Infinity, c: Number.NaN, d: [1, Number.NaN] }
  const [bytes, json] = [encodeSpans([span({ attributes })]), encodeSpansJson([span({ attributes })])]
  for (const request of [decoded(traceRequest, bytes), decodedJson(traceRequest, json)]) {
    assert.deepEqual(firstSpan(request).attributes, expectedAttributes(attributes))
  }
  assert.match(Buffer.from(json).toString(), /"doubleValue":"-Infinity"/)
})

test('JSON: hex ids, numbers of enums, texts for 64 bits', () => {
  const json: unknown = JSON.parse(Buffer.from(encodeSpansJson([span({ attributes: { n: 7 } })])).toString())
  const { traceId, spanId, kind, startTimeUnixNano, attributes } = firstSpan(json as Message)
  assert.deepEqual(
    { traceId, spanId, kind, startTimeUnixNano, attributes },
    {
      traceId: '0102030405060708090a0b0c0d0e0fff',
      spanId: '00000000000000ff',
      kind: 2,
      startTimeUnixNano: '1767225600123456750',
      attributes: [{ key: 'n', value: { intValue: '7' } }],
    },
  )
})

const scopes = [{ name: 'http', version: '1' }, { name: 'core' }]

const rowOf = fc
  .record({
    data: spanOf,
    shared: fc.option(attributesOf, { nil: undefined }),
    more: fc.option(attributesOf, { nil: undefined }),
    own: fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'http.route'), fc.integer()), { maxLength: 5 }),
    sharedKeys: fc.subarray(['a', 'b', 'http.route']),
    scope: fc.constantFrom(...scopes),
    startMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
    durationMs: fc.double({ min: 0, max: 1e5, noNaN: true }),
    detailed: fc.boolean(),
  })
  .map(({ data, shared, more, own, sharedKeys, scope, startMs, durationMs, detailed }): SpanRow => {
    const [a = 0, b = 0, c = 0, d = 0] = idParts(data.traceId)
    const [spanA = 0, spanB = 0] = idParts(data.spanId)
    const [parentA = 0, parentB = 0] = idParts(data.parentSpanId ?? '')
    const clash = Object.fromEntries(sharedKeys.map((key) => [key, 'shared']))
    return {
      traceA: a,
      traceB: b,
      traceC: c,
      traceD: d,
      spanA,
      spanB,
      parentA,
      parentB,
      flags: data.flags,
      kind: ['internal', 'server', 'client', 'producer', 'consumer'].indexOf(data.kind),
      status: ['unset', 'ok', 'error'].indexOf(data.status),
      name: data.name,
      scope,
      startMs,
      endMs: startMs + durationMs,
      shared: shared && new AttributeSet({ ...shared, ...clash }),
      sharedMore: more && new AttributeSet(more),
      own: own.length === 0 ? undefined : own.flat(),
      details: detailed ? detailsOf(data) : undefined,
    }
  })

test('any block: the same as its spans one by one; own attributes win; times exact to the nanosecond', () => {
  fc.assert(
    fc.property(fc.array(rowOf, { maxLength: 6 }), (rows) => {
      const block = new SpanBlock({ attributes: { 'service.name': 'shop' } })
      block.reset(1_767_225_600_000.25)
      for (const row of rows) block.add(row)
      const spans = rows.map((_, n) => block.data(n))
      const request = decoded(traceRequest, encodeBlock(block))
      const times = spansOf(request).map((one) => [one.startTimeUnixNano, one.endTimeUnixNano])
      same(withoutTimes(request), withoutTimes(decoded(traceRequest, encodeSpans(spans))))
      same(withoutTimes(decodedJson(traceRequest, encodeBlockJson(block))), withoutTimes(request))
      assert.deepEqual(
        times,
        [...new Set(rows.map((row) => row.scope))].flatMap((scope) =>
          rows.filter((row) => row.scope === scope).map((row) => exactTimes(row)),
        ),
      )
    }),
    { seed, numRuns: 400 },
  )
})

test('a part of a block, and requests put together, are requests', () => {
  const block = new SpanBlock({ attributes: { 'service.name': 'shop' } })
  const rows = fc.sample(rowOf, { seed, numRuns: 30 })
  for (const row of rows) block.add(row)
  const parts = Buffer.concat([encodeBlock(block, 0, 7), encodeBlock(block, 7, 7), encodeBlock(block, 7)])
  const ids = (request: Message) =>
    spansOf(request)
      .map((one) => String(one.spanId))
      .toSorted()
  assert.deepEqual(ids(decoded(traceRequest, parts)), ids(decoded(traceRequest, encodeBlock(block))))
  assert.equal(ids(decoded(traceRequest, encodeBlock(block, 7))).length, 23)
})

test('a shared set is encoded once, whatever it is used for', () => {
  const block = new SpanBlock({ attributes: { 'service.name': 'shop' } })
  const [row] = fc.sample(rowOf, { seed, numRuns: 1 })
  assert.ok(row)
  const shared = new AttributeSet({ 'http.request.method': 'GET' })
  block.add({ ...row, shared, sharedMore: undefined, own: undefined })
  const first = encodeBlock(block)
  const { encoded } = shared
  assert.ok(encoded)
  assert.deepEqual(encodeBlock(block), first)
  assert.equal(shared.encoded, encoded)
})

test('an own attribute takes the place of a shared one, also among many', () => {
  const block = new SpanBlock({ attributes: {} })
  const [row] = fc.sample(rowOf, { seed, numRuns: 1 })
  assert.ok(row)
  const shared = new AttributeSet({ route: 'shared', method: 'GET' })
  const own: (string | AttributeValue)[] = ['route', '/x']
  block.add({ ...row, shared, sharedMore: new AttributeSet({ method: 'PUT' }), own, details: undefined })
  for (let n = 0; n < 40; n++) own.push(`key ${n}`, n)
  block.add({ ...row, shared, sharedMore: undefined, own, details: undefined })
  const [few, many] = spansOf(decoded(traceRequest, encodeBlock(block)))
  assert.deepEqual(few?.attributes, expectedAttributes({ route: '/x', method: 'PUT' }))
  assert.ok(many)
  assert.equal((many.attributes as Message[]).length, 42)
})

function span(fields: Partial<SpanData>): SpanData {
  return {
    traceId: '0102030405060708090a0b0c0d0e0fff',
    spanId: '00000000000000ff',
    parentSpanId: undefined,
    traceState: '',
    flags: 1,
    name: 'GET',
    kind: 'server',
    startMicros: 1_767_225_600_123_456.75,
    durationNanos: 1,
    status: 'unset',
    statusMessage: '',
    attributes: {},
    events: [],
    links: [],
    droppedAttributes: 0,
    droppedEvents: 0,
    droppedLinks: 0,
    resource: { attributes: { 'service.name': 'shop' } },
    scope: { name: 'http' },
    ...fields,
  }
}

function detailsOf({ traceState, statusMessage, events, links, ...rest }: SpanData): SpanDetails {
  const { droppedAttributes, droppedEvents, droppedLinks } = rest
  return { traceState, statusMessage, events, links, droppedAttributes, droppedEvents, droppedLinks }
}

function idParts(text: string): number[] {
  return (text.match(/.{8}/g) ?? []).map((part) => Number.parseInt(part, 16) | 0)
}

/** By arithmetic of whole numbers: the epoch offset and the clock's reading, each to the nearest nanosecond. */
function exactTimes({ startMs, endMs }: SpanRow): string[] {
  const start = 1_767_225_600_000_250_000n + BigInt(Math.round(startMs * 1e6))
  return [String(start), String(start + BigInt(Math.round((endMs - startMs) * 1e6)))]
}

function spansOf(request: Message): Message[] {
  const groups = (request.resourceSpans ?? []) as { scopeSpans: { spans: Message[] }[] }[]
  return groups.flatMap((group) => group.scopeSpans.flatMap((scope) => scope.spans))
}

function firstSpan(request: Message): Message {
  const [first] = spansOf(request)
  assert.ok(first)
  return first
}

function withoutTimes(request: Message): Message {
  return JSON.parse(JSON.stringify(request), (key, value: unknown) =>
    key === 'startTimeUnixNano' || key === 'endTimeUnixNano' ? undefined : value,
  ) as Message
}
