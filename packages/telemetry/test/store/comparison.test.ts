// Two traces side by side: drawn by hand, and what holds of all.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ComparedNode, type Comparison, compareTraces } from '../../src/store/comparison.ts'
import { randomTrace, seed } from './random-trace.ts'
import { openSpanStore } from '../../src/store/span-store.ts'
import type { SpanData } from '../../src/trace/span-data.ts'
import { request, span, traceIdOf } from './spans.ts'

test('a slower query shows as the biggest contribution', () => {
  const before = request(1)
  const after = request(2).map((one) =>
    one.name === 'SELECT' ? one : { ...one, durationNanos: one.durationNanos + 50e6 },
  )
  const slow = after.map((one) => (one.name === 'SELECT' ? { ...one, durationNanos: one.durationNanos + 50e6 } : one))
  const { nodes, durationDifferenceNanos } = compareTraces(before, slow)
  assert.equal(durationDifferenceNanos, 50e6)
  const [first] = nodes
  assert.deepEqual(
    [first?.service, first?.name, first?.selfDifferenceNanos, first?.depth],
    ['orders', 'SELECT', 50e6, 3],
  )
  assert.ok(nodes.slice(1).every(({ selfDifferenceNanos }) => selfDifferenceNanos === 0))
})

test('retries, what is only in one, and errors', () => {
  const call = { parent: 0, kind: 'client', name: 'GET', service: 'gateway' } as const
  const a = [
    span({ service: 'gateway', ms: 10 }),
    span({ id: 1, ...call, ms: 4 }),
    span({ id: 2, parent: 0, name: 'cache' }),
  ]
  const b = [
    span({ trace: 1, service: 'gateway', ms: 30, status: 'error' }),
    span({ trace: 1, id: 1, ...call, ms: 4, status: 'error' }),
    span({ trace: 1, id: 2, ...call, atMs: 6, ms: 4, status: 'error' }),
  ]
  const byName = new Map(compareTraces(a, b).nodes.map((node) => [node.name, node]))
  assert.equal(byName.get('GET')?.countDifference, 1)
  assert.equal(byName.get('GET')?.errorsDiffer, true)
  assert.equal(byName.get('GET')?.onlyIn, undefined)
  assert.equal(byName.get('cache')?.onlyIn, 'a')
  assert.equal(byName.get('cache')?.durationDifferenceNanos, -1e6)
})

test('in the store clocks that disagree are corrected before', async () => {
  const trace = (number: number, skewMs: number): SpanData[] => [
    span({ trace: number, service: 'gateway', name: 'root', ms: 100 }),
    span({ trace: number, id: 1, parent: 0, service: 'gateway', kind: 'client', name: 'GET', atMs: 10, ms: 80 }),
    span({ trace: number, id: 2, parent: 1, service: 'orders', name: 'serve', atMs: 20 + skewMs, ms: 60 }),
  ]
  const store = openSpanStore()
  try {
    store.add([...trace(0, 0), ...trace(1, 3_600_000)])
    const nodes = store.compare(traceIdOf(0), traceIdOf(1))?.nodes ?? []
    assert.equal(nodes.length, 3)
    for (const { name, selfDifferenceNanos } of nodes) assert.equal(selfDifferenceNanos, 0, name)
  } finally {
    store.close()
  }
})

test('the same names below different parents are different paths', () => {
  const trace = [span({ name: 'x' }), span({ id: 1, parent: 0, name: 'y' }), span({ id: 2, parent: 1, name: 'x' })]
  const { nodes } = compareTraces(trace, trace)
  assert.deepEqual(nodes.map(({ name, depth }) => `${name}${depth}`).toSorted(), ['x0', 'x2', 'y1'])
  assert.deepEqual(compareTraces([], []).nodes, [])
})

test('the own time of a span is what none of its children covers', () => {
  const child = { parent: 0, name: 'child' } as const
  const spans = [
    span({ name: 'root', ms: 100 }),
    span({ id: 1, ...child, atMs: 10, ms: 70 }),
    span({ id: 2, ...child, atMs: 20, ms: 10 }),
    span({ id: 3, ...child, atMs: 40, ms: 10 }),
    span({ id: 4, ...child, atMs: 95, ms: 50 }),
    span({ id: 5, ...child, atMs: -5, ms: 7 }),
  ]
  const { nodes } = compareTraces([], spans)
  assert.equal(nodes.find(({ name }) => name === 'root')?.b.selfNanos, 23e6)
})

test('a deep trace', () => {
  const spans = Array.from({ length: 10_000 }, (_, id) => span({ id, parent: id === 0 ? undefined : id - 1 }))
  assert.equal(compareTraces(spans, spans).nodes.length, 10_000)
})

const differences = ['countDifference', 'durationDifferenceNanos', 'selfDifferenceNanos'] as const

/** Nodes by their path. */
function byPath({ nodes }: Comparison): Map<string, ComparedNode> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const pathOf = (node: ComparedNode | undefined): string =>
    node === undefined ? '' : `${pathOf(byId.get(node.parent))}/${node.service}:${node.name}`
  return new Map(nodes.map((node) => [pathOf(node), node]))
}

test('compared with itself a random trace shows no difference', () => {
  fc.assert(
    fc.property(randomTrace, (spans) => {
      const { nodes, durationDifferenceNanos } = compareTraces(spans, spans)
      assert.equal(durationDifferenceNanos, 0)
      assert.equal(
        nodes.reduce((sum, { a }) => sum + a.count, 0),
        spans.length,
      )
      for (const node of nodes) {
        for (const field of differences) assert.equal(node[field], 0)
        assert.equal(node.onlyIn, undefined)
        assert.equal(node.errorsDiffer, false)
      }
    }),
    { seed, numRuns: 500 },
  )
})

test('the other way round, random traces show the opposite', () => {
  fc.assert(
    fc.property(randomTrace, randomTrace, (a, b) => {
      const there = compareTraces(a, b)
      const back = byPath(compareTraces(b, a))
      assert.equal(back.size, there.nodes.length)
      for (const [path, node] of byPath(there)) {
        const opposite = back.get(path)
        assert.ok(opposite)
        for (const field of differences) assert.equal(node[field] + opposite[field], 0)
        assert.deepEqual([node.a, node.b], [opposite.b, opposite.a])
        assert.equal(node.errorsDiffer, opposite.errorsDiffer)
      }
      const sizes = there.nodes.map(({ selfDifferenceNanos }) => Math.abs(selfDifferenceNanos))
      assert.deepEqual(
        sizes,
        sizes.toSorted((x, y) => y - x),
      )
    }),
    { seed, numRuns: 300 },
  )
})
