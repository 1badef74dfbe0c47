// Entering from outside where a gate has a queue: who waits, who leaves and with what, and what the time in it counts for.
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { bulkhead, type Permit, pipeline, Registry, type Rejection, retry, timeout } from '../src/index.ts'
import { VirtualClock } from '../src/testing/index.ts'
import { Journal, Recorder } from './recorder.ts'
import { codeOf, watch } from './watch.ts'

function admitted(answer: Permit | Rejection): Permit {
  if (answer.kind === 'rejection') throw answer.error
  return answer
}

test('admit refuses where it would have to wait, and counts a rejection', () => {
  const slots = bulkhead({ maxInFlight: 1, maxQueue: 5 })
  const guarded = pipeline({ name: 'orders' }, slots)
  const permit = admitted(guarded.admit())
  const refused = guarded.admit()
  assert.ok(refused.kind === 'rejection' && refused.error.code === 'SG_BULKHEAD_FULL')
  assert.deepEqual([slots.snapshot().queued, slots.snapshot().totals.rejections], [0, 1])
  permit.exit()
  assert.equal(guarded.admit().kind, 'permit')
})

test('admitAsync waits in the queue for its turn and then holds what admit would hold', async () => {
  const clock = new VirtualClock()
  const journal = new Journal()
  const other = new Recorder('other', journal)
  const slots = bulkhead({ maxInFlight: 1, maxQueue: 1 })
  const guarded = pipeline({ clock }, other, slots)
  const first = admitted(await guarded.admitAsync())
  const waiting = watch(guarded.admitAsync())
  const refused = await guarded.admitAsync()
  assert.ok(refused.kind === 'rejection' && refused.error.code === 'SG_BULKHEAD_FULL')
  assert.deepEqual([slots.snapshot().queued, other.inFlight], [1, 1])
  first.exit()
  await clock.advance(0)
  const permit = waiting.result as Permit
  assert.deepEqual([permit.kind, slots.snapshot().inFlight, other.inFlight], ['permit', 1, 1])
  permit.exit()
  assert.deepEqual([slots.snapshot().inFlight, other.inFlight, journal.problems, clock.pending], [0, 0, [], 0])
})

test('admitAsync leaves the queue with the abort of the caller, and rejects with the reason itself', async () => {
  const clock = new VirtualClock()
  const slots = bulkhead({ maxInFlight: 1, maxQueue: 1 })
  const guarded = pipeline({ clock }, slots)
  const holder = admitted(guarded.admit())
  const controller = new AbortController()
  const { signal } = controller
  const waiting = watch(guarded.admitAsync({ signal, deadline: 500 }))
  assert.deepEqual([getEventListeners(signal, 'abort').length, clock.pending], [1, 1])
  controller.abort('enough')
  assert.equal(slots.snapshot().queued, 0)
  await clock.advance(0)
  assert.deepEqual([waiting.state, waiting.result], ['rejected', 'enough'])
  assert.deepEqual([getEventListeners(signal, 'abort').length, clock.pending], [0, 0])
  await assert.rejects(guarded.admitAsync({ signal }), (error) => error === 'enough')
  holder.exit()
  assert.equal(slots.snapshot().inFlight, 0)
})

test('admitAsync leaves the queue at the deadline of the caller with a rejection', async () => {
  const clock = new VirtualClock()
  const slots = bulkhead({ maxInFlight: 1, maxQueue: 1 })
  const guarded = pipeline({ clock, name: 'orders' }, slots)
  admitted(guarded.admit())
  const waiting = watch(guarded.admitAsync({ deadline: 50 }), clock)
  await clock.advance(100)
  const refused = waiting.result as Rejection
  assert.deepEqual([refused.kind, codeOf(refused.error), waiting.at], ['rejection', 'SG_DEADLINE_EXCEEDED', 50])
  assert.deepEqual([slots.snapshot().queued, clock.pending], [0, 0])
})

test('admitAsync leaves the queue when a timeout around the queue passes, as execute does', async () => {
  const clock = new VirtualClock()
  const slots = bulkhead({ maxInFlight: 1, maxQueue: 1 })
  const guarded = pipeline({ clock }, timeout(50), slots)
  admitted(guarded.admit())
  const waiting = watch(guarded.admitAsync(), clock)
  await clock.advance(100)
  const refused = waiting.result as Rejection | undefined
  assert.deepEqual([refused?.kind, codeOf(refused?.error), waiting.at], ['rejection', 'SG_TIMEOUT', 50])
  assert.deepEqual([slots.snapshot().queued, clock.pending], [0, 0])
})

test('a deadline that passes in a queue is a failure for what was entered before it, as in execute', async () => {
  for (const [afterMs, deadline] of [
    [50, undefined],
    [500, 50],
  ] as const) {
    for (const face of ['execute', 'admitAsync'] as const) {
      const clock = new VirtualClock()
      const slots = bulkhead({ maxInFlight: 1, maxQueue: 1 })
      // The book-keeping of a registry is a gate around everything.
      const guarded = new Registry({ clock }).pipeline('orders', timeout(afterMs), slots)
      admitted(pipeline({ clock }, slots).admit())
      watch(face === 'execute' ? guarded.execute(() => 1, { deadline }) : guarded.admitAsync({ deadline }))
      await clock.advance(100)
      assert.deepEqual(guarded.snapshot().calls, { successes: 0, failures: 1, ignored: 0, inFlight: 0 }, face)
    }
  }
})

test('an abort in a queue is ignored outside of it, also when its reason is the timeout of a pipeline around it', async () => {
  const clock = new VirtualClock()
  const slots = bulkhead({ maxInFlight: 1, maxQueue: 1 })
  const inner = new Registry({ clock }).pipeline('orders', timeout('1s'), slots)
  admitted(pipeline({ clock }, slots).admit())
  const outer = watch(pipeline({ clock }, timeout(50)).execute(({ signal }) => inner.admitAsync({ signal })))
  await clock.advance(100)
  assert.deepEqual([outer.code, inner.snapshot().calls?.ignored], ['SG_TIMEOUT', 1])
})

test('the time in a queue is not taken from a timeout behind that queue, as in execute', async () => {
  const clock = new VirtualClock()
  const guarded = pipeline({ clock }, bulkhead({ maxInFlight: 1, maxQueue: 1 }), timeout(100), retry())
  const holder = admitted(guarded.admit())
  const waiting = watch(guarded.admitAsync())
  await clock.advance(500)
  holder.exit()
  await clock.advance(0)
  assert.equal((waiting.result as Permit).deadline, 600)
})

test('an abort in any turn around the hand-over of a slot loses no slot', async () => {
  for (let turn = 0; turn < 10; turn++) {
    const clock = new VirtualClock()
    const slots = bulkhead({ maxInFlight: 1, maxQueue: 1 })
    const guarded = pipeline({ clock }, slots)
    const holder = admitted(guarded.admit())
    const controller = new AbortController()
    const waiting = watch(guarded.admitAsync({ signal: controller.signal }))
    holder.exit()
    for (let step = 0; step < turn; step++) await undefined
    controller.abort('enough')
    await clock.advance(0)
    if (waiting.state === 'fulfilled') (waiting.result as Permit).exit()
    else assert.equal(waiting.result, 'enough')
    assert.deepEqual([slots.snapshot().inFlight, slots.snapshot().queued], [0, 0])
  }
})
