// The critical path of traces drawn by hand, and what holds of every trace.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { criticalPath } from '../../src/store/critical-path.ts'
import type { SpanData } from '../../src/trace/span-data.ts'
import { randomTrace, seed } from './random-trace.ts'
import { span, spanIdOf } from './spans.ts'

/** Segments as [number of the span, start in ms, length in ms]. */
function pathOf(spans: readonly SpanData[]): number[][] {
  const path = criticalPath(spans)
  return (path?.segments ?? []).map(({ spanId, startNanos, durationNanos }) => [
    Number.parseInt(spanId, 16) - 1,
    startNanos / 1e6,
    durationNanos / 1e6,
  ])
}

test('a span alone is its own critical path', () => {
  assert.deepEqual(pathOf([span({ ms: 5 })]), [[0, 0, 5]])
  assert.equal(criticalPath([]), undefined)
  assert.deepEqual(pathOf([span({ ms: 0 })]), [])
})

test('children one after another, with gaps between them', () => {
  const spans = [
    span({ ms: 100 }),
    span({ id: 1, parent: 0, atMs: 10, ms: 30 }),
    span({ id: 2, parent: 0, atMs: 50, ms: 40 }),
  ]
  assert.deepEqual(pathOf(spans), [
    [0, 0, 10],
    [1, 10, 30],
    [0, 40, 10],
    [2, 50, 40],
    [0, 90, 10],
  ])
})

test('of children side by side the last to finish decided', () => {
  const spans = [
    span({ ms: 100 }),
    span({ id: 1, parent: 0, atMs: 10, ms: 60 }),
    span({ id: 2, parent: 0, atMs: 20, ms: 70 }),
  ]
  assert.deepEqual(pathOf(spans), [
    [0, 0, 20],
    [2, 20, 70],
    [0, 90, 10],
  ])
})

test('a child that outlives its parent is cut, one that begins after it has no part', () => {
  const spans = [
    span({ ms: 100 }),
    span({ id: 1, parent: 0, atMs: 80, ms: 100 }),
    span({ id: 2, parent: 0, atMs: 120, ms: 10 }),
  ]
  assert.deepEqual(pathOf(spans), [
    [0, 0, 80],
    [1, 80, 20],
  ])
})

test('a consumer that outlives its sender was not waited for', () => {
  const consumer = span({ id: 1, parent: 0, atMs: 80, ms: 100, kind: 'consumer' })
  assert.deepEqual(pathOf([span({ ms: 100 }), consumer]), [[0, 0, 100]])
})

test('the path goes down through the services, and is summed up by span', () => {
  const spans = [
    span({ ms: 100, service: 'gateway' }),
    span({ id: 1, parent: 0, atMs: 10, ms: 80, service: 'orders' }),
    span({ id: 2, parent: 1, atMs: 20, ms: 60, service: 'orders', name: 'SELECT' }),
  ]
  const path = criticalPath(spans)
  const sums = path?.spans.map(({ service, name, durationNanos, share }) => [service, name, durationNanos / 1e6, share])
  assert.deepEqual(sums?.[0], ['orders', 'SELECT', 60, 0.6])
  assert.equal(path?.rootSpanId, spanIdOf(0))
})

test('of a fragment the earliest span is the root; a circle does no harm', () => {
  assert.deepEqual(pathOf([span({ id: 1, parent: 9, atMs: 5, ms: 10 }), span({ id: 2, parent: 1, atMs: 7, ms: 2 })]), [
    [1, 0, 2],
    [2, 2, 2],
    [1, 4, 6],
  ])
  assert.deepEqual(pathOf([span({ id: 1, parent: 2, ms: 3 }), span({ id: 2, parent: 1, atMs: 1, ms: 1 })]).length, 3)
})

test('a chain of 10 000 spans does not exhaust the stack', () => {
  const spans = Array.from({ length: 10_000 }, (_, id) =>
    span({ id, parent: id === 0 ? undefined : id - 1, ms: 20_000 - id }),
  )
  const path = criticalPath(spans)
  assert.equal(
    path?.segments.reduce((sum, { durationNanos }) => sum + durationNanos, 0),
    path?.durationNanos,
  )
})

test('on random trees: no gap, no overlap, the sum is the duration of the root', () => {
  fc.assert(
    fc.property(randomTrace, (spans) => {
      const path = criticalPath(spans)
      assert.ok(path)
      let at = 0
      for (const { startNanos, durationNanos, spanId } of path.segments) {
        assert.equal(startNanos, at)
        assert.ok(durationNanos > 0)
        at += durationNanos
        // What decided was running at that time.
        const decided = spans.find((one) => one.spanId === spanId)
        assert.ok(decided)
        const start = Math.round((decided.startMicros - (spans[0]?.startMicros ?? 0)) * 1000)
        assert.ok(startNanos >= start && startNanos + durationNanos <= start + decided.durationNanos)
      }
      assert.equal(at, path.durationNanos)
      assert.equal(
        path.spans.reduce((sum, { durationNanos }) => sum + durationNanos, 0),
        path.durationNanos,
      )
    }),
    { seed, numRuns: 1000 },
  )
})

test('on random trees: the order in which spans came does not matter', () => {
  fc.assert(
    fc.property(randomTrace, (spans) => {
      const ends = new Set(spans.map(({ startMicros, durationNanos }) => startMicros + durationNanos / 1000))
      const starts = new Set(spans.map(({ startMicros }) => startMicros))
      // Spans that begin or end in the same moment may stand for each other.
      fc.pre(ends.size === spans.length && starts.size === spans.length)
      assert.deepEqual(criticalPath(spans.toReversed()), criticalPath(spans))
    }),
    { seed, numRuns: 300 },
  )
})
