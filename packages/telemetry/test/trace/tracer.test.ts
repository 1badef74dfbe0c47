// How spans get from the hot path to the consumers: when, in which order, and what happens when it goes wrong.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { promisify } from 'node:util'

import { OptionsError } from '@switchgear/core'
import { VirtualClock } from '@switchgear/core/testing'

import { activeContext, rootContext, runIn } from '../../src/trace/context.ts'
import { blockSpans } from '../../src/trace/span-block.ts'
import { monotonicMs } from '../../src/trace/span-times.ts'
import { Tracer } from '../../src/trace/tracer.ts'
import { WallOffset } from '../../src/trace/wall-offset.ts'
import { Collector, resource, scope, Traced } from './traced.ts'

function endMany(traced: Traced, count: number): void {
  for (let n = 0; n < count; n++) traced.start(`span ${n}`).end()
}

test('options are checked, each with its path', () => {
  const broken = (options: object, message: RegExp): void => {
    assert.throws(
      () => new Tracer({ resource, ...options }),
      (error) => error instanceof OptionsError && message.test(error.message),
    )
  }
  broken({ maxBlocks: 0 }, /^tracer\.maxBlocks must be a whole number >= 1, got 0$/)
  broken({ flushEvery: '1 year' }, /^tracer\.flushEvery must be a duration .*got '1 year'$/)
  broken({ limits: { eventCount: -1 } }, /^tracer\.limits\.eventCount must be a whole number >= 0, got -1$/)
  broken({ limits: { linkCount: Infinity } }, /^tracer\.limits\.linkCount must be .*got Infinity$/)
  broken({ limits: { events: 1 } }, /^tracer\.limits\.events is not an option; known are attributeCount, /)
  const { limits } = new Tracer({ resource, limits: { attributeValueLength: Infinity, eventCount: undefined } })
  assert.deepEqual([limits.attributeValueLength, limits.eventCount], [Infinity, 128])
})

test('a span reaches the consumers at the flush interval, and no timer is set while there are none', async () => {
  const traced = new Traced({ flushEvery: '200ms' })
  assert.equal(traced.clock.pending, 0)
  traced.start().end()
  assert.equal(traced.clock.pending, 1)
  await traced.clock.advance(199)
  assert.deepEqual(traced.collector.calls, [])
  await traced.clock.advance(1)
  assert.deepEqual(traced.collector.calls, ['consume 1'])
  assert.equal(traced.clock.pending, 0)
  traced.start().end()
  await traced.clock.advance(200)
  assert.deepEqual(traced.collector.calls, ['consume 1', 'consume 1'])
})

test('a full block leaves in a turn of its own, and all spans arrive in the order in which they ended', async () => {
  const traced = new Traced()
  endMany(traced, 2 * blockSpans + 3)
  assert.deepEqual(traced.collector.calls, [])
  await traced.clock.advance(0)
  assert.deepEqual(traced.collector.calls, ['consume 512', 'consume 512'])
  await traced.clock.advance(1000)
  assert.deepEqual(traced.collector.calls.at(-1), 'consume 3')
  assert.deepEqual(
    traced.collector.spans.map(({ name }) => name),
    Array.from({ length: 2 * blockSpans + 3 }, (_, n) => `span ${n}`),
  )
})

test('a span that finds no free block is dropped and counted; later ones are kept again', async () => {
  const traced = new Traced({ maxBlocks: 2 })
  endMany(traced, 2 * blockSpans + 10)
  assert.equal(traced.tracer.totals.dropped, 10)
  assert.equal(traced.tracer.totals.ended, 2 * blockSpans)
  await traced.clock.advance(0)
  endMany(traced, 5)
  assert.equal((await traced.spans()).length, 2 * blockSpans + 5)
  assert.deepEqual(traced.tracer.totals, {
    started: 2 * blockSpans + 15,
    ended: 2 * blockSpans + 5,
    dropped: 10,
    unsampled: 0,
    samplerErrors: 0,
  })
})

test('all consumers get every span; one that throws hurts neither the others nor the program', async () => {
  const traced = new Traced()
  const broken = {
    name: 'broken',
    consume(): never {
      throw new Error('broken')
    },
    flush: () => Promise.reject(new Error('broken')),
    close(): never {
      throw new Error('broken')
    },
  }
  const late = new Collector()
  traced.tracer.addConsumer(broken)
  const remove = traced.tracer.addConsumer(late)
  traced.start().end()
  await traced.tracer.flush()
  assert.deepEqual([traced.collector.spans.length, late.spans.length], [1, 1])
  assert.equal(traced.tracer.consumerErrors, 2)
  remove()
  remove()
  traced.start().end()
  await traced.tracer.close()
  assert.deepEqual([traced.collector.spans.length, late.spans.length], [2, 1])
  assert.equal(traced.tracer.consumerErrors, 4)
  assert.deepEqual(late.calls, ['consume 1', 'flush'])
})

test('flush hands over first and asks then; close does so once and records nothing more', async () => {
  const traced = new Traced()
  const open = traced.start('open')
  endMany(traced, blockSpans + 1)
  await traced.tracer.flush()
  await traced.tracer.flush()
  assert.deepEqual(traced.collector.calls, ['consume 512', 'consume 1', 'flush', 'flush'])
  traced.start().end()
  const closing = traced.tracer.close()
  assert.equal(traced.tracer.close(), closing)
  await closing
  assert.deepEqual(traced.collector.calls.slice(4), ['consume 1', 'close'])
  assert.equal(traced.clock.pending, 0)
  open.end()
  assert.equal(traced.start().recording, false)
  assert.equal(traced.tracer.totals.dropped, 1)
  await traced.tracer.flush()
  assert.equal(traced.collector.calls.length, 6)
})

test('a flush ends with its signal, or after 30 s, although a consumer does not', async () => {
  const traced = new Traced()
  const given: AbortSignal[] = []
  traced.tracer.addConsumer({
    name: 'stuck',
    consume() {},
    flush(signal) {
      if (signal !== undefined) given.push(signal)
      return new Promise(() => {})
    },
    close: () => new Promise(() => {}),
  })
  await traced.tracer.flush(AbortSignal.abort())
  const controller = new AbortController()
  const flushed = traced.tracer.flush(controller.signal)
  controller.abort()
  await flushed
  const patient = traced.tracer.close()
  const ended = patient.then(() => traced.clock.now())
  await traced.clock.advance(60_000)
  assert.equal(await ended, 31_000)
  assert.equal(given.length, 2)
  assert.equal(given[1], controller.signal)
})

test('a consumer may trace, flush and remove itself while it consumes', async () => {
  const traced = new Traced()
  let rounds = 0
  const remove = traced.tracer.addConsumer({
    name: 'busy',
    consume() {
      rounds++
      traced.start('by a consumer').end()
      if (rounds === 1) void traced.tracer.flush()
      if (rounds === 3) remove()
    },
    async flush() {},
    async close() {},
  })
  traced.start('first').end()
  await traced.clock.advance(5000)
  assert.deepEqual(
    (await traced.spans()).map(({ name }) => name),
    ['first', 'by a consumer', 'by a consumer', 'by a consumer'],
  )
  assert.equal(rounds, 3)
})

test('a flush in the midst of a delivery does not change the order for the consumers behind', async () => {
  const traced = new Traced({ maxBlocks: 4 })
  const flushes: Promise<void>[] = []
  const order: string[] = []
  const first = new Collector()
  first.consume = () => void flushes.push(traced.tracer.flush().then(() => void order.push('flushed')))
  const second = new Collector()
  second.consume = (block) => void order.push(block.names[0] ?? '')
  traced.tracer.addConsumer(first)
  traced.tracer.addConsumer(second)
  endMany(traced, 2 * blockSpans + 1)
  await traced.tracer.flush()
  await Promise.all(flushes)
  assert.deepEqual(order.slice(0, 3), ['span 0', `span ${blockSpans}`, `span ${2 * blockSpans}`])
  assert.deepEqual(order.slice(3), ['flushed', 'flushed', 'flushed'])
})

test('a consumer that traces, or closes once more, during the last delivery: nothing is taken that nobody gets', async () => {
  const traced = new Traced()
  const running = traced.start('running')
  let closes = 0
  const consumer = new Collector()
  consumer.consume = (block) => {
    traced.start('inner').end()
    running.end()
    void traced.tracer.close()
    Collector.prototype.consume.call(consumer, block)
  }
  consumer.close = async () => void closes++
  traced.tracer.addConsumer(consumer)
  endMany(traced, 1)
  await traced.tracer.close()
  const { ended, dropped, unsampled } = traced.tracer.totals
  assert.deepEqual({ ended, dropped, unsampled, closes }, { ended: 1, dropped: 1, unsampled: 1, closes: 1 })
  assert.deepEqual([consumer.spans.length, traced.clock.pending], [1, 0])
})

test('a consumer that was added twice and removed once gets every span once', async () => {
  const traced = new Traced()
  const twice = new Collector()
  const remove = traced.tracer.addConsumer(twice)
  traced.tracer.addConsumer(twice)
  remove()
  remove()
  endMany(traced, 1)
  await traced.tracer.flush()
  assert.equal(twice.spans.length, 1)
})

test("consumers run in nobody's context, and nothing they start is traced", async () => {
  const traced = new Traced()
  const seen: unknown[] = []
  const note = (): void => void seen.push([activeContext().tenant, activeContext().suppressed])
  traced.tracer.addConsumer({
    name: 'notes',
    consume: note,
    flush: async () => note(),
    close: async () => note(),
  })
  await runIn(rootContext.withTenant('caller'), async () => {
    traced.start().end()
    await traced.clock.advance(1000)
    await traced.tracer.flush()
    await traced.tracer.close()
  })
  assert.deepEqual(
    seen,
    [1, 2, 3].map(() => [undefined, true]),
  )
})

test('blocks are dated when they begin: a wall clock that was set dates only later spans', async () => {
  const traced = new Traced()
  traced.start('before').end()
  await traced.clock.advance(1000)
  traced.clock.wallOffset -= 86_400_000
  traced.start('after').end()
  const [before, after] = await traced.spans()
  assert.equal(before?.startMicros, (1_767_225_600_000 + 1000) * 1000)
  assert.equal(after?.startMicros, (1_767_225_600_000 - 86_400_000 + 2000) * 1000)
})

test('a start read from a wall clock that was set meanwhile is kept, and dates no span before it', async () => {
  const traced = new Traced()
  traced.start('before').end()
  traced.clock.wallOffset += 3_600_000
  await traced.clock.advance(10)
  const started = traced.clock.wallNow() - 5
  traced.tracer
    .start(scope, 'after', 0, undefined, monotonicMs(started, traced.tracer))
    .addEvent('read', {}, started + 1)
    .end()
  const [before, after] = await traced.spans()
  assert.equal(before?.startMicros, (1_767_225_600_000 + 1000) * 1000)
  assert.equal(after?.startMicros, started * 1000)
  assert.equal(after?.durationNanos, 5e6)
  assert.equal(after?.events[0]?.timeMicros, (started + 1) * 1000)
})

test('a wall clock of whole milliseconds does not make the dates of blocks jump', () => {
  let now = 0.3
  const wall = 1_767_225_600_000.7
  const clock = { now: () => now, wallNow: () => Math.floor(wall + now), setTimer: () => ({ cancel() {} }) }
  const offset = new WallOffset(clock)
  const measured: number[] = []
  for (; now < 1000; now += 7.37) measured.push(offset.measure())
  const late = measured.slice(50)
  assert.ok(Math.max(...late) - Math.min(...late) < 0.05, 'settles')
  assert.ok(Math.abs((late.at(-1) ?? 0) - wall) < 0.1, 'settles at the true offset')
})

test('a tracer keeps no process alive, neither by its timers nor by a flush', { timeout: 20_000 }, async () => {
  const file = (path: string): string => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)))
  const program = `
    import { Tracer } from ${file('../../src/trace/tracer.ts')}
    import { ContextManager } from ${file('../../src/trace/context-manager.ts')}
    const tracer = new Tracer({ resource: { attributes: {} }, flushEvery: '1h' })
    tracer.addConsumer({ name: 'stuck', consume() {}, flush: () => new Promise(() => {}), close: async () => {} })
    for (let n = 0; n < 1000; n++) tracer.start({ name: 'x' }, 'x', 0, undefined, 0).end()
    new ContextManager().bind(new ContextManager().active(), process)
    void tracer.flush()
    console.log('ended', tracer.totals.ended)`
  const options = ['--conditions=@switchgear/source', '--input-type=module', '--eval', program]
  const { stdout } = await promisify(execFile)(process.execPath, options, { timeout: 15_000 })
  assert.equal(stdout.trim(), 'ended 1000')
})

test('the clock of a tracer is the one it was given', () => {
  const clock = new VirtualClock({ now: 5 })
  const span = new Tracer({ resource, clock }).start(scope, 'x', 0, undefined, clock.now())
  assert.equal(span.startMs, 5)
})
