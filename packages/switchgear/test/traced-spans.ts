// Spans for tests of the commands about traces, made by hand and sent as any app sends them.
import { otlpExporter, type SpanData } from '@switchgear/telemetry'

/** What is said of a span; ids are numbers, times milliseconds since `beganMs`. */
export interface SpanWords extends Partial<Omit<SpanData, 'resource'>> {
  readonly trace: number
  readonly id: number
  readonly parent?: number
  readonly service?: string
  readonly atMs?: number
  readonly ms?: number
}

/** When the traces of these tests begin unless they say otherwise: now, to the second. */
export const beganMs: number = Math.floor(Date.now() / 1000) * 1000

/** 32 digits that differ at their beginning. */
export function traceIdOf(trace: number): string {
  return `${String(trace).padStart(4, '0')}${'a'.repeat(28)}`
}

/** A span. */
export function span({ trace, id, parent, service = 'shop', atMs = 0, ms = 10, ...rest }: SpanWords): SpanData {
  return {
    traceId: traceIdOf(trace),
    spanId: spanIdOf(id),
    parentSpanId: parent === undefined ? undefined : spanIdOf(parent),
    traceState: '',
    flags: 1,
    name: 'GET /orders/{id}',
    kind: 'server',
    startMicros: (beganMs + atMs) * 1000,
    durationNanos: Math.round(ms * 1e6),
    status: 'unset',
    statusMessage: '',
    attributes: {},
    events: [],
    links: [],
    droppedAttributes: 0,
    droppedEvents: 0,
    droppedLinks: 0,
    resource: { attributes: { 'service.name': service, 'service.instance.id': `${service}-1` } },
    scope: { name: 'test' },
    ...rest,
  }
}

/** A checkout: the shop calls orders through policies; the first attempt fails, the second is answered. */
export function checkout(trace: number, slowMs: number = 0): SpanData[] {
  const at = (ms: number): number => (beganMs + ms) * 1000
  const retry = {
    'switchgear.policy': 'orders-retry',
    'switchgear.attempt': 1,
    'switchgear.delay_ms': 5,
    'error.type': '503',
  }
  const opened = {
    'switchgear.policy': 'orders-breaker',
    'switchgear.circuit.from': 'closed',
    'switchgear.circuit.state': 'open',
    'switchgear.reason': '5 failures in a row',
  }
  const event = (name: string, ms: number, attributes: SpanData['attributes']): SpanData['events'][number] => {
    return { name, timeMicros: at(ms), attributes, droppedAttributes: 0 }
  }
  const failed = { status: 'error' as const, attributes: { 'error.type': '503' } }
  return [
    span({ trace, id: 1, ms: 100 + slowMs, name: 'GET', attributes: { 'url.path': '/checkout' } }),
    span({
      trace,
      id: 2,
      parent: 1,
      atMs: 10,
      ms: 80 + slowMs,
      name: 'orders',
      kind: 'internal',
      events: [event('switchgear.transition', 29, opened), event('switchgear.retry', 30, retry)],
    }),
    span({ trace, id: 3, parent: 2, atMs: 12, ms: 18, name: 'GET', kind: 'client', ...failed }),
    span({ trace, id: 4, parent: 2, atMs: 40, ms: 48 + slowMs, name: 'GET', kind: 'client' }),
    span({ trace, id: 5, parent: 4, service: 'orders', atMs: 45, ms: 40 + slowMs }),
  ]
}

/** Sends spans to a collector and waits until it has them. */
export async function send(port: number, spans: readonly SpanData[]): Promise<void> {
  const exporter = otlpExporter({ endpoint: `http://127.0.0.1:${port}/v1/traces`, maxAttempts: 1 })
  exporter.take(spans)
  await exporter.close()
  const { exported, lastProblem } = exporter.totals
  if (exported !== spans.length) throw new Error(`${exported} of ${spans.length} were taken: ${lastProblem?.message}`)
}

function spanIdOf(id: number): string {
  return id.toString(16).padStart(16, '0')
}
