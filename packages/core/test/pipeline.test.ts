// The pipeline as its user sees it: what goes in, what comes out, and what it refuses to compile.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type AdmittingPipeline,
  type Call,
  circuitBreaker,
  bulkhead,
  fallback,
  type Layer,
  OptionsError,
  type Pipeline,
  pipeline,
  type Policy,
  type PolicyEvent,
  retry,
  timeout,
} from '../src/index.ts'
import { VirtualClock } from '../src/testing/index.ts'
import { Journal, Recorder } from './recorder.ts'
import { codeOf, hang, turns, watch } from './watch.ts'

const stacks: Record<string, (clock: VirtualClock) => Pipeline<unknown>> = {
  'no policy': (clock) => pipeline({ clock }),
  'a breaker': (clock) => pipeline({ clock }, circuitBreaker()),
  'a timeout': (clock) => pipeline({ clock }, timeout('1s')),
  'a retry': (clock) => pipeline({ clock }, retry({ maxAttempts: 1 })),
  'a fallback': (clock) =>
    pipeline(
      { clock },
      fallback((error) => Promise.reject(error)),
    ),
  'the standard stack': (clock) =>
    pipeline({ clock }, bulkhead(), timeout('9s'), retry({ maxAttempts: 1 }), circuitBreaker(), timeout('1s')),
}

for (const [label, build] of Object.entries(stacks)) {
  test(`through ${label} a value comes out as it is, also undefined, and a promise of it`, async () => {
    const guarded = build(new VirtualClock())
    const value = { any: 'object' }
    assert.equal(await guarded.execute(() => value), value)
    assert.equal(await guarded.execute(async () => value), value)
    assert.equal(await guarded.execute(() => undefined), undefined)
    assert.equal(await guarded.execute(() => null), null)
    // A value that is an error is a value.
    const error = new Error('returned')
    assert.equal(await guarded.execute(() => error), error)
  })

  test(`through ${label} a throw, at once or later, rejects with the very thing that was thrown`, async () => {
    for (const thrown of [new Error('thrown'), 'a string', undefined, null, 0, Object.freeze(new Error('frozen'))]) {
      const guarded = build(new VirtualClock())
      const atOnce = watch(
        guarded.execute(() => {
          throw thrown
        }),
      )
      const later = watch(guarded.execute(() => Promise.reject(thrown)))
      await turns()
      assert.deepEqual([atOnce.state, later.state], ['rejected', 'rejected'])
      assert.ok(Object.is(atOnce.result, thrown) && Object.is(later.result, thrown))
    }
  })

  test(`through ${label} the answer is a real promise and the function begins in the caller's turn`, async () => {
    const guarded = build(new VirtualClock())
    let began = false
    const answer = guarded.execute(() => {
      began = true
    })
    assert.ok(began && answer instanceof Promise)
    await answer
  })

  test(`through ${label} a call that is aborted before it begins never runs and rejects with the reason itself`, async () => {
    const clock = new VirtualClock()
    const guarded = build(clock)
    for (const reason of [new Error('the reason'), 'a string', 0]) {
      const answer = watch(guarded.execute(() => assert.fail('it ran'), { signal: AbortSignal.abort(reason) }))
      await turns()
      assert.ok(answer.state === 'rejected' && answer.result === reason)
    }
    assert.equal(clock.pending, 0)
  })
}

test('a call knows its pipeline, key, priority, attempt, start and deadline, and has defaults for all', async () => {
  const clock = new VirtualClock({ now: 50 })
  const see = ({ name, key, priority, attempt, startedAt, deadline, idempotent, signal }: Call): unknown[] => [
    name,
    key,
    priority,
    attempt,
    startedAt,
    deadline,
    idempotent,
    signal.aborted,
  ]
  const named = pipeline({ name: 'payments', clock }, circuitBreaker())
  const options = { key: 'order 7', priority: 0, deadline: 90, idempotent: false } as const
  assert.deepEqual(await named.execute(see, options), ['payments', 'order 7', 0, 1, 50, 90, false, false])
  assert.deepEqual(await pipeline({ clock }).execute(see), ['', undefined, 1, 1, 50, Infinity, true, false])
})

test('options that are undefined are options that were not given', async () => {
  const options = { signal: undefined, deadline: undefined, key: undefined, priority: undefined, idempotent: undefined }
  const guarded = pipeline({ name: undefined, classify: undefined, clock: undefined, random: undefined }, retry())
  const seen = await guarded.execute(({ deadline, priority, idempotent }) => [deadline, priority, idempotent], options)
  assert.deepEqual(seen, [Infinity, 1, true])
})

test('the signal is made only when somebody reads it', async () => {
  const Host = globalThis.AbortController
  let made = 0
  globalThis.AbortController = class extends Host {
    constructor() {
      super()
      made++
    }
  }
  try {
    const guarded = pipeline(retry(), circuitBreaker(), timeout('1s'))
    for (let round = 0; round < 10; round++) await guarded.execute(() => round)
    assert.equal(made, 0)
    await guarded.execute((call) => assert.equal(call.signal, call.signal))
    assert.equal(made, 1)
  } finally {
    globalThis.AbortController = Host
  }
})

test('wrap keeps this and the parameters', async () => {
  class Account {
    balance = 5
    add = pipeline(circuitBreaker()).wrap(function (this: Account, amount: number, note = 'none') {
      this.balance += amount
      return `${this.balance} ${note}`
    })
  }
  const account = new Account()
  assert.equal(await account.add(3, 'salary'), '8 salary')
  assert.equal(await account.add(1), '9 none')
})

test('wrap runs every call on its own, and rejects where the function throws', async () => {
  const breaker = circuitBreaker({ consecutiveFailures: 2 })
  const divide = pipeline(breaker).wrap((by: number) => {
    if (by === 0) throw new RangeError('by zero')
    return 10 / by
  })
  assert.equal(await divide(5), 2)
  await assert.rejects(divide(0), RangeError)
  await assert.rejects(divide(0), RangeError)
  await assert.rejects(divide(5), { code: 'SG_CIRCUIT_OPEN' })
})

test('policies surround the call in the order in which they are listed', async () => {
  const journal = new Journal()
  const gate = (name: string): Recorder => new Recorder(name, journal)
  const layer = (name: string): Layer => ({
    kind: 'layer',
    name,
    wrap: (next) => (call) => {
      journal.lines.push(`into ${name}`)
      return next(call).finally(() => journal.lines.push(`out of ${name}`))
    },
  })
  const guarded = pipeline(gate('a'), gate('b'), layer('l'), gate('c'), layer('m'))
  await guarded.execute(() => void journal.lines.push('run'))
  assert.deepEqual(
    journal.lines.join(', '),
    'enter a, enter b, into l, enter c, into m, run, out of m, settle c success, exit c, out of l, ' +
      'settle b success, exit b, settle a success, exit a',
  )
  assert.deepEqual(journal.problems, [])
})

test('one policy object in two pipelines is one policy', async () => {
  const breaker = circuitBreaker({ consecutiveFailures: 1 })
  const [one, two] = [pipeline({ name: 'one' }, breaker), pipeline({ name: 'two' }, breaker)]
  await assert.rejects(one.execute(() => Promise.reject(new Error('down'))))
  const error = await two.execute(hang).catch((refusal: unknown) => refusal)
  assert.equal(codeOf(error), 'SG_CIRCUIT_OPEN')
  assert.match((error as Error).message, /^two:/)
})

test('a snapshot lists every policy, the outermost first, and one that is not ours by its name', () => {
  const policies = [fallback({ value: 1 }), bulkhead(), retry(), new Recorder('mine'), circuitBreaker(), timeout(5)]
  const { name, calls, policies: snapshots } = pipeline({ name: 'all' }, ...policies).snapshot()
  const kinds = ['fallback', 'bulkhead', 'retry', 'other', 'circuitBreaker', 'timeout']
  assert.deepEqual([name, calls, snapshots.map(({ policy }) => policy)], ['all', undefined, kinds])
  assert.deepEqual(snapshots[3], { policy: 'other', name: 'mine' })
})

test('a subscription hears every policy with the name of the pipeline, until it is ended', async () => {
  const clock = new VirtualClock()
  const policies = [
    fallback({ value: 1 }),
    bulkhead({ maxInFlight: 1 }),
    retry({ maxAttempts: 2, delay: 1 }),
    circuitBreaker({ consecutiveFailures: 2 }),
    timeout(5),
  ]
  const guarded = pipeline({ name: 'orders', clock }, ...policies)
  const heard: string[] = []
  const stop = guarded.subscribe(({ type }: PolicyEvent, name) => heard.push(`${name} ${type}`))
  const calls = [guarded.execute(hang), guarded.execute(hang)]
  await clock.advance(50)
  assert.deepEqual(await Promise.all(calls), [1, 1])
  const types = ['rejected', 'fallback', 'timeout', 'retry', 'timeout', 'transition', 'fallback']
  assert.deepEqual(
    heard,
    types.map((type) => `orders ${type}`),
  )
  stop()
  assert.equal(await guarded.execute(() => 2), 1)
  assert.equal(heard.length, types.length)
  assert.ok(policies.every(({ events }) => !events.heard))
})

test('a pipeline has admit exactly when all of its policies can be cut at the retry', () => {
  const mine: Layer = { kind: 'layer', name: 'mine', wrap: (next) => next }
  const without: Policy[][] = [[fallback({ value: 1 })], [circuitBreaker(), fallback({ value: 1 })], [mine]]
  for (const policies of without) assert.equal('admit' in pipeline(...policies), false)
  const having: Policy[][] = [[], [circuitBreaker(), timeout(5)], [bulkhead(), timeout(5), retry(), new Recorder('r')]]
  for (const policies of having) assert.equal(typeof (pipeline(...policies) as AdmittingPipeline).admit, 'function')
})

const refusedToCompile: [string, unknown[], RegExp][] = [
  [
    'a queue inside another gate, across a layer',
    [circuitBreaker(), timeout('1s'), bulkhead({ maxQueue: 1 })],
    /bulkhead has a queue and stands inside circuitBreaker .* list bulkhead first/,
  ],
  ['two retries', [retry(), circuitBreaker(), retry()], /two retries/],
  ['something that is no policy', [circuitBreaker(), 'retry'], /pipeline: policy 2 is not a policy, got 'retry'/],
  ['nothing where a policy should be', [circuitBreaker(), undefined], /policy 2 .* undefined/],
  ['a factory that was not called', [circuitBreaker(), retry], /policy 2 is not a policy/],
  ['a misspelt option', [{ nmae: 'orders' }, retry()], /pipeline\.nmae is not an option; known are name, classify/],
  ['null where the options should be', [null, retry()], /pipeline/],
  ['a string where the options should be', ['orders', retry()], /pipeline/],
]
for (const [label, given, message] of refusedToCompile) {
  test(`a pipeline of ${label} is refused by a message that names it`, () => {
    const build = (): unknown => pipeline(...(given as Policy[]))
    assert.throws(build, (error) => error instanceof OptionsError && message.test(error.message))
  })
}

test('neither options nor policies are changed', () => {
  const options = Object.freeze({ name: 'frozen' })
  const policies = Object.freeze([circuitBreaker(Object.freeze({ openFor: '1s' })), timeout('1s')])
  const guarded = pipeline(options, ...policies)
  assert.deepEqual([guarded.name, guarded.policies], ['frozen', [...policies]])
})
