// A process with something to show: pipelines with all policies under traffic, an instrumented HTTP server and client, spans
// that go to a collector with a store, and /metrics. Everything is closed by `close`.
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { pipeline as stream } from 'node:stream/promises'
import * as core from '@switchgear/core'
import {
  CallDurations,
  createMetrics,
  instrumentHttp,
  instrumentPipelines,
  type Metrics,
  openSpanStore,
  otlpExporter,
  setRoute,
  Tracer,
} from '../../src/index.ts'
import { telemetryFamilies } from '../../src/metrics/families/telemetry.ts'
import { createReceiver } from '../../src/otlp/receiver.ts'

const failing = (): Promise<never> => Promise.reject(new Error('down'))

/** A registry whose pipelines hold all thirteen policies. */
export function allPolicies(): core.Registry {
  const registry = new core.Registry()
  registry.pipeline(
    'everything',
    core.fallback(() => 'instead'),
    core.cache({ ttl: '100ms', staleIfError: '1s' }),
    core.coalesce(),
    core.adaptiveLimit({ algorithm: 'vegas', window: '200ms' }),
    core.shed(),
    core.rateLimit({ limit: 1000, window: '1s' }),
    core.throttle(),
    core.bulkhead({ maxInFlight: 50, maxQueue: 0 }),
    core.retry({ maxAttempts: 2, delay: 5 }),
    core.hedge({ delay: 20 }),
    core.circuitBreaker({ failureRatio: 0.9, slowCallRatio: 0.9, window: '10s' }),
    core.timeout('500ms'),
    core.chaos({ for: '5m', latency: { rate: 0.2, delay: 40 } }),
  )
  registry.pipeline('down', core.circuitBreaker({ consecutiveFailures: 3 }))
  registry.pipeline('full', core.bulkhead({ maxInFlight: 1, maxQueue: 1 }), core.timeout('50ms'))
  return registry
}

export class Traffic {
  readonly metrics: Metrics
  readonly port: number
  /** Trace ids that came to the collector. */
  readonly traceIds: Set<string>
  readonly #undo: (() => Promise<unknown> | unknown)[]
  readonly #ended = new AbortController()
  readonly #running: Promise<void>[]

  private constructor(
    registry: core.Registry,
    metrics: Metrics,
    port: number,
    traceIds: Set<string>,
    undo: (() => Promise<unknown> | unknown)[],
  ) {
    this.metrics = metrics
    this.port = port
    this.traceIds = traceIds
    this.#undo = undo
    this.#running = [this.#repeat(() => this.#calls(registry)), this.#repeat(() => this.#requests())]
  }

  static async start(): Promise<Traffic> {
    const registry = allPolicies()
    const metrics = createMetrics({
      registry,
      also: [],
      process: true,
      maxSeries: 100,
      compat: ['resilience4j', 'istio'],
      service: 'shop',
    })
    const traceIds = new Set<string>()
    const store = openSpanStore({ maxBytes: '16mb' })
    const receiver = createReceiver({
      port: 0,
      take: (spans) => {
        for (const { traceId } of spans) traceIds.add(traceId)
        store.add(spans)
      },
    })
    await receiver.start()
    const tracer = new Tracer({ resource: { attributes: { 'service.name': 'shop' } }, flushEvery: 200 })
    const exporter = otlpExporter({ endpoint: `http://127.0.0.1:${receiver.port}/v1/traces` })
    tracer.addConsumer(exporter)
    const families = [...telemetryFamilies({ tracer, exporters: { traces: exporter }, store })]
    for (const family of families) metrics.instruments.collect(family)
    // One family that cannot be shown, and one that has too many series: both have alerts.
    const series = (): never[] => {
      throw new Error('not now')
    }
    metrics.instruments.collect({ name: 'broken', help: 'Broken.', type: 'gauge', labelNames: [], series })
    const narrow = metrics.instruments.counter('narrow_total', 'Few series.', ['id'], { maxSeries: 1 })
    for (const id of ['a', 'b', 'c']) narrow.with(id).add()

    const server = http.createServer((request, response) => serve(metrics, request, response))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { serverDurations, clientDurations } = metrics
    const ends = [
      instrumentPipelines(tracer, { durations: new CallDurations(metrics.instruments) }),
      instrumentHttp(tracer, { serverDurations, clientDurations, ignore: ({ path }) => path.startsWith('/metrics') }),
    ]
    return new Traffic(registry, metrics, port, traceIds, [
      () => ends.forEach((end) => end()),
      () => server.close().closeAllConnections(),
      () => tracer.close(),
      () => receiver.stop(),
      () => store.close(),
    ])
  }

  async close(): Promise<void> {
    this.#ended.abort()
    await Promise.all(this.#running)
    for (const undo of this.#undo) await undo()
  }

  async #repeat(work: () => Promise<unknown>): Promise<void> {
    const { signal } = this.#ended
    while (!signal.aborted) {
      await work()
      await sleep(20)
    }
  }

  async #calls(registry: core.Registry): Promise<void> {
    const run = (name: string, work: () => unknown): Promise<unknown> =>
      // Refusals and failures are what is to be counted.
      registry
        .get(name)
        ?.execute(work, { key: `key ${Math.floor(Math.random() * 20)}` })
        .catch(() => undefined) ?? Promise.resolve()
    await Promise.all([
      run('everything', () => sleep(2)),
      run('everything', Math.random() < 0.2 ? failing : () => 'done'),
      run('down', failing),
      run('full', () => sleep(30)),
      run('full', () => sleep(30)),
      run('full', () => sleep(30)),
    ])
  }

  async #requests(): Promise<void> {
    const paths = ['/orders/1', '/orders/2', '/broken']
    for (const path of paths) await (await fetch(`http://127.0.0.1:${this.port}${path}`)).text()
    const payments = this.metrics.clientDurations.peer('payments', 'http', '10.0.0.1', 80)
    payments.observe('POST', 201, '', 0.02)
    payments.observe('POST', undefined, 'SG_TIMEOUT', 0.5)
  }
}

function serve(metrics: Metrics, request: http.IncomingMessage, response: http.ServerResponse): void {
  if (request.url?.startsWith('/orders/')) setRoute('/orders/:id')
  if (request.url === '/metrics') {
    const { contentType, body } = metrics.answer(request.headers.accept)
    response.setHeader('content-type', contentType)
    // A scraper that goes away is no error of ours.
    stream(body, response).catch(() => undefined)
    return
  }
  response.statusCode = request.url === '/broken' ? 503 : 200
  response.end('done')
}
