// Telemetry as a whole: what one call starts, what the environment and the code say about it, and that closing leaves nothing.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, test } from 'node:test'
import { context, propagation, trace } from '@opentelemetry/api'
import { circuitBreaker, pipeline, Registry } from '@switchgear/core'
import { quietly } from '@switchgear/core/observe'
import {
  alwaysOff,
  createMetrics,
  currentTelemetry,
  type SpanConsumer,
  type SpanData,
  startTelemetry,
  type Telemetry,
  type TelemetryOptions,
} from '../../src/index.ts'
import { sdkVersion } from '../../src/start/resource.ts'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

function start(options: TelemetryOptions = {}): { telemetry: Telemetry; problems: string[]; spans: SpanData[] } {
  const problems: string[] = []
  const spans: SpanData[] = []
  const consumer: SpanConsumer = {
    name: 'list',
    consume: (block) => {
      for (let n = 0; n < block.size; n++) spans.push(block.data(n))
    },
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
  const traces = { export: false as const, consumers: [consumer], ...options.traces }
  const onProblem = (message: string): void => void problems.push(message)
  const telemetry = startTelemetry({ environment: {}, onProblem, ...options, traces })
  open.push(() => telemetry.close())
  return { telemetry, problems, spans }
}

async function collector(answer: number, delayMs = 0) {
  const received: { request: IncomingMessage; bytes: number }[] = []
  const server = createServer((request, response) => {
    let bytes = 0
    request.on('data', (chunk: Buffer) => (bytes += chunk.length))
    request.on('end', () => {
      received.push({ request, bytes })
      setTimeout(() => response.writeHead(answer).end(), delayMs)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { received, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

test('spans carry who they come from: the process, the environment, then the code', () => {
  const environment = { OTEL_SERVICE_NAME: 'from-environment', OTEL_RESOURCE_ATTRIBUTES: 'team=blue,zone=a' }
  const { telemetry } = start({ environment, attributes: { zone: 'b' }, version: '1.2.3' })
  const { attributes } = telemetry.tracer.resource
  assert.equal(attributes['service.name'], 'from-environment')
  assert.deepEqual([attributes['team'], attributes['zone'], attributes['service.version']], ['blue', 'b', '1.2.3'])
  assert.equal(attributes['process.pid'], process.pid)
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  assert.equal(sdkVersion, manifest.version)
})

test('the name of a service: the code, the environment, the npm package, and one that says there is none', async () => {
  const cases: [TelemetryOptions, string][] = [
    [{ service: 'code', environment: { OTEL_SERVICE_NAME: 'environment' } }, 'code'],
    [{ environment: { npm_package_name: 'package' } }, 'package'],
    [{ environment: {} }, 'unknown_service:node'],
  ]
  for (const [options, name] of cases) {
    const { telemetry } = start(options)
    assert.equal(telemetry.tracer.resource.attributes['service.name'], name)
    await telemetry.close()
  }
})

test('it stands behind the OpenTelemetry API and takes that back; a second one is refused', async () => {
  const { telemetry, spans, problems } = start()
  assert.throws(() => startTelemetry({ environment: {} }), { code: 'SG_BAD_OPTIONS', message: /already/ })
  trace.getTracer('app').startSpan('work').end()
  const carrier: Record<string, string> = {}
  trace.getTracer('app').startActiveSpan('outer', (span) => {
    propagation.inject(context.active(), carrier)
    span.end()
  })
  await telemetry.flush()
  assert.deepEqual(
    spans.map(({ name }) => name),
    ['work', 'outer'],
  )
  assert.match(carrier['traceparent'] ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-03$/)
  assert.deepEqual(problems, [])
  await telemetry.close()
  await telemetry.close()
  assert.equal(currentTelemetry(), undefined)
  assert.equal(trace.getTracer('app').startSpan('after').isRecording(), false)
  start()
})

test('requests, guarded calls and their metrics appear without another word', async () => {
  const registry = new Registry()
  const payments = registry.pipeline('payments', circuitBreaker())
  const { telemetry, spans } = start({ metrics: { registry } })
  const server = createServer((_request, response) => {
    void payments.execute(async () => 'paid').then((text) => response.end(text))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/pay`
  assert.equal(await (await fetch(url, { headers: { connection: 'close' } })).text(), 'paid')
  for (let round = 0; round < 100 && spans.length < 3; round++) {
    await telemetry.flush()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const byKind = (kind: string) => spans.find((span) => span.kind === kind)
  const [client, served, call] = [byKind('client'), byKind('server'), byKind('internal')]
  assert.equal(served?.parentSpanId, client?.spanId)
  assert.equal(call?.parentSpanId, served?.spanId)
  const text = await telemetry.metrics.text()
  assert.match(text, /^switchgear_call_duration_seconds_count\{service="payments",outcome="success"\} 1$/m)
  assert.match(text, /^http_server_request_duration_seconds_count\{.*http_response_status_code="200".*\} 1$/m)
  assert.match(text, /^http_client_request_duration_seconds_count\{.*\} 1$/m)
  assert.match(text, /^circuit_breaker_state\{service="payments"\} 0$/m)
})

test('durations are counted into metrics of one process that is told twice', async () => {
  const metrics = createMetrics({ registry: new Registry(), also: [] })
  for (let round = 0; round < 2; round++) {
    const { telemetry } = start({ metrics: { metrics } })
    await pipeline({ name: 'p' }, circuitBreaker()).execute(() => 1)
    await telemetry.close()
  }
  assert.match(await metrics.text(), /^switchgear_call_duration_seconds_count\{service="p",outcome="success"\} 2$/m)
})

test('spans go to the collector that the environment names; close delivers what is left', async () => {
  const { received, endpoint } = await collector(200)
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'x-key=secret' }
  const { telemetry } = start({ environment, traces: { export: undefined } })
  for (let count = 0; count < 1000; count++) trace.getTracer('app').startSpan(`s${count}`).end()
  await telemetry.close()
  assert.deepEqual(
    received.map(({ request }) => [request.url, request.headers['x-key'], request.headers['traceparent']]),
    [
      ['/v1/traces', 'secret', undefined],
      ['/v1/traces', 'secret', undefined],
    ],
  )
  const { export: sent, problems } = telemetry.diagnosis()
  assert.equal(sent?.exported, 1000)
  // The collector of this test listens in the same process, and did before.
  assert.ok(
    problems.every((problem) => /started late: \d+ server/.test(problem)),
    problems.join('\n'),
  )
})

test('metrics are pushed where somebody says so, at their interval and at the end', async () => {
  const { received, endpoint } = await collector(200)
  const environment = {
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_METRIC_EXPORT_INTERVAL: '100',
  }
  const { telemetry } = start({ environment })
  for (let round = 0; round < 200 && received.length < 2; round++)
    await new Promise((resolve) => setTimeout(resolve, 20))
  await telemetry.close()
  assert.ok(received.length >= 3, `${received.length} pushes`)
  assert.ok(received.every(({ request, bytes }) => request.url === '/v1/metrics' && bytes > 100))
})

test('it says what is wrong: disabled, unsampled, nothing traced, refused exporter, odd variables', async () => {
  const disabled = start({ environment: { OTEL_SDK_DISABLED: 'true' } })
  assert.match(disabled.telemetry.diagnosis().problems.join('\n'), /OTEL_SDK_DISABLED is true/)
  assert.equal(trace.getTracer('app').startSpan('x').isRecording(), false)
  await disabled.telemetry.close()
  const quiet = start({ traces: { sampler: alwaysOff } })
  assert.match(quiet.telemetry.diagnosis().problems.join('\n'), /No span was begun/)
  trace.getTracer('app').startSpan('x').end()
  assert.match(quiet.telemetry.diagnosis().problems.join('\n'), /All 1 spans were left out by the sampler/)
  await quiet.telemetry.close()
  const { endpoint } = await collector(401)
  const refused = start({ traces: { export: { endpoint: `${endpoint}/v1/traces` } } })
  trace.getTracer('app').startSpan('x').end()
  await refused.telemetry.flush()
  const { problems, export: sent } = refused.telemetry.diagnosis()
  assert.match(problems.join('\n'), /exporter has trouble.*401/)
  assert.equal(sent?.dropped.refused, 1)
  await refused.telemetry.close()
  const odd = start({
    environment: { OTEL_TRACES_SAMPLER: 'sometimes', OTEL_PROPAGATORS: 'xray', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
  })
  assert.match(odd.problems.join('\n'), /OTEL_TRACES_SAMPLER/)
  assert.match(odd.problems.join('\n'), /xray/)
  assert.match(odd.problems.join('\n'), /gRPC is not spoken/)
})

test('options that are not there, or not good, are refused by name', () => {
  assert.throws(() => startTelemetry({ servce: 'x' } as never), {
    code: 'SG_BAD_OPTIONS',
    message: /telemetry\.servce/,
  })
  assert.throws(() => start({ traces: { maxBlocks: 0 } }), { code: 'SG_BAD_OPTIONS', message: /tracer\.maxBlocks/ })
  assert.throws(() => start({ http: { servr: true } as never }), { code: 'SG_BAD_OPTIONS', message: /http\.servr/ })
  // What was begun before the mistake was found is taken back.
  start()
})

test('a mistake that is found late leaves nothing started', () => {
  const environment = { OTEL_METRICS_EXPORTER: 'otlp' }
  assert.throws(() => start({ environment, metrics: { export: { interval: -1 } } }), { code: 'SG_BAD_OPTIONS' })
  assert.equal(currentTelemetry(), undefined)
  start()
})

test('options inside of options are checked as well', () => {
  const cases: [TelemetryOptions, RegExp][] = [
    [{ traces: { bogus: 1 } as never }, /telemetry\.traces\.bogus is not an option/],
    [{ metrics: { bogus: 1 } as never }, /telemetry\.metrics\.bogus is not an option/],
    [{ service: 5 as never }, /telemetry\.service must be a text, got 5/],
    [
      { traces: { export: false, consumers: [{} as never] } },
      /telemetry\.traces\.consumers\[0\]\.consume must be a function/,
    ],
  ]
  for (const [options, message] of cases) {
    assert.throws(() => startTelemetry({ environment: {}, ...options }), { code: 'SG_BAD_OPTIONS', message })
  }
})

test('a registry that comes later is shown until it goes; of two pipelines of one name the first', async () => {
  const { telemetry } = start()
  const [first, second] = [new Registry(), new Registry()]
  await first.pipeline('payments', circuitBreaker()).execute(() => 1)
  second.pipeline('payments', circuitBreaker())
  second.pipeline('stock', circuitBreaker())
  const hide = telemetry.show(first)
  telemetry.show(second)
  telemetry.show(second)
  const calls = async (): Promise<string[]> =>
    (await telemetry.metrics.text()).match(/^switchgear_calls_total\{.*outcome="success".*$/gm) ?? []
  assert.deepEqual(await calls(), [
    'switchgear_calls_total{service="payments",outcome="success"} 1',
    'switchgear_calls_total{service="stock",outcome="success"} 0',
  ])
  hide()
  assert.deepEqual(await calls(), [
    'switchgear_calls_total{service="payments",outcome="success"} 0',
    'switchgear_calls_total{service="stock",outcome="success"} 0',
  ])
})

test("an application's own metrics are pushed with ours, with the same numbers", async () => {
  const { Registry: PromRegistry, Counter, Gauge, Histogram } = await import('prom-client')
  const registers = [new PromRegistry()]
  new Counter({ name: 'shop_orders_total', help: 'Orders.', labelNames: ['country'], registers }).inc(
    { country: 'FR' },
    3,
  )
  new Gauge({ name: 'shop_open', help: 'Open.', registers }).set(2)
  const waits = new Histogram({ name: 'shop_wait_seconds', help: 'Waits.', buckets: [1, 2], registers })
  for (const value of [0.5, 1.5, 1.6, 9]) waits.observe(value)
  const metrics = createMetrics({ registry: new Registry(), also: registers })
  const points = await metrics.points()
  const byName = (name: string) => points.find((metric) => metric.name === name)
  const [orders, open, wait] = [byName('shop_orders'), byName('shop_open'), byName('shop_wait_seconds')]
  assert.ok(orders?.type === 'sum' && open?.type === 'gauge' && wait?.type === 'histogram')
  assert.deepEqual([orders.points[0]?.attributes, orders.points[0]?.value], [{ country: 'FR' }, 3])
  const [one] = wait.points
  assert.deepEqual([one?.count, one?.sum, one?.buckets, one?.bounds], [4, 12.6, [1, 2, 1], [1, 2]])
})

test('what the house does quietly is in no trace, and the rest is', async () => {
  const { telemetry, spans } = start()
  const { received, endpoint } = await collector(200)
  const ask = async (path: string): Promise<void> => void (await (await fetch(endpoint + path)).text())
  await quietly(() => ask('/registry'))
  await ask('/payments')
  await telemetry.flush()
  const clients = spans.flatMap(({ attributes }) => attributes['url.full'] ?? [])
  assert.deepEqual(clients, [`${endpoint}/payments`])
  assert.deepEqual(
    received.map(({ request }) => [request.url, request.headers.traceparent !== undefined]),
    [
      ['/registry', false],
      ['/payments', true],
    ],
  )
})
