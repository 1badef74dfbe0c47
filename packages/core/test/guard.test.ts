// The caller's own abort and deadline: both answer at once, wherever the call is, and leave nothing behind.
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import {
  bulkhead,
  type Call,
  circuitBreaker,
  type CircuitBreaker,
  fallback,
  pipeline,
  type Policy,
  retry,
  success,
  timeout,
} from '../src/index.ts'
import { VirtualClock } from '../src/testing/index.ts'
import { Recorder } from './recorder.ts'
import { codeOf, hang, Task, watch } from './watch.ts'

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length
const fail = (): Promise<never> => Promise.reject(new Error('down'))

/** What the function does when its call is aborted; the caller must not notice a difference. */
const behaviours: Record<string, (call: Call) => Promise<unknown>> = {
  'never ends': hang,
  'rejects with something else': ({ signal }) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('mine')))),
  'answers after all': ({ signal }) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve('a value'))),
  'throws from its own abort listener': async ({ signal }) => {
    signal.addEventListener('abort', () => undefined)
    await new Promise((_resolve, reject) => signal.addEventListener('abort', reject))
  },
}
const stacks: Record<string, () => Policy[]> = {
  'no policy': () => [],
  'a breaker': () => [circuitBreaker()],
  'a timeout': () => [timeout('1m')],
  'a retry': () => [retry()],
  'a fallback': () => [fallback({ value: 'instead' })],
  everything: () => [
    fallback({ value: 'instead' }),
    bulkhead(),
    timeout('2m'),
    retry(),
    circuitBreaker(),
    bulkhead({ maxInFlight: 1 }),
    timeout('1m'),
  ],
}
for (const [label, policies] of Object.entries(stacks)) {
  test(`an abort through ${label} answers in the same turn with the reason itself, whatever the function does`, async () => {
    for (const [behaviour, run] of Object.entries(behaviours)) {
      for (const reason of [new Error('the reason'), 'a string', undefined]) {
        const clock = new VirtualClock()
        const controller = new AbortController()
        const outer = new Recorder('outer')
        const inner = new Recorder('inner')
        const guarded = pipeline({ clock }, outer, ...policies(), inner)
        let seen: AbortSignal | undefined
        const answer = watch(
          guarded.execute(
            (call) => {
              seen = call.signal
              return run(call)
            },
            { signal: controller.signal },
          ),
          clock,
        )
        await clock.advance(1)
        controller.abort(reason)
        assert.deepEqual([outer.inFlight, inner.inFlight, seen?.aborted], [0, 0, true], behaviour)
        await clock.advance(0)
        const { reason: given } = controller.signal
        assert.ok(answer.state === 'rejected' && answer.result === given && seen?.reason === given, behaviour)
        await clock.advance(200_000)
        assert.deepEqual([outer.learned, inner.learned], [['ignored'], ['ignored']])
        assert.deepEqual([listeners(controller.signal), clock.pending], [0, 0])
      }
    }
  })
}

test('a call that ended, in whatever way, leaves no listener on the signal of the caller and no timer', async () => {
  const clock = new VirtualClock()
  const { signal } = new AbortController()
  const guarded = pipeline({ clock }, timeout(50), retry({ maxAttempts: 2, delay: 1 }), circuitBreaker(), timeout(20))
  const options = { signal, deadline: 10_000 }
  const answers = []
  for (let round = 0; round < 30; round++)
    answers.push(watch(guarded.execute([() => 1, fail, hang][round % 3] as typeof fail, options)))
  assert.ok(listeners(signal) > 0)
  await clock.advance(100)
  assert.ok(answers.every(({ state }) => state !== 'pending'))
  assert.deepEqual([listeners(signal), clock.pending], [0, 0])
})

test('an abort ends the wait between two attempts: no further attempt, no timer', async () => {
  for (const around of [[], [fallback({ value: 1 })], [timeout('1m')], [circuitBreaker(), fallback({ value: 1 })]]) {
    const clock = new VirtualClock()
    const controller = new AbortController()
    const guarded = pipeline({ clock }, ...around, retry({ delay: 100, jitter: 0 }), circuitBreaker())
    let tries = 0
    const run = (): Promise<never> => {
      tries++
      return fail()
    }
    const answer = watch(guarded.execute(run, { signal: controller.signal }), clock)
    await clock.advance(50)
    controller.abort('enough')
    await clock.advance(0)
    assert.deepEqual([answer.result, answer.at, clock.pending], ['enough', 50, 0])
    await clock.advance(1000)
    assert.equal(tries, 1)
  }
})

test('an abort leaves a queue at once, and the next in it takes the slot', async () => {
  const clock = new VirtualClock()
  const slots = bulkhead({ maxInFlight: 1, maxQueue: 5 })
  const guarded = pipeline({ clock }, slots)
  const task = new Task()
  const controller = new AbortController()
  const holder = guarded.execute(task.run)
  const leaver = watch(guarded.execute(() => assert.fail('it ran'), { signal: controller.signal }))
  const next = watch(guarded.execute(() => 'next'))
  assert.equal(slots.snapshot().queued, 2)
  controller.abort('enough')
  assert.equal(slots.snapshot().queued, 1)
  task.resolve(0, 1)
  await holder
  await clock.advance(0)
  assert.deepEqual([leaver.result, next.result, slots.snapshot().inFlight], ['enough', 'next', 0])
})

test('an abort of a probe is ignored by the breaker and frees the probe', async () => {
  const clock = new VirtualClock()
  const breaker: CircuitBreaker = circuitBreaker({
    consecutiveFailures: 1,
    openFor: 10,
    halfOpenCalls: 1,
    successesToClose: 1,
  })
  const guarded = pipeline({ clock }, breaker)
  await assert.rejects(guarded.execute(fail))
  await clock.advance(10)
  const controller = new AbortController()
  const probe = watch(guarded.execute(hang, { signal: controller.signal }))
  assert.equal(breaker.snapshot().probesInFlight, 1)
  controller.abort('enough')
  await clock.advance(0)
  assert.deepEqual([probe.result, breaker.state, breaker.snapshot().probesInFlight], ['enough', 'half-open', 0])
  assert.equal(await guarded.execute(() => 'recovered'), 'recovered')
  assert.equal(breaker.state, 'closed')
})

test('an abort counts as slow for a breaker once the call ran longer than slowCallDuration', async () => {
  const clock = new VirtualClock()
  const breaker = circuitBreaker({ slowCallRatio: 1, slowCallDuration: 100, minimumThroughput: 50 })
  const guarded = pipeline({ clock }, breaker)
  for (const ranMs of [99, 100]) {
    const controller = new AbortController()
    watch(guarded.execute(hang, { signal: controller.signal }))
    await clock.advance(ranMs)
    controller.abort()
  }
  const { slow, ignored, failures } = breaker.snapshot().totals
  assert.deepEqual([slow, ignored, failures], [1, 2, 0])
})

test('an abort from inside the function itself, before its first wait, answers the caller', async () => {
  const clock = new VirtualClock()
  const gate = new Recorder('gate')
  for (const policies of [
    [gate],
    [gate, timeout(10)],
    [timeout(10), gate],
    [retry(), gate],
    [fallback({ value: 1 }), gate],
  ]) {
    const controller = new AbortController()
    const run = (): Promise<never> => {
      controller.abort('from inside')
      return hang()
    }
    const answer = watch(pipeline({ clock }, ...policies).execute(run, { signal: controller.signal }))
    await clock.advance(0)
    assert.deepEqual(
      [answer.result, gate.inFlight, clock.pending, listeners(controller.signal)],
      ['from inside', 0, 0, 0],
    )
  }
  assert.deepEqual(gate.learned, Array(5).fill('ignored'))
})

test('an abort after the answer changes nothing', async () => {
  const gate = new Recorder('gate')
  const controller = new AbortController()
  let kept: Call | undefined
  const answer = await pipeline(gate).execute(
    (call) => {
      kept = call
      return 'done'
    },
    { signal: controller.signal },
  )
  controller.abort()
  assert.deepEqual(
    [answer, gate.learned, kept?.signal.aborted, gate.journal.problems],
    ['done', ['success'], false, []],
  )
})

test('what comes after an abort is discarded once, and nothing that no function answered is judged or discarded', async () => {
  for (const obeys of [true, false]) {
    const clock = new VirtualClock()
    const seen: string[] = []
    const classify = {
      ofValue: (value: unknown) => {
        seen.push(`judged ${String(value)}`)
        return success
      },
      discard: (value: unknown) => seen.push(`discarded ${String(value)}`),
    }
    const guarded = pipeline({ clock, classify }, new Recorder('outer'), retry(), fallback({ value: 1 }), timeout('1s'))
    const controller = new AbortController()
    const late = Promise.withResolvers<string>()
    const answer = watch(
      guarded.execute(
        ({ signal }) => {
          if (obeys) signal.addEventListener('abort', () => late.reject(signal.reason))
          return late.promise
        },
        { signal: controller.signal },
      ),
    )
    controller.abort('enough')
    await clock.advance(1)
    late.resolve('late')
    await clock.advance(1)
    assert.equal(answer.result, 'enough')
    const others = seen.filter((line) => !line.endsWith(' late'))
    assert.deepEqual([others, seen.filter((line) => line === 'discarded late').length], [[], obeys ? 0 : 1])
  }
})

test('one abort ends every call that was given the signal, and no other', async () => {
  const clock = new VirtualClock()
  const guarded = pipeline({ clock }, circuitBreaker(), timeout('1s'))
  const controller = new AbortController()
  const task = new Task()
  const mine = Array.from({ length: 20 }, () => watch(guarded.execute(hang, { signal: controller.signal })))
  const other = watch(guarded.execute(task.run))
  controller.abort('all')
  task.resolve(0, 'safe')
  await clock.advance(0)
  assert.ok(mine.every(({ result }) => result === 'all'))
  assert.deepEqual([other.result, clock.pending], ['safe', 0])
})

test('the deadline of the caller answers at its time, and is a failure for every gate', async () => {
  const clock = new VirtualClock({ now: 1000 })
  const gates = [new Recorder('outer'), new Recorder('inner')] as const
  const guarded = pipeline({ clock, name: 'orders' }, gates[0], retry(), timeout('1m'), gates[1])
  let deadline = 0
  const answer = watch(
    guarded.execute(
      (call) => {
        deadline = call.deadline
        return hang()
      },
      { deadline: 1250 },
    ),
    clock,
  )
  await clock.advance(249)
  assert.equal(answer.state, 'pending')
  await clock.advance(1)
  assert.deepEqual([answer.code, answer.at, deadline], ['SG_DEADLINE_EXCEEDED', 1250, 1250])
  assert.match((answer.result as Error).message, /^orders: the caller's deadline has passed$/)
  assert.deepEqual([gates[0].learned, gates[1].learned, clock.pending], [['failure'], ['failure'], 0])
})

test('a call whose deadline has passed never runs', async () => {
  const clock = new VirtualClock({ now: 100 })
  for (const deadline of [100, 99, 0, -1, -Infinity]) {
    const answer = watch(pipeline({ clock }, circuitBreaker()).execute(() => assert.fail('it ran'), { deadline }))
    await clock.advance(0)
    assert.equal(answer.code, 'SG_DEADLINE_EXCEEDED')
  }
})

test('a deadline of Infinity is none, and sets no timer', async () => {
  const clock = new VirtualClock()
  const task = new Task()
  const answer = watch(pipeline({ clock }).execute(task.run, { deadline: Infinity }))
  assert.equal(clock.pending, 0)
  await clock.advance(1e9)
  task.resolve(0, 'done')
  await clock.advance(0)
  assert.equal(answer.result, 'done')
})

test('a timer of the host that fires early does not end the call before its deadline', async () => {
  class Early extends VirtualClock {
    early = 1
    override setTimer(run: () => void, ms: number): ReturnType<VirtualClock['setTimer']> {
      const by = this.early
      this.early = 0
      return super.setTimer(run, ms - by)
    }
  }
  const clock = new Early()
  const answer = watch(pipeline({ clock }).execute(hang, { deadline: 50 }), clock)
  await clock.advance(100)
  assert.deepEqual([answer.code, answer.at, clock.pending], ['SG_DEADLINE_EXCEEDED', 50, 0])
})

test('of abort, deadline and timeout the first one answers', async () => {
  const table: [number, number, number, string][] = [
    [10, 20, 30, 'enough'],
    [30, 10, 20, 'SG_DEADLINE_EXCEEDED'],
    [30, 20, 10, 'SG_TIMEOUT'],
  ]
  for (const [abortAt, deadline, afterMs, expected] of table) {
    const clock = new VirtualClock()
    const controller = new AbortController()
    clock.setTimer(() => controller.abort('enough'), abortAt)
    const gate = new Recorder('gate')
    const guarded = pipeline({ clock }, timeout(afterMs), gate)
    const answer = watch(guarded.execute(hang, { signal: controller.signal, deadline }), clock)
    await clock.advance(100)
    assert.deepEqual([codeOf(answer.result) ?? answer.result, answer.at], [expected, 10])
    assert.deepEqual([gate.learned, clock.pending], [[expected === 'enough' ? 'ignored' : 'failure'], 0])
  }
})
