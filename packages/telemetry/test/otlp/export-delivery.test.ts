import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { test, type TestContext } from 'node:test'
import { type OtlpExporter, otlpExporter } from '../../src/otlp/exporter.ts'
import type { OtlpOptions } from '../../src/otlp/otlp-options.ts'
import { activeContext, rootContext, runIn, suppressed } from '../../src/trace/context.ts'
import { decoded, type Message, traceRequest, traceResponse } from './encode-schema.ts'
import { inTurn, ok, status, TestCollector, until } from './export-collector.ts'
import { block, spans } from './export-spans.ts'

function exporterTo(t: TestContext, collector: TestCollector, options: OtlpOptions = {}): OtlpExporter {
  const exporter = otlpExporter({ endpoint: collector.endpoint, backoff: 1, maxBackoff: 5, ...options })
  t.after(() => exporter.close(AbortSignal.abort()))
  return exporter
}

function spanCount(request: Message): number {
  const groups = (request.resourceSpans ?? []) as { scopeSpans: { spans: Message[] }[] }[]
  return groups.flatMap((group) => group.scopeSpans.flatMap((scope) => scope.spans)).length
}

test('a block and single spans arrive as protobuf, in order, over one connection', async (t) => {
  const collector = await TestCollector.start(t)
  const exporter = exporterTo(t, collector, { headers: { 'X-Tenant': 'one' } })
  const reused = block(512)
  exporter.consume(reused)
  reused.reset(0)
  exporter.take(spans(3))
  exporter.take([])
  exporter.consume(reused)
  await exporter.flush()
  const [first, second] = collector.received
  assert.equal(collector.received.length, 2)
  assert.ok(first)
  assert.ok(second)
  assert.equal(spanCount(decoded(traceRequest, first.body)), 512)
  assert.equal(spanCount(decoded(traceRequest, second.body)), 3)
  const { headers, path } = first
  assert.deepEqual(
    [path, headers['content-type'], headers['content-encoding'], headers['x-tenant']],
    ['/v1/traces', 'application/x-protobuf', undefined, 'one'],
  )
  assert.match(headers['user-agent'] ?? '', /^Switchgear-OTLP-Exporter-JavaScript/)
  assert.equal(collector.connections, 1)
  const { exported, queued, queuedBytes, requests, retries, bytes } = exporter.totals
  assert.deepEqual(
    { exported, queued, queuedBytes, requests, retries, bytes },
    { exported: 515, queued: 0, queuedBytes: 0, requests: 2, retries: 0, bytes: first.wireBytes + second.wireBytes },
  )
})

test('JSON and gzip', async (t) => {
  const collector = await TestCollector.start(t)
  const exporter = exporterTo(t, collector, { protocol: 'http/json', compression: 'gzip' })
  exporter.consume(block(100))
  exporter.take(spans(1))
  await exporter.flush()
  const [first] = collector.received
  assert.ok(first)
  assert.deepEqual([first.headers['content-type'], first.headers['content-encoding']], ['application/json', 'gzip'])
  assert.equal(spanCount(JSON.parse(first.body.toString()) as Message), 100)
  assert.ok(first.wireBytes < first.body.length / 4)
  assert.equal(exporter.totals.bytes, first.wireBytes + (collector.received[1]?.wireBytes ?? 0))
})

test('large hand-overs are cut into requests of maxBatch', async (t) => {
  const collector = await TestCollector.start(t)
  const exporter = exporterTo(t, collector, { maxBatch: 200 })
  exporter.take(spans(450))
  exporter.consume(block(201))
  await exporter.flush()
  const counts = collector.received.map(({ body }) => spanCount(decoded(traceRequest, body)))
  assert.deepEqual(counts, [200, 200, 50, 200, 1])
})

test('requests are not traced and carry nothing of whoever ended the span', async (t) => {
  const collector = await TestCollector.start(t)
  const seen: [boolean, string | undefined][] = []
  const onRequest = (): void => void seen.push([suppressed(activeContext()), activeContext().tenant])
  subscribe('http.client.request.start', onRequest)
  t.after(() => unsubscribe('http.client.request.start', onRequest))
  collector.answer = inTurn(status(503), ok)
  const exporter = exporterTo(t, collector)
  runIn(rootContext.withTenant('one'), () => exporter.take(spans(1)))
  await exporter.flush()
  assert.deepEqual(seen, [
    [true, undefined],
    [true, undefined],
  ])
  assert.equal(suppressed(activeContext()), false)
})

test('partial success: what was rejected is counted and told, and not sent again', async (t) => {
  const message = 'attribute "x" is too long\n'
  const partialSuccess = { rejectedSpans: 3, errorMessage: message }
  const wire = traceResponse.encode(traceResponse.fromObject({ partialSuccess })).finish()
  const json = JSON.stringify({ partialSuccess: { rejectedSpans: '4', errorMessage: 'no' } })
  const collector = await TestCollector.start(
    t,
    inTurn(
      status(200, wire, { 'content-type': 'application/x-protobuf' }),
      status(200, json, { 'content-type': 'application/json; charset=utf-8' }),
    ),
  )
  const problems: string[] = []
  const exporter = exporterTo(t, collector, { onProblem: (problem) => problems.push(problem) })
  exporter.take(spans(10))
  exporter.take(spans(10))
  await exporter.flush()
  assert.equal(exporter.totals.exported, 13)
  assert.equal(exporter.totals.dropped.rejected, 7)
  assert.equal(collector.received.length, 2)
  assert.deepEqual(problems, [`${collector.endpoint} rejected 3 of 10: attribute "x" is too long`])
  assert.equal(exporter.totals.lastProblem?.message, `${collector.endpoint} rejected 4 of 10: no`)
})

test('a warning without a rejection is told and drops nothing', async (t) => {
  const partialSuccess = { errorMessage: 'deprecated' }
  const wire = traceResponse.encode(traceResponse.fromObject({ partialSuccess })).finish()
  const collector = await TestCollector.start(t, status(200, wire))
  const exporter = exporterTo(t, collector)
  exporter.take(spans(2))
  await exporter.flush()
  assert.equal(exporter.totals.exported, 2)
  assert.equal(exporter.totals.lastProblem?.kind, 'answer')
  assert.match(exporter.totals.lastProblem.message, /says: deprecated$/)
})

test('a 200 with anything in it is a delivery; odd bodies are told', async (t) => {
  const json = { 'content-type': 'application/json' }
  const collector = await TestCollector.start(
    t,
    inTurn(
      status(200, '{}', json),
      status(204),
      status(200, '{"partialSuccess":null}', json),
      status(200, '{"partialSuccess":{"rejectedSpans":"-5"}}', json),
      status(200, '<html>it works</html>', { 'content-type': 'text/html' }),
      status(200, Buffer.from([0x0a, 0xff, 0xff]), { 'content-type': 'application/x-protobuf' }),
      status(200, '[]]', json),
      status(200, '"OK"', json),
    ),
  )
  const exporter = exporterTo(t, collector)
  const odd: number[] = []
  for (let n = 0; n < 8; n++) {
    const before = exporter.totals.lastProblem
    exporter.take(spans(1))
    await exporter.flush()
    if (exporter.totals.lastProblem !== before) odd.push(n)
  }
  assert.equal(exporter.totals.exported, 8)
  assert.deepEqual(odd, [4, 5, 6])
})

test('with concurrency 2 two requests are under way, never three', async (t) => {
  const held: (() => void)[] = []
  const collector = await TestCollector.start(t, (...args) => void held.push(() => ok(...args)))
  const exporter = exporterTo(t, collector, { concurrency: 2 })
  for (let n = 0; n < 4; n++) exporter.take(spans(1))
  await until(() => held.length === 2, 'two requests')
  held[1]?.()
  await until(() => held.length === 3, 'the third')
  assert.equal(exporter.totals.exported, 1)
  held[0]?.()
  held[2]?.()
  await until(() => held.length === 4, 'the fourth')
  held[3]?.()
  await exporter.flush()
  assert.equal(exporter.totals.exported, 4)
  assert.equal(collector.connections, 2)
})

test('what cannot be encoded is counted and stops nobody', async (t) => {
  const collector = await TestCollector.start(t)
  const exporter = exporterTo(t, collector)
  const [broken] = spans(1, undefined)
  assert.ok(broken)
  exporter.take([{ ...broken, name: undefined as unknown as string }])
  exporter.take(spans(1))
  await exporter.flush()
  assert.equal(exporter.totals.dropped.unencodable, 1)
  assert.equal(exporter.totals.exported, 1)
})
