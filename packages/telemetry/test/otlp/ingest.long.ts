// Ingest under a storm of damaged requests: straight into the decoders, and over sockets. SWITCHGEAR_SEED and SWITCHGEAR_RUNS: see
// `long-run.ts`. Whatever comes, the decoders give spans that keep every promise of SpanData or a DecodeError, a receiver answers
// with one of few statuses, and the heap stays as it is.
import assert from 'node:assert/strict'
import http from 'node:http'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { seededRandom } from '@switchgear/core/testing'
import { decodeJson } from '../../src/otlp/decode-json.ts'
import { complete, decodeTraces } from '../../src/otlp/decode-traces.ts'
import { encodeSpans } from '../../src/otlp/encode-traces.ts'
import { DecodeError } from '../../src/otlp/ingest-batch.ts'
import { ingestLimits, type IngestLimits } from '../../src/otlp/ingest-limits.ts'
import { encodeSpansJson } from '../../src/otlp/json-traces.ts'
import { encode as storeEncode } from '../../src/store/encoding.ts'
import { kinds, statuses } from '../../src/trace/span-block.ts'
import type { Attributes, SpanData } from '../../src/trace/span-data.ts'
import { diceOf, scaled, seed, usedBytes } from '../long-run.ts'
import { mutated, request } from './mutation.ts'
import { post, receive } from './receiver-peer.ts'

const small: IngestLimits = {
  maxSpans: 3,
  maxAttributes: 3,
  maxEvents: 2,
  maxLinks: 1,
  maxTextBytes: 40,
  maxElements: 3,
  maxDepth: 2,
}

function checkText(text: unknown, { maxTextBytes }: IngestLimits): void {
  assert.ok(typeof text === 'string' && text.isWellFormed())
  assert.ok(Buffer.byteLength(text) <= maxTextBytes, `${text.length} characters`)
}

function checkAttributes(attributes: Attributes, limits: IngestLimits, more = 0): void {
  const entries = Object.entries(attributes)
  assert.ok(entries.length <= limits.maxAttributes + more)
  for (const [key, value] of entries) {
    assert.notEqual(key, '')
    checkText(key, limits)
    const list: readonly unknown[] = Array.isArray(value) ? value : [value]
    assert.ok(!Array.isArray(value) || value.length <= limits.maxElements)
    for (const each of list) {
      assert.ok(['string', 'number', 'boolean'].includes(typeof each) && typeof each === typeof list[0])
      if (typeof each === 'string') checkText(each, limits)
    }
  }
}

function checkSpan(span: SpanData, limits: IngestLimits): void {
  assert.match(span.traceId, /^(?!0+$)[0-9a-f]{32}$/)
  assert.match(span.spanId, /^(?!0+$)[0-9a-f]{16}$/)
  if (span.parentSpanId !== undefined) assert.match(span.parentSpanId, /^(?!0+$)[0-9a-f]{16}$/)
  assert.ok(kinds.includes(span.kind) && statuses.includes(span.status))
  assert.ok(span.startMicros > 0 && Number.isFinite(span.startMicros) && span.durationNanos >= 0)
  assert.ok(span.flags >= 0 && span.flags <= 0x3ff)
  for (const text of [span.name, span.traceState, span.statusMessage, span.scope.name]) checkText(text, limits)
  checkAttributes(span.attributes, limits)
  checkAttributes(span.resource.attributes, limits, 1)
  assert.equal(typeof span.resource.attributes['service.name'], 'string')
  assert.ok(span.events.length <= limits.maxEvents && span.links.length <= limits.maxLinks)
  for (const event of span.events) checkAttributes(event.attributes, limits)
  for (const link of span.links) {
    assert.match(link.traceId, /^(?!0+$)[0-9a-f]{32}$/)
    checkAttributes(link.attributes, limits)
  }
  // The store takes all of them but those that are said to have run for a hundred days.
  assert.ok(storeEncode(span) !== undefined || !Number.isSafeInteger(span.durationNanos))
}

/** Times are exact until the year 2255. */
function isExact({ startMicros, events }: SpanData): boolean {
  return [startMicros, ...events.map(({ timeMicros }) => timeMicros)].every((micros) => micros < 2 ** 53)
}

/** What was taken, sent on in either encoding, arrives as it is. */
function checkSentOn(taken: readonly SpanData[]): void {
  const spans = taken.filter(isExact)
  const wide = { ...ingestLimits, maxTextBytes: 1_000_000 }
  for (const again of [
    complete(decodeTraces(encodeSpans(spans), wide)),
    complete(decodeJson(encodeSpansJson(spans), wide)),
  ]) {
    assert.equal(again.message, '')
    assert.deepEqual(new Set(again.spans.map(text)), new Set(spans.map(text)))
  }
}

/** A span as text; the order of attributes does not matter, nor what a number is before it is sent. */
function text(span: SpanData): string {
  const sorted = (_key: string, value: unknown): unknown => {
    if (typeof value === 'number') return String(value)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  }
  return JSON.stringify(span, sorted)
}

describe(`ingest of damaged requests, with seed ${seed}`, () => {
  for (const json of [false, true]) {
    it(`straight into the decoder of ${json ? 'JSON' : 'protobuf'}`, async (t) => {
      const dice = diceOf(seededRandom(seed + Number(json)))
      const runs = scaled(50_000, 200)
      const found = { decoded: 0, refused: 0, spans: 0, rejected: 0, slowestMs: 0 }
      let heap = 0
      let whole = request(dice, json)
      let other = whole
      for (let run = 0; run < runs; run++) {
        if (run === Math.floor(runs / 5)) heap = await usedBytes()
        if (run % 4 === 0) {
          other = whole
          whole = request(dice, json)
        }
        let body = whole
        for (let damages = dice.below(4); damages > 0; damages--) body = mutated(dice, body, other, json)
        const limits = dice.chance(0.5) ? small : ingestLimits
        const begun = performance.now()
        try {
          const batch = complete(json ? decodeJson(body, limits) : decodeTraces(body, limits))
          found.decoded++
          found.spans += batch.spans.length
          found.rejected += batch.rejected
          assert.ok(batch.spans.length <= limits.maxSpans)
          for (const span of batch.spans) checkSpan(span, limits)
          checkSentOn(batch.spans)
        } catch (error) {
          if (!(error instanceof DecodeError))
            throw new Error(`run ${run}: ${body.toString('base64')}`, { cause: error })
          found.refused++
        }
        found.slowestMs = Math.max(found.slowestMs, performance.now() - begun)
      }
      const grown = (await usedBytes()) - heap
      t.diagnostic(JSON.stringify({ runs, ...found, grown }))
      assert.ok(found.decoded > runs / 20 && found.refused > runs / 20 && found.spans > runs / 20)
      assert.ok(grown < 4_000_000, `${grown} bytes`)
    })
  }

  it('over sockets', async (t) => {
    const dice = diceOf(seededRandom(seed + 2))
    const { receiver, url, port, spans } = await receive(t, { maxBodyBytes: 16_384, maxInflatedBytes: 32_768 })
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 })
    t.after(() => agent.destroy())
    const runs = scaled(5000, 100)
    const answers: Record<number, number> = {}
    let heap = 0
    const send = (body: Buffer, type: string, gzip: boolean): Promise<number> =>
      new Promise((resolve, reject) => {
        const headers = {
          'content-type': type,
          'content-length': body.length,
          ...(gzip && { 'content-encoding': 'gzip' }),
        }
        const sent = http.request({ port, host: '127.0.0.1', path: '/v1/traces', method: 'POST', agent, headers })
        sent.on('response', (answer) => answer.resume().on('end', () => resolve(answer.statusCode ?? 0)))
        sent.on('error', reject).end(body)
      })
    for (let run = 0; run < runs; run += 8) {
      if (heap === 0 && run >= runs / 5) heap = await usedBytes()
      const batch = Array.from({ length: 8 }, () => {
        const json = dice.chance(0.5)
        const gzip = dice.chance(0.3)
        let body = request(dice, json)
        for (let damages = dice.below(3); damages > 0; damages--) body = mutated(dice, body, body, json)
        // A bomb: little on the wire, beyond the bound once it is inflated.
        if (gzip && dice.chance(0.1)) body = Buffer.concat([body, Buffer.alloc(100_000)])
        let wire = gzip ? gzipSync(body) : body
        if (gzip && dice.chance(0.3)) wire = mutated(dice, wire, body, false)
        const type = dice.chance(0.05) ? 'text/plain' : json ? 'application/json' : 'application/x-protobuf'
        return send(wire, type, gzip)
      })
      for (const status of await Promise.all(batch)) answers[status] = (answers[status] ?? 0) + 1
      spans.length = 0
    }
    const grown = (await usedBytes()) - heap
    t.diagnostic(JSON.stringify({ answers, totals: receiver.totals, grown }))
    assert.deepEqual(
      Object.keys(answers).filter((status) => !['200', '400', '413', '415'].includes(status)),
      [],
    )
    assert.deepEqual(receiver.totals.answers, answers)
    assert.equal(receiver.totals.inFlightBytes, 0)
    assert.ok(grown < 8_000_000, `${grown} bytes`)
    assert.equal((await post(url)).status, 200)
  })
})
