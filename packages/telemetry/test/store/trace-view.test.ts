// A trace in display order: trees, missing parents, several roots, circles and clocks that disagree.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { forestOf } from '../../src/store/forest.ts'
import { aligned, viewOf } from '../../src/store/trace-view.ts'
import { randomTrace, seed } from './random-trace.ts'
import { request, span, spanIdOf, traceIdOf } from './spans.ts'

test('depth first, children by start', () => {
  const spans = [
    span({ id: 3, parent: 1, atMs: 2 }),
    span({ id: 2, parent: 0, atMs: 5, status: 'error' }),
    span({ id: 1, parent: 0, atMs: 1 }),
    span({ id: 0, ms: 10 }),
  ]
  const view = viewOf(traceIdOf(0), spans)
  assert.deepEqual(
    view.nodes.map(({ span: { spanId }, depth, parent, children }) => [
      Number.parseInt(spanId, 16) - 1,
      depth,
      parent,
      children,
    ]),
    [
      [0, 0, -1, [1, 3]],
      [1, 1, 0, [2]],
      [3, 2, 1, []],
      [2, 1, 0, []],
    ],
  )
  assert.deepEqual([view.roots, view.missing, view.errors, view.durationNanos], [[0], [], 1, 10e6])
})

test('missing parents are named, and there may be several roots', () => {
  const view = viewOf(traceIdOf(0), [span(), span({ id: 1, parent: 7, atMs: 3 }), span({ id: 2, parent: 1, atMs: 4 })])
  assert.deepEqual(view.missing, [spanIdOf(7)])
  assert.deepEqual(view.roots, [0, 1])
  assert.deepEqual(
    view.nodes.map(({ missingParent }) => missingParent),
    [false, true, false],
  )
})

test('spans that hang on each other are shown once', () => {
  const view = viewOf(traceIdOf(0), [
    span({ id: 1, parent: 2 }),
    span({ id: 2, parent: 1, atMs: 1 }),
    span({ id: 3, parent: 3 }),
  ])
  assert.equal(view.nodes.length, 3)
  assert.equal(view.roots.length, 2)
  assert.ok(view.nodes[0]?.missingParent)
  assert.deepEqual(view.missing, [])
})

test('a child whose clock is behind is put into the middle of its parent, and what hangs on it moves along', () => {
  const spans = [
    span({ service: 'gateway', kind: 'client', atMs: 100, ms: 20 }),
    span({ id: 1, parent: 0, service: 'orders', atMs: 40, ms: 10 }),
    span({ id: 2, parent: 1, service: 'orders', atMs: 42, ms: 2 }),
  ]
  const view = viewOf(traceIdOf(0), spans)
  assert.deepEqual(
    view.nodes.map(({ shiftMicros }) => shiftMicros),
    [0, 65_000, 65_000],
  )
  assert.equal(view.nodes[1]?.startMicros, (spans[0]?.startMicros ?? 0) + 5000)
  assert.equal(view.nodes[1]?.span, spans[1])
  assert.equal(view.durationNanos, 20e6)
})

test('a child whose clock is ahead, one longer than its parent, and a message', () => {
  const parent = span({ service: 'gateway', kind: 'client', atMs: 100, ms: 20 })
  const shiftOf = (child: ReturnType<typeof span>, above = parent): number | undefined =>
    viewOf(traceIdOf(0), [above, child]).nodes.find(({ span: { spanId } }) => spanId === child.spanId)?.shiftMicros
  assert.equal(shiftOf(span({ id: 1, parent: 0, atMs: 500, ms: 10 })), -395_000)
  // It ran on after its caller had given up: nothing is wrong with its clock.
  assert.equal(shiftOf(span({ id: 1, parent: 0, atMs: 105, ms: 90 })), 0)
  assert.equal(shiftOf(span({ id: 1, parent: 0, atMs: 95, ms: 90 })), 5000)
  assert.equal(shiftOf(span({ id: 1, parent: 0, atMs: 900, ms: 1, kind: 'consumer' })), 0)
  assert.equal(shiftOf(span({ id: 1, parent: 0, atMs: 90, ms: 1, kind: 'consumer' })), 10_000)
  // One process has one clock.
  assert.equal(shiftOf(span({ id: 1, parent: 0, service: 'gateway', atMs: 500, ms: 10 })), 0)
  assert.equal(shiftOf(span({ id: 1, parent: 0, atMs: 103, ms: 10 })), 0)
})

test('without a fault nothing moves', () => {
  const spans = request(1)
  assert.deepEqual(aligned(spans), spans)
})

test('random traces: every span once, parents first, children of other processes never before their parents', () => {
  fc.assert(
    fc.property(randomTrace, fc.func(fc.boolean()), (all, keep) => {
      const spans = all.filter((one) => keep(one.spanId))
      const view = viewOf(traceIdOf(0), spans)
      assert.deepEqual(new Set(view.nodes.map((node) => node.span)), new Set(spans))
      assert.equal(view.nodes.length, spans.length)
      for (const [place, node] of view.nodes.entries()) {
        assert.ok(node.parent < place)
        for (const child of node.children) assert.equal(view.nodes[child]?.parent, place)
        const parent = view.nodes[node.parent]
        if (parent !== undefined && parent.service !== node.service)
          assert.ok(node.startMicros >= parent.startMicros - 0.5)
      }
    }),
    { seed, numRuns: 500 },
  )
})

test('random parents, circles among them: every span once in the order', () => {
  const links = fc.array(fc.record({ parent: fc.nat(12), start: fc.nat(5) }), { maxLength: 12 })
  fc.assert(
    fc.property(links, (nodes) => {
      const forest = forestOf(
        nodes.map(({ parent, start }, id) => ({ spanId: `${id}`, parentSpanId: `${parent}`, startMicros: start })),
      )
      assert.deepEqual(
        forest.order.toSorted((a, b) => a - b),
        nodes.map((_, id) => id),
      )
      for (const [id, parent] of forest.parents.entries()) {
        if (parent === -1) assert.ok(forest.roots.includes(id))
        else assert.ok(forest.children[parent]?.includes(id) && forest.order.indexOf(parent) < forest.order.indexOf(id))
      }
    }),
    { seed, numRuns: 1000 },
  )
})
