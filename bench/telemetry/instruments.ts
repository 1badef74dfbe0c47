// In one process: what a counter and a histogram cost, ours and prom-client's, and what a span keeps until it is delivered.
import { Counter, Histogram, Registry } from 'prom-client'
import { HttpServerDurations } from '../../packages/telemetry/src/metrics/http-durations.ts'
import { MetricRegistry } from '../../packages/telemetry/src/metrics/registry.ts'
import { AttributeSet } from '../../packages/telemetry/src/trace/attribute-set.ts'
import { Tracer } from '../../packages/telemetry/src/trace/tracer.ts'
import { blockSpans } from '../../packages/telemetry/src/trace/span-block.ts'
import { argument, say } from './messages.ts'

/** What one process measured: nanoseconds of CPU per pair, and bytes per span. */
export interface InstrumentSamples {
  /** Label values looked up for each request, as instrumentations do that do not know them before. */
  readonly ours: readonly number[]
  readonly peer: readonly number[]
  /** Bound before. */
  readonly oursBound: readonly number[]
  readonly peerBound: readonly number[]
  readonly spanBytes: readonly number[]
}

const { rounds, pairs } = argument<{ rounds: number; pairs: number }>()
const bounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const seconds = Array.from({ length: 1024 }, (_, index) => ((index * 7919) % 1000) / 700)
const routes = ['/orders', '/orders/:id', '/cart', '/search']

/** Runs `pair` often; answers nanoseconds of CPU for each. */
function cost(pair: (index: number) => void): number {
  const { user, system } = process.cpuUsage()
  for (let index = 0; index < pairs; index++) pair(index)
  const spent = process.cpuUsage({ user, system })
  return ((spent.user + spent.system) * 1000) / pairs
}

const at = <T>(list: readonly T[], index: number): T => list[index % list.length] as T

function instruments(): Record<'ours' | 'peer' | 'oursBound' | 'peerBound', (index: number) => void> {
  const ours = new MetricRegistry()
  const durations = new HttpServerDurations(ours)
  const counters = ours.counter('bench_total', 'Requests.', ['method', 'route'])
  const boundCounter = counters.with('GET', '/orders')
  const boundHistogram = ours.histogram('bench_seconds', 'Seconds.', ['method'], { unit: 'seconds' }).with('GET')
  const registers = [new Registry()]
  const labelNames = ['method', 'route', 'status']
  const counter = new Counter({ name: 'requests_total', help: 'Requests.', labelNames, registers })
  const histogram = new Histogram({ name: 'request_seconds', help: 'Seconds.', labelNames, buckets: bounds, registers })
  const labels = { method: 'GET', route: '/orders', status: '200' }
  const peerCounter = counter.labels(labels)
  const peerHistogram = histogram.labels(labels)
  return {
    ours: (index) => {
      boundCounter.add()
      durations.observe('GET', at(routes, index), 200, '', at(seconds, index))
    },
    peer: (index) => {
      const labels = { method: 'GET', route: at(routes, index), status: 200 }
      counter.inc(labels)
      histogram.observe(labels, at(seconds, index))
    },
    oursBound: (index) => {
      boundCounter.add()
      boundHistogram.observe(at(seconds, index))
    },
    peerBound: (index) => {
      peerCounter.inc()
      peerHistogram.observe(at(seconds, index))
    },
  }
}

/** Bytes that a finished span of a served request keeps until a consumer has it. */
function spanBytes(): number {
  const gc = globalThis.gc ?? ((): void => {})
  const used = (): number => {
    gc()
    gc()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const connection = new AttributeSet({ 'url.scheme': 'http', 'server.address': 'shop.example' })
  const facts = new AttributeSet({ 'http.request.method': 'GET', 'http.route': '/orders/:id' })
  const blocks = 100
  const tracer = new Tracer({ resource: { attributes: {} }, maxBlocks: blocks, flushEvery: '1h' })
  // Nothing is delivered before this turn ends, so all that is finished is kept.
  const scope = { name: 'bench' }
  const before = used()
  const count = (blocks - 1) * blockSpans
  for (let index = 0; index < count; index++) {
    const span = tracer.start(scope, 'GET', 1, undefined, index)
    span.shared = connection
    span.sharedMore = facts
    span.name = 'GET /orders/:id'
    // A path of its own, as Node's parser makes one for every request.
    span.set('url.path', Buffer.from(`/orders/${index}`).toString('latin1'))
    span.finish(index + 1)
  }
  const kept = (used() - before) / count
  void tracer.close()
  if (tracer.totals.dropped > 0) throw new Error(`${tracer.totals.dropped} spans were dropped`)
  return kept
}

const subjects = instruments()
const names = ['ours', 'peer', 'oursBound', 'peerBound'] as const
const samples = { ours: [], peer: [], oursBound: [], peerBound: [], spanBytes: [] } as Record<string, number[]>
for (const name of names) cost(subjects[name])
for (let round = 0; round < rounds; round++) for (const name of names) samples[name]?.push(cost(subjects[name]))
for (let round = 0; round < 3; round++) samples['spanBytes']?.push(spanBytes())
say(samples)
process.disconnect?.()
