// The kernel around gates: whatever a call, a classifier, a listener or an abort does, every gate that admitted learns once
// and is freed once, in reverse order.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  bulkhead,
  circuitBreaker,
  type Classifier,
  failure,
  fallback,
  ignored,
  type Outcome,
  pipeline,
  type Policy,
  retry,
  success,
  timeout,
} from '../src/index.ts'
import { VirtualClock } from '../src/testing/index.ts'
import { Counter, Journal, Recorder } from './recorder.ts'
import { hang, Task, turns, watch } from './watch.ts'

/** Three gates, side by side. */
function three(): { journal: Journal; gates: [Recorder, Recorder, Recorder] } {
  const journal = new Journal()
  return { journal, gates: [new Recorder('a', journal), new Recorder('b', journal), new Recorder('c', journal)] }
}

test('gates are entered from outside, and settled and freed from inside', async () => {
  const { journal, gates } = three()
  await pipeline(...gates).execute(() => 1)
  const expected =
    'enter a, enter b, enter c, settle c success, exit c, settle b success, exit b, settle a success, exit a'
  assert.equal(journal.lines.join(', '), expected)
})

test('when a gate refuses, those outside it settle ignored and are freed in reverse order; the function does not run', async () => {
  const { journal, gates } = three()
  gates[2].refuses = () => true
  await assert.rejects(
    pipeline({ name: 'orders' }, ...gates).execute(() => assert.fail('it ran')),
    {
      code: 'SG_TEST',
      message: 'orders: c refuses',
    },
  )
  const expected = 'enter a, enter b, refuse c, settle b ignored, exit b, settle a ignored, exit a'
  assert.equal(journal.lines.join(', '), expected)
})

test('a refusal behind a layer is an ignored call for the gates outside that layer', async () => {
  const { journal, gates } = three()
  gates[2].refuses = () => true
  const guarded = pipeline(gates[0], timeout('1s'), gates[1], retry(), gates[2])
  await assert.rejects(guarded.execute(hang), { code: 'SG_TEST' })
  assert.deepEqual([gates[0].learned, gates[1].learned, journal.problems], [['ignored'], ['ignored'], []])
  assert.equal(journal.heldByAll, 0)
})

const verdicts: [string, () => unknown, Outcome][] = [
  ['a value that it likes', () => 'good', 'success'],
  ['a value that it calls a failure', () => 'bad', 'failure'],
  ['a value that it ignores', () => 'skip', 'ignored'],
  ['an error', () => Promise.reject(new Error('any')), 'failure'],
  ['an error that it ignores', () => Promise.reject(new RangeError('client error')), 'ignored'],
]
const picky: Classifier = {
  ofValue: (value: unknown) => (value === 'bad' ? failure : value === 'skip' ? ignored : success),
  ofError: (error) => (error instanceof RangeError ? ignored : failure),
}
for (const [label, run, outcome] of verdicts) {
  test(`every gate believes the one classifier about ${label}`, async () => {
    const { gates } = three()
    await pipeline({ classify: picky }, gates[0], gates[1], timeout('1s'), gates[2])
      .execute(run)
      .catch(() => undefined)
    assert.deepEqual(
      gates.map(({ learned }) => learned),
      [[outcome], [outcome], [outcome]],
    )
  })
}

test('a gate learns the error that was thrown, or the value that is a failure', async () => {
  const gate = new Recorder('a')
  const error = new Error('thrown')
  const guarded = pipeline({ classify: picky }, gate)
  await assert.rejects(guarded.execute(() => Promise.reject(error)))
  await guarded.execute(() => 'bad')
  await guarded.execute(() => 'good')
  assert.deepEqual(gate.errors, [error, 'bad', undefined])
})

const broken: [string, Classifier, () => unknown][] = [
  ['values', { ofValue: () => assert.fail('the classifier is broken') }, () => 1],
  ['errors', { ofError: () => assert.fail('the classifier is broken') }, () => Promise.reject(new Error('any'))],
]
const around: [string, (...gates: Policy[]) => Policy[]][] = [
  ['side by side', (...gates) => gates],
  ['around a timeout', (...gates) => [...gates, timeout('1s')]],
  ['around a retry and a fallback', (a, b) => [a as Policy, fallback({ value: 1 }), retry(), b as Policy]],
]
for (const [what, classify, run] of broken) {
  for (const [where, arrange] of around) {
    test(`a classifier of ${what} that throws reaches the caller and leaks no permit (gates ${where})`, async () => {
      const clock = new VirtualClock()
      const { journal, gates } = three()
      const answer = watch(pipeline({ clock, classify }, ...arrange(...gates)).execute(run))
      await clock.advance(5000)
      assert.deepEqual([answer.state, (answer.result as Error).message], ['rejected', 'the classifier is broken'])
      assert.deepEqual([journal.heldByAll, journal.problems, clock.pending], [0, [], 0])
      const learned = gates.flatMap((gate) => gate.learned)
      assert.ok(learned.length >= 2 && learned.every((outcome) => outcome === 'ignored'), `they learned ${learned}`)
    })
  }
}

test('a listener that throws changes nothing and leaks no permit', async () => {
  const clock = new VirtualClock()
  const gate = new Recorder('a')
  const policies = [
    fallback({ value: 'instead' }),
    gate,
    retry({ maxAttempts: 2, delay: 1 }),
    bulkhead({ maxInFlight: 1 }),
    circuitBreaker({ consecutiveFailures: 2 }),
    timeout(5),
  ]
  const guarded = pipeline({ clock }, ...policies)
  guarded.subscribe(() => {
    throw new Error('the listener is broken')
  })
  const answers = [watch(guarded.execute(hang)), watch(guarded.execute(hang))]
  await clock.advance(100)
  assert.deepEqual(
    answers.map(({ result }) => result),
    ['instead', 'instead'],
  )
  assert.deepEqual([gate.inFlight, gate.journal.problems, clock.pending], [0, [], 0])
})

test('calls that share one gate are each settled and freed once, with whatever outcome', async () => {
  const counter = new Counter()
  const guarded = pipeline(counter)
  const task = new Task()
  const answers = Array.from({ length: 6 }, () => watch(guarded.execute(task.run)))
  assert.equal(counter.inFlight, 6)
  for (const index of [3, 0, 5]) task.resolve(index, index)
  for (const index of [1, 4, 2]) task.reject(index, new Error(`${index}`))
  await turns()
  assert.deepEqual([counter.inFlight, counter.entered, counter.exited], [0, 6, 6])
  assert.deepEqual(counter.learned.toSorted(), [...Array(3).fill('failure'), ...Array(3).fill('success')])
  assert.deepEqual(
    answers.map(({ state, result }) => (state === 'fulfilled' ? result : (result as Error).message)),
    [0, '1', '2', 3, '4', 5],
  )
})

test('a call that begins inside another, or in its last turn, gets a pass of its own', async () => {
  const { journal, gates } = three()
  const guarded = pipeline(...gates)
  const nested = guarded.execute(
    () => guarded.execute(() => guarded.execute(() => 'deep', { key: '3' }), { key: '2' }),
    {
      key: '1',
    },
  )
  const chained = nested.then(() => guarded.execute(() => 'next', { key: '4' }))
  assert.deepEqual([await nested, await chained], ['deep', 'next'])
  assert.deepEqual([journal.problems, journal.heldByAll, gates[0].entered], [[], 0, 4])
})

test('a late result of a call that was cut off is not taken for the call that came after it', async () => {
  const clock = new VirtualClock()
  const { journal, gates } = three()
  const guarded = pipeline({ clock }, timeout(10), ...gates)
  const task = new Task<string>()
  const first = watch(guarded.execute(task.run, { key: 'first' }))
  await clock.advance(10)
  const second = watch(guarded.execute(task.run, { key: 'second' }))
  task.resolve(0, 'late')
  await clock.advance(0)
  assert.deepEqual([first.code, second.state, journal.held('second')], ['SG_TIMEOUT', 'pending', 3])
  task.resolve(1, 'mine')
  await clock.advance(0)
  assert.deepEqual([second.result, gates[0].learned, journal.problems], ['mine', ['failure', 'success'], []])
})

test('a thousand calls at once and a thousand after them leave nothing behind', async () => {
  const clock = new VirtualClock()
  const { journal, gates } = three()
  const guarded = pipeline({ clock }, gates[0], timeout('1s'), gates[1], gates[2])
  for (let round = 0; round < 2; round++) {
    const task = new Task()
    const calls = Array.from({ length: 1000 }, (_, index) => guarded.execute(task.run, { key: `${round}/${index}` }))
    calls.forEach((_call, index) => task.resolve(index, index))
    const results = await Promise.all(calls)
    assert.ok(results.every((result, index) => result === index))
  }
  assert.deepEqual([journal.heldByAll, journal.problems, clock.pending], [0, [], 0])
})

// An abort may come in any turn, also in the few between the end of a wait in a queue and the start of the function.
for (let turn = 0; turn < 10; turn++) {
  test(`an abort ${turn} turns after a slot came free: the call never starts once aborted, and holds nothing`, async () => {
    const slots = bulkhead({ maxInFlight: 1, maxQueue: 1 })
    const gate = new Recorder('inside')
    const guarded = pipeline(slots, gate)
    const task = new Task()
    const holder = guarded.execute(task.run)
    const controller = new AbortController()
    let startedAborted: boolean | undefined
    const waiting = watch(
      guarded.execute(
        () => {
          startedAborted = controller.signal.aborted
          return hang()
        },
        { signal: controller.signal, key: 'waiting' },
      ),
    )
    task.resolve(0, 'done')
    await turns(turn)
    controller.abort()
    await holder
    await turns()
    assert.notEqual(startedAborted, true, 'it started although it was aborted')
    assert.ok(waiting.state === 'rejected' && waiting.result === controller.signal.reason)
    assert.deepEqual([slots.snapshot().inFlight, gate.inFlight, gate.journal.problems], [0, 0, []])
  })
}

test('a caller that aborts from a listener, while the gates are being entered, does not start the function', async () => {
  const clock = new VirtualClock()
  const slots = bulkhead()
  const breaker = circuitBreaker({ consecutiveFailures: 1, openFor: 10 })
  const guarded = pipeline({ clock }, slots, breaker)
  await assert.rejects(guarded.execute(() => Promise.reject(new Error('down'))))
  await clock.advance(10)
  const controller = new AbortController()
  // The first probe makes the circuit half-open; hearing that, the caller gives up.
  breaker.events.subscribe(() => controller.abort(new Error('gave up')))
  let ran = false
  const answer = watch(
    guarded.execute(
      () => {
        ran = true
        return hang()
      },
      { signal: controller.signal },
    ),
  )
  await clock.advance(0)
  assert.deepEqual([(answer.result as Error).message, ran], ['gave up', false])
  assert.deepEqual([slots.snapshot().inFlight, breaker.snapshot().probesInFlight], [0, 0])
})
