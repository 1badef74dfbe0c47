// Spans for tests of the store. Every call makes new ones from what it is given; nothing is random but what the caller makes so.
import type { SpanData } from '../../src/trace/span-data.ts'

/** 2026-01-01 UTC, in microseconds. */
export const epochMicros = 1_767_225_600_000_000

const resources = new Map<string, SpanData['resource']>()

/** The resource of a service, the same object each time, as a process has it. */
export function resourceOf(service: string): SpanData['resource'] {
  const resource = resources.get(service) ?? {
    attributes: { 'service.name': service, 'service.instance.id': `${service}-1` },
  }
  resources.set(service, resource)
  return resource
}

const scope = { name: 'test', version: '1.0.0' }

export function traceIdOf(number: number): string {
  return (number + 1).toString(16).padStart(32, '0')
}

export function spanIdOf(number: number): string {
  return (number + 1).toString(16).padStart(16, '0')
}

/** A span; `service` makes the resource, `ms` and `atMs` the times since `epochMicros`. */
export function span({
  trace = 0,
  id = 0,
  parent,
  service = 'orders',
  atMs = 0,
  ms = 1,
  ...rest
}: Partial<SpanData> & {
  trace?: number
  id?: number
  parent?: number | undefined
  service?: string
  atMs?: number
  ms?: number
} = {}): SpanData {
  return {
    traceId: traceIdOf(trace),
    spanId: spanIdOf(id),
    parentSpanId: parent === undefined ? undefined : spanIdOf(parent),
    traceState: '',
    flags: 1,
    name: 'GET /orders/{id}',
    kind: 'server',
    startMicros: epochMicros + atMs * 1000,
    durationNanos: Math.round(ms * 1e6),
    status: 'unset',
    statusMessage: '',
    attributes: {},
    events: [],
    links: [],
    droppedAttributes: 0,
    droppedEvents: 0,
    droppedLinks: 0,
    resource: resourceOf(service),
    scope,
    ...rest,
  }
}

/** A usual request of four spans: gateway, its call, the service, its query. */
export function request(trace: number, atMs: number = trace, { failed = false, ms = 20 } = {}): SpanData[] {
  const http = {
    'http.request.method': 'GET',
    'http.route': '/orders/{id}',
    'url.path': `/orders/${trace}`,
    'url.scheme': 'http',
    'http.response.status_code': failed ? 500 : 200,
    'server.address': 'orders.internal',
    'server.port': 8080,
    'network.protocol.version': '1.1',
  }
  const status = failed ? 'error' : 'unset'
  const sql = { 'db.system.name': 'postgresql', 'db.query.text': 'SELECT * FROM orders WHERE id = $1' }
  return [
    span({ trace, id: 0, service: 'gateway', atMs, ms, attributes: http, status }),
    span({
      trace,
      id: 1,
      parent: 0,
      service: 'gateway',
      kind: 'client',
      name: 'GET',
      atMs: atMs + 1,
      ms: ms - 2,
      attributes: http,
      status,
    }),
    span({ trace, id: 2, parent: 1, service: 'orders', atMs: atMs + 2, ms: ms - 4, attributes: http, status }),
    span({
      trace,
      id: 3,
      parent: 2,
      service: 'orders',
      kind: 'client',
      name: 'SELECT',
      atMs: atMs + 3,
      ms: ms - 8,
      attributes: sql,
    }),
  ]
}
