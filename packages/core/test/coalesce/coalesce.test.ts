// Coalescing: one flight per key, everybody gets its answer, and who leaves takes only itself out.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Coalesce, coalesce, type CoalesceOptions } from '../../src/coalesce/coalesce.ts'
import {
  bulkhead,
  type Call,
  circuitBreaker,
  type Layer,
  OptionsError,
  pipeline,
  type PolicyEvent,
  retry,
  timeout,
} from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { Recorder } from '../recorder.ts'
import { hang, Task, turns, watch } from '../watch.ts'

function rig(options: CoalesceOptions = {}) {
  const clock = new VirtualClock()
  const policy = coalesce(options)
  const task = new Task()
  const inside = new Recorder('inside')
  const discarded: unknown[] = []
  const classify = { discard: (value: unknown) => discarded.push(value) }
  const guarded = pipeline({ clock, name: 'users', classify }, policy, inside)
  const call = (key?: string, signal?: AbortSignal, deadline?: number) =>
    watch(guarded.execute(task.run, { key, signal, deadline }), clock)
  return { clock, policy, task, inside, discarded, guarded, call }
}

test('calls with one key share one flight and its value; other keys fly on their own', async () => {
  const { clock, policy, task, inside, call } = rig()
  const answers = [call('a'), call('a'), call('b'), call('a')]
  assert.deepEqual([task.started, policy.snapshot().inFlight], [2, 2])
  task.resolve(0, 'of a')
  task.resolve(1, 'of b')
  await clock.advance(0)
  assert.deepEqual(
    answers.map(({ result }) => result),
    ['of a', 'of a', 'of b', 'of a'],
  )
  assert.deepEqual(policy.snapshot(), {
    policy: 'coalesce',
    name: 'coalesce',
    inFlight: 0,
    totals: { flights: 2, joined: 2, alone: 0 },
  })
  assert.deepEqual([inside.learned, inside.inFlight], [['success', 'success'], 0])
})

test('an error is shared too, the very same object', async () => {
  const { clock, task, call } = rig()
  const answers = [call('a'), call('a')]
  const error = new Error('down')
  task.reject(0, error)
  await clock.advance(0)
  assert.deepEqual(
    answers.map(({ state, result }) => [state, result === error]),
    [
      ['rejected', true],
      ['rejected', true],
    ],
  )
})

test('a call after the end of a flight starts a new one, also in the very turn in which the first caller hears of it', async () => {
  const { guarded, policy } = rig()
  let runs = 0
  const get = (): Promise<number> => guarded.execute(async () => ++runs, { key: 'a' })
  const followed = Array.from({ length: 3 }, () => get().then(async (one) => [one, await get()]))
  assert.deepEqual(await Promise.all(followed), [
    [1, 2],
    [1, 2],
    [1, 2],
  ])
  assert.deepEqual([runs, policy.snapshot().totals], [2, { flights: 2, joined: 4, alone: 0 }])
})

test('a call without a key, or that must not be repeated, runs on its own', async () => {
  const { guarded, policy, call, task } = rig()
  call()
  call()
  call('a')
  watch(guarded.execute(task.run, { key: 'a', idempotent: false }))
  assert.deepEqual([task.started, policy.snapshot().totals], [4, { flights: 1, joined: 0, alone: 0 }])
})

test('`key` decides instead of the key of the call', async () => {
  const { guarded, task } = rig({ key: ({ priority }: Call) => `${priority}` })
  watch(guarded.execute(task.run))
  watch(guarded.execute(task.run, { key: 'x' }))
  watch(guarded.execute(task.run, { priority: 2 }))
  assert.equal(task.started, 2)
})

test('an abort takes one caller out, first or later, and the flight goes on for the others', async () => {
  for (const leaver of [0, 1]) {
    const { clock, task, inside, discarded, call } = rig()
    const controllers = [new AbortController(), new AbortController()]
    const answers = controllers.map(({ signal }) => call('a', signal))
    controllers[leaver]?.abort('enough')
    await clock.advance(5)
    assert.deepEqual([answers[leaver]?.result, answers[leaver]?.at], ['enough', 0])
    assert.deepEqual([task.calls[0]?.signal.aborted, inside.inFlight], [false, 1])
    task.resolve(0, { for: 'the other' })
    await clock.advance(0)
    assert.deepEqual([answers[1 - leaver]?.result, discarded], [{ for: 'the other' }, []])
  }
})

test('when the last caller has left by an abort, the flight is cut off as ignored and forgotten', async () => {
  const { clock, policy, task, inside, discarded, call } = rig()
  const controllers = [new AbortController(), new AbortController()]
  for (const { signal } of controllers) call('a', signal)
  controllers[0]?.abort()
  assert.equal(inside.inFlight, 1)
  controllers[1]?.abort('enough')
  assert.deepEqual([inside.learned, inside.inFlight, policy.snapshot().inFlight], [['ignored'], 0, 0])
  assert.equal(task.calls[0]?.signal.reason, 'enough')
  const next = call('a')
  assert.equal(task.started, 2)
  task.resolve(0, 'late')
  await clock.advance(0)
  assert.deepEqual([discarded, next.state], [['late'], 'pending'])
  task.resolve(1, 'fresh')
  await clock.advance(0)
  assert.equal(next.result, 'fresh')
})

test('a flight that is over, or was left by all, never ends one that came after it', async () => {
  const { clock, policy, task, call } = rig()
  const controller = new AbortController()
  call('a', controller.signal)
  controller.abort()
  const second = call('a')
  task.reject(0, new Error('late'))
  await clock.advance(0)
  const third = call('a')
  assert.deepEqual([policy.snapshot().inFlight, task.started], [1, 2])
  task.resolve(1, 'shared')
  await clock.advance(0)
  assert.deepEqual([second.result, third.result], ['shared', 'shared'])
})

test('a hang that ends by the timeout outside is a failure for the gates inside: it must open its circuit', async () => {
  const clock = new VirtualClock()
  const breaker = circuitBreaker({ consecutiveFailures: 1 })
  const guarded = pipeline({ clock }, timeout(100), coalesce(), breaker)
  const answers = [watch(guarded.execute(hang, { key: 'a' }), clock)]
  await clock.advance(50)
  answers.push(watch(guarded.execute(hang, { key: 'a' }), clock))
  await clock.advance(99)
  assert.deepEqual([answers[0]?.at, breaker.state], [100, 'closed'])
  await clock.advance(1)
  assert.deepEqual([answers[1]?.at, answers[1]?.code, breaker.state, clock.pending], [150, 'SG_TIMEOUT', 'open', 0])
})

test('each caller has its own deadline, the flight has none, and it has the priority of the first', async () => {
  const clock = new VirtualClock()
  const task = new Task()
  const guarded = pipeline({ clock }, coalesce())
  const [short, long] = [20, 60].map((deadline, index) =>
    watch(guarded.execute(task.run, { key: 'a', deadline, priority: index as 0 | 1 }), clock),
  )
  await clock.advance(40)
  const [call] = task.calls
  assert.deepEqual([short?.code, short?.at, long?.state], ['SG_DEADLINE_EXCEEDED', 20, 'pending'])
  assert.deepEqual([call?.deadline, call?.priority, call?.key, call?.signal.aborted], [Infinity, 0, 'a', false])
  task.resolve(0, 'in time')
  await clock.advance(0)
  assert.deepEqual([long?.result, clock.pending], ['in time', 0])
})

test('a call that joins without a deadline is answered although the first caller has gone', async () => {
  const clock = new VirtualClock()
  const task = new Task()
  const guarded = pipeline({ clock }, timeout(10), coalesce(), timeout(100))
  const first = watch(guarded.execute(task.run, { key: 'a' }))
  await clock.advance(9)
  const second = watch(guarded.execute(task.run, { key: 'a' }))
  await clock.advance(5)
  task.resolve(0, 'shared')
  await clock.advance(0)
  assert.deepEqual([first.code, second.result, task.started, clock.pending], ['SG_TIMEOUT', 'shared', 1, 0])
})

test('beyond `maxFlights` a new key runs on its own, counted; a known key still joins', async () => {
  const { clock, policy, task, call } = rig({ maxFlights: 2 })
  const answers = ['a', 'b', 'c', 'c', 'a'].map((key) => call(key))
  assert.deepEqual([task.started, policy.snapshot().inFlight], [4, 2])
  assert.deepEqual(policy.snapshot().totals, { flights: 2, joined: 1, alone: 2 })
  for (let index = 0; index < 4; index++) task.resolve(index, index)
  await clock.advance(0)
  assert.deepEqual(
    answers.map(({ result }) => result),
    [0, 1, 2, 3, 0],
  )
})

test('`copy` gives all callers but the last a copy, and the last the value itself', async () => {
  const { clock, task, call } = rig({ copy: (value: object) => ({ ...value }) })
  const value = { list: 1 }
  const answers = [call('a'), call('a'), call('a')]
  const alone = call('b')
  task.resolve(0, value)
  task.resolve(1, value)
  await clock.advance(0)
  assert.deepEqual(
    answers.map(({ result }) => result),
    [value, value, value],
  )
  assert.deepEqual(
    answers.map(({ result }) => result === value),
    [false, false, true],
  )
  assert.equal(alone.result, value)
})

test('a body that can be read once serves every caller by `copy`', async () => {
  const { guarded } = rig({ copy: (response: Response) => response.clone() })
  const read = async (): Promise<string> => (await guarded.execute(() => new Response('hello'), { key: 'a' })).text()
  assert.deepEqual(await Promise.all([read(), read(), read()]), ['hello', 'hello', 'hello'])
})

test('a value that several callers got is discarded for none of them; one that nobody got is discarded once', async () => {
  for (let count = 0; count < 14; count++) {
    for (const callers of [1, 2]) {
      const { task, discarded, call } = rig()
      const controller = new AbortController()
      const leaver = call('a', controller.signal)
      const stayer = callers === 2 ? call('a') : undefined
      const value = { text: 'a body' }
      task.resolve(0, value)
      await turns(count)
      controller.abort('enough')
      await turns()
      const got = [leaver, stayer].filter((one) => one?.result === value).length
      assert.deepEqual(discarded, got === 0 ? [value] : [], `${count} turns, ${callers} callers`)
      if (stayer !== undefined) assert.equal(stayer.result, value)
    }
  }
})

test('a copy for a caller that leaves in the last turn may be freed, and the original is never lost', async () => {
  for (let count = 0; count < 14; count++) {
    const { task, discarded, call } = rig({ copy: (value: object) => ({ ...value, copied: true }) })
    const controllers = [new AbortController(), new AbortController()]
    const answers = controllers.map(({ signal }) => call('a', signal))
    task.resolve(0, { text: 'a body' })
    await turns(count)
    for (const controller of controllers) controller.abort('enough')
    await turns()
    const originals = [...discarded, ...answers.map(({ result }) => result)].filter(
      (value) => typeof value === 'object' && value !== null && !('copied' in value),
    )
    assert.equal(originals.length, 1, `${count} turns`)
  }
})

test('a refusal inside is shared, and an outer retry does not repeat it', async () => {
  const clock = new VirtualClock()
  const slots = bulkhead({ maxInFlight: 1 })
  const guarded = pipeline({ clock }, retry(), coalesce(), slots)
  watch(guarded.execute(hang, { key: 'a' }))
  const refused = [watch(guarded.execute(hang, { key: 'b' })), watch(guarded.execute(hang, { key: 'b' }))]
  await clock.advance(1000)
  assert.deepEqual(
    refused.map(({ code }) => code),
    ['SG_BULKHEAD_FULL', 'SG_BULKHEAD_FULL'],
  )
})

test('the attempts of a retry outside join one flight each time', async () => {
  const clock = new VirtualClock()
  let runs = 0
  const guarded = pipeline({ clock }, retry({ delay: 10, jitter: 0, backoff: 'constant' }), coalesce())
  const run = async (): Promise<number> => {
    const number = ++runs
    await new Promise<void>((resolve) => void clock.setTimer(resolve, 5))
    if (number < 3) throw new Error('down')
    return number
  }
  const answers = Array.from({ length: 5 }, () => watch(guarded.execute(run, { key: 'a' })))
  await clock.advance(100)
  assert.deepEqual([answers.map(({ result }) => result), runs], [[3, 3, 3, 3, 3], 3])
})

test('a function that calls its own key waits for itself, until a timeout ends it', async () => {
  const clock = new VirtualClock()
  const policy = coalesce()
  const guarded = pipeline({ clock }, timeout(50), policy)
  const run = (): Promise<unknown> => guarded.execute(run, { key: 'a' })
  const answer = watch(guarded.execute(run, { key: 'a' }))
  await clock.advance(100)
  assert.deepEqual([answer.code, policy.snapshot().inFlight, clock.pending], ['SG_TIMEOUT', 0, 0])
})

test('a function of the options that throws is a rejection, never a throw', async () => {
  const broken = (): never => {
    throw new Error('broken')
  }
  const outside = new Recorder('outside')
  await assert.rejects(
    pipeline(outside, coalesce({ key: broken })).execute(() => 1),
    /broken/,
  )
  const { guarded, policy } = rig({ copy: broken })
  const answers = [1, 2].map((value) => watch(guarded.execute(() => value, { key: 'a' })))
  await turns()
  assert.deepEqual(
    answers.map(({ state }) => state),
    ['rejected', 'fulfilled'],
  )
  assert.deepEqual([outside.inFlight, policy.snapshot().inFlight], [0, 0])
})

test('each joining is an event; a listener that throws or aborts does no harm', async () => {
  const { clock, policy, task, call } = rig({ name: 'together' })
  const events: PolicyEvent[] = []
  const controller = new AbortController()
  policy.events.subscribe((event) => {
    events.push(event)
    controller.abort('by a listener')
    throw new Error('broken listener')
  })
  const first = call('a')
  const second = call('a', controller.signal)
  task.resolve(0, 1)
  await clock.advance(0)
  assert.deepEqual(events, [{ type: 'coalesced', policy: 'together', pipeline: 'users', key: 'a' }])
  assert.deepEqual([first.result, second.result], [1, 'by a listener'])
})

test('an update leaves flights alone; a wrong one changes nothing', async () => {
  const { policy, task, call } = rig()
  call('a')
  policy.update({ maxFlights: 1 })
  call('b')
  call('a')
  assert.deepEqual([task.started, policy.snapshot().totals], [2, { flights: 1, joined: 1, alone: 1 }])
  assert.throws(() => policy.update({ key: () => 'x', maxFlights: 0 }), OptionsError)
  assert.throws(() => policy.update({ name: 'other' }), /coalesce\.name must be left as it is/)
  policy.update({ maxFlights: undefined })
  call('b')
  assert.equal(policy.snapshot().totals.flights, 2)
})

test('one layer in two pipelines shares its flights', async () => {
  const clock = new VirtualClock()
  const policy = coalesce()
  const task = new Task()
  const guarded = ['a', 'b'].map((name) => pipeline({ clock, name }, policy))
  const answers = guarded.map((one) => watch(one.execute(task.run, { key: 'k' })))
  task.resolve(0, 1)
  await clock.advance(0)
  assert.deepEqual([answers.map(({ result }) => result), task.started], [[1, 1], 1])
})

test('wrong options are refused with path, bound and value', () => {
  const table: [object, RegExp][] = [
    [{ maxFlights: 0 }, /coalesce\.maxFlights must be a whole number >= 1, got 0/],
    [{ key: 'a' }, /coalesce\.key must be a function, got 'a'/],
    [{ copy: 1 }, /coalesce\.copy must be a function/],
    [{ name: 7 }, /coalesce\.name must be a text/],
    [{ keys: 1 }, /coalesce\.keys is not an option; known are name, key/],
  ]
  for (const [options, message] of table) assert.throws(() => new Coalesce(options), message)
})

test('an error that passes a flight of one caller still shows the caller', async () => {
  async function placeOfTheError(): Promise<never> {
    await undefined
    throw new Error('down')
  }
  const guarded = pipeline(coalesce(), circuitBreaker())
  async function placeOfTheCall(): Promise<unknown> {
    return await guarded.execute(placeOfTheError, { key: 'a' })
  }
  const error = await placeOfTheCall().catch((thrown: unknown) => thrown)
  assert.match((error as Error).stack ?? '', /at async placeOfTheCall/)
})

test('a layer inside that throws instead of rejecting ends the flight: everybody hears of it, and nobody hangs', async () => {
  const clock = new VirtualClock()
  const policy = coalesce()
  const state = { broken: true }
  const layer: Layer = {
    kind: 'layer',
    name: 'broken',
    wrap: (next) => (call) => {
      if (state.broken) throw new Error('broken')
      return next(call)
    },
  }
  const outside = new Recorder('outside')
  const guarded = pipeline({ clock }, outside, timeout(1000), policy, layer)
  for (let index = 0; index < 3; index++) {
    const answers = [1, 2].map(() => watch(guarded.execute(() => 'ran', { key: 'a' })))
    await turns()
    for (const { state: settled, result } of answers)
      assert.deepEqual([settled, String(result)], ['rejected', 'Error: broken'])
    assert.equal(policy.snapshot().inFlight, 0)
  }
  state.broken = false
  const answer = watch(guarded.execute(() => 'ran', { key: 'a' }))
  await turns()
  assert.deepEqual([answer.result, outside.inFlight, clock.pending], ['ran', 0, 0])
})
