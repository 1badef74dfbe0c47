// The buffer in which traces wait: when they are decided, what becomes of late spans, and its bounds.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom, VirtualClock } from '@switchgear/core/testing'
import type { TailSamplerOptions, TraceBufferOptions } from '../../src/sampling/tail-options.ts'
import { TailSampler } from '../../src/sampling/tail-sampler.ts'
import { TraceBuffer } from '../../src/sampling/trace-buffer.ts'
import type { SpanData } from '../../src/trace/span-data.ts'
import { child, highestId, lowestId, seed, span, traceIds } from './spans.ts'

function build(options: TraceBufferOptions = {}, sampling: TailSamplerOptions = {}) {
  const clock = new VirtualClock()
  const taken: (readonly SpanData[])[] = []
  const sampler = new TailSampler({ clock, ratio: 0, rareBelow: 0, ...sampling })
  const buffer = new TraceBuffer(sampler, (spans) => taken.push(spans), { clock, grace: '500ms', ...options })
  return { clock, taken, buffer }
}

const failed = { status: 'error' as const }

test('a trace is decided a grace after its root, with the children that came in between', () => {
  const { clock, taken, buffer } = build()
  buffer.add([child(failed), span()])
  clock.advanceSync(450)
  assert.equal(taken.length, 0)
  buffer.add([child()])
  clock.advanceSync(100)
  assert.equal(taken.length, 1)
  assert.deepEqual(
    taken[0]?.map((one) => one.attributes['switchgear.sampling.reason']),
    [undefined, 'error', undefined],
  )
  assert.deepEqual([buffer.totals.kept.error, buffer.totals.keptSpans, buffer.totals.late], [1, 3, 0])
  assert.equal(buffer.waiting.traces, 0)
})

test('without a root it is decided ten seconds after its first span', () => {
  const { clock, taken, buffer } = build()
  buffer.add([child(failed)])
  clock.advanceSync(9_900)
  buffer.add([child()])
  clock.advanceSync(99)
  assert.equal(taken.length, 0)
  clock.advanceSync(51)
  assert.equal(taken[0]?.length, 2)
})

test('an entry from outside ends the trace only where the buffer was told so', () => {
  for (const endsAtEntry of [false, true]) {
    const { clock, taken, buffer } = build({ endsAtEntry })
    buffer.add([child({ ...failed, flags: 0x303 })])
    clock.advanceSync(600)
    assert.equal(taken.length, endsAtEntry ? 1 : 0)
  }
})

test('there is one timer at most, and none while nothing waits', () => {
  const { clock, buffer } = build()
  assert.equal(clock.pending, 0)
  for (const traceId of traceIds(100)) buffer.add([child({ traceId }), span({ traceId })])
  assert.equal(clock.pending, 1)
  clock.advanceSync(1000)
  assert.equal(clock.pending, 0)
  buffer.add([child()])
  assert.equal(clock.pending, 1)
  buffer.flush()
  assert.equal(clock.pending, 0)
})

test('a short wait is kept although the timer sleeps for a longer one', () => {
  for (const [maxWait, grace] of [
    ['10s', '100ms'],
    ['1s', '20s'],
  ] as const) {
    const { clock, taken, buffer } = build({ maxWait, grace })
    buffer.add(maxWait === '10s' ? [child({ traceId: highestId })] : [span({ traceId: highestId })])
    buffer.add(maxWait === '10s' ? [span(failed)] : [child(failed)])
    clock.advanceSync(maxWait === '10s' ? 150 : 1050)
    assert.equal(taken.length, 1, maxWait)
  }
})

test('late spans follow the decision, kept or dropped, and a late root is marked', () => {
  const { clock, taken, buffer } = build()
  buffer.add([child({ ...failed, traceId: highestId }), child({ traceId: lowestId })])
  clock.advanceSync(11_000)
  assert.equal(taken.length, 1)
  const late = (traceId: string): SpanData[] => [child({ traceId }), span({ traceId })]
  buffer.add([...late(highestId), ...late(lowestId)])
  assert.equal(taken.length, 2)
  assert.deepEqual(
    taken[1]?.map((one) => [one.traceId, one.attributes['switchgear.sampling.reason']]),
    [
      [highestId, undefined],
      [highestId, 'error'],
    ],
  )
  buffer.add([child({ ...failed, traceId: lowestId })])
  assert.equal(taken.length, 2, 'an error that comes too late changes nothing')
  const { late: lateSpans, keptSpans, droppedSpans, kept, dropped } = buffer.totals
  assert.deepEqual([lateSpans, keptSpans, droppedSpans, kept.error, dropped.probability], [5, 3, 4, 1, 1])
  assert.deepEqual([buffer.waiting.spans, clock.pending], [0, 0])
})

test('so many decisions are remembered; asking keeps one alive', () => {
  const { clock, taken, buffer } = build({ maxDecisions: 4 })
  const [a = '', b = '', ...others] = traceIds(4)
  const decide = (traceId: string): void => {
    buffer.add([span({ ...failed, traceId })])
    clock.advanceSync(600)
  }
  for (const traceId of [a, b]) decide(traceId)
  decide(others[0] ?? '')
  buffer.add([child({ traceId: a })])
  decide(others[1] ?? '')
  assert.equal(taken.length, 5)
  buffer.add([child({ traceId: a }), child({ traceId: b })])
  assert.equal(taken.length, 6)
  assert.equal(buffer.waiting.traces, 1, 'b is forgotten and waits as a new trace')
})

test('a full buffer decides early: ended traces first, then the oldest', () => {
  const { taken, buffer } = build({ maxTraces: 2 }, { ratio: 1 })
  const [a = '', b = '', c = '', d = ''] = traceIds(4)
  buffer.add([child({ traceId: a }), span({ traceId: b }), child({ traceId: c }), child({ traceId: d })])
  assert.deepEqual(
    taken.map(([first]) => first?.traceId),
    [b, a],
  )
  assert.deepEqual([buffer.totals.evicted, buffer.waiting.traces], [2, 2])
  buffer.add([child({ traceId: a })])
  assert.equal(taken.length, 3, 'the rest of it follows')
})

test('a flood of traces that never end stays within every bound', () => {
  for (const limits of [{ maxTraces: 50 }, { maxSpans: 70 }, { maxBytes: 10_000 }]) {
    const { clock, buffer } = build({ maxDecisions: 100, ...limits }, { ratio: 0.5, bytesPerSecond: '1gb' })
    const random = seededRandom(seed)
    let added = 0
    for (const traceId of traceIds(3000)) {
      const spans = Array.from({ length: 1 + Math.floor(random() * 4) }, () => child({ traceId }))
      buffer.add(spans)
      added += spans.length
      const { traces, spans: waiting, bytes } = buffer.waiting
      assert.ok(traces <= (limits.maxTraces ?? Infinity))
      assert.ok(waiting <= (limits.maxSpans ?? Infinity))
      assert.ok(bytes <= (limits.maxBytes ?? Infinity))
      assert.ok(clock.pending <= 1)
    }
    const { totals } = buffer
    assert.ok(totals.evicted > 2000)
    assert.equal(totals.keptSpans + totals.droppedSpans + buffer.waiting.spans, added, 'every span is accounted for')
    buffer.flush()
    assert.deepEqual(buffer.waiting, { traces: 0, spans: 0, bytes: 0 })
  }
})

test('one endless trace is decided at the bound, and what follows of it is paid from the byte budget', () => {
  const { buffer } = build({ maxSpans: 100 }, { ratio: 1, bytesPerSecond: 1000, burst: 30_000, overdraft: 5000 })
  for (let n = 0; n < 2000; n++) buffer.add([child({ traceId: highestId })])
  const { kept, keptSpans, droppedSpans, lateOverBudget, late } = buffer.totals
  assert.deepEqual([kept.probability, late], [1, 1899])
  assert.equal(keptSpans + droppedSpans, 2000)
  assert.equal(droppedSpans, lateOverBudget)
  assert.ok(keptSpans > 200 && keptSpans < 400, String(keptSpans))
})

test('flush decides all now; close does too and takes no more', () => {
  const { clock, taken, buffer } = build({}, { ratio: 1 })
  const [a = '', b = '', c = ''] = traceIds(3)
  buffer.add([child({ traceId: a }), span({ traceId: b })])
  buffer.flush()
  assert.equal(taken.length, 2)
  buffer.add([child({ traceId: c })])
  buffer.close()
  buffer.close()
  assert.equal(taken.length, 3)
  buffer.add([child({ traceId: c })])
  assert.deepEqual([taken.length, buffer.totals.afterClose, clock.pending], [3, 1, 0])
})

test('dropped traces are counted by reason', () => {
  const { buffer } = build({}, { ratio: 1, bytesPerSecond: 1, burst: 1 })
  for (const traceId of traceIds(3)) buffer.add([span({ traceId })])
  buffer.flush()
  assert.deepEqual([buffer.totals.kept.probability, buffer.totals.dropped.budget], [1, 2])
})

test('a receiver that throws is counted, and the others are still told', () => {
  const clock = new VirtualClock()
  let calls = 0
  const take = (): void => {
    if (++calls === 1) throw new Error('full')
  }
  const buffer = new TraceBuffer(new TailSampler({ clock, ratio: 1 }), take, { clock, grace: '500ms' })
  for (const traceId of traceIds(3)) buffer.add([span({ traceId })])
  buffer.flush()
  assert.deepEqual([calls, buffer.totals.takeErrors, buffer.totals.keptSpans], [3, 1, 2])
})

test('wrong options are refused by name', () => {
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ maxWait: 0 }, /traceBuffer\.maxWait must be a duration of at least 1 ms, .*, got 0$/],
    [{ maxTraces: 0 }, /traceBuffer\.maxTraces must be a whole number >= 1, got 0$/],
    [{ maxBytes: '64 mb' }, /traceBuffer\.maxBytes must be a size .*, got '64 mb'$/],
    [{ maxDecisions: 0 }, /traceBuffer\.maxDecisions must be a whole number >= 2, got 0$/],
    [{ wait: 1 }, /traceBuffer\.wait is not an option; known are maxWait, grace, /],
  ]
  for (const [options, message] of wrong)
    assert.throws(() => new TraceBuffer(new TailSampler(), () => undefined, options), message)
})
