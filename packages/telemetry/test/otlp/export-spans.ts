// Plain spans and blocks for tests of sending, where their content does not matter.
import { SpanBlock } from '../../src/trace/span-block.ts'
import type { SpanData } from '../../src/trace/span-data.ts'

const resource = { attributes: { 'service.name': 'shop' } }
const scope = { name: 'test' }

export function spans(count: number, name = 'GET /'): SpanData[] {
  return Array.from({ length: count }, (_, n) => ({
    traceId: '0102030405060708090a0b0c0d0e0f10',
    spanId: (n + 1).toString(16).padStart(16, '0'),
    parentSpanId: undefined,
    traceState: '',
    flags: 1,
    name,
    kind: 'server',
    startMicros: 1_767_225_600_000_000,
    durationNanos: 1000,
    status: 'unset',
    statusMessage: '',
    attributes: {},
    events: [],
    links: [],
    droppedAttributes: 0,
    droppedEvents: 0,
    droppedLinks: 0,
    resource,
    scope,
  }))
}

export function block(count: number): SpanBlock {
  const filled = new SpanBlock(resource)
  filled.reset(1_767_225_600_000)
  for (let n = 0; n < count; n++) {
    filled.add({
      traceA: 1,
      traceB: 2,
      traceC: 3,
      traceD: 4,
      spanA: 0,
      spanB: n + 1,
      parentA: 0,
      parentB: 0,
      flags: 1,
      kind: 1,
      status: 0,
      name: 'GET /',
      scope,
      startMs: n,
      endMs: n + 1,
      shared: undefined,
      sharedMore: undefined,
      own: undefined,
      details: undefined,
    })
  }
  return filled
}
