import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import fc from 'fast-check'
import { complete, decodeTraces } from '../../src/otlp/decode-traces.ts'
import { bit64, sized, varint } from '../../src/otlp/decode-wire.ts'
import { DecodeError, type IngestBatch } from '../../src/otlp/ingest-batch.ts'
import { ingestLimits, resolveLimits } from '../../src/otlp/ingest-limits.ts'
import { traceRequest } from './encode-schema.ts'
import { expectedSpan, jsonRequest, jsonSpan, protobufBody, seed, withValue } from './ingest-requests.ts'

const decode = (body: Uint8Array, limits = ingestLimits): IngestBatch => complete(decodeTraces(body, limits))
const valueOf = (value: unknown, limits = ingestLimits): unknown =>
  decode(protobufBody(withValue(value)), limits).spans[0]?.attributes.v

test('a span with everything arrives with everything', () => {
  const batch = decode(protobufBody(jsonRequest(jsonSpan(), jsonSpan({ parentSpanId: '' }))))
  assert.deepEqual(batch.spans, [expectedSpan, { ...expectedSpan, parentSpanId: undefined }])
  assert.deepEqual([batch.rejected, batch.dropped, batch.truncated, batch.message], [0, 0, 0, ''])
})

test('an empty request, and a span with the least there can be', () => {
  assert.deepEqual(decode(new Uint8Array(0)).spans, [])
  const least = { traceId: expectedSpan.traceId, spanId: expectedSpan.spanId, startTimeUnixNano: '1000' }
  const [span] = decode(protobufBody({ resourceSpans: [{ scopeSpans: [{ spans: [least] }] }] })).spans
  assert.equal(span?.startMicros, 1)
  assert.equal(span?.durationNanos, 0)
  assert.equal(span?.kind, 'internal')
  assert.equal(span?.status, 'unset')
  assert.equal(span?.parentSpanId, undefined)
  assert.deepEqual(span?.resource.attributes, { 'service.name': 'unknown_service' })
  assert.deepEqual(span?.scope, { name: '', version: undefined, schemaUrl: undefined })
})

test('what is wrong in one span rejects that span only, and says why', () => {
  const cases: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [{ traceId: '' }, /traceId must be 16 bytes/],
    [{ traceId: '0'.repeat(32) }, /traceId must be 16 bytes/],
    [{ traceId: 'ab'.repeat(15) }, /traceId must have 16 bytes/],
    [{ spanId: '' }, /spanId must be 8 bytes/],
    [{ spanId: '0'.repeat(16) }, /spanId must be 8 bytes/],
    [{ spanId: 'ab'.repeat(9) }, /spanId must have 8 bytes/],
    [{ parentSpanId: 'abcd' }, /parentSpanId must have 8 bytes/],
    [{ startTimeUnixNano: '0' }, /startTimeUnixNano must be set/],
  ]
  for (const [wrong, reason] of cases) {
    const batch = decode(protobufBody(jsonRequest(jsonSpan(), jsonSpan(wrong), jsonSpan())))
    assert.deepEqual(batch.spans, [expectedSpan, expectedSpan], JSON.stringify(wrong))
    assert.equal(batch.rejected, 1)
    assert.match(batch.message, reason)
  }
})

test('a parent of zeros is none, an end before the start no time, numbers of a later schema the default', () => {
  const odd = { parentSpanId: '0'.repeat(16), endTimeUnixNano: '1', kind: 99, status: { code: 17 } }
  const [span] = decode(protobufBody(jsonRequest(jsonSpan(odd)))).spans
  const rest = { parentSpanId: undefined, durationNanos: 0, kind: 'internal', status: 'unset', statusMessage: '' }
  assert.deepEqual(span, { ...expectedSpan, ...rest })
})

test('times are exact to a quarter of a microsecond and to a nanosecond of duration', () => {
  const nanos = fc.bigInt({ min: 1n, max: 8_999_999_999_999_999_999n })
  fc.assert(
    fc.property(nanos, fc.bigInt({ min: 0n, max: 2n ** 53n }), (start, length) => {
      const times = { startTimeUnixNano: String(start), endTimeUnixNano: String(start + length) }
      const [span] = decode(protobufBody(jsonRequest(jsonSpan(times)))).spans
      assert.equal(span?.durationNanos, Number(length))
      // Compared in half nanoseconds. A double is exact to a quarter of a microsecond up to 2^51 of them, the year 2041.
      if (start < 2_251_799_813_685_248_000n) {
        const off = BigInt(Math.round((span?.startMicros ?? 0) * 16)) * 125n - 2n * start
        assert.ok(off >= -250n && off <= 250n, `${off} half nanoseconds`)
      }
    }),
    { seed, numRuns: 300 },
  )
})

test('values that nest become texts, an array of one kind stays one', () => {
  const list = (...values: unknown[]): unknown => ({ arrayValue: { values } })
  const map = (...values: unknown[]): unknown => ({ kvlistValue: { values } })
  const one = { intValue: '1' }
  assert.deepEqual(valueOf(list()), [])
  assert.deepEqual(valueOf(list({ boolValue: true }, { boolValue: false })), [true, false])
  assert.deepEqual(valueOf(list(one, { doubleValue: 0.5 })), [1, 0.5])
  assert.deepEqual(valueOf(list(one, { stringValue: 'x' }, { boolValue: true }, {})), ['1', 'x', 'true', ''])
  assert.deepEqual(valueOf(list(list(one), map({ key: 'a', value: one }))), ['[1]', '{"a":1}'])
  const nested = map({ key: 'a', value: list(one, { stringValue: 'x' }, {}) }, { key: '__proto__', value: one })
  assert.equal(valueOf(nested), '{"a":[1,"x",null],"__proto__":1}')
  assert.equal(valueOf({ bytesValue: Buffer.from([0, 255, 16]).toString('base64') }), 'AP8Q')
  assert.equal(valueOf({}), '')
  assert.equal(valueOf({ intValue: '9007199254740991' }), 9_007_199_254_740_991)
  assert.equal(valueOf({ intValue: '9007199254740993' }), '9007199254740993', 'no number can hold it')
  assert.equal(valueOf({ intValue: '-9223372036854775808' }), '-9223372036854775808')
})

test('every limit holds, and what it cost is counted', () => {
  const limits = resolveLimits(
    { maxAttributes: 2, maxEvents: 1, maxLinks: 1, maxTextBytes: 5, maxElements: 2, maxDepth: 2, maxSpans: 3 },
    'limits',
  )
  const attributes = ['a', 'b', 'c', 'a', ''].map((key) => ({ key, value: { stringValue: `${key}-ä-ö-ü` } }))
  const event = { name: 'eventful', timeUnixNano: '5000', attributes }
  const link = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), attributes }
  const wide = jsonSpan({ attributes, events: [event, event, event], links: [link, link] })
  const batch = decode(protobufBody(jsonRequest(wide, wide, wide, wide, wide)), limits)
  const [span] = batch.spans
  assert.equal(batch.spans.length, 3)
  assert.equal(batch.rejected, 2)
  assert.match(batch.message, /^a request may bring 3 spans/)
  assert.deepEqual(span?.attributes, { a: 'a-ä-', b: 'b-ä-' })
  assert.equal(span?.droppedAttributes, 3 + 2)
  assert.deepEqual(span?.events, [{ name: 'event', timeMicros: 5, attributes: span?.attributes, droppedAttributes: 2 }])
  assert.equal(span?.droppedEvents, 4 + 2)
  assert.equal(span?.links.length, 1)
  assert.equal(span?.droppedLinks, 5 + 1)
  assert.equal(span?.name, 'GET /')
  assert.ok(batch.truncated > 0)
  const deep = { arrayValue: { values: [{ arrayValue: { values: [{ arrayValue: { values: [] } }] } }] } }
  assert.deepEqual(valueOf(deep, limits), ['[null'.slice(0, 5)])
  assert.deepEqual(valueOf({ arrayValue: { values: [1, 2, 3].map((intValue) => ({ intValue })) } }, limits), [1, 2])
})

test('a value of nothing but brackets, ten thousand deep, is cut and not run into', () => {
  let value = new Uint8Array(0)
  for (let level = 0; level < 10_000; level++) {
    const array = new BinaryWriter().uint32(sized(1)).bytes(value).finish()
    value = new Uint8Array(new BinaryWriter().uint32(sized(5)).bytes(array).finish())
  }
  const attribute = new BinaryWriter().uint32(sized(1)).string('deep').uint32(sized(2)).bytes(value).finish()
  const span = Buffer.concat([bareSpan(), new BinaryWriter().uint32(sized(9)).bytes(attribute).finish()])
  const batch = decode(inRequest(span))
  assert.deepEqual(batch.spans[0]?.attributes, { deep: ['[[[[[[[null]]]]]]]'] })
  assert.equal(batch.dropped, 1)
})

test('a key cannot reach the prototype', () => {
  const attributes = [{ key: '__proto__', value: { stringValue: 'x' } }]
  const [span] = decode(protobufBody(jsonRequest(jsonSpan({ attributes })))).spans
  assert.deepEqual(Object.entries(span?.attributes ?? {}), [['__proto__', 'x']])
  assert.equal(Object.getPrototypeOf(span?.attributes), Object.prototype)
})

test('the resource and the scope may come after their spans, and unknown fields anywhere', () => {
  const parts = new BinaryWriter()
  const unknown = (writer: BinaryWriter): BinaryWriter =>
    writer.uint32(varint(900)).uint32(7).uint32(bit64(901)).fixed64(1).uint32(sized(902)).string('new')
  const scope = new BinaryWriter().uint32(sized(1)).string('late').finish()
  const scopeSpans = unknown(new BinaryWriter()).uint32(sized(2)).bytes(bareSpan()).uint32(sized(1)).bytes(scope)
  const name = new BinaryWriter().uint32(sized(1)).string('late-service').finish()
  const pair = new BinaryWriter().uint32(sized(1)).string('service.name').uint32(sized(2)).bytes(name).finish()
  const resource = new BinaryWriter().uint32(sized(1)).bytes(pair).finish()
  const group = parts.uint32(sized(2)).bytes(scopeSpans.finish()).uint32(sized(1)).bytes(resource).finish()
  const batch = decode(unknown(new BinaryWriter().uint32(sized(1)).bytes(group)).finish())
  assert.equal(batch.spans[0]?.scope.name, 'late')
  assert.equal(batch.spans[0]?.resource.attributes['service.name'], 'late-service')
})

test('bytes that are no UTF-8 do not cost the span', () => {
  const name = new BinaryWriter().uint32(sized(5)).bytes(Uint8Array.of(0x61, 0xc3)).finish()
  assert.equal(decode(inRequest(Buffer.concat([bareSpan(), name]))).spans[0]?.name, 'a\ufffd')
})

test('a malformed span is rejected alone, a malformed request as a whole', () => {
  const spans = [
    Uint8Array.of(0x0a),
    Uint8Array.of(0x0b),
    Uint8Array.of(0x39, 1),
    Uint8Array.of(0x4a, 4, 0x0a, 9, 1, 1),
  ]
  for (const bytes of spans) {
    const batch = decode(inRequest(bareSpan(), bytes, bareSpan()))
    assert.equal(batch.spans.length, 2, Buffer.from(bytes).toString('hex'))
    assert.match(batch.message, /^a span is malformed/)
  }
  const whole = protobufBody(jsonRequest(jsonSpan()))
  for (let length = 1; length < whole.length; length++) {
    assert.throws(() => decode(whole.subarray(0, length)), DecodeError, `cut to ${length} bytes`)
  }
  const overlong = Uint8Array.of(0x98, 0x38, ...Array.from({ length: 11 }, () => 0x80), 0)
  const overflow = Uint8Array.of(0x98, 0x80, 0x80, 0x80, 0x10, 0)
  for (const bytes of [Uint8Array.of(0), Uint8Array.of(7), overlong, overflow, Buffer.from('hello, world')]) {
    assert.throws(() => decode(bytes), DecodeError)
  }
})

test('no damage makes anything but a span, a rejection or a DecodeError, and never a bug', () => {
  const whole = protobufBody(jsonRequest(jsonSpan(), jsonSpan(), jsonSpan()))
  const change = fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }))
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = Uint8Array.from(whole)
      for (const [at, byte] of changes) bytes[at] = byte
      try {
        const batch = decode(bytes)
        assert.doesNotMatch(batch.message, /undefined|not a function|Cannot/)
        for (const span of batch.spans) {
          assert.match(span.traceId, /^(?!0+$)[0-9a-f]{32}$/)
          assert.match(span.spanId, /^(?!0+$)[0-9a-f]{16}$/)
          assert.ok(span.startMicros > 0 && span.durationNanos >= 0)
        }
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error))
        assert.doesNotMatch(error.message, /undefined|not a function|Cannot/)
      }
    }),
    { seed, numRuns: 5000 },
  )
})

test('a request that we take is one for the official decoder too, and the other way round', () => {
  const whole = protobufBody(jsonRequest(jsonSpan()))
  let both = 0
  fc.assert(
    fc.property(fc.nat(whole.length), fc.uint8Array({ maxLength: 12 }), (at, inserted) => {
      const bytes = Buffer.concat([whole.subarray(0, at), inserted, whole.subarray(at)])
      const ours = outcome(() => decode(bytes).rejected)
      const official = outcome(() => traceRequest.decode(bytes))
      // The one liberty that is taken: bytes that are no UTF-8 are replaced.
      if (official === 'ERR_ENCODING_INVALID_ENCODED_DATA') return
      if (ours === 0) assert.equal(typeof official, 'object', `${official}`)
      if (typeof official === 'object') assert.equal(typeof ours, 'number', `${ours}`)
      if (ours === 0 && typeof official === 'object') both++
    }),
    { seed, numRuns: 2000 },
  )
  assert.ok(both > 20, `${both} requests were understood`)
})

/** What `run` gives, or the code or the message of its error. */
function outcome(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? (error as Error).message
  }
}

test('limits are checked', () => {
  assert.throws(() => resolveLimits({ maxSpans: 0 }, 'limits'), /limits\.maxSpans must be a whole number >= 1, got 0/)
  assert.throws(() => resolveLimits({ maxDepth: 65 }, 'limits'), /limits\.maxDepth must be .* in \[1, 64\], got 65/)
  assert.throws(() => resolveLimits({ maxSpan: 1 } as never, 'limits'), /limits\.maxSpan is not an option/)
})

/** A span with ids and a start. */
function bareSpan(): Uint8Array {
  const writer = new BinaryWriter().uint32(sized(1)).bytes(Buffer.alloc(16, 1)).uint32(sized(2))
  return writer.bytes(Buffer.alloc(8, 2)).uint32(bit64(7)).fixed64(1_700_000_000_000_000_000n).finish()
}

function inRequest(...spans: readonly Uint8Array[]): Uint8Array {
  const scopeSpans = new BinaryWriter()
  for (const span of spans) scopeSpans.uint32(sized(2)).bytes(span)
  const group = new BinaryWriter().uint32(sized(2)).bytes(scopeSpans.finish()).finish()
  return new BinaryWriter().uint32(sized(1)).bytes(group).finish()
}

test('a text of bytes that are no UTF-8 is within the limit as well, although each of them becomes three', () => {
  const limits = resolveLimits({ maxTextBytes: 10 }, 'limits')
  const nameOf = (bytes: readonly number[]): readonly [string | undefined, number] => {
    const span = new BinaryWriter()
      .uint32(sized(1))
      .bytes(Buffer.alloc(16, 1))
      .uint32(sized(2))
      .bytes(Buffer.alloc(8, 1))
    span.uint32(sized(5)).bytes(Uint8Array.from(bytes)).uint32(bit64(7)).fixed64(1000n)
    const scopeSpans = new BinaryWriter().uint32(sized(2)).bytes(span.finish()).finish()
    const resourceSpans = new BinaryWriter().uint32(sized(2)).bytes(scopeSpans).finish()
    const batch = decode(new BinaryWriter().uint32(sized(1)).bytes(resourceSpans).finish(), limits)
    return [batch.spans[0]?.name, batch.truncated]
  }
  const a = 0x61
  assert.deepEqual(nameOf(Array.from({ length: 10 }, () => a)), ['aaaaaaaaaa', 0])
  assert.deepEqual(nameOf(Array.from({ length: 11 }, () => a)), ['aaaaaaaaaa', 1])
  assert.deepEqual(nameOf([a, 0xff, 0xff, 0xff]), ['a\ufffd\ufffd\ufffd', 0])
  assert.deepEqual(nameOf([0xff, 0xff, 0xff, 0xff]), ['\ufffd\ufffd\ufffd', 1])
  assert.deepEqual(nameOf(Array.from({ length: 30 }, () => 0xff)), ['\ufffd\ufffd\ufffd', 1])
})
