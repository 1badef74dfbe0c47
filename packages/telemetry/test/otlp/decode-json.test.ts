import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeJson } from '../../src/otlp/decode-json.ts'
import { complete, decodeTraces } from '../../src/otlp/decode-traces.ts'
import { DecodeError, type IngestBatch } from '../../src/otlp/ingest-batch.ts'
import { ingestLimits, resolveLimits } from '../../src/otlp/ingest-limits.ts'
import { expectedSpan, jsonBody, jsonRequest, jsonSpan, protobufBody, seed, withValue } from './ingest-requests.ts'

const decode = (request: unknown, limits = ingestLimits): IngestBatch => complete(decodeJson(jsonBody(request), limits))
const valueOf = (value: unknown): unknown => decode(withValue(value)).spans[0]?.attributes.v

test('a span with everything arrives with everything', () => {
  const batch = decode(jsonRequest(jsonSpan(), jsonSpan({ parentSpanId: '' })))
  assert.deepEqual(batch.spans, [expectedSpan, { ...expectedSpan, parentSpanId: undefined }])
  assert.deepEqual([batch.rejected, batch.dropped, batch.truncated, batch.message], [0, 0, 0, ''])
})

test('ids in either case, integers as numbers or texts, enums as numbers or names, null as missing', () => {
  const other = jsonSpan({
    traceId: expectedSpan.traceId.toUpperCase(),
    spanId: expectedSpan.spanId.toUpperCase(),
    kind: 'SPAN_KIND_SERVER',
    status: { code: 'STATUS_CODE_ERROR', message: 'broke' },
    flags: '769',
    droppedLinksCount: '5',
    schema: { of: 'the future' },
  })
  assert.deepEqual(decode(jsonRequest(other)).spans, [expectedSpan])
  assert.equal(valueOf({ intValue: 5 }), 5)
  assert.equal(valueOf({ intValue: '5' }), 5)
  assert.equal(valueOf({ intValue: '9007199254740993' }), '9007199254740993')
  assert.equal(valueOf({ doubleValue: '2.5e3' }), 2500)
  assert.equal(valueOf({ doubleValue: '-Infinity' }), -Infinity)
  assert.ok(Number.isNaN(valueOf({ doubleValue: 'NaN' })))
  assert.equal(valueOf({ bytesValue: 'AP8Q' }), 'AP8Q')
  assert.equal(valueOf({ bytesValue: '_-8' }), '/+8=', 'the URL-safe alphabet, without padding')
  assert.equal(valueOf({ stringValue: null }), '')
  assert.equal(valueOf(null), '')
  const [span] = decode(jsonRequest(jsonSpan({ kind: null, events: null, status: null, kinds: 3 }))).spans
  assert.deepEqual([span?.kind, span?.events, span?.status], ['internal', [], 'unset'])
  assert.equal(decode(jsonRequest(jsonSpan({ kind: 9 }))).spans[0]?.kind, 'internal')
  assert.deepEqual(decode({}).spans, [])
  assert.deepEqual(decode({ resourceSpans: [{ scopeSpans: [{}] }, {}] }).spans, [])
  assert.equal(decode({ resourceSpans: [{ scopeSpans: [{ spans: [jsonSpan()] }] }] }).spans.length, 1)
})

test('what is wrong in one span rejects that span only, and names the place', () => {
  const cases: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ traceId: '' }, 'traceId must be 16 bytes that are not all zero'],
    [{ traceId: '0'.repeat(32) }, 'traceId must be 16 bytes that are not all zero'],
    [{ traceId: 'W47/95gDgQPSabYzgT/GDA==' }, 'traceId must be 32 hex digits'],
    [{ traceId: 'g'.repeat(32) }, 'traceId must be 32 hex digits'],
    [{ spanId: 7 }, 'spanId must be 16 hex digits'],
    [{ parentSpanId: 'abc' }, 'parentSpanId must be 16 hex digits'],
    [{ name: 5 }, 'name must be a text'],
    [{ kind: 'SPAN_KIND_OTHER' }, 'kind must be a whole number or one of SPAN_KIND_UNSPECIFIED, SPAN_KIND_INTERNAL'],
    [{ kind: 1.5 }, 'kind must be a whole number or one of'],
    [{ startTimeUnixNano: 'soon' }, 'startTimeUnixNano must be a whole number in [0, 18446744073709551615]'],
    [{ startTimeUnixNano: -1 }, 'startTimeUnixNano must be a whole number in'],
    [{ endTimeUnixNano: '18446744073709551616' }, 'endTimeUnixNano must be a whole number in'],
    [{ startTimeUnixNano: undefined }, 'startTimeUnixNano must be set'],
    [{ flags: -1 }, 'flags must be a whole number in [0, 4294967295]'],
    [{ events: {} }, 'events must be a list'],
    [{ events: [{}, 5] }, 'events[1] must be an object'],
    [{ links: [{ traceId: 'abc' }] }, 'links[0].traceId must be 32 hex digits'],
    [{ status: [] }, 'status must be an object'],
    [{ status: { code: 'BAD' } }, 'status.code must be a whole number or one of STATUS_CODE_UNSET'],
    [{ attributes: [{ key: 'a', value: 5 }] }, 'attributes[0].value must be an object'],
    [{ attributes: [{ value: { boolValue: 'yes' } }] }, 'attributes[0].value.boolValue must be true or false'],
    [{ attributes: [{ value: { intValue: 1.5 } }] }, 'attributes[0].value.intValue must be a whole number'],
    [{ attributes: [{ value: { doubleValue: '0x10' } }] }, 'attributes[0].value.doubleValue must be a number'],
    [{ attributes: [{ value: { bytesValue: '*' } }] }, 'attributes[0].value.bytesValue must be base64'],
    [{ attributes: [{ value: { bytesValue: 'AAAAA' } }] }, 'attributes[0].value.bytesValue must be base64'],
    [{ attributes: [{ value: { intValue: 1, boolValue: true } }] }, 'attributes[0].value must have one value only'],
    [
      { attributes: [{}, { value: { kvlistValue: { values: [{ value: { arrayValue: { values: [{}, 1] } } }] } } }] },
      'attributes[1].value.kvlistValue.values[0].value.arrayValue.values[1] must be an object',
    ],
  ]
  for (const [wrong, reason] of cases) {
    const batch = decode(jsonRequest(jsonSpan(), jsonSpan(wrong), jsonSpan()))
    assert.deepEqual(batch.spans, [expectedSpan, expectedSpan], reason)
    assert.equal(batch.rejected, 1)
    assert.ok(batch.message.startsWith(`resourceSpans[0].scopeSpans[0].spans[1].${reason}`), batch.message)
  }
  assert.equal(decode(jsonRequest('span')).message, 'resourceSpans[0].scopeSpans[0].spans[0] must be an object')
})

test('what is wrong outside of spans is an error of the request that names the place', () => {
  const cases: readonly (readonly [unknown, string])[] = [
    [[], 'must be an object'],
    [{ resourceSpans: {} }, 'resourceSpans must be a list'],
    [{ resourceSpans: [5] }, 'resourceSpans[0] must be an object'],
    [{ resourceSpans: [{ resource: [] }] }, 'resourceSpans[0].resource must be an object'],
    [{ resourceSpans: [{}, { scopeSpans: [{ scope: 1 }] }] }, 'resourceSpans[1].scopeSpans[0].scope must be an object'],
    [{ resourceSpans: [{ scopeSpans: [{ spans: 'x' }] }] }, 'resourceSpans[0].scopeSpans[0].spans must be a list'],
  ]
  for (const [request, message] of cases) assert.throws(() => decode(request), { constructor: DecodeError, message })
})

test('text that is no JSON is an error that quotes nothing of it', () => {
  for (const text of ['', 'secret', '{"a":secret}', '{"resourceSpans":[', '\u0000']) {
    assert.throws(
      () => complete(decodeJson(Buffer.from(text))),
      (error) =>
        error instanceof DecodeError &&
        error.message.startsWith('the body is no JSON') &&
        !/secret/.test(error.message),
    )
  }
})

test('brackets without end are cut: by the parser, by the depth of values', () => {
  const depth = 100_000
  let value = '{}'
  for (let level = 0; level < 5000; level++) value = `{"arrayValue":{"values":[${value}]}}`
  const request = JSON.stringify(withValue('?')).replace('"?"', value)
  assert.deepEqual(complete(decodeJson(Buffer.from(request))).spans[0]?.attributes.v, ['[[[[[[[null]]]]]]]'])
  assert.throws(() => complete(decodeJson(Buffer.from('['.repeat(depth)))), DecodeError)
  const closed = Buffer.from(`${'['.repeat(depth)}${']'.repeat(depth)}`)
  assert.throws(() => complete(decodeJson(closed)), DecodeError)
})

test('a body of too many objects is refused before it is parsed', () => {
  const request = (parts: number): Uint8Array => Buffer.from(`{"resourceSpans":[],"x":[${'{},'.repeat(parts)}0]}`)
  const limits = resolveLimits({ maxSpans: 10 }, 'limits')
  assert.deepEqual(complete(decodeJson(request(1200), limits)).spans, [])
  assert.throws(() => complete(decodeJson(request(1300), limits)), /^Error: the body has more than 1280 objects, lists/)
})

test('limits count in JSON as they do in protobuf, and both encodings mean the same', () => {
  const limits = resolveLimits(
    { maxAttributes: 2, maxEvents: 1, maxLinks: 1, maxTextBytes: 6, maxElements: 2 },
    'limits',
  )
  const text = fc.string({ unit: 'grapheme', maxLength: 12 })
  const scalar = fc.oneof(
    text.map((stringValue) => ({ stringValue })),
    fc.maxSafeInteger().map((value) => ({ intValue: String(value) })),
    fc.double({ noDefaultInfinity: true, noNaN: true }).map((value) => ({ doubleValue: value === 0 ? 0 : value })),
    fc.boolean().map((boolValue) => ({ boolValue })),
    fc.constant({}),
  )
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      scalar,
      fc.array(tie('value'), { maxLength: 4 }).map((values) => ({ arrayValue: { values } })),
      fc
        .array(fc.record({ key: text, value: tie('value') }), { maxLength: 4 })
        .map((values) => ({ kvlistValue: { values } })),
    ),
  }))
  const attributes = fc.array(fc.record({ key: text, value }), { maxLength: 4 })
  const event = fc.record({ name: text, timeUnixNano: fc.nat().map(String), attributes })
  const span = fc.record({ name: text, attributes, events: fc.array(event, { maxLength: 3 }) }).map(jsonSpan)
  fc.assert(
    fc.property(fc.array(span, { maxLength: 3 }), fc.constantFrom(limits, ingestLimits), (spans, within) => {
      const request = jsonRequest(...spans)
      const json = decode(request, within)
      const protobuf = complete(decodeTraces(protobufBody(request), within))
      assert.deepEqual(json.spans, protobuf.spans)
      assert.deepEqual([json.dropped, json.truncated], [protobuf.dropped, protobuf.truncated])
      assert.equal(json.spans.length, spans.length)
    }),
    { seed, numRuns: 500 },
  )
})

test('half a surrogate pair becomes U+FFFD, as it would in every store', () => {
  const body = Buffer.from(JSON.stringify(jsonRequest(jsonSpan({ name: '?' }))).replace('"?"', '"a\\ud800"'))
  assert.equal(complete(decodeJson(body)).spans[0]?.name, 'a\ufffd')
})
