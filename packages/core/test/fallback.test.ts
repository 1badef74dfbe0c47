// The fallback: when it answers instead, when it must not, and what its substitute is told.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  bulkhead,
  type Call,
  circuitBreaker,
  type Classifier,
  failure,
  fallback,
  ignored,
  pipeline,
  type Policy,
  type PolicyEvent,
  retry,
  success,
  SwitchgearError,
  timeout,
} from '../src/index.ts'
import { VirtualClock } from '../src/testing/index.ts'
import { Recorder } from './recorder.ts'
import { codeOf, hang, Task, watch } from './watch.ts'

const down = new Error('down')
const fail = (): Promise<never> => Promise.reject(down)
const isolated = (): Policy => {
  const breaker = circuitBreaker()
  breaker.isolate('maintenance')
  return breaker
}
const full = (): Policy => {
  const slots = bulkhead({ maxInFlight: 1 })
  void pipeline(slots).execute(hang)
  return slots
}

const reasons: [string, () => Policy[], () => unknown, (error: unknown) => boolean][] = [
  ['a throw', () => [], fail, (error) => error === down],
  [
    'a throw at once',
    () => [],
    () => {
      throw down
    },
    (error) => error === down,
  ],
  ['an open circuit', () => [isolated()], hang, (error) => codeOf(error) === 'SG_CIRCUIT_ISOLATED'],
  ['a full bulkhead', () => [full()], hang, (error) => codeOf(error) === 'SG_BULKHEAD_FULL'],
  ['a timeout', () => [timeout(10)], hang, (error) => codeOf(error) === 'SG_TIMEOUT'],
  ['tries that are used up', () => [retry({ delay: 1 })], fail, (error) => error === down],
]
for (const [label, policies, run, isReason] of reasons) {
  test(`after ${label} the substitute answers, and is told why and for which call`, async () => {
    const clock = new VirtualClock()
    const told: [unknown, Call][] = []
    const guarded = pipeline(
      { clock, name: 'orders' },
      fallback(async (error, call) => {
        told.push([error, call])
        return `instead for ${call.key}`
      }),
      ...policies(),
    )
    const answer = watch(guarded.execute(run, { key: '7' }))
    await clock.advance(1000)
    assert.equal(answer.result, 'instead for 7')
    const [[error, call] = []] = told
    assert.ok(told.length === 1 && isReason(error) && call?.name === 'orders')
    assert.equal(call.signal.aborted, false, 'the substitute can still use the signal of the call')
    assert.equal(clock.pending, 0)
  })
}

test('a success passes untouched, and the substitute is not asked', async () => {
  const policy = fallback(() => assert.fail('asked'))
  for (const value of [0, '', null, undefined, false]) {
    assert.equal(await pipeline(policy, circuitBreaker()).execute(() => value), value)
  }
  assert.deepEqual(policy.snapshot().totals, { used: 0, failed: 0 })
})

test('a constant is answered as it is: also undefined, a promise, or a function', async () => {
  const action = (): number => 5
  assert.equal(await pipeline(fallback({ value: undefined })).execute(fail), undefined)
  assert.equal(await pipeline(fallback({ value: action })).execute(fail), action)
  assert.equal(await pipeline(fallback({ value: Promise.resolve(7) })).execute(fail), 7)
})

test('it never acts on the abort of the caller: before, during the call, or while the substitute works', async () => {
  for (const abortAt of [0, 5, 15]) {
    const clock = new VirtualClock()
    const controller = new AbortController()
    let asked = 0
    let seen: AbortSignal | undefined
    const substitute = (_error: unknown, { signal }: Call): Promise<never> => {
      asked++
      seen = signal
      return hang()
    }
    if (abortAt === 0) controller.abort('enough')
    else clock.setTimer(() => controller.abort('enough'), abortAt)
    const guarded = pipeline({ clock }, fallback(substitute), circuitBreaker(), timeout(10))
    const answer = watch(guarded.execute(hang, { signal: controller.signal }), clock)
    await clock.advance(1000)
    assert.deepEqual([answer.result, answer.at, asked, clock.pending], ['enough', abortAt, abortAt === 15 ? 1 : 0, 0])
    if (asked === 1) assert.ok(seen?.aborted === true && seen.reason === 'enough')
  }
})

test('it is not asked about what a function throws, or answers, after it was aborted', async () => {
  for (const how of ['rejects', 'answers'] as const) {
    const clock = new VirtualClock()
    const controller = new AbortController()
    const policy = fallback(() => assert.fail('asked'))
    const classify: Classifier = { ofValue: () => failure }
    const run = ({ signal }: Call): Promise<unknown> =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => (how === 'rejects' ? reject(down) : resolve('a failed value')))
      })
    const answer = watch(
      pipeline({ clock, classify }, policy, circuitBreaker()).execute(run, { signal: controller.signal }),
    )
    controller.abort('enough')
    await clock.advance(10)
    assert.deepEqual([answer.result, policy.snapshot().totals], ['enough', { used: 0, failed: 0 }])
  }
})

test('it does not answer for a deadline of the caller or a timeout outside it', async () => {
  for (const byTimeout of [true, false]) {
    const clock = new VirtualClock()
    const policies = [...(byTimeout ? [timeout(10)] : []), fallback({ value: 1 }), circuitBreaker()]
    const answer = watch(pipeline({ clock }, ...policies).execute(hang, byTimeout ? {} : { deadline: 10 }), clock)
    await clock.advance(100)
    assert.deepEqual([answer.code, answer.at], [byTimeout ? 'SG_TIMEOUT' : 'SG_DEADLINE_EXCEEDED', 10])
  }
})

test('it does not act on what the classifier ignores', async () => {
  const classify: Classifier = { ofError: (error) => (error instanceof RangeError ? ignored : failure) }
  const guarded = pipeline({ classify }, fallback({ value: 'instead' }), circuitBreaker())
  await assert.rejects(
    guarded.execute(() => Promise.reject(new RangeError('no such order'))),
    RangeError,
  )
  assert.equal(await guarded.execute(fail), 'instead')
})

const statuses: Classifier = { ofValue: (status: number) => (status < 500 ? success : failure) }

test('a value that is a failure is replaced, told as SG_FAILED_RESULT with the value as cause, and discarded', async () => {
  const discarded: unknown[] = []
  const told: unknown[] = []
  const classify: Classifier = { ...statuses, discard: (status: number) => discarded.push(status) }
  const policy = fallback((error) => {
    told.push(error)
    assert.deepEqual(discarded, [], 'the substitute may still read the value')
    return 200
  })
  const guarded = pipeline({ classify, name: 'orders' }, policy, circuitBreaker())
  assert.deepEqual([await guarded.execute(() => 404), await guarded.execute(() => 503)], [404, 200])
  const [error] = told as SwitchgearError[]
  assert.deepEqual([told.length, error?.code, error?.pipeline, error?.cause], [1, 'SG_FAILED_RESULT', 'orders', 503])
  assert.equal(error?.refusal, false)
  assert.deepEqual(discarded, [503])
})

test('a substitute that answers with the failed value after all hands it to the caller, not to discard', async () => {
  const response = { status: 503, isOpen: true }
  const classify: Classifier = {
    ofValue: ({ status }: typeof response) => (status < 500 ? success : failure),
    discard: (value: typeof response) => (value.isOpen = false),
  }
  const answer = await pipeline(
    { classify },
    fallback((error) => (error as Error).cause),
  ).execute(() => response)
  assert.deepEqual(answer, { status: 503, isOpen: true })
})

test('fallbacks chain: the inner one answers first, and when it fails the outer one is asked', async () => {
  const asked: string[] = []
  const layer = (name: string, answer: () => string): Policy =>
    fallback((error) => {
      asked.push(`${name} after ${(error as Error).message}`)
      return answer()
    })
  const cacheIsEmpty = (): never => {
    throw new Error('the cache is empty')
  }
  assert.equal(
    await pipeline(
      layer('last', () => 'last'),
      layer('cache', () => 'cached'),
    ).execute(fail),
    'cached',
  )
  assert.equal(
    await pipeline(
      layer('last', () => 'last'),
      layer('cache', cacheIsEmpty),
    ).execute(fail),
    'last',
  )
  assert.deepEqual(asked, ['cache after down', 'cache after down', 'last after the cache is empty'])
})

test('what a substitute throws, at once or later, reaches the caller and is counted', async () => {
  const broken = new Error('the fallback is broken')
  for (const substitute of [
    () => Promise.reject(broken),
    () => {
      throw broken
    },
  ]) {
    const policy = fallback(substitute)
    await assert.rejects(pipeline(policy).execute(fail), (error) => error === broken)
    assert.deepEqual(policy.snapshot().totals, { used: 1, failed: 1 })
  }
})

test('an answer of a fallback is a success for the gates outside it, and the failure stays one inside', async () => {
  const [outside, inside] = [new Recorder('outside'), new Recorder('inside')]
  await pipeline(outside, fallback({ value: 1 }), inside).execute(fail)
  assert.deepEqual([outside.learned, inside.learned], [['success'], ['failure']])
})

test('a fallback inside a retry ends the tries, outside it follows them', async () => {
  const clock = new VirtualClock()
  for (const [position, tries] of [
    ['inside', 1],
    ['outside', 3],
  ] as const) {
    const again = retry({ delay: 1 })
    const instead = fallback({ value: 'instead' })
    let made = 0
    const run = (): Promise<never> => {
      made++
      return fail()
    }
    const answer = watch(
      pipeline({ clock }, ...(position === 'inside' ? [again, instead] : [instead, again])).execute(run),
    )
    await clock.advance(100)
    assert.deepEqual([answer.result, made], ['instead', tries])
  }
})

test('a late result of a call that a fallback has answered for is discarded', async () => {
  const clock = new VirtualClock()
  const discarded: unknown[] = []
  const classify = { discard: (value: unknown) => discarded.push(value) }
  const task = new Task()
  const answer = watch(pipeline({ clock, classify }, fallback({ value: 'instead' }), timeout(10)).execute(task.run))
  await clock.advance(10)
  task.resolve(0, 'late')
  await clock.advance(0)
  assert.deepEqual([answer.result, discarded], ['instead', ['late']])
})

test('an event tells of each use', async () => {
  const policy = fallback({ value: 1 }, { name: 'queue' })
  const events: PolicyEvent[] = []
  policy.events.subscribe((event) => events.push(event))
  await pipeline({ name: 'orders' }, policy).execute(fail)
  assert.deepEqual(events, [{ type: 'fallback', policy: 'queue', pipeline: 'orders', error: down }])
  assert.deepEqual(policy.snapshot(), { policy: 'fallback', name: 'queue', totals: { used: 1, failed: 0 } })
})

const bad: [unknown, unknown, RegExp][] = [
  [undefined, {}, /fallback must be a function .* or an object \{ value \}, got undefined/],
  [null, {}, /got null/],
  ['instead', {}, /got 'instead'/],
  [{ valeu: 1 }, {}, /fallback/],
  [{ value: 1, status: 200 }, {}, /fallback\.status/],
  [{ value: 1 }, { nmae: 'x' }, /fallback\.nmae is not an option/],
]
for (const [substitute, options, message] of bad) {
  test(`fallback(${JSON.stringify(substitute)}, ${JSON.stringify(options)}) is refused by a message that names it`, () => {
    const isOptionsError = (error: unknown): boolean =>
      codeOf(error) === 'SG_BAD_OPTIONS' && message.test((error as Error).message)
    assert.throws(() => fallback(substitute as never, options as never), isOptionsError)
  })
}
