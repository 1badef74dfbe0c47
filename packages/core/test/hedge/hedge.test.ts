// The hedge: a second attempt for a slow first one, the first success answers, the loser's gates are free at once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hedge, type HedgeOptions } from '../../src/hedge/hedge.ts'
import {
  bulkhead,
  circuitBreaker,
  failure,
  ignored,
  pipeline,
  type PolicyEvent,
  retryBudget,
  success,
  SwitchgearError,
  timeout,
} from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { Recorder } from '../recorder.ts'
import { codeOf, Task, watch } from '../watch.ts'

const plenty = retryBudget({ ratio: 1000, minPerSecond: 1000 })
const fixed: HedgeOptions = { delay: 100, budget: plenty }

/** A pipeline around a task, with a recorder inside the hedge. */
function rig(options: HedgeOptions = fixed) {
  const clock = new VirtualClock()
  const policy = hedge(options)
  const inside = new Recorder('inside')
  const task = new Task()
  const discarded: unknown[] = []
  const classify = { discard: (value: unknown) => discarded.push(value) }
  const guarded = pipeline({ clock, name: 'search', classify }, policy, inside)
  return { clock, policy, inside, task, discarded, guarded, call: () => watch(guarded.execute(task.run), clock) }
}

test('a first attempt that answers before the delay is alone, and leaves no timer', async () => {
  const { clock, policy, inside, task, call } = rig()
  const answer = call()
  await clock.advance(99)
  assert.deepEqual([answer.state, clock.pending], ['pending', 1])
  task.resolve(0, 'first')
  await clock.advance(500)
  assert.deepEqual([answer.result, answer.at, task.started, clock.pending], ['first', 99, 1, 0])
  assert.deepEqual([inside.learned, policy.snapshot().totals], [['success'], { hedges: 0, wins: 0, unaffordable: 0 }])
  assert.equal(task.calls[0]?.signal.aborted, false)
})

test('after the delay a second attempt runs, its success answers, and the first is cut off as ignored in that turn', async () => {
  const { clock, policy, inside, task, discarded, call } = rig()
  const answer = call()
  await clock.advance(100)
  assert.deepEqual([task.started, inside.inFlight, clock.pending], [2, 2, 0])
  assert.deepEqual([task.calls[0]?.attempt, task.calls[1]?.attempt], [1, 2])
  let inFlightAtAnswer = -1
  task.calls[0]?.signal.addEventListener('abort', () => (inFlightAtAnswer = inside.inFlight))
  task.resolve(1, 'second')
  await clock.advance(0)
  assert.deepEqual(
    [answer.result, answer.at, inside.learned, inFlightAtAnswer],
    ['second', 100, ['ignored', 'success'], 0],
  )
  const reason = task.calls[0]?.signal.reason as SwitchgearError
  assert.deepEqual(
    [reason.code, reason.name, reason.refusal, reason.policy],
    ['SG_HEDGE_LOST', 'AbortError', false, 'hedge'],
  )
  assert.equal(reason.message, 'search: hedge: another attempt answered first')
  assert.equal(task.calls[1]?.signal.aborted, false)
  task.resolve(0, 'late')
  await clock.advance(0)
  assert.deepEqual([discarded, policy.snapshot().totals.wins], [['late'], 1])
})

test('the first attempt may still win, and then the second is cut off', async () => {
  const { clock, policy, inside, task, discarded, call } = rig()
  const answer = call()
  await clock.advance(120)
  task.resolve(0, 'first')
  await clock.advance(0)
  assert.deepEqual([answer.result, inside.learned, inside.inFlight], ['first', ['success', 'ignored'], 0])
  assert.deepEqual([codeOf(task.calls[1]?.signal.reason), policy.snapshot().totals.wins], ['SG_HEDGE_LOST', 0])
  task.reject(1, new Error('late'))
  await clock.advance(0)
  assert.deepEqual(discarded, [])
})

test('a first attempt that fails before the delay is the answer: that is for a retry', async () => {
  const { clock, task, call } = rig()
  const answer = call()
  await clock.advance(99)
  const error = new Error('down')
  task.reject(0, error)
  await clock.advance(500)
  assert.deepEqual([answer.result, answer.at, task.started, clock.pending], [error, 99, 1, 0])
})

test('a failure does not answer while another attempt runs; when all failed the first failure answers', async () => {
  for (const order of [
    [0, 1],
    [1, 0],
  ] as const) {
    const { clock, inside, task, call } = rig()
    const answer = call()
    await clock.advance(100)
    const errors = [new Error('a'), new Error('b')]
    task.reject(order[0], errors[order[0]])
    await clock.advance(10)
    assert.equal(answer.state, 'pending')
    task.reject(order[1], errors[order[1]])
    await clock.advance(0)
    assert.deepEqual([answer.result, inside.learned], [errors[order[0]], ['failure', 'failure']])
  }
})

test('a success after a failure of the other attempt answers', async () => {
  const { clock, task, call } = rig()
  const answer = call()
  await clock.advance(100)
  task.reject(0, new Error('down'))
  await clock.advance(10)
  task.resolve(1, 'good')
  await clock.advance(0)
  assert.deepEqual([answer.result, answer.at], ['good', 110])
})

test('a refusal of the second attempt by a gate inside does not answer, and a real failure tells more than it', async () => {
  const clock = new VirtualClock()
  const slots = bulkhead({ maxInFlight: 1 })
  const task = new Task()
  const guarded = pipeline({ clock }, hedge(fixed), slots)
  const [good, bad] = [watch(guarded.execute(task.run)), undefined]
  await clock.advance(150)
  assert.deepEqual([good.state, slots.snapshot().totals.rejections, task.started, bad], ['pending', 1, 1, undefined])
  task.resolve(0, 'first')
  await clock.advance(0)
  assert.equal(good.result, 'first')
  const second = watch(guarded.execute(task.run))
  await clock.advance(150)
  const error = new Error('down')
  task.reject(1, error)
  await clock.advance(0)
  assert.deepEqual([second.result, slots.snapshot().inFlight], [error, 0])
})

test('a value that the classifier calls a failure is no answer while another attempt runs, and is discarded if replaced', async () => {
  const clock = new VirtualClock()
  const discarded: unknown[] = []
  const classify = {
    ofValue: (status: number) => (status === 500 ? failure : status === 404 ? ignored : success),
    discard: (status: number) => discarded.push(status),
  }
  const guarded = pipeline({ clock, classify }, hedge(fixed))
  const run = async (first: number, second: number): Promise<[unknown, unknown]> => {
    discarded.length = 0
    const task = new Task<number>()
    const answer = watch(guarded.execute(task.run))
    await clock.advance(100)
    task.resolve(0, first)
    await clock.advance(10)
    const early = answer.result
    task.resolve(1, second)
    await clock.advance(0)
    return [early, answer.result]
  }
  assert.deepEqual([await run(500, 200), discarded], [[undefined, 200], [500]])
  assert.deepEqual([await run(500, 500), discarded], [[undefined, 500], [500]])
  assert.deepEqual([await run(404, 200), discarded], [[404, 404], [200]])
})

test('more hedges than one start each after a further delay, never more than allowed, and none once one has failed', async () => {
  const { clock, policy, task, call } = rig({ ...fixed, maxHedges: 2 })
  const answer = call()
  await clock.advance(199)
  assert.equal(task.started, 2)
  await clock.advance(1000)
  assert.deepEqual([task.started, clock.pending, task.calls[2]?.attempt], [3, 0, 3])
  task.resolve(2, 'third')
  await clock.advance(0)
  assert.deepEqual([answer.result, policy.snapshot().totals.hedges], ['third', 2])
  const second = call()
  await clock.advance(100)
  task.reject(4, new Error('down'))
  await clock.advance(1000)
  assert.deepEqual([task.started, second.state, clock.pending], [5, 'pending', 0])
  task.resolve(3, 'first')
  await clock.advance(0)
  assert.equal(second.result, 'first')
})

test('a call that must not be repeated passes through untouched, also under a gate outside', async () => {
  for (const outside of [false, true]) {
    const clock = new VirtualClock()
    const task = new Task()
    const gate = new Recorder('outside')
    const budget = retryBudget({ ratio: 1, minPerSecond: 0 })
    const policies = outside ? ([gate, hedge({ delay: 1, budget })] as const) : [hedge({ delay: 1, budget })]
    const answer = watch(pipeline({ clock }, ...policies).execute(task.run, { idempotent: false }))
    await clock.advance(1000)
    assert.deepEqual([task.started, clock.pending, budget.balance(clock.now())], [1, 0, 0])
    task.resolve(0, 1)
    await clock.advance(0)
    assert.deepEqual([answer.result, gate.inFlight], [1, 0])
  }
})

test('a hedge is not begun at or after the deadline', async () => {
  for (const [deadline, started] of [
    [100, 1],
    [101, 2],
  ] as const) {
    const clock = new VirtualClock()
    const task = new Task()
    const inside = new Recorder('inside')
    const answer = watch(pipeline({ clock }, hedge(fixed), inside).execute(task.run, { deadline }))
    await clock.advance(500)
    assert.deepEqual([answer.code, task.started, clock.pending], ['SG_DEADLINE_EXCEEDED', started, 0])
    assert.deepEqual([inside.inFlight, inside.learned.every((outcome) => outcome === 'failure')], [0, true])
  }
})

test('what cannot begin before the deadline waits for nothing, and a timer that fires late begins nothing after it', async () => {
  const clock = new VirtualClock()
  let lateMs = 0
  const late = { now: () => clock.now() + lateMs, wallNow: () => 0, setTimer: clock.setTimer.bind(clock) }
  const task = new Task()
  const guarded = pipeline({ clock: late }, hedge(fixed))
  const early = watch(guarded.execute(task.run, { deadline: 50 }))
  assert.equal(clock.pending, 1)
  task.resolve(0, 'in time')
  await clock.advance(0)
  watch(guarded.execute(task.run, { deadline: 300 }))
  await clock.advance(99)
  lateMs = 300
  await clock.advance(1)
  assert.deepEqual([early.result, task.started], ['in time', 2])
})

test('a second attempt that aborts the call while it begins is the last', async () => {
  const clock = new VirtualClock()
  const controller = new AbortController()
  let started = 0
  const answer = watch(
    pipeline({ clock }, hedge({ ...fixed, maxHedges: 5 })).execute(
      () => {
        if (++started === 2) controller.abort('enough')
        return new Promise(() => {})
      },
      { signal: controller.signal },
    ),
  )
  await clock.advance(100)
  assert.deepEqual([answer.result, started, clock.pending], ['enough', 2, 0])
})

test('a race whose attempts ended late serves no two calls at a time', async () => {
  const { clock, task, call } = rig()
  for (let index = 0; index < 2; index++) {
    call()
    await clock.advance(100)
    task.resolve(2 * index + 1, 'second')
    await clock.advance(0)
    task.resolve(2 * index, 'late')
    await clock.advance(0)
  }
  const answers = [call(), call(), call(), call()]
  for (let index = 3; index >= 0; index--) task.resolve(4 + index, index)
  await clock.advance(0)
  assert.deepEqual(
    answers.map(({ result }) => result),
    [0, 1, 2, 3],
  )
})

test('an outer timeout cuts both attempts as failures; the late values are discarded and no hedge follows', async () => {
  const clock = new VirtualClock()
  const discarded: unknown[] = []
  const inside = new Recorder('inside')
  const task = new Task()
  const classify = { discard: (value: unknown) => discarded.push(value) }
  const guarded = pipeline({ clock, classify }, timeout(150), hedge({ ...fixed, maxHedges: 5 }), inside)
  const answer = watch(guarded.execute(task.run), clock)
  await clock.advance(1000)
  assert.deepEqual([answer.code, answer.at, task.started, clock.pending], ['SG_TIMEOUT', 150, 2, 0])
  assert.deepEqual([inside.learned, inside.inFlight], [['failure', 'failure'], 0])
  assert.ok(task.calls.every(({ signal }) => signal.reason === answer.result))
  task.resolve(0, 'a')
  task.resolve(1, 'b')
  await clock.advance(0)
  assert.deepEqual(discarded, ['a', 'b'])
})

test('an abort in every phase answers at once, frees the gates as ignored and leaves no timer', async () => {
  for (const at of [0, 50, 100, 150]) {
    const clock = new VirtualClock()
    const inside = new Recorder('inside')
    const task = new Task()
    const controller = new AbortController()
    const answer = watch(
      pipeline({ clock }, hedge(fixed), inside).execute(task.run, { signal: controller.signal }),
      clock,
    )
    await clock.advance(at)
    controller.abort('enough')
    await clock.advance(1000)
    assert.deepEqual([answer.result, answer.at, clock.pending, inside.inFlight], ['enough', at, 0, 0])
    assert.deepEqual(new Set(inside.learned), new Set(['ignored']))
    assert.equal(task.started, at < 100 ? 1 : 2)
  }
})

test('a timeout inside a hedge bounds each attempt by itself, and does not shorten the other', async () => {
  const clock = new VirtualClock()
  const deadlines: number[] = []
  const answer = watch(
    pipeline({ clock }, hedge(fixed), timeout(150)).execute(({ deadline }) => {
      deadlines.push(deadline)
      return new Promise(() => {})
    }),
    clock,
  )
  await clock.advance(1000)
  assert.deepEqual([deadlines, answer.code, answer.at, clock.pending], [[150, 250], 'SG_TIMEOUT', 250, 0])
})

test('a losing attempt teaches a breaker nothing', async () => {
  const clock = new VirtualClock()
  const breaker = circuitBreaker({ consecutiveFailures: 1 })
  const task = new Task()
  const answer = watch(pipeline({ clock }, hedge(fixed), breaker).execute(task.run))
  await clock.advance(100)
  task.resolve(1, 'good')
  await clock.advance(0)
  const { totals } = breaker.snapshot()
  assert.deepEqual([answer.result, totals.successes, totals.failures, totals.ignored], ['good', 1, 0, 1])
})

test('events say that a hedge began and that it won; a listener that throws or aborts does no harm', async () => {
  const { clock, policy, task, guarded, inside } = rig({ ...fixed, name: 'twice' })
  const events: PolicyEvent[] = []
  policy.events.subscribe(() => {
    throw new Error('broken listener')
  })
  const controller = new AbortController()
  policy.events.subscribe((event) => {
    events.push(event)
    if (events.length === 3) controller.abort('by a listener')
  })
  const answer = watch(guarded.execute(task.run))
  await clock.advance(130)
  task.resolve(1, 1)
  await clock.advance(0)
  assert.equal(answer.result, 1)
  assert.deepEqual(events, [
    { type: 'hedge', policy: 'twice', pipeline: 'search', delayMs: 100 },
    { type: 'hedgeWon', policy: 'twice', pipeline: 'search' },
  ])
  const aborted = watch(guarded.execute(task.run, { signal: controller.signal }))
  await clock.advance(200)
  assert.deepEqual([aborted.result, task.started, inside.inFlight, clock.pending], ['by a listener', 3, 0, 0])
})

test('a classifier that throws costs the caller its answer, but the other attempt its end and no gate its permit', async () => {
  const broken = new Error('the classifier is broken')
  const classify = {
    ofValue: (): never => {
      throw broken
    },
    ofError: (error: unknown) => {
      if (error === broken) throw error
      return failure
    },
  }
  for (const gated of [false, true]) {
    const clock = new VirtualClock()
    const [inside, outside] = [new Recorder('inside'), new Recorder('outside')]
    const task = new Task()
    const policies = gated ? ([outside, hedge(fixed), inside] as const) : ([outside, hedge(fixed)] as const)
    const answer = watch(pipeline({ clock, classify }, ...policies).execute(task.run))
    await clock.advance(100)
    task.resolve(1, 1)
    await clock.advance(0)
    assert.deepEqual([answer.result, codeOf(task.calls[0]?.signal.reason)], [broken, 'SG_HEDGE_LOST'])
    assert.deepEqual([inside.inFlight, outside.inFlight, clock.pending], [0, 0, 0])
  }
})

test('one hedge in two pipelines has one estimate and one count', async () => {
  const clock = new VirtualClock()
  const policy = hedge(fixed)
  const task = new Task()
  watch(pipeline({ clock, name: 'a' }, policy).execute(task.run))
  watch(pipeline({ clock, name: 'b' }, policy).execute(task.run))
  await clock.advance(100)
  assert.deepEqual([policy.snapshot().totals.hedges, task.calls.map(({ name }) => name)], [2, ['a', 'b', 'a', 'b']])
})

test('a thousand concurrent calls wait behind one timer', async () => {
  const { clock, task, call } = rig()
  const answers = Array.from({ length: 1000 }, call)
  assert.equal(clock.pending, 1)
  for (let index = 0; index < 1000; index++) task.resolve(index, index)
  await clock.advance(0)
  assert.deepEqual([clock.pending, answers.every(({ state }) => state === 'fulfilled')], [0, true])
})

test('an error that passes a hedge still shows the caller, from either attempt', async () => {
  async function placeOfTheError(wait: number): Promise<never> {
    await new Promise((resolve) => setTimeout(resolve, wait))
    throw new Error('down')
  }
  const guarded = pipeline(hedge({ delay: 5, budget: plenty }), circuitBreaker())
  async function placeOfTheCall(waits: readonly number[]): Promise<unknown> {
    return await guarded.execute(({ attempt }) => placeOfTheError(waits[attempt - 1] ?? 0))
  }
  for (const waits of [[0], [200, 100], [100, 200]]) {
    const error = await placeOfTheCall(waits).catch((thrown: unknown) => thrown)
    assert.match((error as Error).stack ?? '', /at .*placeOfTheError/)
    assert.match((error as Error).stack ?? '', /at async placeOfTheCall/)
  }
})
