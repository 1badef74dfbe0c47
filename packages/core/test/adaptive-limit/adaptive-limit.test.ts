// The gate around the algorithms: what it measures, who is admitted, who waits and who makes room, and what it tells.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adaptiveLimit } from '../../src/adaptive-limit/adaptive-limit.ts'
import type { AdaptiveLimitOptions } from '../../src/adaptive-limit/options.ts'
import {
  bulkhead,
  type CallOptions,
  circuitBreaker,
  pipeline,
  type PolicyEvent,
  type Priority,
  retry,
  timeout,
} from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { Journal, Recorder } from '../recorder.ts'
import { codeOf, hang, Task, turns, watch, type Watched } from '../watch.ts'

/** Calls through one adaptive limit, started one after the other. */
function load(options: AdaptiveLimitOptions) {
  const clock = new VirtualClock()
  const gate = adaptiveLimit(options)
  const guarded = pipeline({ name: 'orders', clock }, gate)
  const task = new Task()
  const order: string[] = []
  const events: PolicyEvent[] = []
  gate.events.subscribe((event) => events.push(event))
  const start = (key: string, call: CallOptions = {}): Watched =>
    watch(
      guarded.execute((inner) => (order.push(key), task.run(inner)), { ...call, key }),
      clock,
    )
  return { clock, gate, guarded, task, order, events, start }
}
/** A limit that stands still. */
const fixed = (limit: number, maxQueue = 0): AdaptiveLimitOptions => ({
  initialLimit: limit,
  minLimit: limit,
  maxLimit: limit,
  maxQueue,
})
const states = (calls: Watched[]): string => calls.map(({ state, code }) => code ?? state).join(' ')

test('as many calls as the limit says run at once; one more is refused without having run', async () => {
  const { gate, task, start, events } = load({ ...fixed(2), name: 'small' })
  const calls = [start('1'), start('2'), start('3')]
  await turns()
  assert.equal(states(calls), 'pending pending SG_LIMIT_REACHED')
  assert.equal(task.started, 2)
  const error = calls[2]?.result as Error & Record<string, unknown>
  assert.deepEqual([error['policy'], error['pipeline'], error['refusal']], ['small', 'orders', true])
  assert.equal(error.message, 'orders: small: 2 calls in flight at a limit of 2, 0 waiting')
  assert.deepEqual(events, [{ type: 'rejected', policy: 'small', pipeline: 'orders', code: 'SG_LIMIT_REACHED' }])
  assert.deepEqual(gate.snapshot(), {
    policy: 'adaptiveLimit',
    version: 1,
    name: 'small',
    algorithm: 'gradient2',
    limit: 2,
    baselineMs: undefined,
    inFlight: 2,
    queued: 0,
    totals: { admitted: 2, rejections: 1, queued: 0 },
  })
})

test('a slot comes free with every end of a call: value, throw, timeout, abort; nothing is left', async () => {
  const clock = new VirtualClock()
  const gate = adaptiveLimit(fixed(1))
  const guarded = pipeline({ clock }, timeout(10), gate)
  const task = new Task()
  for (const end of ['value', 'throw', 'timeout', 'abort']) {
    const controller = new AbortController()
    const answer = watch(guarded.execute(task.run, { signal: controller.signal }))
    assert.equal(gate.snapshot().inFlight, 1)
    if (end === 'value') task.resolve(task.started - 1, end)
    if (end === 'throw') task.reject(task.started - 1, new Error(end))
    if (end === 'abort') controller.abort(end)
    await clock.advance(10)
    assert.deepEqual([answer.state === 'pending', gate.snapshot().inFlight], [false, 0])
  }
  assert.equal(clock.pending, 0)
})

test('who waits goes on by importance, and in the order of arrival within it', async () => {
  const { gate, task, start, order } = load(fixed(1, 10))
  const priorities: Priority[] = [1, 3, 1, 0, 2, 1, 0, 3]
  const calls = priorities.map((priority, index) => start(`${priority}.${index}`, { priority }))
  assert.deepEqual([gate.snapshot().inFlight, gate.snapshot().queued], [1, 7])
  for (let index = 0; index < 8; index++) {
    task.resolve(index, index)
    await turns()
  }
  assert.deepEqual(order, ['1.0', '0.3', '0.6', '1.2', '1.5', '2.4', '3.1', '3.7'])
  assert.equal(states(calls), Array(8).fill('fulfilled').join(' '))
  assert.deepEqual(gate.snapshot().totals, { admitted: 8, rejections: 0, queued: 7 })
})

test('in a full queue a more important call takes the place of the least important, latest one, which is told', async () => {
  const { gate, task, start, order, events } = load(fixed(1, 3))
  start('running')
  const [two, three, late] = [start('2', { priority: 2 }), start('3a', { priority: 3 }), start('3b', { priority: 3 })]
  const equal = start('3c', { priority: 3 })
  const one = start('1', { priority: 1 })
  await turns()
  assert.equal(states([two, three, late, equal, one]), 'pending pending SG_LIMIT_REACHED SG_LIMIT_REACHED pending')
  assert.match(String(late.result), /a more important call took the place in the queue/)
  assert.doesNotMatch(String(equal.result), /more important/)
  const zero = [start('0a', { priority: 0 }), start('0b', { priority: 0 }), start('0c', { priority: 0 })]
  await turns()
  assert.equal(
    states([two, three, one, ...zero]),
    'SG_LIMIT_REACHED SG_LIMIT_REACHED SG_LIMIT_REACHED pending pending pending',
  )
  const lastZero = start('0d', { priority: 0 })
  await turns()
  assert.equal(lastZero.code, 'SG_LIMIT_REACHED')
  for (let index = 0; index < 4; index++) {
    task.resolve(index, 0)
    await turns()
  }
  assert.deepEqual(order, ['running', '0a', '0b', '0c'])
  assert.equal(events.filter(({ type }) => type === 'rejected').length, 6)
  assert.deepEqual(gate.snapshot().totals, { admitted: 4, rejections: 6, queued: 7 })
})

test('who aborts leaves the queue at once and is answered by the reason of the abort', async () => {
  const { gate, task, start, order } = load(fixed(1, 2))
  const controller = new AbortController()
  start('running')
  const leaver = start('leaver', { signal: controller.signal })
  start('stays')
  controller.abort('enough')
  assert.equal(gate.snapshot().queued, 1)
  const late = start('late')
  task.resolve(0, 0)
  await turns()
  assert.deepEqual([leaver.result, late.state, order], ['enough', 'pending', ['running', 'stays']])
})

test('a timeout around it ends a wait in the queue, and teaches nothing', async () => {
  const clock = new VirtualClock()
  const gate = adaptiveLimit(fixed(1, 5))
  const guarded = pipeline({ clock }, timeout(50), gate)
  watch(guarded.execute(hang))
  const waiter = watch(guarded.execute(() => assert.fail('it ran')))
  await clock.advance(50)
  assert.deepEqual([waiter.code, gate.snapshot().queued, gate.snapshot().inFlight], ['SG_TIMEOUT', 0, 0])
  assert.equal(clock.pending, 0)
})

test('a waiting call holds no other permit, and the time in the queue is no latency', async () => {
  const journal = new Journal()
  const others = [new Recorder('a', journal), new Recorder('b', journal)] as const
  const clock = new VirtualClock()
  const gate = adaptiveLimit({ ...fixed(1, 30), algorithm: 'vegas', window: 1 })
  const guarded = pipeline({ clock }, others[0], gate, others[1])
  const task = new Task()
  const calls = Array.from({ length: 20 }, (_, index) => watch(guarded.execute(task.run, { key: `${index}` })))
  for (let index = 0; index < 20; index++) {
    await turns()
    assert.deepEqual([journal.heldByAll, gate.snapshot().queued], [2, 19 - index])
    await clock.advance(10)
    task.resolve(index, 0)
    await clock.advance(0)
  }
  assert.equal(states(calls), Array(20).fill('fulfilled').join(' '))
  assert.equal(gate.snapshot().baselineMs, 10)
  assert.deepEqual([journal.heldByAll, journal.problems], [0, []])
})

test('success and failure are measured, ignored outcomes teach nothing', async () => {
  for (const [end, baseline] of [
    ['success', 30],
    ['ignored', undefined],
    ['failure', undefined],
  ] as const) {
    const clock = new VirtualClock()
    const gate = adaptiveLimit({ algorithm: 'gradient2' })
    const guarded = pipeline({ clock }, gate)
    for (let call = 0; call < 12; call++) {
      const permit = guarded.admit()
      assert.equal(permit.kind, 'permit')
      if (permit.kind !== 'permit') continue
      const attempt = permit.attempt()
      await clock.advance(30)
      if (attempt.kind === 'attempt') {
        attempt.settle(end)
        attempt.exit()
      }
      permit.exit()
    }
    assert.deepEqual([gate.snapshot().baselineMs, gate.snapshot().inFlight], [baseline, 0])
  }
})

test('a call of no time at all breaks no algorithm', () => {
  for (const algorithm of ['aimd', 'vegas', 'gradient2'] as const) {
    const clock = new VirtualClock()
    const gate = adaptiveLimit({ algorithm, window: 1, initialLimit: 1 })
    const guarded = pipeline({ clock }, gate)
    for (let call = 0; call < 500; call++) {
      const permit = guarded.admit()
      if (permit.kind === 'permit') {
        const attempt = permit.attempt()
        if (attempt.kind === 'attempt') attempt.settle('success')
        if (call % 20 === 0) clock.advanceSync(1)
        permit.exit()
      }
    }
    assert.ok(gate.limit >= 1 && gate.limit <= 200, `${algorithm}: ${gate.limit}`)
    assert.equal(gate.snapshot().inFlight, 0)
  }
})

test('from outside: admit refuses where it would have to wait, admitAsync waits, both obey an abort', async () => {
  const { gate, guarded, clock } = load(fixed(1, 1))
  const held = guarded.admit()
  const refused = guarded.admit()
  assert.equal(refused.kind === 'rejection' && refused.error.code, 'SG_LIMIT_REACHED')
  const controller = new AbortController()
  const aborted = watch(guarded.admitAsync({ signal: controller.signal }))
  controller.abort('enough')
  const displaced = watch(guarded.admitAsync({ priority: 2 }))
  const late = watch(guarded.admitAsync({ priority: 1, deadline: 50 }))
  await clock.advance(50)
  assert.equal(aborted.result, 'enough')
  for (const [answer, code] of [
    [displaced, 'SG_LIMIT_REACHED'],
    [late, 'SG_DEADLINE_EXCEEDED'],
  ] as const) {
    assert.equal((answer.result as { error: { code: string } }).error.code, code)
  }
  const waiting = watch(guarded.admitAsync())
  if (held.kind === 'permit') held.exit()
  await turns()
  assert.equal((waiting.result as { kind: string }).kind, 'permit')
  assert.deepEqual([gate.snapshot().inFlight, gate.snapshot().queued, clock.pending], [1, 0, 0])
})

test('its refusals open no circuit and are no retry', async () => {
  for (const order of ['outside', 'inside']) {
    const clock = new VirtualClock()
    const breaker = circuitBreaker({ consecutiveFailures: 1 })
    const gate = adaptiveLimit(fixed(1))
    const again = retry({ delay: 1 })
    const guarded = pipeline({ clock }, again, ...(order === 'outside' ? [breaker, gate] : [gate, breaker]))
    const calls = Array.from({ length: 10 }, () => watch(guarded.execute(hang)))
    await clock.advance(100)
    assert.equal(calls.filter(({ code }) => code === 'SG_LIMIT_REACHED').length, 9)
    assert.deepEqual([breaker.state, again.snapshot().totals.retries], ['closed', 0])
  }
})

test('a limit that shrinks ends nobody, and admits nobody until fewer are in flight', async () => {
  const { gate, task, start } = load(fixed(5, 5))
  const calls = Array.from({ length: 7 }, (_, index) => start(`${index}`))
  gate.update({ minLimit: 2, maxLimit: 2 })
  await turns()
  assert.deepEqual([gate.limit, gate.snapshot().inFlight, gate.snapshot().queued], [2, 5, 2])
  for (let index = 0; index < 3; index++) task.resolve(index, index)
  await turns()
  assert.deepEqual([gate.snapshot().inFlight, gate.snapshot().queued], [2, 2])
  assert.equal(states(calls), 'fulfilled fulfilled fulfilled pending pending pending pending')
  task.resolve(3, 3)
  await turns()
  assert.deepEqual([gate.snapshot().inFlight, gate.snapshot().queued, task.started], [2, 1, 6])
})

test('a limit that grows admits who waits at once, and tells of it', async () => {
  const { gate, start, events, task } = load(fixed(1, 9))
  for (let index = 0; index < 6; index++) start(`${index}`)
  gate.update({ maxLimit: 4, minLimit: 4 })
  await turns()
  assert.deepEqual([task.started, gate.snapshot().queued], [4, 2])
  const [limit, ...waits] = events
  assert.deepEqual(limit, { type: 'limit', policy: 'adaptiveLimit', from: 1, to: 4, at: 0 })
  const waited = { type: 'queued', policy: 'adaptiveLimit', pipeline: 'orders', waitedMs: 0, admitted: true }
  assert.deepEqual(waits, [waited, waited, waited])
})

test('a listener that starts calls, or throws, changes nothing for those who wait', async () => {
  const { gate, start, order } = load(fixed(1, 2))
  gate.events.subscribe(() => {
    throw new Error('broken listener')
  })
  let reentered = 0
  gate.events.subscribe(() => {
    if (reentered++ < 3) start(`from the listener ${reentered}`)
  })
  start('running')
  start('waits')
  start('least', { priority: 3 })
  start('takes its place', { priority: 0 })
  await turns()
  assert.deepEqual([gate.snapshot().inFlight, gate.snapshot().queued], [1, 2])
  gate.update({ maxLimit: 3, minLimit: 3 })
  await turns()
  assert.deepEqual(order, ['running', 'takes its place', 'waits'])
  assert.ok(gate.events.listenerErrors >= 2)
})

test('a slot that is freed between the refusal and the wait is taken, for a bulkhead too', async () => {
  for (const kind of ['adaptiveLimit', 'bulkhead']) {
    const gate = kind === 'bulkhead' ? bulkhead({ maxInFlight: 1, maxQueue: 1 }) : adaptiveLimit(fixed(1, 1))
    const controller = new AbortController()
    const outer = new Recorder('outer')
    const guarded = pipeline(outer, gate)
    watch(guarded.execute(hang, { signal: controller.signal }))
    const { exit } = outer
    outer.exit = (call, ticket) => {
      exit.call(outer, call, ticket)
      controller.abort('in the very turn')
    }
    const answer = watch(guarded.execute(() => 'ran'))
    await turns()
    assert.equal(answer.result, 'ran', kind)
  }
})

test('an update changes only what it names; a bad one changes nothing; the name stays', () => {
  const gate = adaptiveLimit({ maxLimit: 50, maxQueue: 3 })
  gate.update({ maxQueue: 5, maxLimit: undefined })
  assert.equal(gate.queues, true)
  for (const wrong of [{ maxQueue: 0, minLimit: 51 }, { maxQueue: 0, name: 'other' }, { maxQueue: 0, x: 1 }, 5, null]) {
    assert.throws(() => gate.update(wrong as never), { code: 'SG_BAD_OPTIONS' })
  }
  assert.equal(gate.queues, true)
  gate.update({ maxLimit: 10 })
  assert.equal(gate.limit, 10)
  gate.update({ maxLimit: 50 })
  assert.equal(gate.limit, 10)
})

test('another algorithm starts from the limit of the old one, without its baseline; calls in flight keep their slots', async () => {
  const { gate, clock, task, start } = load({ algorithm: 'gradient2', initialLimit: 30 })
  gate.restore({ ...gate.snapshot(), limit: 42, baselineMs: 12 })
  const calls = [start('1'), start('2')]
  gate.update({ algorithm: 'vegas' })
  assert.deepEqual(
    [gate.limit, gate.snapshot().baselineMs, gate.snapshot().algorithm, gate.snapshot().inFlight],
    [42, undefined, 'vegas', 2],
  )
  gate.update({ window: '1s' })
  assert.equal(gate.limit, 42)
  await clock.advance(10)
  task.resolve(0, 0)
  task.reject(1, new Error('told to fail'))
  await turns()
  assert.deepEqual([states(calls), gate.snapshot().inFlight], ['fulfilled rejected', 0])
})

test('a snapshot restores limit and baseline, within the bounds, and across pipelines and processes', () => {
  const gate = adaptiveLimit({ maxLimit: 60 })
  const snapshot = { ...adaptiveLimit().snapshot(), limit: 90, baselineMs: 17 }
  gate.restore(JSON.parse(JSON.stringify(snapshot)))
  assert.deepEqual([gate.limit, gate.snapshot().baselineMs], [60, 17])
  // The first pipeline brings its clock; what was restored before it stays.
  const clock = new VirtualClock({ now: 1e9 })
  pipeline({ clock }, gate)
  pipeline({ clock: new VirtualClock() }, gate)
  assert.deepEqual([gate.limit, gate.snapshot().baselineMs], [60, 17])
  gate.restore({ ...snapshot, limit: 30, algorithm: 'vegas' })
  assert.deepEqual([gate.limit, gate.snapshot().baselineMs, gate.snapshot().algorithm], [30, undefined, 'gradient2'])
})

const good = adaptiveLimit().snapshot()
for (const wrong of [
  undefined,
  null,
  7,
  {},
  { ...good, version: 2 },
  { ...good, policy: 'bulkhead' },
  { ...good, algorithm: 'magic' },
  { ...good, limit: 0 },
  { ...good, limit: 1.5 },
  { ...good, limit: '20' },
  { ...good, limit: Number.NaN },
  { ...good, baselineMs: 0 },
  { ...good, baselineMs: -1 },
  { ...good, baselineMs: null },
  { ...good, baselineMs: Infinity },
]) {
  test(`restore refuses ${JSON.stringify(wrong)} and changes nothing`, () => {
    const gate = adaptiveLimit({ initialLimit: 33 })
    assert.throws(() => gate.restore(wrong as never), { code: 'SG_BAD_OPTIONS' })
    assert.deepEqual([gate.limit, gate.snapshot().baselineMs], [33, undefined])
  })
}

test('two limits share nothing, two pipelines share one limit, and options are copied', () => {
  const options = { initialLimit: 2, maxLimit: 2 }
  const [one, other] = [adaptiveLimit(options), adaptiveLimit(options)]
  options.maxLimit = 9
  const clock = new VirtualClock()
  const [first, second] = [pipeline({ clock }, one), pipeline({ clock }, one)]
  assert.deepEqual([first.admit().kind, second.admit().kind, first.admit().kind], ['permit', 'permit', 'rejection'])
  assert.deepEqual([other.snapshot().inFlight, one.limit, other.limit], [0, 2, 2])
})

test('the default start is the nearest that is allowed', () => {
  assert.equal(adaptiveLimit().limit, 20)
  assert.equal(adaptiveLimit({ maxLimit: 5 }).limit, 5)
  assert.equal(adaptiveLimit({ minLimit: 50 }).limit, 50)
})

const bad: [unknown, RegExp][] = [
  [{ algorithm: 'tcp' }, /adaptiveLimit\.algorithm must be one of aimd, vegas, gradient2, got 'tcp'/],
  [{ initialLimit: 0 }, /adaptiveLimit\.initialLimit must be a whole number in \[1, 200\], got 0/],
  [{ initialLimit: 201 }, /got 201/],
  [{ minLimit: 0 }, /adaptiveLimit\.minLimit must be a whole number >= 1, got 0/],
  [{ maxLimit: 5, minLimit: 6 }, /adaptiveLimit\.maxLimit must be a whole number >= 6, got 5/],
  [{ maxQueue: -1 }, /adaptiveLimit\.maxQueue must be a whole number >= 0, got -1/],
  [{ window: 0 }, /adaptiveLimit\.window must be a duration of at least 1 ms/],
  [{ headroom: 0 }, /adaptiveLimit\.headroom must be in \[1, 1000\], got 0/],
  [{ smoothing: 0 }, /adaptiveLimit\.smoothing must be in \(0, 1\], got 0/],
  [{ backoffRatio: 1 }, /adaptiveLimit\.backoffRatio must be in \[0.5, 0.99\], got 1/],
  [{ dropAfter: 'soon' }, /adaptiveLimit\.dropAfter must be a duration .* got 'soon'/],
  [{ name: 5 }, /adaptiveLimit\.name must be a text/],
  [{ limit: 5 }, /adaptiveLimit\.limit is not an option; known are name, algorithm/],
  [5, /adaptiveLimit must be an object of options/],
]
for (const [options, message] of bad) {
  test(`adaptiveLimit(${JSON.stringify(options)}) is refused with path, bound and value`, () => {
    const isOptionsError = (error: unknown): boolean =>
      codeOf(error) === 'SG_BAD_OPTIONS' && message.test((error as Error).message)
    assert.throws(() => adaptiveLimit(options as AdaptiveLimitOptions), isOptionsError)
  })
}
