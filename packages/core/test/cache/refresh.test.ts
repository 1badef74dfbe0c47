// Refreshes in the background: whose call they are, what becomes of one that fails or hangs, and that none blocks its key.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cache } from '../../src/cache/cache.ts'
import { type Call, failure, type Layer, pipeline, success, timeout } from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { Recorder } from '../recorder.ts'
import { Task, watch, hang } from '../watch.ts'

test('a refresh runs on a call of its own: no signal, no deadline, the key and priority of the caller', async () => {
  const clock = new VirtualClock()
  const task = new Task()
  const inside = new Recorder('inside')
  const guarded = pipeline({ clock }, timeout(1000), cache({ ttl: 10, staleWhileRevalidate: 1000 }), inside)
  const controller = new AbortController()
  const options = { key: 'a', priority: 0 as const, signal: controller.signal, deadline: 5000 }
  const first = watch(guarded.execute(task.run, options))
  task.resolve(0, 'old')
  await clock.advance(20)
  const stale = watch(guarded.execute(task.run, options))
  await clock.advance(0)
  assert.deepEqual([first.result, stale.result, task.started], ['old', 'old', 2])
  controller.abort()
  await clock.advance(5000)
  const [call] = [task.calls[1] as Call]
  assert.deepEqual(
    [call.signal.aborted, call.deadline, call.key, call.priority, call.attempt],
    [false, Infinity, 'a', 0, 1],
  )
  assert.equal(inside.inFlight, 1)
  task.resolve(1, 'new')
  await clock.advance(0)
  assert.deepEqual([inside.inFlight, await guarded.execute(hang, { key: 'a' })], [0, 'new'])
})

test('a failed value, a broken `cacheable` and a broken classifier fail a refresh too', async () => {
  const clock = new VirtualClock()
  const discarded: unknown[] = []
  const broken = (): never => {
    throw new Error('broken')
  }
  let strict = false
  const classify = {
    ofValue: (value: number) => (value === 500 ? failure : value === 666 ? broken() : success),
    discard: (value: number) => discarded.push(value),
  }
  const policy = cache({ ttl: 10, staleWhileRevalidate: 1000, cacheable: () => !strict || broken() })
  const guarded = pipeline({ clock, classify }, policy)
  const get = (value: number): Promise<number> => guarded.execute(() => value, { key: 'a' })
  await get(1)
  await clock.advance(20)
  for (const value of [500, 666]) {
    assert.equal(await get(value), 1)
    await clock.advance(1)
  }
  strict = true
  assert.equal(await get(2), 1)
  await clock.advance(1)
  assert.deepEqual([policy.snapshot().totals.refreshFailures, discarded], [3, [500]])
  assert.equal(await get(3), 1)
})

test('a refresh that hangs is the only one of its key, and keys refresh side by side up to `maxEntries`', async () => {
  const clock = new VirtualClock()
  const task = new Task()
  const guarded = pipeline({ clock }, cache({ ttl: 10, staleWhileRevalidate: 1000, maxEntries: 2 }))
  for (const key of ['a', 'b']) await guarded.execute(() => key, { key })
  await clock.advance(20)
  for (const key of ['a', 'a', 'b', 'b']) assert.equal(await guarded.execute(task.run, { key }), key)
  assert.equal(task.started, 2)
  await guarded.execute(() => 'c', { key: 'c' })
  await clock.advance(20)
  assert.equal(await guarded.execute(task.run, { key: 'c' }), 'c')
  assert.equal(task.started, 2)
})

test('a refresh that hangs for longer than `ttl` and the stale window is given up: another may start, its own value is discarded', async () => {
  const clock = new VirtualClock()
  const discarded: unknown[] = []
  const task = new Task()
  const inside = new Recorder('inside')
  const policy = cache({ ttl: 1000, staleWhileRevalidate: 4000, name: 'near' })
  const classify = { discard: (value: unknown) => discarded.push(value) }
  const guarded = pipeline({ clock, name: 'prices', classify }, policy, inside)
  const get = (): Promise<unknown> => guarded.execute(task.run, { key: 'a' })
  const fill = (value: string): Promise<unknown> => guarded.execute(() => value, { key: 'a' })
  await fill('first')
  await clock.advance(1000)
  assert.deepEqual([await get(), task.started], ['first', 1])
  // Beyond the stale window a caller fetches in the foreground, and what he brings becomes stale in its turn.
  await clock.advance(4000 - 1)
  policy.clear()
  await fill('second')
  await clock.advance(1000)
  assert.deepEqual([await get(), task.started, task.calls[0]?.signal.aborted], ['second', 1, false])
  await clock.advance(1)
  assert.deepEqual([await get(), task.started, inside.learned.at(1)], ['second', 2, 'ignored'])
  assert.match(
    String(task.calls[0]?.signal.reason),
    /^Error: prices: near: this refresh took too long and was given up$/,
  )
  assert.deepEqual([policy.snapshot().totals.refreshFailures, inside.inFlight], [1, 1])
  task.resolve(0, 'lost')
  await clock.advance(0)
  // The end of the lost one makes no room for a third.
  assert.deepEqual([await get(), discarded, task.started], ['second', ['lost'], 2])
  task.resolve(1, 'third')
  await clock.advance(0)
  assert.deepEqual([await get(), policy.snapshot().totals.refreshFailures], ['third', 1])
  assert.deepEqual([inside.inFlight, inside.journal.problems, policy.underway.size, clock.pending], [0, [], 0, 0])
})

test('a refresh has at least a second, and one that fails after it was given up is counted once and not unhandled', async () => {
  const clock = new VirtualClock()
  const task = new Task()
  const policy = cache({ ttl: 10, staleWhileRevalidate: 10 })
  const guarded = pipeline({ clock }, policy)
  const stale = async (): Promise<void> => {
    policy.clear()
    await guarded.execute(() => 'fresh', { key: 'a' })
    await clock.advance(10)
    assert.equal(await guarded.execute(task.run, { key: 'a' }), 'fresh')
  }
  await stale()
  await clock.advance(989)
  await stale()
  assert.equal(task.started, 1)
  await stale()
  assert.equal(task.started, 2)
  task.reject(0, new Error('late'))
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(policy.snapshot().totals.refreshFailures, 1)
})

test('refreshes that hang, of keys that nobody asks for any more, do not keep others from being refreshed for good', async () => {
  const clock = new VirtualClock()
  const task = new Task()
  const policy = cache({ ttl: 10, staleWhileRevalidate: 5000, maxEntries: 2 })
  const guarded = pipeline({ clock }, policy)
  const stale = async (key: string): Promise<void> => {
    await guarded.execute(() => key, { key })
    await clock.advance(10)
    assert.equal(await guarded.execute(task.run, { key }), key)
  }
  for (const key of ['a', 'b', 'c']) await stale(key)
  assert.equal(task.started, 2)
  await clock.advance(5010)
  await stale('d')
  assert.deepEqual([task.started, policy.snapshot().totals.refreshFailures], [3, 2])
  assert.deepEqual(
    task.calls.map(({ signal }) => signal.aborted),
    [true, true, false],
  )
})

test('a layer inside that throws instead of rejecting fails a fetch and a refresh, and leaves no key marked as fetched', async () => {
  const clock = new VirtualClock()
  const state = { broken: false }
  const layer: Layer = {
    kind: 'layer',
    name: 'broken',
    wrap: (next) => (call) => {
      if (state.broken) throw new Error('broken')
      return next(call)
    },
  }
  const policy = cache({ ttl: 10, staleWhileRevalidate: 100, staleIfError: 1000 })
  const outside = new Recorder('outside')
  const guarded = pipeline({ clock }, outside, timeout(500), policy, layer)
  const get = (value: unknown): Promise<unknown> => guarded.execute(() => value, { key: 'a' })
  await get('old')
  state.broken = true
  await clock.advance(20)
  for (const failures of [1, 2]) {
    assert.equal(await get('never'), 'old')
    await clock.advance(0)
    assert.equal(policy.snapshot().totals.refreshFailures, failures)
  }
  await clock.advance(200)
  assert.equal(await get('never'), 'old')
  assert.deepEqual([policy.snapshot().totals.staleOnError, policy.underway.size], [1, 0])
  policy.clear()
  await assert.rejects(get('never'), /broken/)
  state.broken = false
  assert.equal(await get('new'), 'new')
  await clock.advance(20)
  assert.equal(await get('newer'), 'new')
  await clock.advance(0)
  assert.equal(await get('never'), 'newer')
  assert.deepEqual([outside.inFlight, outside.journal.problems, clock.pending], [0, [], 0])
})
