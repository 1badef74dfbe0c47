// Tail sampling between the tracer's blocks and a target.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '@switchgear/core/testing'
import { tailFilter } from '../../src/sampling/tail-filter.ts'
import { SpanBlock, type SpanRow } from '../../src/trace/span-block.ts'
import type { SpanData } from '../../src/trace/span-data.ts'

function row(parts: Partial<SpanRow>): SpanRow {
  return {
    ...{ traceA: 1, traceB: 2, traceC: 3, traceD: 4, spanA: 5, spanB: 6, parentA: 0, parentB: 0 },
    ...{ flags: 3, kind: 1, status: 0, name: 'GET /', scope: { name: 'test' }, startMs: 1, endMs: 11 },
    ...{ shared: undefined, sharedMore: undefined, own: undefined, details: undefined },
    ...parts,
  }
}

function build(options = {}) {
  const clock = new VirtualClock()
  const taken: SpanData[] = []
  const calls: string[] = []
  const target = {
    take: (spans: readonly SpanData[]): void => void taken.push(...spans),
    flush: async (): Promise<void> => void calls.push('flush'),
    close: async (): Promise<void> => void calls.push('close'),
  }
  const filter = tailFilter(target, { clock, grace: '500ms', ratio: 0, rareBelow: 0, ...options })
  return { clock, taken, calls, filter }
}

const resource = { attributes: { 'service.name': 'orders' } }

test('a block becomes spans, and those of kept traces reach the target after the grace', () => {
  const { clock, taken, filter } = build()
  const block = new SpanBlock(resource)
  block.add(row({ traceA: 7, spanB: 8, parentA: 5, parentB: 6, status: 2, flags: 0x103 }))
  block.add(row({ traceA: 7, parentA: 9, parentB: 9, flags: 0x303 }))
  block.add(row({ traceA: 8 }))
  filter.consume(block)
  block.reset(0)
  clock.advanceSync(600)
  assert.deepEqual(
    taken.map((span) => [span.traceId.slice(0, 8), span.status, span.attributes['switchgear.sampling.reason']]),
    [
      ['00000007', 'error', undefined],
      ['00000007', 'unset', 'error'],
    ],
  )
  assert.deepEqual([filter.totals.kept.error, filter.totals.dropped.probability], [1, 1])
})

test('flush and close decide what waits before the target hears of it, and close happens once', async () => {
  const { clock, taken, calls, filter } = build({ ratio: 1 })
  const block = new SpanBlock(resource)
  block.add(row({ parentA: 1 }))
  filter.consume(block)
  await filter.flush()
  assert.deepEqual([taken.length, calls], [1, ['flush']])
  block.reset(0)
  block.add(row({ traceA: 8, parentA: 1 }))
  filter.consume(block)
  await Promise.all([filter.close(), filter.close()])
  assert.deepEqual([taken.length, calls, clock.pending], [2, ['flush', 'flush', 'close'], 0])
  filter.consume(block)
  assert.equal(filter.totals.afterClose, 1)
})

test('options of sampler and buffer are one list, and others are refused', () => {
  assert.throws(() => tailFilter({ take: () => undefined }, { rato: 1 } as object), /tailFilter\.rato is not an option/)
  assert.throws(() => tailFilter({} as never), /tailFilter\.take must be a function, got undefined/)
  assert.throws(() => build({ maxSpans: 0 }), /traceBuffer\.maxSpans must be/)
})
