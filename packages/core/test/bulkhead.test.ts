// The bulkhead: how many run, who waits, in which order they go on, and that nothing is lost when somebody leaves.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  bulkhead,
  type BulkheadOptions,
  circuitBreaker,
  pipeline,
  type PolicyEvent,
  retry,
  timeout,
} from '../src/index.ts'
import { VirtualClock } from '../src/testing/index.ts'
import { Journal, Recorder } from './recorder.ts'
import { codeOf, Task, turns, watch, type Watched } from './watch.ts'

/** Calls through one bulkhead, started one after the other. */
function load(options: BulkheadOptions): {
  slots: ReturnType<typeof bulkhead>
  task: Task
  start: (count: number, signal?: AbortSignal) => Watched[]
  order: string[]
} {
  const slots = bulkhead(options)
  const guarded = pipeline({ name: 'orders' }, slots)
  const task = new Task()
  const order: string[] = []
  let made = 0
  const start = (count: number, signal?: AbortSignal): Watched[] =>
    Array.from({ length: count }, () => {
      const key = `${++made}`
      const run: Task['run'] = (call) => {
        order.push(key)
        return task.run(call)
      }
      return watch(guarded.execute(run, { signal, key }))
    })
  return { slots, task, start, order }
}
const states = (calls: Watched[]): string => calls.map(({ state, code }) => code ?? state).join(' ')

test('as many calls as allowed run at once; one more is refused without having run', async () => {
  const { slots, task, start } = load({ maxInFlight: 3, name: 'small' })
  const calls = start(4)
  await turns()
  assert.equal(states(calls), 'pending pending pending SG_BULKHEAD_FULL')
  assert.equal(task.started, 3)
  const error = calls[3]?.result as Error & Record<string, unknown>
  assert.deepEqual([error['policy'], error['pipeline'], error['refusal']], ['small', 'orders', true])
  assert.equal(error.message, 'orders: small: 3 calls in flight and 0 waiting are the most allowed')
  assert.deepEqual(slots.snapshot().totals, { admitted: 3, rejections: 1, queued: 0 })
})

test('a slot comes free with every end of a call: value, throw, and cut off', async () => {
  const clock = new VirtualClock()
  const slots = bulkhead({ maxInFlight: 1 })
  const guarded = pipeline({ clock }, timeout(10), slots)
  const task = new Task()
  for (const end of ['value', 'throw', 'timeout']) {
    const answer = watch(guarded.execute(task.run))
    assert.equal(slots.snapshot().inFlight, 1)
    if (end === 'value') task.resolve(task.started - 1, end)
    if (end === 'throw') task.reject(task.started - 1, new Error(end))
    await clock.advance(10)
    assert.deepEqual([answer.state === 'pending', slots.snapshot().inFlight], [false, 0])
  }
})

test('who waits goes on in the order of arrival, as many at once as slots come free', async () => {
  const { slots, task, start, order } = load({ maxInFlight: 2, maxQueue: 10 })
  const calls = start(8)
  assert.deepEqual([order.length, slots.snapshot().queued], [2, 6])
  for (let index = 0; index < 8; index++) {
    task.resolve(index, index)
    await turns()
    assert.equal(order.length, Math.min(8, index + 3))
    assert.ok(slots.snapshot().inFlight <= 2)
  }
  assert.deepEqual(order, ['1', '2', '3', '4', '5', '6', '7', '8'])
  assert.equal(states(calls), Array(8).fill('fulfilled').join(' '))
  assert.deepEqual(slots.snapshot(), {
    policy: 'bulkhead',
    name: 'bulkhead',
    inFlight: 0,
    queued: 0,
    maxInFlight: 2,
    maxQueue: 10,
    totals: { admitted: 8, rejections: 0, queued: 6 },
  })
})

test('nobody overtakes who waits, in whichever turn after the end of a call he arrives', async () => {
  for (let turn = 0; turn < 12; turn++) {
    const { task, start, order } = load({ maxInFlight: 1, maxQueue: 3 })
    start(2)
    task.resolve(0, 'first')
    await turns(turn)
    start(1)
    for (let index = 1; index < 3; index++) {
      await turns()
      task.resolve(index, index)
    }
    await turns()
    assert.deepEqual(order, ['1', '2', '3'], `arriving ${turn} turns later`)
  }
})

test('the queue is bounded: who finds it full is refused at once', async () => {
  const { slots, start } = load({ maxInFlight: 1, maxQueue: 2 })
  const calls = start(5)
  await turns()
  assert.equal(states(calls), 'pending pending pending SG_BULKHEAD_FULL SG_BULKHEAD_FULL')
  assert.match(String(calls[4]?.result), /1 calls in flight and 2 waiting/)
  assert.deepEqual(slots.snapshot().totals, { admitted: 1, rejections: 2, queued: 2 })
})

test('who aborts leaves the queue at once, wherever he stands, and makes room in it', async () => {
  const { slots, task, start, order } = load({ maxInFlight: 1, maxQueue: 3 })
  const controllers = [new AbortController(), new AbortController(), new AbortController()]
  start(1)
  const waiting = controllers.flatMap(({ signal }) => start(1, signal))
  for (const [position, controller] of [controllers[1], controllers[0], controllers[2]].entries()) {
    controller?.abort(`leaver ${position}`)
    assert.equal(slots.snapshot().queued, 2 - position)
  }
  const late = start(1)
  task.resolve(0, 'first')
  await turns()
  assert.deepEqual(
    waiting.map(({ result }) => result),
    ['leaver 1', 'leaver 0', 'leaver 2'],
  )
  assert.deepEqual([order, states(late)], [['1', '5'], 'pending'])
})

test('a slot that is handed over in the very turn of an abort is given back and goes to the next', async () => {
  const clock = new VirtualClock()
  const slots = bulkhead({ maxInFlight: 1, maxQueue: 2 })
  const beside = new Recorder('beside')
  const guarded = pipeline({ clock }, beside, slots)
  const controller = new AbortController()
  // Both happen in one turn: the holder is cut off, which frees the slot, and the first waiter is aborted.
  const holder = watch(guarded.execute(() => new Promise(() => {}), { signal: controller.signal }))
  const first = watch(guarded.execute(() => assert.fail('it ran'), { signal: controller.signal }))
  const second = watch(guarded.execute(() => 'second'))
  assert.equal(beside.entered, 3)
  controller.abort('both')
  await clock.advance(0)
  assert.deepEqual([holder.result, first.result, second.result], ['both', 'both', 'second'])
  assert.deepEqual([slots.snapshot().inFlight, slots.snapshot().queued], [0, 0])
  assert.equal(beside.entered, 4, 'who was aborted enters nothing again')
})

test('a higher limit admits who waits at once, a lower one lets those in flight finish', async () => {
  const { slots, task, start, order } = load({ maxInFlight: 1, maxQueue: 9 })
  start(6)
  slots.update({ maxInFlight: 4 })
  await turns()
  assert.deepEqual([order.length, slots.snapshot().queued], [4, 2])
  slots.update({ maxInFlight: 2, maxQueue: 1 })
  const refused = start(1)
  await turns()
  assert.deepEqual([states(refused), slots.snapshot().inFlight, slots.snapshot().queued], ['SG_BULKHEAD_FULL', 4, 2])
  task.resolve(0, 0)
  task.resolve(1, 1)
  await turns()
  assert.deepEqual([slots.snapshot().inFlight, order.length], [2, 4])
  task.resolve(2, 2)
  await turns()
  assert.deepEqual([slots.snapshot().inFlight, order.length], [2, 5])
})

test('an update changes only what it names, and a bad one changes nothing', () => {
  const slots = bulkhead({ maxInFlight: 7, maxQueue: 3 })
  slots.update({ maxQueue: 5 })
  assert.throws(() => slots.update({ maxInFlight: 9, maxQueue: -1 }), { code: 'SG_BAD_OPTIONS' })
  assert.throws(() => slots.update({ maxInFlite: 9 } as never), { code: 'SG_BAD_OPTIONS' })
  const { maxInFlight, maxQueue } = slots.snapshot()
  assert.deepEqual([maxInFlight, maxQueue], [7, 5])
})

test('rejections by a bulkhead never open a circuit and are no retry', async () => {
  for (const order of ['outside', 'inside']) {
    const clock = new VirtualClock()
    const breaker = circuitBreaker({ consecutiveFailures: 1, failureRatio: 0.1, minimumThroughput: 1 })
    const slots = bulkhead({ maxInFlight: 1 })
    const again = retry({ delay: 1 })
    const guarded = pipeline({ clock }, again, ...(order === 'outside' ? [breaker, slots] : [slots, breaker]))
    const task = new Task()
    const calls = Array.from({ length: 20 }, () => watch(guarded.execute(task.run)))
    await clock.advance(100)
    assert.equal(calls.filter(({ code }) => code === 'SG_BULKHEAD_FULL').length, 19)
    assert.deepEqual(
      [breaker.state, breaker.snapshot().totals.failures, again.snapshot().totals.retries],
      ['closed', 0, 0],
    )
  }
})

test('a waiting call holds no other permit, and enters everything again when its turn comes', async () => {
  for (const position of [0, 1, 2]) {
    const journal = new Journal()
    const others = [new Recorder('a', journal), new Recorder('b', journal)]
    const slots = bulkhead({ maxInFlight: 1, maxQueue: 1 })
    const guarded = pipeline(...others.toSpliced(position, 0, slots as never))
    const task = new Task()
    const calls = [
      watch(guarded.execute(task.run, { key: 'holder' })),
      watch(guarded.execute(task.run, { key: 'waiter' })),
    ]
    await turns()
    assert.deepEqual([journal.held('holder'), journal.held('waiter'), slots.snapshot().queued], [2, 0, 1])
    task.resolve(0, 'first')
    await turns()
    assert.deepEqual([journal.held('holder'), journal.held('waiter'), task.started], [0, 2, 2])
    task.resolve(1, 'second')
    await turns()
    assert.equal(states(calls), 'fulfilled fulfilled')
    assert.deepEqual([slots.snapshot().inFlight, journal.heldByAll, journal.problems], [0, 0, []])
  }
})

test('a circuit that opens while a call waits refuses it: no call starts while a circuit is open', async () => {
  for (const isBreakerOutside of [true, false]) {
    const breaker = circuitBreaker({ consecutiveFailures: 1 })
    const slots = bulkhead({ maxInFlight: 1, maxQueue: 3 })
    const guarded = pipeline(...(isBreakerOutside ? [breaker, slots] : [slots, breaker]))
    const task = new Task()
    const calls = Array.from({ length: 3 }, () => watch(guarded.execute(task.run)))
    task.reject(0, new Error('down'))
    await turns()
    assert.deepEqual([task.started, breaker.state], [1, 'open'])
    assert.equal(states(calls), 'rejected SG_CIRCUIT_OPEN SG_CIRCUIT_OPEN')
    assert.deepEqual([slots.snapshot().inFlight, slots.snapshot().queued], [0, 0])
  }
})

test('two bulkheads with queues side by side: a call that waits in one holds no slot of the other', async () => {
  const [wide, narrow] = [bulkhead({ maxInFlight: 2, maxQueue: 5 }), bulkhead({ maxInFlight: 1, maxQueue: 5 })]
  for (const gates of [[wide, narrow] as const, [narrow, wide] as const]) {
    const guarded = pipeline(...gates)
    const task = new Task()
    const calls = Array.from({ length: 5 }, () => watch(guarded.execute(task.run)))
    for (let index = 0; index < 5; index++) {
      await turns()
      assert.deepEqual([task.started, wide.snapshot().inFlight, narrow.snapshot().inFlight], [index + 1, 1, 1])
      task.resolve(index, index)
    }
    await turns()
    assert.equal(states(calls), Array(5).fill('fulfilled').join(' '))
    assert.deepEqual([wide.snapshot().inFlight, narrow.snapshot().inFlight], [0, 0])
  }
})

test('the time in a queue is not the time of the function, for a breaker that looks for slow calls', async () => {
  const options = { slowCallRatio: 1, slowCallDuration: 100, minimumThroughput: 50 }
  const arrangements = [
    (breaker: ReturnType<typeof circuitBreaker>) => [breaker, bulkhead({ maxInFlight: 1, maxQueue: 5 })],
    (breaker: ReturnType<typeof circuitBreaker>) => [bulkhead({ maxInFlight: 1, maxQueue: 5 }), breaker],
    (breaker: ReturnType<typeof circuitBreaker>) => [bulkhead({ maxInFlight: 1, maxQueue: 5 }), timeout('1m'), breaker],
  ]
  for (const [index, arrange] of arrangements.entries()) {
    const clock = new VirtualClock()
    const breaker = circuitBreaker(options)
    const guarded = pipeline({ clock }, ...arrange(breaker))
    const task = new Task()
    watch(guarded.execute(task.run))
    watch(guarded.execute(task.run))
    watch(guarded.execute(task.run))
    for (const [call, ranMs] of [150, 90, 110].entries()) {
      await clock.advance(ranMs)
      task.resolve(call, 'done')
      await clock.advance(0)
    }
    const { slow, successes } = breaker.snapshot().totals
    assert.deepEqual([successes, slow], [3, 2], `arrangement ${index}: two of three calls ran 100 ms or longer`)
  }
})

test('an event tells of each rejection', async () => {
  const { slots, start } = load({ maxInFlight: 1, name: 'small' })
  const events: PolicyEvent[] = []
  slots.events.subscribe((event) => events.push(event))
  start(2)
  await turns()
  assert.deepEqual(events, [{ type: 'rejected', policy: 'small', pipeline: 'orders', code: 'SG_BULKHEAD_FULL' }])
})

const bad: [unknown, RegExp][] = [
  [{ maxInFlight: 0 }, /bulkhead\.maxInFlight must be a whole number >= 1, got 0/],
  [{ maxInFlight: Infinity }, /got Infinity/],
  [{ maxInFlight: '5' }, /bulkhead\.maxInFlight .* got '5'/],
  [{ maxQueue: -1 }, /bulkhead\.maxQueue must be a whole number >= 0, got -1/],
  [{ maxQueue: 0.5 }, /got 0\.5/],
  [{ max: 5 }, /bulkhead\.max is not an option; known are name, maxInFlight, maxQueue/],
  [5, /bulkhead/],
  ['5', /bulkhead/],
]
for (const [options, message] of bad) {
  test(`bulkhead(${JSON.stringify(options)}) is refused with path, bound and value`, () => {
    const isOptionsError = (error: unknown): boolean =>
      codeOf(error) === 'SG_BAD_OPTIONS' && message.test((error as Error).message)
    assert.throws(() => bulkhead(options as BulkheadOptions), isOptionsError)
  })
}
