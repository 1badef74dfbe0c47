// A request through the gateway as a trace: its server span, each try below it, and what the policies did, in a process that has
// started telemetry.
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { createMetrics, type SpanData, startTelemetry, type Telemetry } from '@switchgear/telemetry'
import { Registry } from '@switchgear/core'
import { call, service, stand, tearDown } from './stand.ts'

let telemetry: Telemetry | undefined
afterEach(async () => {
  await tearDown()
  await telemetry?.close()
  telemetry = undefined
})

function record(registry: Registry) {
  const spans: SpanData[] = []
  const metrics = createMetrics({ registry, also: [] })
  const started = startTelemetry({
    service: 'gateway',
    environment: {},
    metrics: { metrics },
    // The tests' own client is in this process too, and nobody wants its spans.
    http: { client: false, undici: false, ignore: ({ host }) => host === 'ignored' },
    traces: {
      export: false,
      consumers: [
        {
          name: 'list',
          consume: (block) => {
            for (let n = 0; n < block.size; n++) spans.push(block.data(n))
          },
          flush: () => Promise.resolve(),
          close: () => Promise.resolve(),
        },
      ],
    },
    onProblem: (message) => assert.fail(message),
  })
  telemetry = started
  /** Spans of the gateway: the test's services are in this process too. */
  const finished = async (count: number): Promise<SpanData[]> => {
    const own = (): SpanData[] =>
      spans.filter(({ attributes }) => attributes['user_agent.original'] !== 'node-upstream')
    for (let round = 0; round < 200 && own().length < count; round++) {
      await started.flush()
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    return own().toSorted((a, b) => a.startMicros - b.startMicros)
  }
  return { metrics, finished }
}

const kindsOf = (spans: readonly SpanData[]) => spans.map(({ kind, name }) => `${kind} ${name}`)

test('server span, tries and the service hang together, also over a retry', async () => {
  const registry = new Registry()
  const { metrics, finished } = record(registry)
  const seen: (string | undefined)[] = []
  const upstream = await service((request, response) => {
    seen.push(request.headers['traceparent'] as string | undefined)
    response.writeHead(seen.length === 1 ? 503 : 200).end('done')
  })
  const { url, record: log } = await stand({
    routes: [{ path: '/orders/', service: 'orders' }],
    services: { orders: { endpoints: [upstream.origin] } },
    registry,
    metrics,
  })
  assert.equal((await call(`${url}/orders/7?token=1`)).status, 200)
  const spans = await finished(5)
  // The service answers twice, as a server of this process: those two spans are below the tries.
  assert.deepEqual(kindsOf(spans), ['server GET /orders', 'client GET', 'server GET', 'client GET', 'server GET'])
  const [front, first, firstServed, second, secondServed] = spans
  assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1)
  assert.deepEqual(
    [first, second].map((span) => [span?.parentSpanId, span?.attributes['switchgear.service'], span?.status]),
    [
      [front?.spanId, 'orders', 'error'],
      [front?.spanId, 'orders', 'unset'],
    ],
  )
  assert.deepEqual([firstServed?.parentSpanId, secondServed?.parentSpanId], [first?.spanId, second?.spanId])
  assert.deepEqual(
    seen.map((header) => header?.split('-')[2]),
    [first?.spanId, second?.spanId],
  )
  assert.deepEqual(
    front?.events.map(({ name }) => name),
    ['switchgear.retry'],
  )
  assert.equal((await log()).traceId, front?.traceId)
})

test('a refusal fails the span with its code; what looks on is left out, and nothing is counted twice', async () => {
  const registry = new Registry()
  const { metrics, finished } = record(registry)
  const upstream = await service((_request, response) => response.writeHead(500).end('no'))
  const policies = [{ circuitBreaker: { consecutiveFailures: 1 } }]
  const { url } = await stand({
    routes: [{ path: '/pay', service: 'payments' }],
    services: { payments: { endpoints: [upstream.origin], policies } },
    registry,
    metrics,
  })
  for (const path of ['/healthz', '/readyz', '/metrics']) assert.equal((await call(url + path)).status, 200)
  assert.equal((await call(`${url}/pay`)).status, 500)
  assert.equal((await call(`${url}/pay`)).status, 503)
  const spans = await finished(4)
  const fronts = spans.filter(({ name }) => name === 'GET /pay')
  assert.equal(spans.length, 4, kindsOf(spans).join(', '))
  assert.deepEqual(
    fronts.map(({ status, attributes }) => [status, attributes['http.response.status_code'], attributes['error.type']]),
    [
      ['error', 500, '500'],
      ['error', 503, 'SG_CIRCUIT_OPEN'],
    ],
  )
  const refusal = fronts[1]?.events.find(({ name }) => name === 'switchgear.rejected')
  assert.equal(refusal?.attributes['switchgear.circuit.state'], 'open')
  const text = await metrics.text()
  const counted =
    text.match(/^http_server_request_duration_seconds_count\{[^}]*http_route="\/pay"[^}]*\} (\d+)$/gm) ?? []
  assert.equal(counted.length, 2, text)
  assert.ok(
    counted.every((line) => line.endsWith(' 1')),
    counted.join('\n'),
  )
  assert.doesNotMatch(text, /http_route="\/healthz"/)
})

test('the request whose failure ejects an endpoint tells so in its trace', async () => {
  const registry = new Registry()
  const { metrics, finished } = record(registry)
  const sick = await service((_request, response) => response.writeHead(500).end('no'))
  const well = await service((_request, response) => response.end('yes'))
  const { url } = await stand({
    routes: [{ path: '/pay', service: 'payments' }],
    services: { payments: { endpoints: [sick.origin, well.origin], policies: [], balancer: 'roundRobin' } },
    registry,
    metrics,
  })
  for (let round = 0; round < 12; round++) await call(`${url}/pay`)
  const events = (await finished(36)).flatMap((span) => span.events.map((event) => [span.name, event.name]))
  assert.deepEqual(events, [['GET /pay', 'switchgear.ejection']])
})

test('a request that the instrumentation leaves out keeps a trace context all the same', async () => {
  const registry = new Registry()
  const { finished } = record(registry)
  let header: string | undefined
  const upstream = await service((request, response) => {
    header = request.headers['traceparent'] as string
    response.end('done')
  })
  const { url } = await stand({
    routes: [{ path: '/', service: 's' }],
    services: { s: { endpoints: [upstream.origin] } },
    registry,
  })
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  assert.equal((await call(url, { headers: { host: 'ignored', traceparent } })).status, 200)
  assert.match(header ?? '', /^00-4bf92f3577b34da6a3ce929d0e0e4736-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$/)
  const spans = await finished(1)
  assert.deepEqual(kindsOf(spans), ['server GET'], 'only the service is traced')
})
