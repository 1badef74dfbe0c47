import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api'
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, type ReadableSpan, type SpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { createReceiver } from '../../src/otlp/receiver.ts'
import type { SpanData } from '../../src/trace/span-data.ts'
import { traceResponse } from './encode-schema.ts'
import { expectedSpan, jsonBody, jsonRequest, jsonSpan, protobufBody } from './ingest-requests.ts'
import { oneSpan, post, receive } from './receiver-peer.ts'

/** Keeps what the SDK itself says of its spans, to compare. */
class Witness implements SpanProcessor {
  readonly spans: ReadableSpan[] = []
  onStart(): void {}
  onEnd(span: ReadableSpan): void {
    this.spans.push(span)
  }
  async forceFlush(): Promise<void> {}
  async shutdown(): Promise<void> {}
}

function makeSpans(provider: TracerProvider): void {
  const tracer = provider.getTracer('shop-scope', '2.0.0', { schemaUrl: 'https://example.com/s' })
  const root = tracer.startSpan('GET /orders', {
    kind: SpanKind.SERVER,
    startTime: [1_700_000_000, 123_456_750],
    attributes: {
      text: 'été',
      int: 3,
      double: 0.25,
      no: false,
      texts: ['a', 'b'],
      numbers: [1, 2, 3],
      flags: [true, false],
    },
    links: [
      {
        context: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: TraceFlags.SAMPLED, isRemote: true },
        attributes: { reason: 'batch' },
      },
    ],
  })
  root.addEvent('cache.miss', { key: 'k1', tries: 2 }, [1_700_000_000, 200_000_000])
  root.recordException(new TypeError('no such order'))
  const child = tracer.startSpan('SELECT', { kind: SpanKind.CLIENT }, trace.setSpan(ROOT_CONTEXT, root))
  child.setStatus({ code: SpanStatusCode.ERROR, message: 'deadlock' })
  child.end()
  root.setStatus({ code: SpanStatusCode.OK })
  root.end([1_700_000_001, 5])
  for (const kind of [SpanKind.PRODUCER, SpanKind.CONSUMER, SpanKind.INTERNAL]) {
    tracer.startSpan(`kind ${kind}`, { kind, root: true }).end()
  }
}

const nanos = ([seconds, rest]: readonly [number, number]): number => seconds * 1e9 + rest
const micros = ([seconds, rest]: readonly [number, number]): number => seconds * 1e6 + rest / 1000

function compare(got: SpanData, sent: ReadableSpan): void {
  const context = sent.spanContext()
  assert.equal(got.traceId, context.traceId)
  assert.equal(got.parentSpanId, sent.parentSpanContext?.spanId)
  assert.equal(got.flags & 0xff, context.traceFlags)
  assert.equal(got.name, sent.name)
  assert.equal(got.kind, (['internal', 'server', 'client', 'producer', 'consumer'] as const)[sent.kind])
  assert.equal(got.status, (['unset', 'ok', 'error'] as const)[sent.status.code])
  assert.equal(got.statusMessage, sent.status.message ?? '')
  assert.deepEqual(got.attributes, sent.attributes)
  assert.ok(Math.abs(got.startMicros - micros(sent.startTime)) <= 0.25)
  assert.equal(got.durationNanos, nanos(sent.duration))
  assert.deepEqual(
    got.events.map((event) => [event.name, event.attributes, Math.round(event.timeMicros)]),
    sent.events.map((event) => [event.name, event.attributes ?? {}, Math.round(micros(event.time))]),
  )
  assert.deepEqual(
    got.links.map((link) => [link.traceId, link.spanId, link.attributes, link.flags & 0xff]),
    sent.links.map(({ context: to, attributes }) => [to.traceId, to.spanId, attributes ?? {}, to.traceFlags]),
  )
  assert.deepEqual(got.resource.attributes, { 'service.name': 'shop', pid: 12, args: ['node', 'x'] })
  assert.deepEqual(got.scope, { name: 'shop-scope', version: '2.0.0', schemaUrl: 'https://example.com/s' })
}

for (const [name, Exporter] of [
  ['protobuf', ProtobufExporter],
  ['JSON', JsonExporter],
] as const) {
  for (const compression of ['none', 'gzip'] as const) {
    test(`the official ${name} exporter's spans arrive intact, compression ${compression}`, async (t: TestContext) => {
      const { url, spans, receiver } = await receive(t)
      const exporter = new Exporter({ url, compression: compression as never })
      const witness = new Witness()
      const provider = new TracerProvider({
        resource: resourceFromAttributes({ 'service.name': 'shop', pid: 12, args: ['node', 'x'] }),
        spanProcessors: [witness, new BatchSpanProcessor({ exporter })],
      })
      makeSpans(provider)
      await provider.forceFlush()
      await provider.shutdown()
      assert.equal(spans.length, 5)
      const byId = new Map(witness.spans.map((span) => [span.spanContext().spanId, span]))
      for (const span of spans) compare(span, byId.get(span.spanId) ?? assert.fail(`who is ${span.spanId}?`))
      const { totals } = receiver
      assert.equal(totals.spans, 5)
      assert.deepEqual(totals.answers, { 200: 1 })
      assert.equal(totals.inFlightBytes, 0)
    })
  }
}

test('an answer is in the format of its request, and empty when all was taken', async (t) => {
  const { url, spans } = await receive(t)
  const json = await post(url)
  assert.equal(json.status, 200)
  assert.equal(json.headers.get('content-type'), 'application/json')
  assert.equal(json.body.toString(), '{}')
  const protobuf = await post(url, protobufBody(jsonRequest(jsonSpan())), { 'content-type': 'application/x-protobuf' })
  assert.equal(protobuf.status, 200)
  assert.equal(protobuf.headers.get('content-type'), 'application/x-protobuf')
  assert.equal(protobuf.body.length, 0)
  const zipped = await post(url, gzipSync(oneSpan), {
    'content-type': 'Application/JSON; charset=UTF-8',
    'content-encoding': 'GZIP',
  })
  assert.equal(zipped.status, 200)
  assert.deepEqual(spans, [expectedSpan, expectedSpan, expectedSpan])
  const empty = await post(url, Buffer.alloc(0), { 'content-type': 'application/x-protobuf' })
  assert.equal(empty.status, 200, 'a request without spans is a success')
})

test('spans that are rejected, here or by the taker, are told in a partial success', async (t) => {
  const { url, spans, receiver } = await receive(t, {
    take: async (some) => {
      spans.push(...some)
      return { rejected: 1, message: 'the quota of shop is used up' }
    },
  })
  const request = jsonRequest(jsonSpan(), jsonSpan({ traceId: '0'.repeat(32) }), jsonSpan())
  const json = await post(url, jsonBody(request))
  assert.equal(json.status, 200)
  const reasons = 'must be 16 bytes that are not all zero; the quota of shop is used up'
  const errorMessage = `resourceSpans[0].scopeSpans[0].spans[1].traceId ${reasons}`
  assert.deepEqual(JSON.parse(json.body.toString()), { partialSuccess: { rejectedSpans: '2', errorMessage } })
  const protobuf = await post(url, protobufBody(request), { 'content-type': 'application/x-protobuf' })
  assert.deepEqual(traceResponse.toObject(traceResponse.decode(protobuf.body), { longs: Number }), {
    partialSuccess: { rejectedSpans: 2, errorMessage: `a span's traceId ${reasons}` },
  })
  assert.equal(spans.length, 4)
  assert.equal(receiver.totals.spans, 2)
  assert.equal(receiver.totals.rejectedSpans, 4)
})

test('a warning of the taker is passed on without a rejected span', async (t) => {
  const { url } = await receive(t, { take: () => ({ rejected: 0, message: 'half of the quota is used' }) })
  const { body } = await post(url)
  const partialSuccess = { rejectedSpans: '0', errorMessage: 'half of the quota is used' }
  assert.deepEqual(JSON.parse(body.toString()), { partialSuccess })
})

test('a taker without types may answer anything', async (t) => {
  for (const answer of [5, null, 'ok', { rejected: -1 }, { rejected: 1.5, message: 7 }, { rejected: Number.NaN }, []]) {
    const { url, receiver } = await receive(t, { take: () => answer as never })
    for (const format of ['application/json', 'application/x-protobuf']) {
      const body = format === 'application/json' ? oneSpan : protobufBody(jsonRequest(jsonSpan()))
      assert.equal((await post(url, body, { 'content-type': format })).status, 200, JSON.stringify(answer))
    }
    const { spans, rejectedSpans } = receiver.totals
    assert.equal(spans + rejectedSpans, 2)
  }
})

test('decoding a large request lets others run in between', async (t) => {
  const { url, spans } = await receive(t)
  const body = protobufBody(jsonRequest(...Array.from({ length: 8000 }, () => jsonSpan())))
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  const sent = post(url, gzipSync(body), { 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip' })
  assert.equal((await sent).status, 200)
  clearInterval(timer)
  assert.equal(spans.length, 8000)
  assert.ok(turns >= 5, `${turns} timers ran meanwhile`)
})

test('options are checked, and their errors name path, bound and value', () => {
  const take = (): void => undefined
  const cases: readonly (readonly [object, RegExp])[] = [
    [{}, /receiver\.take must be a function, got 'undefined'/],
    [{ take, port: 65_536 }, /receiver\.port must be a whole number in \[0, 65535\], got 65536/],
    [{ take, host: '' }, /receiver\.host must be an address, got ''/],
    [{ take, maxBodyBytes: '4 mb' }, /receiver\.maxBodyBytes must be a size of at least 1 byte.*got '4 mb'/],
    [{ take, maxInFlightBytes: '20mb' }, /receiver\.maxInFlightBytes must be twice the largest body/],
    [{ take, bodyTimeout: 0 }, /receiver\.bodyTimeout must be a duration of at least 1 ms.*got 0/],
    [{ take, allowedHosts: ['a:80'] }, /receiver\.allowedHosts\[0\] must be a host name.*got 'a:80'/],
    [{ take, limits: { maxSpans: 0.5 } }, /receiver\.limits\.maxSpans must be a whole number >= 1, got 0.5/],
    [{ take, prt: 1 }, /receiver\.prt must be an option; known are take, host, port/],
  ]
  for (const [options, message] of cases) {
    assert.throws(() => createReceiver(options as never), { code: 'SG_BAD_OPTIONS', message })
  }
  assert.doesNotThrow(() => createReceiver({ take, port: undefined as never, allowedHosts: ['::1', '[::2]', 'a.b'] }))
})

test('a port that is taken is the error of start, and stop works all the same', async (t) => {
  const { port } = await receive(t)
  const second = createReceiver({ take: () => undefined, port })
  await assert.rejects(second.start(), { code: 'EADDRINUSE' })
  await second.stop()
  await assert.rejects(
    createReceiverStopped().then((receiver) => receiver.start()),
    /does not start again/,
  )
})

async function createReceiverStopped(): Promise<ReturnType<typeof createReceiver>> {
  const receiver = createReceiver({ take: () => undefined, port: 0 })
  await receiver.stop()
  assert.equal(receiver.port, undefined)
  return receiver
}
