// The rate limit as a gate: who is admitted, who is told when to come back, whose call gives back what it took, and
// that no trouble with a key stops a call. The store of others has its own file.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Call,
  circuitBreaker,
  ignored,
  pipeline,
  type PolicyEvent,
  retry,
  success,
  SwitchgearError,
  timeout,
} from '../../src/index.ts'
import { RateLimitedError } from '../../src/rate-limit/limited-error.ts'
import type { RateLimitOptions } from '../../src/rate-limit/options.ts'
import { RateLimit, rateLimit } from '../../src/rate-limit/rate-limit.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { codeOf, hang, Task, turns, watch } from '../watch.ts'

/** A limit in a pipeline of its own; `calls` answers how many of so many calls of a key were admitted now. */
function rig(options: RateLimitOptions = {}): {
  clock: VirtualClock
  limit: RateLimit
  calls: (count: number, key?: string) => number
} {
  const clock = new VirtualClock()
  const limit = rateLimit(options)
  const guarded = pipeline({ name: 'api', clock }, limit)
  const calls = (count: number, key?: string): number => {
    let admitted = 0
    for (let call = 0; call < count; call++) {
      const permit = guarded.admit({ key })
      if (permit.kind === 'rejection') continue
      const attempt = permit.attempt()
      if (attempt.kind === 'attempt') {
        attempt.settle('success')
        attempt.exit()
      }
      permit.exit()
      admitted++
    }
    return admitted
  }
  return { clock, limit, calls }
}

/** What one more call is refused with. */
function refused(limit: RateLimit, clock: VirtualClock, key?: string): RateLimitedError {
  const answer = pipeline({ name: 'api', clock }, limit).admit({ key })
  assert.ok(answer.kind === 'rejection')
  assert.ok(answer.error instanceof RateLimitedError)
  return answer.error
}

test('by default 100 calls a second, refilled continuously', () => {
  const { clock, calls } = rig()
  assert.equal(calls(150), 100)
  clock.advanceSync(10)
  assert.equal(calls(5), 1)
  clock.advanceSync(255)
  assert.equal(calls(100), 25)
  clock.advanceSync(3_600_000)
  assert.equal(calls(150), 100)
})

test('a burst is the size of the bucket, smaller or larger than the limit', () => {
  const small = rig({ limit: 60, window: '1m', burst: 5 })
  assert.equal(small.calls(60), 5)
  small.clock.advanceSync(3000)
  assert.equal(small.calls(60), 3)
  const large = rig({ limit: 10, burst: 50 })
  assert.equal(large.calls(60), 50)
  large.clock.advanceSync(1000)
  assert.equal(large.calls(60), 10)
})

test('a sliding window weights the window before by what of it is still covered', () => {
  const { clock, calls } = rig({ limit: 10, algorithm: 'slidingWindow' })
  assert.equal(calls(20), 10)
  clock.advanceSync(999)
  assert.equal(calls(20), 0)
  clock.advanceSync(1 + 300)
  assert.equal(calls(20), 3)
  clock.advanceSync(200)
  assert.equal(calls(20), 2)
  clock.advanceSync(2000)
  assert.equal(calls(20), 10)
})

for (const algorithm of ['tokenBucket', 'slidingWindow'] as const) {
  test(`${algorithm}: a call that comes when the refusal said is admitted, one that comes earlier is not`, () => {
    for (const limit of [1, 3, 7, 100]) {
      const { clock, limit: gate, calls } = rig({ limit, algorithm, window: 1100 })
      for (let round = 0; round < 50; round++) {
        calls(limit + 1)
        const { retryAfterMs } = refused(gate, clock)
        assert.ok(retryAfterMs > 0 && retryAfterMs <= 2200, `${retryAfterMs}`)
        clock.advanceSync(retryAfterMs * 0.99)
        assert.equal(calls(1), 0, `limit ${limit}, round ${round}`)
        clock.advanceSync(retryAfterMs * 0.01)
        assert.equal(calls(1), 1, `limit ${limit}, round ${round}`)
      }
    }
  })

  test(`${algorithm}: a refused call takes nothing`, () => {
    const { clock, calls } = rig({ limit: 10, algorithm })
    assert.equal(calls(10), 10)
    for (let ms = 0; ms < 2000; ms += 10) {
      calls(1, 'other')
      clock.advanceSync(10)
    }
    assert.equal(calls(10_000), 10)
    assert.equal(calls(10_000), 0)
    clock.advanceSync(2000)
    assert.equal(calls(11), 10)
  })
}

test('the refusal says who, how much and when, and not whose call it was', () => {
  const { clock, limit, calls } = rig({ limit: 2, window: '1m', name: 'per "tenant"\u00e9' })
  calls(2, 'secret-key')
  const error = refused(limit, clock, 'secret-key')
  assert.ok(error instanceof SwitchgearError)
  assert.deepEqual(
    [error.code, error.refusal, error.policy, error.pipeline],
    ['SG_RATE_LIMITED', true, 'per "tenant"\u00e9', 'api'],
  )
  assert.equal(error.message, 'api: per "tenant"\u00e9: more than 2 calls per 60000 ms')
  assert.ok(!JSON.stringify([error.message, error.rateLimit]).includes('secret'))
  assert.equal(error.stack?.includes('    at '), false)
  assert.deepEqual(error.rateLimit, {
    policy: String.raw`"per \"tenant\"?";q=2;w=60`,
    limit: String.raw`"per \"tenant\"?";r=0;t=30`,
  })
  assert.equal(error.retryAfterMs, 30_000)
  clock.advanceSync(29_500)
  assert.deepEqual([error.retryAfterMs, error.rateLimit.limit.slice(-8)], [500, ';r=0;t=1'])
  clock.advanceSync(3_600_000)
  assert.deepEqual([error.retryAfterMs, error.rateLimit.limit.slice(-8)], [0, ';r=0;t=0'])
})

test('quota tells what is left and takes nothing; its fields never promise more than the rate', () => {
  const { clock, limit, calls } = rig({ limit: 100, window: '1m', name: 'default' })
  const full = { limit: 100, remaining: 100, retryAfterMs: 0, resetMs: 0 }
  const policy = '"default";q=100;w=60'
  assert.deepEqual(limit.quota('a'), { ...full, rateLimit: { policy, limit: '"default";r=100;t=60' } })
  assert.equal(limit.snapshot().keys, 0)
  calls(50, 'a')
  assert.deepEqual(limit.quota('a'), {
    limit: 100,
    remaining: 50,
    retryAfterMs: 0,
    resetMs: 30_000,
    rateLimit: { policy, limit: '"default";r=50;t=30' },
  })
  calls(50, 'a')
  assert.deepEqual(limit.quota('a'), {
    limit: 100,
    remaining: 0,
    retryAfterMs: 600,
    resetMs: 60_000,
    rateLimit: { policy, limit: '"default";r=0;t=1' },
  })
  clock.advanceSync(90_000)
  assert.deepEqual(limit.quota('a').remaining, 100)
  assert.deepEqual(limit.quota().remaining, 100)
  const short = rig({ limit: 5, window: 250, algorithm: 'slidingWindow' })
  short.calls(5)
  const { rateLimit: fields, resetMs, retryAfterMs } = short.limit.quota()
  assert.deepEqual(fields, { policy: '"rateLimit";q=5;w=1', limit: '"rateLimit";r=0;t=1' })
  assert.deepEqual([resetMs, Math.round(retryAfterMs)], [500, 300])
})

test('each key has a quota of its own; calls without a key share one', () => {
  const { calls } = rig({ limit: 3 })
  assert.deepEqual([calls(5, 'a'), calls(5, 'b'), calls(5), calls(5, '')], [3, 3, 3, 0])
})

test('a key function replaces the key of the call; one that throws or knows none means the shared one', async () => {
  const clock = new VirtualClock()
  const key = ({ priority }: Call): string | undefined => {
    if (priority === 3) throw new Error('no key')
    return priority === 2 ? undefined : `${priority}`
  }
  const limit = rateLimit({ limit: 1, key })
  const guarded = pipeline({ clock }, limit)
  const codes: (string | undefined)[] = []
  for (const priority of [0, 0, 1, 2, 3, 3] as const) {
    const answer = watch(guarded.execute(() => 'ran', { priority, key: `${codes.length}` }))
    await turns()
    codes.push(answer.code)
  }
  const no = 'SG_RATE_LIMITED'
  assert.deepEqual(codes, [undefined, no, undefined, undefined, no, no])
})

test('failed calls, calls cut by a timeout, and calls that their caller aborts have used their part', async () => {
  const clock = new VirtualClock()
  const limit = rateLimit({ limit: 10 })
  const guarded = pipeline({ clock }, limit, timeout(100))
  const task = new Task()
  const controller = new AbortController()
  const answers = [
    watch(guarded.execute(task.run)),
    watch(guarded.execute(task.run)),
    watch(guarded.execute(task.run, { signal: controller.signal })),
  ]
  task.reject(0, new Error('down'))
  controller.abort()
  assert.equal(limit.quota().remaining, 7)
  await clock.advance(100)
  assert.deepEqual(
    answers.map(({ state }) => state),
    ['rejected', 'rejected', 'rejected'],
  )
  assert.equal(limit.quota().resetMs, 200)
  assert.deepEqual([limit.snapshot().totals.givenBack, clock.pending], [0, 0])
})

test('a call that a gate further in refuses gives back what it took, in the same frame and across layers', async () => {
  for (const between of [[], [timeout(100)], [retry({ delay: 1 })]]) {
    for (const algorithm of ['tokenBucket', 'slidingWindow'] as const) {
      const clock = new VirtualClock()
      const limit = rateLimit({ limit: 5, algorithm })
      const inner = circuitBreaker()
      inner.isolate('for the test')
      const guarded = pipeline({ clock, name: 'api' }, limit, ...between, inner)
      for (let call = 0; call < 20; call++) {
        const answer = watch(guarded.execute(() => 'ran'))
        await turns()
        assert.equal(answer.code, 'SG_CIRCUIT_ISOLATED')
      }
      assert.equal(limit.quota().resetMs, 0)
      const { admitted, rejections, givenBack } = limit.snapshot().totals
      assert.deepEqual([admitted, rejections, givenBack, clock.pending], [20, 0, 20, 0])
    }
  }
})

test('the refusal of another pipeline, which the function called, gives nothing back: the function ran', async () => {
  for (const [outside, inside] of [
    ['api', 'prices'],
    ['api', ''],
    ['', 'prices'],
    ['', ''],
  ]) {
    const clock = new VirtualClock()
    const breaker = circuitBreaker()
    breaker.isolate('for the test')
    const downstream = pipeline({ clock, name: inside }, breaker)
    const limit = rateLimit({ limit: 3, window: '1h' })
    const guarded = pipeline({ clock, name: outside }, limit, timeout(100))
    let runs = 0
    const run = (): Promise<string> => {
      runs++
      return downstream.execute(() => 'never')
    }
    const answers = Array.from({ length: 50 }, () => watch(guarded.execute(run, { key: 'tenant' })))
    await turns()
    const codes = new Set(answers.map(({ code }) => code))
    assert.deepEqual(
      [runs, [...codes]],
      [3, ['SG_CIRCUIT_ISOLATED', 'SG_RATE_LIMITED']],
      `'${outside}' calls '${inside}'`,
    )
    assert.equal(limit.snapshot().totals.givenBack, 0)
  }
})

test('a call that another policy refuses gives back, behind a layer too, whatever the pipeline is called', async () => {
  for (const [left, between] of [
    [5, []],
    [5, [timeout(100)]],
  ] as const) {
    const clock = new VirtualClock()
    const inner = circuitBreaker()
    inner.isolate('for the test')
    const limit = rateLimit({ limit: 5, window: '1h' })
    const answer = watch(pipeline({ clock }, limit, ...between, inner).execute(() => 'ran'))
    await turns()
    assert.deepEqual([answer.code, limit.quota().remaining], ['SG_CIRCUIT_ISOLATED', left])
  }
})

test('an admitted call that nobody runs gives back; one that an adapter settles with a reason does not', () => {
  const clock = new VirtualClock()
  const limit = rateLimit({ limit: 5 })
  const guarded = pipeline({ clock }, limit)
  for (let call = 0; call < 20; call++) {
    using permit = guarded.admit() as Disposable
    assert.ok('kind' in permit && permit.kind === 'permit')
  }
  assert.equal(limit.quota().remaining, 5)
  const permit = guarded.admit()
  assert.ok(permit.kind === 'permit')
  const attempt = permit.attempt()
  assert.ok(attempt.kind === 'attempt')
  attempt.settle('ignored', new Error('the client went away'))
  permit.exit()
  assert.equal(limit.quota().remaining, 4)
})

test('an abort gives nothing back, also not where its reason is an error of ours', async () => {
  const limit = rateLimit({ limit: 5, window: '1h' })
  const controller = new AbortController()
  const answer = watch(pipeline(limit).execute(hang, { signal: controller.signal }))
  controller.abort(new SwitchgearError('SG_TEST', 'too late'))
  await turns()
  assert.deepEqual([answer.code, limit.quota().remaining], ['SG_TEST', 4])
})

test('a value that the classifier ignores has used its part, for the function ran', async () => {
  const clock = new VirtualClock()
  const limit = rateLimit({ limit: 5 })
  const ofValue = (value: string): typeof success => (value === 'skip' ? ignored : success)
  const guarded = pipeline({ clock, classify: { ofValue } }, limit)
  await guarded.execute(() => 'skip')
  assert.equal(limit.quota().remaining, 4)
  await guarded.execute(() => 'good')
  assert.equal(limit.quota().remaining, 3)
})

test('what comes back late is what time has not refilled: no second burst, never more than the bucket', () => {
  const { clock, limit } = rig({ limit: 10 })
  const guarded = pipeline({ clock }, limit)
  const late = Array.from({ length: 10 }, () => guarded.admit())
  clock.advanceSync(1000)
  const more = Array.from({ length: 12 }, () => guarded.admit())
  assert.equal(more.filter(({ kind }) => kind === 'permit').length, 10)
  for (const permit of late) if (permit.kind === 'permit') permit.exit()
  assert.equal(guarded.admit().kind, 'rejection')
  for (const permit of more) if (permit.kind === 'permit') permit.exit()
  assert.deepEqual([limit.quota().remaining, limit.quota().resetMs], [10, 0])
})

test('outside a retry a call takes once, inside it every attempt takes', async () => {
  for (const [taken, arrange] of [
    [1, (limit: RateLimit) => [limit, retry({ maxAttempts: 3, delay: 1 })]],
    [3, (limit: RateLimit) => [retry({ maxAttempts: 3, delay: 1 }), limit]],
  ] as const) {
    const clock = new VirtualClock()
    const limit = rateLimit({ limit: 10, window: '1h' })
    const answer = watch(pipeline({ clock }, ...arrange(limit)).execute(() => Promise.reject(new Error('down'))))
    await clock.advance(1000)
    assert.deepEqual([answer.state, limit.quota().remaining], ['rejected', 10 - taken])
  }
})

test('its refusals open no circuit and are not retried', async () => {
  for (const isOutside of [true, false]) {
    const clock = new VirtualClock()
    const [breaker, limit] = [circuitBreaker({ consecutiveFailures: 1 }), rateLimit({ limit: 1, window: '1h' })]
    const again = retry({ delay: 1 })
    const guarded = pipeline({ clock }, again, ...(isOutside ? [breaker, limit] : [limit, breaker]))
    const answers = Array.from({ length: 20 }, () => watch(guarded.execute(() => 'ran')))
    await clock.advance(100)
    assert.equal(answers.filter(({ code }) => code === 'SG_RATE_LIMITED').length, 19)
    assert.deepEqual([breaker.state, again.snapshot().totals.retries], ['closed', 0])
  }
})

test('an object given to two pipelines is one limit; two with the same options share nothing', () => {
  const clock = new VirtualClock()
  const options = { limit: 2 }
  const [shared, other] = [rateLimit(options), rateLimit(options)]
  const [a, b, c] = [shared, shared, other].map((limit) => pipeline({ clock }, limit))
  assert.deepEqual(
    [a, b, a, b, c, c, c].map((guarded) => guarded?.admit().kind),
    ['permit', 'permit', 'rejection', 'rejection', 'permit', 'permit', 'rejection'],
  )
})

test('an event tells of each refusal, and a listener that throws changes nothing', () => {
  const { limit, calls } = rig({ limit: 1 })
  const events: PolicyEvent[] = []
  limit.events.subscribe((event) => events.push(event))
  limit.events.subscribe(() => {
    throw new Error('broken listener')
  })
  assert.equal(calls(3), 1)
  const event = { type: 'rejected', policy: 'rateLimit', pipeline: 'api', code: 'SG_RATE_LIMITED' }
  assert.deepEqual(events, [event, event])
  assert.equal(limit.events.listenerErrors, 2)
})

const bad: [unknown, RegExp][] = [
  [{ limit: 0 }, /rateLimit\.limit must be a whole number in \[1, 1000000000\], got 0/],
  [{ limit: 1.5 }, /got 1\.5/],
  [{ limit: Infinity }, /got Infinity/],
  [{ burst: 0 }, /rateLimit\.burst must be a whole number/],
  [{ burst: 5, algorithm: 'slidingWindow' }, /rateLimit\.burst must be left out with a sliding window, got 5/],
  [{ algorithm: 'leaky' }, /rateLimit\.algorithm must be 'tokenBucket' or 'slidingWindow', got 'leaky'/],
  [{ window: 0 }, /rateLimit\.window must be a duration of at least 1 ms/],
  [{ window: 'fast' }, /got 'fast'/],
  [{ key: 'tenant' }, /rateLimit\.key must be a function, got 'tenant'/],
  [{ maxKeys: 0 }, /rateLimit\.maxKeys must be a whole number/],
  [{ store: {} }, /rateLimit\.store\.take must be a function/],
  [{ name: 5 }, /rateLimit\.name must be a text, got 5/],
  [{ rate: 5 }, /rateLimit\.rate is not an option; known are name, limit/],
  [null, /rateLimit must be an object/],
]
for (const [options, message] of bad) {
  test(`rateLimit(${JSON.stringify(options)}) is refused with path, bound and value`, () => {
    const isOptionsError = (error: unknown): boolean =>
      codeOf(error) === 'SG_BAD_OPTIONS' && message.test((error as Error).message)
    assert.throws(() => rateLimit(options as RateLimitOptions), isOptionsError)
    if (options === null || 'name' in (options as object)) return
    const { limit, calls } = rig({ limit: 3, algorithm: 'slidingWindow' })
    if ((options as RateLimitOptions).burst === 0) return
    if ('store' in (options as object)) return
    assert.throws(() => limit.update(options as RateLimitOptions), isOptionsError)
    assert.equal(calls(5), 3, 'a bad update changes nothing')
  })
}

test('a call of which one attempt ran gives nothing back, although a later one was refused further in', async () => {
  const clock = new VirtualClock()
  const limit = rateLimit({ limit: 2, window: '1h' })
  const breaker = circuitBreaker({ consecutiveFailures: 1, openFor: 1 })
  const guarded = pipeline({ clock }, limit, retry({ delay: 0, jitter: 0 }), breaker)
  let runs = 0
  for (let call = 0; call < 20; call++) {
    const answer = guarded.execute(() => (runs++, Promise.reject(new Error('down')))).catch(() => undefined)
    await clock.advance(10)
    await answer
  }
  assert.deepEqual([runs, limit.snapshot().totals.givenBack], [2, 0])
})

test('a call that an adapter gives up between two tries gives nothing back', () => {
  const clock = new VirtualClock()
  const limit = rateLimit({ limit: 2, window: '1h' })
  const guarded = pipeline({ clock }, limit, retry({ delay: 10 }))
  let ran = 0
  for (let call = 0; call < 20; call++) {
    const permit = guarded.admit()
    if (permit.kind === 'rejection') continue
    ran++
    const attempt = permit.attempt()
    assert.ok(attempt.kind === 'attempt')
    attempt.settle('failure', new Error('down'))
    attempt.exit()
    permit.exit()
  }
  assert.equal(ran, 2)
})

test('inside a retry a try from outside that ran has used its part, whatever it is settled as', () => {
  const limit = rateLimit({ limit: 2, window: '1h' })
  const guarded = pipeline({ clock: new VirtualClock() }, retry(), limit)
  const permit = guarded.admit()
  assert.ok(permit.kind === 'permit')
  const attempt = permit.attempt()
  assert.ok(attempt.kind === 'attempt')
  attempt.settle('ignored')
  permit.exit()
  assert.deepEqual([limit.quota().remaining, limit.snapshot().totals.givenBack], [1, 0])
})
