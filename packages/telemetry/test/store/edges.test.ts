// Who calls whom, from the spans of single traces and over the wire of a store.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EdgeSums, peerOf } from '../../src/store/edges.ts'
import { serviceOf } from '../../src/store/encoding.ts'
import { openSpanStore } from '../../src/store/span-store.ts'
import type { SpanData } from '../../src/trace/span-data.ts'
import { epochMicros, request, span } from './spans.ts'

function edgesOf(
  ...traces: SpanData[][]
): Record<string, { requests: number; errors: number; p50: number; p99: number }> {
  const sums = new EdgeSums()
  for (const spans of traces) {
    const light = spans.map((one) => ({
      ...one,
      service: serviceOf(one.resource.attributes),
      failed: one.status === 'error',
      peer: peerOf(one.kind, one.attributes),
    }))
    sums.add(light, 1)
  }
  return Object.fromEntries(
    sums.edges().map(({ caller = '', callee, calleeKind, requests, errors, p50Nanos, p99Nanos }) => {
      const key = `${caller}>${callee}${calleeKind === 'service' ? '' : `:${calleeKind}`}`
      return [key, { requests, errors, p50: p50Nanos / 1e6, p99: p99Nanos / 1e6 }]
    }),
  )
}

test('a request through two services to a database', () => {
  assert.deepEqual(edgesOf(request(1), request(2, 2, { failed: true, ms: 40 })), {
    '>gateway': { requests: 2, errors: 1, p50: 20, p99: 40 },
    // As the caller saw it.
    'gateway>orders': { requests: 2, errors: 1, p50: 18, p99: 38 },
    'orders>postgresql:database': { requests: 2, errors: 0, p50: 12, p99: 32 },
  })
})

test('a call without an answering span counts for its address, an error of the caller alone too', () => {
  const call = { kind: 'client', service: 'orders', attributes: { 'server.address': 'api.example' } } as const
  const server = span({ id: 1, parent: 0, service: 'payments', ms: 5 })
  assert.deepEqual(edgesOf([span({ ...call, ms: 3 })], [span({ ...call, ms: 8, status: 'error' }), server]), {
    'orders>api.example:external': { requests: 1, errors: 0, p50: 3, p99: 3 },
    'orders>payments': { requests: 1, errors: 1, p50: 8, p99: 8 },
  })
})

test('attempts of a retry are calls; a library span around a client span is not', () => {
  const attributes = { 'server.address': 'api.example' }
  const attempt = { parent: 0, kind: 'client', attributes } as const
  const spans = [
    span({ kind: 'client', attributes }),
    span({ id: 1, ...attempt, status: 'error' }),
    span({ id: 2, ...attempt }),
  ]
  assert.deepEqual(edgesOf(spans), { 'orders>api.example:external': { requests: 2, errors: 1, p50: 1, p99: 1 } })
})

test('messages: to the consumer where there is one, else to the broker', () => {
  const send = { kind: 'producer', service: 'orders', attributes: { 'messaging.system': 'nats' } } as const
  const consumer = span({ id: 1, parent: 0, kind: 'consumer', service: 'mail', ms: 7, status: 'error' })
  assert.deepEqual(edgesOf([span(send), consumer], [span(send)]), {
    'orders>mail': { requests: 1, errors: 1, p50: 7, p99: 7 },
    'orders>nats:messaging': { requests: 1, errors: 0, p50: 1, p99: 1 },
  })
})

test('work within a service is no call; a service that calls itself over the wire is', () => {
  const inner = [span({ kind: 'internal' }), span({ id: 1, parent: 0, kind: 'server' })]
  assert.deepEqual(edgesOf(inner), {})
  const wire = [span({ kind: 'client' }), span({ id: 1, parent: 0, kind: 'server' })]
  assert.deepEqual(Object.keys(edgesOf(wire)), ['orders>orders'])
  // Nobody's client span, but another service's span above: still a call between them.
  const bare = [span({ kind: 'internal', service: 'gateway' }), span({ id: 1, parent: 0, ms: 3 })]
  assert.deepEqual(edgesOf(bare), { 'gateway>orders': { requests: 1, errors: 0, p50: 3, p99: 3 } })
})

test('percentiles by nearest rank, edges beyond the bound are counted', () => {
  const traces = Array.from({ length: 100 }, (_, trace) => [span({ trace, ms: trace + 1 })])
  const [edge] = Object.values(edgesOf(...traces))
  assert.deepEqual([edge?.p50, edge?.p99], [50, 99])
  const sums = new EdgeSums()
  for (let n = 0; n < 2010; n++) {
    sums.add([{ ...span(), service: `s${n}`, failed: false, peer: undefined }], 1)
  }
  assert.equal(sums.edges().length, 2000)
  assert.equal(sums.overflow, 10)
})

test('a store answers them of a time range, weighted by the sampling ratio', async () => {
  const store = openSpanStore()
  try {
    for (let n = 0; n < 300; n++) store.add(request(n, n * 1000, { failed: n % 10 === 0, ms: 20 + n }))
    const all = await store.edges()
    assert.deepEqual([all.traces, all.spans, all.complete, all.overflow], [300, 1200, true, 0])
    const between = all.edges.find(({ caller }) => caller === 'gateway')
    assert.deepEqual(
      [between?.callee, between?.requests, between?.errors, between?.p50Nanos, between?.p95Nanos],
      ['orders', 300, 30, 167e6, 302e6],
    )
    const range = { fromMicros: epochMicros + 100e6, toMicros: epochMicros + 200e6 }
    const part = await store.edges(range)
    assert.equal(part.traces, 100)
    store.add([
      span({ trace: 900, atMs: 150_000, service: 'rare', ms: 9, attributes: { 'switchgear.sampling.ratio': 0.1 } }),
    ])
    const rare = (await store.edges(range)).edges.find(({ callee }) => callee === 'rare')
    assert.deepEqual([rare?.kept, rare?.requests, rare?.p50Nanos, rare?.p99Nanos], [1, 10, 9e6, 9e6])
    await assert.rejects(store.edges({ fromMicros: -1 }), {
      code: 'SG_BAD_QUERY',
      message: /fromMicros must be a number >= 0/,
    })
  } finally {
    store.close()
  }
})
