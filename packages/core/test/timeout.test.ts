// The timeout: the caller is answered at the deadline, the gates inside and outside learn a failure, the signal is aborted
// whenever it is read, and what comes later is swallowed, counted and discarded.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  bulkhead,
  type Call,
  circuitBreaker,
  failure,
  fallback,
  pipeline,
  type PolicyEvent,
  retry,
  success,
  SwitchgearError,
  timeout,
} from '../src/index.ts'
import { VirtualClock } from '../src/testing/index.ts'
import { Journal, Recorder } from './recorder.ts'
import { codeOf, hang, Task, watch } from './watch.ts'

test('a function that is faster than the timeout is not touched, and its timer is gone', async () => {
  const clock = new VirtualClock()
  const guarded = pipeline({ clock }, timeout(100))
  const task = new Task()
  const answer = watch(guarded.execute(task.run), clock)
  await clock.advance(99)
  assert.deepEqual([answer.state, clock.pending], ['pending', 1])
  task.resolve(0, 'in time')
  await clock.advance(0)
  assert.deepEqual([answer.result, answer.at, clock.pending, task.calls[0]?.signal.aborted], ['in time', 99, 0, false])
})

test('a function that never ends is answered at the deadline by SG_TIMEOUT with policy, pipeline and no stack', async () => {
  const clock = new VirtualClock()
  const guarded = pipeline({ clock, name: 'payments' }, timeout({ after: '800ms', name: 'attempt' }))
  const answer = watch(guarded.execute(hang), clock)
  await clock.advance(799)
  assert.equal(answer.state, 'pending')
  await clock.advance(1)
  const error = answer.result as SwitchgearError
  assert.ok(error instanceof SwitchgearError && error instanceof Error)
  assert.deepEqual(
    [error.code, error.policy, error.pipeline, error.refusal, answer.at, clock.pending],
    ['SG_TIMEOUT', 'attempt', 'payments', false, 800, 0],
  )
  assert.equal(error.message, 'payments: attempt: no answer within 800 ms')
})

test('the signal is aborted at the deadline, with the very error that the caller gets', async () => {
  const clock = new VirtualClock()
  let reason: unknown
  const answer = watch(
    pipeline({ clock }, timeout(10)).execute(({ signal }) => {
      signal.addEventListener('abort', () => (reason = signal.reason))
      return hang()
    }),
  )
  await clock.advance(10)
  assert.ok(codeOf(reason) === 'SG_TIMEOUT' && reason === answer.result)
})

test('a signal that is first read after the deadline is aborted all the same', async () => {
  const clock = new VirtualClock()
  let kept: Call | undefined
  const answer = watch(
    pipeline({ clock }, timeout(10), circuitBreaker()).execute((call) => {
      kept = call
      return hang()
    }),
  )
  await clock.advance(10)
  assert.ok(kept?.signal.aborted === true && kept.signal.reason === answer.result)
})

test('a timeout is a failure for the gates inside and for those outside, at the deadline', async () => {
  const clock = new VirtualClock()
  const journal = new Journal()
  const gates = ['outside', 'inside', 'inmost'].map((name) => new Recorder(name, journal)) as [
    Recorder,
    Recorder,
    Recorder,
  ]
  const guarded = pipeline({ clock }, gates[0], timeout(10), gates[1], gates[2])
  const answer = watch(guarded.execute(hang))
  await clock.advance(10)
  assert.equal(answer.code, 'SG_TIMEOUT')
  for (const { learned, errors } of gates) assert.deepEqual([learned, errors], [['failure'], [answer.result]])
  const freed = journal.lines.filter((line) => line.startsWith('exit'))
  assert.deepEqual([freed, journal.problems], [['exit inmost', 'exit inside', 'exit outside'], []])
})

test('a dependency that hangs opens its circuit, wherever the breaker stands', async () => {
  for (const outside of [true, false]) {
    const clock = new VirtualClock()
    const breaker = circuitBreaker({ consecutiveFailures: 2 })
    const guarded = outside ? pipeline({ clock }, breaker, timeout(10)) : pipeline({ clock }, timeout(10), breaker)
    const calls = [watch(guarded.execute(hang)), watch(guarded.execute(hang))]
    await clock.advance(10)
    assert.deepEqual([calls.map(({ code }) => code), breaker.state], [['SG_TIMEOUT', 'SG_TIMEOUT'], 'open'])
  }
})

test('a result that comes too late is counted, published and discarded; a late rejection is counted', async () => {
  const clock = new VirtualClock()
  const discarded: unknown[] = []
  const late = timeout(10)
  const types: string[] = []
  late.events.subscribe((event: PolicyEvent) => types.push(event.type))
  const classify = { discard: (value: unknown) => discarded.push(value) }
  const guarded = pipeline({ clock, classify }, late, retry({ maxAttempts: 1 }), circuitBreaker())
  const task = new Task()
  const answers = [watch(guarded.execute(task.run)), watch(guarded.execute(task.run))]
  await clock.advance(10)
  task.resolve(0, 'a socket')
  task.reject(1, new Error('late'))
  await clock.advance(0)
  assert.deepEqual(
    answers.map(({ code }) => code),
    ['SG_TIMEOUT', 'SG_TIMEOUT'],
  )
  assert.deepEqual(late.snapshot().totals, { timeouts: 2, abandoned: 2 })
  assert.deepEqual([discarded, types], [['a socket'], ['timeout', 'timeout', 'abandoned', 'abandoned']])
})

test('a discard that throws is no unhandled rejection and changes nothing', async () => {
  const clock = new VirtualClock()
  const classify = {
    discard: () => {
      throw new Error('the discard is broken')
    },
  }
  const policy = timeout(10)
  const task = new Task()
  const answer = watch(pipeline({ clock, classify }, policy).execute(task.run))
  await clock.advance(10)
  task.resolve(0, 'late')
  await clock.advance(10)
  assert.deepEqual([answer.code, policy.snapshot().totals.abandoned], ['SG_TIMEOUT', 1])
})

test('a call that timed out while it waited in a queue has no late result', async () => {
  const clock = new VirtualClock()
  const policy = timeout(10)
  const guarded = pipeline({ clock }, policy, bulkhead({ maxInFlight: 1, maxQueue: 1 }))
  const calls = [watch(guarded.execute(hang)), watch(guarded.execute(hang))]
  await clock.advance(20)
  assert.deepEqual([calls[1]?.code, policy.snapshot().totals], ['SG_TIMEOUT', { timeouts: 2, abandoned: 0 }])
})

test('one timeout never touches a sibling', async () => {
  const clock = new VirtualClock()
  const guarded = pipeline({ clock }, circuitBreaker(), timeout(10))
  const task = new Task()
  const first = watch(guarded.execute(task.run))
  await clock.advance(5)
  const second = watch(guarded.execute(task.run))
  await clock.advance(5)
  assert.deepEqual([first.code, second.state, task.calls[1]?.signal.aborted], ['SG_TIMEOUT', 'pending', false])
  task.resolve(1, 'safe')
  await clock.advance(0)
  assert.deepEqual([second.result, clock.pending], ['safe', 0])
})

test('a thousand concurrent timeouts need one timer, and each is answered at its own time', async () => {
  const clock = new VirtualClock()
  const guarded = pipeline({ clock }, timeout(100))
  const answers = []
  for (let index = 0; index < 1000; index++) {
    answers.push(watch(guarded.execute(hang), clock))
    if (index % 100 === 99) await clock.advance(1)
    assert.equal(clock.pending, 1)
  }
  await clock.advance(200)
  assert.deepEqual([clock.pending, answers.filter(({ code }) => code === 'SG_TIMEOUT').length], [0, 1000])
  answers.forEach(({ at }, index) => assert.equal(at, 100 + Math.floor(index / 100)))
})

test('a total timeout outside a retry bounds all attempts, one inside it bounds each', async () => {
  const clock = new VirtualClock()
  const [total, each] = [timeout({ after: 300, name: 'total' }), timeout({ after: 100, name: 'each' })]
  const breaker = circuitBreaker({ consecutiveFailures: 100 })
  const again = retry({ maxAttempts: 9, delay: 10, backoff: 'constant', jitter: 0 })
  const guarded = pipeline({ clock }, total, again, breaker, each)
  const calls: Call[] = []
  const answer = watch(
    guarded.execute((call) => {
      calls.push(call)
      return hang()
    }),
    clock,
  )
  await clock.advance(1000)
  // Attempts run 0 to 100, 110 to 210, and 220 until the total timeout at 300 is the earlier one.
  assert.deepEqual([answer.at, answer.code, (answer.result as SwitchgearError).policy], [300, 'SG_TIMEOUT', 'total'])
  assert.deepEqual([total.snapshot().totals.timeouts, each.snapshot().totals.timeouts], [1, 2])
  assert.deepEqual([breaker.snapshot().totals.failures, breaker.snapshot().totals.ignored], [3, 0])
  const reasons = calls.map(({ signal }) => (signal.reason as SwitchgearError).policy)
  assert.deepEqual([reasons, clock.pending], [['each', 'each', 'total'], 0])
})

test('of two nested timeouts the earlier one fires, whichever is outside, and each sees its own deadline', async () => {
  const table: [number, number, string][] = [
    [50, 100, 'outer'],
    [100, 50, 'inner'],
    [50, 50, 'outer'],
  ]
  for (const [outer, inner, fires] of table) {
    const clock = new VirtualClock()
    let deadline = 0
    const guarded = pipeline(
      { clock },
      timeout({ after: outer, name: 'outer' }),
      timeout({ after: inner, name: 'inner' }),
    )
    const answer = watch(
      guarded.execute((call) => {
        deadline = call.deadline
        return hang()
      }),
      clock,
    )
    await clock.advance(200)
    assert.deepEqual([answer.at, deadline, (answer.result as SwitchgearError).policy], [50, 50, fires])
    assert.equal(clock.pending, 0)
  }
})

test('a late result under nested timeouts is discarded once', async () => {
  const clock = new VirtualClock()
  const discarded: unknown[] = []
  const [outer, inner] = [timeout(50), timeout(80)]
  const wide = timeout(20)
  const classify = { discard: (value: unknown) => discarded.push(value) }
  for (const policies of [[outer, inner] as const, [outer, circuitBreaker(), wide] as const]) {
    const task = new Task()
    const answer = watch(pipeline({ clock, classify }, ...policies).execute(task.run))
    await clock.advance(100)
    task.resolve(0, policies.length)
    await clock.advance(0)
    assert.equal(answer.code, 'SG_TIMEOUT')
  }
  const abandoned = [outer, inner, wide].map((policy) => policy.snapshot().totals.abandoned)
  assert.deepEqual([discarded, abandoned.reduce((sum, count) => sum + count)], [[2, 3], 2])
})

test('an inner timeout cuts only what is inside it: a fallback between the two answers', async () => {
  const clock = new VirtualClock()
  const inside = new Recorder('inside')
  const guarded = pipeline({ clock }, timeout(100), fallback({ value: 'instead' }), inside, timeout(20))
  assert.deepEqual(await Promise.all([guarded.execute(hang), clock.advance(20)]), ['instead', undefined])
  assert.deepEqual([inside.learned, clock.pending], [['failure'], 0])
})

test('an outer timeout reaches through fallback, retry and queue to the innermost gate', async () => {
  const clock = new VirtualClock()
  const inmost = new Recorder('inmost')
  const slots = bulkhead({ maxInFlight: 1, maxQueue: 5 })
  const guarded = pipeline({ clock }, timeout(50), fallback({ value: 1 }), slots, retry(), inmost)
  const calls: Call[] = []
  const run = (call: Call): Promise<never> => {
    calls.push(call)
    return hang()
  }
  const answers = [watch(guarded.execute(run)), watch(guarded.execute(run))]
  await clock.advance(49)
  assert.deepEqual([slots.snapshot().inFlight, slots.snapshot().queued, calls.length], [1, 1, 1])
  await clock.advance(1)
  assert.deepEqual(
    answers.map(({ code }) => code),
    ['SG_TIMEOUT', 'SG_TIMEOUT'],
  )
  assert.deepEqual([slots.snapshot().inFlight, slots.snapshot().queued, inmost.learned], [0, 0, ['failure']])
  assert.deepEqual([calls.length, calls[0]?.signal.aborted, clock.pending], [1, true, 0])
})

test('a value that the classifier calls a failure passes a timeout as it is', async () => {
  const gate = new Recorder('outside')
  const classify = { ofValue: (status: number) => (status === 500 ? failure : success) }
  const answer = await pipeline({ classify, clock: new VirtualClock() }, gate, timeout(5)).execute(() => 500)
  assert.deepEqual([answer, gate.learned], [500, ['failure']])
})

test('a listener that starts a call, or aborts one, while a timeout fires does no harm', async () => {
  const clock = new VirtualClock()
  const policy = timeout(10)
  const gate = new Recorder('inside')
  const guarded = pipeline({ clock }, policy, gate)
  const controller = new AbortController()
  const answers = [watch(guarded.execute(hang, { signal: controller.signal, key: '1' }), clock)]
  policy.events.subscribe(({ type }) => {
    if (type !== 'timeout' || answers.length > 2) return
    controller.abort()
    answers.push(watch(guarded.execute(hang, { key: `${answers.length + 1}` }), clock))
  })
  await clock.advance(100)
  assert.deepEqual(
    answers.map(({ at }) => at),
    [10, 20, 30],
  )
  assert.deepEqual([gate.inFlight, gate.journal.problems, clock.pending], [0, [], 0])
})

test('each event of a timeout says which policy, which pipeline and how long', async () => {
  const clock = new VirtualClock()
  const policy = timeout({ after: '10ms', name: 'total' })
  const events: PolicyEvent[] = []
  policy.events.subscribe((event) => events.push(event))
  const task = new Task()
  watch(pipeline({ clock, name: 'orders' }, policy).execute(task.run))
  await clock.advance(10)
  task.resolve(0, 1)
  await clock.advance(0)
  assert.deepEqual(events, [
    { type: 'timeout', policy: 'total', pipeline: 'orders', afterMs: 10 },
    { type: 'abandoned', policy: 'total', pipeline: 'orders' },
  ])
})

test('a timeout needs a duration of at least a millisecond', () => {
  const table: [unknown, RegExp][] = [
    [0, /timeout\.after must be a duration of at least 1 ms.*got 0/],
    [-5, /got -5/],
    [Number.NaN, /got NaN/],
    [Infinity, /got Infinity/],
    ['soon', /got 'soon'/],
    [{}, /timeout\.after .* got undefined/],
    [{ after: '1s', naem: 'x' }, /timeout\.naem is not an option/],
    [null, /timeout/],
    [undefined, /timeout/],
  ]
  for (const [options, message] of table) {
    const isOptionsError = (error: unknown): boolean =>
      codeOf(error) === 'SG_BAD_OPTIONS' && message.test((error as Error).message)
    assert.throws(() => timeout(options as number), isOptionsError, String(options))
  }
})
