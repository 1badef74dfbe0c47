// What our own encoder writes, our own decoder reads: a span goes through a process unchanged.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeJson } from '../../src/otlp/decode-json.ts'
import { complete, decodeTraces } from '../../src/otlp/decode-traces.ts'
import { encodeSpans } from '../../src/otlp/encode-traces.ts'
import { resolveLimits } from '../../src/otlp/ingest-limits.ts'
import { encodeSpansJson } from '../../src/otlp/json-traces.ts'
import type { SpanData } from '../../src/trace/span-data.ts'
import { spanOf } from './encode-spans.ts'
import { seed } from './ingest-requests.ts'

const limits = resolveLimits({ maxTextBytes: 1024 ** 2 }, 'limits')

/** The span as it must come back: an empty text in a scope is as good as none. */
function expected(span: SpanData): unknown {
  const { version, schemaUrl } = span.scope
  return comparable({
    ...span,
    scope: { name: span.scope.name, version: version || undefined, schemaUrl: schemaUrl || undefined },
  })
}

/** Without undefined fields, and with numbers that JSON has not as texts. */
function comparable(span: SpanData): unknown {
  const odd = (value: unknown): boolean => typeof value === 'number' && !Number.isFinite(value)
  return JSON.parse(JSON.stringify(span, (_key, value: unknown) => (odd(value) ? String(value) : value))) as unknown
}

const spans = fc.array(spanOf, { maxLength: 6 })

for (const [name, encode, decode] of [
  ['protobuf', encodeSpans, decodeTraces],
  ['JSON', encodeSpansJson, decodeJson],
] as const) {
  test(`spans that were encoded in ${name} come back`, () => {
    fc.assert(
      fc.property(spans, (sent) => {
        const batch = complete(decode(encode(sent), limits))
        assert.equal(batch.message, '')
        // The encoder groups spans by resource and scope: their order is not kept.
        const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
        assert.deepEqual(batch.spans.map(comparable).toSorted(byText), sent.map(expected).toSorted(byText))
      }),
      { seed, numRuns: 300 },
    )
  })
}
