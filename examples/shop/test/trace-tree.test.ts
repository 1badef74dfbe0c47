import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SpanData, SpanEvent, TraceNode, TraceView } from '@switchgear/telemetry'
import { isRescue, treeLines, treeOf } from '../src/trace-tree.ts'

const zero = 1_700_000_000_000_000

const event = (name: string, attributes: SpanEvent['attributes']): SpanEvent => ({
  name,
  timeMicros: zero + 2500,
  attributes,
  droppedAttributes: 0,
})

function node(depth: number, service: string, span: Partial<SpanData>): TraceNode {
  const whole: SpanData = {
    traceId: 'a'.repeat(32),
    spanId: `${depth}`.repeat(16),
    parentSpanId: depth === 0 ? undefined : `${depth - 1}`.repeat(16),
    traceState: '',
    flags: 1,
    name: '',
    kind: 'internal',
    startMicros: zero + depth * 1000,
    durationNanos: 12_345_678,
    status: 'unset',
    statusMessage: '',
    attributes: {},
    events: [],
    links: [],
    droppedAttributes: 0,
    droppedEvents: 0,
    droppedLinks: 0,
    resource: { attributes: { 'service.name': service } },
    scope: { name: 'test' },
    ...span,
  }
  const place = { depth, parent: depth - 1, children: [], missingParent: false, shiftMicros: 0 }
  return { span: whole, service, startMicros: whole.startMicros, ...place }
}

const view = (nodes: readonly TraceNode[]): TraceView => ({
  traceId: 'a'.repeat(32),
  nodes,
  roots: [0],
  missing: [],
  startMicros: zero,
  durationNanos: 12_345_678,
  services: [...new Set(nodes.map(({ service }) => service))],
  errors: 0,
})

const fallback = event('switchgear.fallback', { 'switchgear.policy': 'queueForLater', 'error.type': 'SG_CIRCUIT_OPEN' })
const rejected = event('switchgear.rejected', {
  'switchgear.policy': 'circuitBreaker',
  'error.type': 'SG_CIRCUIT_OPEN',
  'switchgear.circuit.state': 'open',
})
const rescue = [
  node(0, 'gateway', { name: 'POST /checkout', kind: 'server', attributes: { 'http.response.status_code': 202 } }),
  node(1, 'orders', { name: 'checkout', events: [fallback, event('a note', {})] }),
  node(2, 'orders', { name: 'payments', attributes: { 'error.type': 'SG_CIRCUIT_OPEN' }, events: [rejected] }),
]

test('a trace is drawn with its services, times, errors and what policies did', () => {
  assert.deepEqual(treeLines(treeOf(view(rescue))), [
    `trace ${'a'.repeat(32)}: 3 spans of 2 services, 12 ms`,
    '',
    'gateway  POST /checkout (server 202)      12 ms',
    'orders     checkout                       12 ms',
    '             * fallback by queueForLater at 2.5 ms: SG_CIRCUIT_OPEN',
    'orders       payments                     12 ms  SG_CIRCUIT_OPEN',
    '               * rejected by circuitBreaker at 2.5 ms: SG_CIRCUIT_OPEN, circuit open',
  ])
})

test('a rescue is a refusal by an open circuit and a fallback, not one of them alone', () => {
  const [gateway, checkout, payments] = rescue as [TraceNode, TraceNode, TraceNode]
  assert.equal(isRescue(treeOf(view(rescue))), true)
  assert.equal(isRescue(treeOf(view([gateway, checkout]))), false)
  assert.equal(isRescue(treeOf(view([gateway, payments]))), false)
})

test('of a very large trace the first hundred spans are told, and how many more there are', () => {
  const root = rescue[0] as TraceNode
  const tree = treeOf(view(Array.from({ length: 130 }, () => root)))
  assert.equal(tree.spans.length, 100)
  assert.equal(treeLines(tree).at(-1), '... and 30 more spans')
})
