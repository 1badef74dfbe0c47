// What a call of the client leaves in a trace, and what it sends on, where the process has started telemetry.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, test } from 'node:test'
import { context, propagation, trace } from '@opentelemetry/api'
import { keptResilienceEvents, type SpanData, startTelemetry, type Telemetry } from '@switchgear/telemetry'
import { createClient } from '../src/index.ts'

let telemetry: Telemetry | undefined
const closing: (() => unknown)[] = []
afterEach(async () => {
  await telemetry?.close()
  telemetry = undefined
  for (const close of closing.splice(0)) await close()
})

function record(): () => Promise<SpanData[]> {
  const spans: SpanData[] = []
  const consumer = {
    name: 'list',
    consume: (block: { size: number; data(n: number): SpanData }) => {
      for (let n = 0; n < block.size; n++) spans.push(block.data(n))
    },
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
  const started = startTelemetry({
    service: 'test',
    environment: {},
    traces: { export: false, consumers: [consumer] },
    http: { server: false },
    onProblem: (message) => assert.fail(message),
  })
  telemetry = started
  return async () => {
    await started.flush()
    return spans.toSorted((a, b) => a.startMicros - b.startMicros)
  }
}

async function serve(answer: (request: IncomingMessage, response: ServerResponse, count: number) => void) {
  const seen: IncomingMessage[] = []
  const server = createServer((request, response) => {
    seen.push(request)
    answer(request, response, seen.length)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => server.close())
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const client = (endpoint: string, more: object = {}) => {
  const made = createClient({ services: { stock: { endpoints: [endpoint], ...more } } })
  closing.unshift(() => made.close())
  return made.service('stock')
}
const position = (request: IncomingMessage | undefined) => String(request?.headers['traceparent']).split('-')

test('a call is a span, each attempt one below it, and the service continues that of its attempt', async () => {
  const spans = record()
  const { seen, url } = await serve((_request, response, count) => {
    response.statusCode = count === 1 ? 503 : 200
    response.end('ok')
  })
  const baggage = propagation.createBaggage({ tenant: { value: 'blue' } })
  const response = await context.with(propagation.setBaggage(context.active(), baggage), () =>
    client(url).fetch('/articles/7?sig=secret'),
  )
  assert.equal(await response.text(), 'ok')
  const [call, first, second, ...rest] = await spans()
  assert.deepEqual(rest, [], 'the HTTP client was traced as well')
  assert.deepEqual([call?.name, call?.kind, call?.parentSpanId], ['stock', 'internal', undefined])
  assert.deepEqual(
    call?.events.map(({ name }) => name),
    ['switchgear.retry'],
  )
  assert.equal(call?.status, 'unset')
  const facts = [first, second].map((span) => [
    span?.name,
    span?.kind,
    span?.parentSpanId === call?.spanId,
    span?.status,
    span?.attributes['http.response.status_code'],
    span?.attributes['error.type'],
    span?.attributes['http.request.resend_count'],
    span?.attributes['url.full'],
  ])
  const full = `${url}/articles/7?sig=REDACTED`
  assert.deepEqual(facts, [
    ['GET', 'client', true, 'error', 503, '503', undefined, full],
    ['GET', 'client', true, 'unset', 200, undefined, 1, full],
  ])
  assert.deepEqual(
    seen.map((request) => position(request).slice(1)),
    [first, second].map((span) => [span?.traceId, span?.spanId, '03']),
  )
  assert.equal(seen[0]?.headers['baggage'], 'tenant=blue')
})

test('a call hangs below the active span, or continues the trace that its caller names', async () => {
  const spans = record()
  const { seen, url } = await serve((_request, response) => response.end('ok'))
  const stock = client(url)
  await trace.getTracer('app').startActiveSpan('job', async (span) => {
    await (await stock.fetch('/')).text()
    span.end()
  })
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  await (await stock.fetch('/', { headers: { traceparent, tracestate: 'vendor=1' } })).text()
  const all = await spans()
  const job = all.find(({ name }) => name === 'job')
  const calls = all.filter(({ name }) => name === 'stock')
  assert.equal(calls[0]?.parentSpanId, job?.spanId)
  assert.equal(calls[1]?.parentSpanId, '00f067aa0ba902b7')
  assert.equal(calls[1]?.traceId, '4bf92f3577b34da6a3ce929d0e0e4736')
  assert.equal(seen[1]?.headers['tracestate'], 'vendor=1')
  assert.equal(position(seen[1])[1], '4bf92f3577b34da6a3ce929d0e0e4736')
})

test('a refusal and its fallback stand in the trace, which ends well; an abort is no error of the service', async () => {
  const spans = record()
  const { url } = await serve((_request, response) => {
    response.statusCode = 500
    response.end('no')
  })
  const policies = [{ circuitBreaker: { consecutiveFailures: 1 } }]
  const guarded = client(url, { policies, fallback: { name: 'empty', status: 200, body: '[]' } })
  for (let call = 0; call < 2; call++) assert.equal(await (await guarded.fetch('/')).text(), '[]')
  const all = await spans()
  const calls = all.filter(({ name }) => name === 'stock')
  assert.deepEqual(
    calls.map(({ status, events }) => [
      status,
      events.map(({ name }) => name).filter((name) => !name.includes('transition')),
    ]),
    [
      ['unset', ['switchgear.fallback']],
      ['unset', ['switchgear.rejected', 'switchgear.fallback']],
    ],
  )
  const refused = calls[1]?.events.find(({ name }) => name === 'switchgear.rejected')
  assert.equal(refused?.attributes['switchgear.circuit.state'], 'open')
  const slow = await serve(() => undefined)
  const controller = new AbortController()
  const waiting = client(slow.url).fetch('/', { signal: controller.signal })
  await new Promise((resolve) => setTimeout(resolve, 50))
  controller.abort(new Error('enough'))
  await assert.rejects(waiting, { message: 'enough' })
  const aborted = (await spans()).filter(({ name }) => name === 'stock').at(-1)
  assert.deepEqual([aborted?.status, aborted?.attributes['switchgear.outcome']], ['unset', 'ignored'])
})

test('a body that breaks makes attempt and call fail, at the moment in which it breaks', async () => {
  const spans = record()
  const { url } = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('half')
    setTimeout(() => response.destroy(), 20)
  })
  const response = await client(url).fetch('/')
  await assert.rejects(response.text())
  const [call, attempt] = await spans()
  assert.deepEqual([call?.status, call?.attributes['error.type']], ['error', 'SG_RESPONSE_CUT'])
  assert.deepEqual([attempt?.status, attempt?.attributes['error.type']], ['error', 'SG_RESPONSE_CUT'])
  assert.equal(attempt?.attributes['http.response.status_code'], 200)
})

test('the call whose failure ejects an endpoint tells so in its trace, once, and its trace is one to keep', async () => {
  const spans = record()
  const sick = await serve((_request, response) => response.writeHead(503).end())
  const { url } = await serve((_request, response) => response.end('ok'))
  const policies = [{ retry: { maxAttempts: 2, delay: 1, jitter: 0 } }]
  const made = createClient({ services: { stock: { endpoints: [sick.url, url], policies, balancer: 'roundRobin' } } })
  closing.unshift(() => made.close())
  for (let call = 0; call < 16; call++) await (await made.service('stock').fetch('/')).text()
  const told = (await spans()).flatMap(({ name, events }) =>
    events.filter((event) => event.name === 'switchgear.ejection').map((event) => ({ span: name, ...event })),
  )
  assert.deepEqual(
    told.map(({ span, attributes }) => [span, attributes['server.address'], attributes['server.port']]),
    [['stock', '127.0.0.1', Number(new URL(sick.url).port)]],
  )
  assert.match(String(told[0]?.attributes['switchgear.reason']), /5 /)
  assert.ok(keptResilienceEvents.has(String(told[0]?.name)))
})
