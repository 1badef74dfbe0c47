// What circuit breakers and retries are known to get wrong, one test for each, named by the behaviour. Those that need a whole
// process (nothing idle keeps it alive, what waits does, an ignored promise is reported) stand in process.test.ts, and the
// async stack traces in stack.test.ts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bulkhead, circuitBreaker, fallback, pipeline, type Policy, retry, timeout } from '../src/index.ts'
import { VirtualClock } from '../src/testing/index.ts'

const fail = (): Promise<never> => Promise.reject(new Error('down'))
const every40ms = { backoff: 'constant', delay: 40, jitter: 0 } as const
const hang = (): Promise<never> => new Promise(() => {})
const codeOf = (error: { code?: string; message: string }): string => error.code ?? error.message

async function times(count: number, run: () => Promise<unknown>): Promise<void> {
  for (let n = 0; n < count; n++) await run().catch(() => undefined)
}

test('options shared between two breakers never share state', async () => {
  const options = { consecutiveFailures: 1 }
  const [one, other] = [circuitBreaker(options), circuitBreaker(options)]
  await times(1, () => pipeline(one).execute(fail))
  assert.deepEqual([one.state, other.state, options], ['open', 'closed', { consecutiveFailures: 1 }])
})

test('an action that returns undefined is a success', async () => {
  const breaker = circuitBreaker({ consecutiveFailures: 1 })
  const guarded = pipeline(fallback({ value: 'instead' }), retry(), breaker)
  assert.equal(await guarded.execute(() => undefined), undefined)
  assert.deepEqual([breaker.state, breaker.snapshot().totals.successes], ['closed', 1])
})

test('rejections by a bulkhead never open the circuit', async () => {
  for (const order of ['outside', 'inside']) {
    const [slots, breaker] = [bulkhead({ maxInFlight: 1 }), circuitBreaker({ consecutiveFailures: 1 })]
    const guarded = order === 'outside' ? pipeline(slots, breaker) : pipeline(breaker, slots)
    const { promise, resolve } = Promise.withResolvers<void>()
    const first = guarded.execute(() => promise)
    const codes = await Promise.all(Array.from({ length: 50 }, () => guarded.execute(() => 1).catch(codeOf)))
    assert.deepEqual(new Set(codes), new Set(['SG_BULKHEAD_FULL']))
    resolve()
    await first
    assert.deepEqual([breaker.state, breaker.snapshot().totals.failures], ['closed', 0], order)
  }
})

test('one timeout never aborts a sibling', async () => {
  const clock = new VirtualClock()
  const guarded = pipeline({ clock }, circuitBreaker(), timeout(100))
  const signals: AbortSignal[] = []
  const start = (): Promise<unknown> =>
    guarded.execute(({ signal }) => (signals.push(signal), hang())).catch((error: Error) => error)
  const first = start()
  await clock.advance(60)
  const second = start()
  await clock.advance(40)
  assert.equal(codeOf((await first) as Error), 'SG_TIMEOUT')
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [true, false],
  )
  await clock.advance(60)
  assert.equal(codeOf((await second) as Error), 'SG_TIMEOUT')
})

test('a throwing listener changes nothing', async () => {
  const breaker = circuitBreaker({ consecutiveFailures: 1 })
  breaker.events.subscribe(() => assert.fail('a broken listener'))
  const guarded = pipeline(breaker)
  await assert.rejects(guarded.execute(fail), { message: 'down' })
  await assert.rejects(
    guarded.execute(() => 1),
    { code: 'SG_CIRCUIT_OPEN' },
  )
  assert.equal(breaker.events.listenerErrors, 2)
})

test("a failure's cost does not grow with traffic", async () => {
  const clock = new VirtualClock()
  const breaker = circuitBreaker({ failureRatio: 1, window: '1h', minimumThroughput: 1_000_000 })
  const guarded = pipeline({ clock }, breaker)
  /** The quickest of ten rounds, since a pause of the host (a collection of garbage) is no cost of a failure. */
  const cost = async (calls: number): Promise<number> => {
    await times(calls, () => guarded.execute(() => 1))
    let quickest = Infinity
    for (let round = 0; round < 10; round++) {
      const begun = performance.now()
      await times(40, () => guarded.execute(fail))
      quickest = Math.min(quickest, performance.now() - begun)
    }
    return quickest
  }
  await cost(1000)
  const [few, many] = [await cost(10), await cost(50_000)]
  // A cost that grew with the calls in the window would be thousands of times higher.
  assert.ok(many < few * 20 + 20, `40 failures took ${few} ms after 10 calls and ${many} ms after 50 000`)
})

test('a hung probe frees its slot', async () => {
  const clock = new VirtualClock()
  const breaker = circuitBreaker({ consecutiveFailures: 1, halfOpenCalls: 1, successesToClose: 1, probeTimeout: '5s' })
  const guarded = pipeline({ clock }, breaker)
  await times(1, () => guarded.execute(fail))
  await clock.advance(30_000)
  void guarded.execute(hang)
  await assert.rejects(
    guarded.execute(() => 1),
    { code: 'SG_CIRCUIT_OPEN' },
  )
  await clock.advance(5000)
  assert.equal(breaker.state, 'open')
  await clock.advance(30_000)
  assert.equal(await guarded.execute(() => 'probed again'), 'probed again')
  assert.equal(breaker.state, 'closed')
})

const outOf: [string, readonly Policy[]][] = [
  ['a backoff', [retry({ delay: '1h', maxDelay: '1h', jitter: 0 })]],
  ['a queue', [bulkhead({ maxInFlight: 1, maxQueue: 1 })]],
  ['a probe', [circuitBreaker({ consecutiveFailures: 1, halfOpenCalls: 1, openFor: 10 })]],
]
for (const [place, policies] of outOf) {
  test(`an abort interrupts ${place}`, async () => {
    const clock = new VirtualClock()
    const guarded = pipeline({ clock }, ...policies)
    const controller = new AbortController()
    const { signal } = controller
    if (place === 'a queue') void guarded.execute(hang)
    if (place === 'a probe') await times(1, () => guarded.execute(fail))
    await clock.advance(10)
    const answer = guarded.execute(place === 'a backoff' ? fail : hang, { signal })
    await clock.advance(10)
    controller.abort(new Error('enough'))
    await assert.rejects(answer, { message: 'enough' })
    assert.equal(clock.pending, 0)
    if (place === 'a probe') assert.equal(await guarded.execute(() => 'the slot is free'), 'the slot is free')
  })
}

test('already aborted means not run', async () => {
  let runs = 0
  const guarded = pipeline(fallback({ value: 0 }), retry(), circuitBreaker(), timeout(100))
  const answer = guarded.execute(() => runs++, { signal: AbortSignal.abort(new Error('before')) })
  await assert.rejects(answer, { message: 'before' })
  assert.equal(runs, 0)
})

test('an hour of idleness empties a time window', async () => {
  const clock = new VirtualClock()
  const breaker = circuitBreaker({ failureRatio: 0.5, minimumThroughput: 4 })
  const guarded = pipeline({ clock }, breaker)
  await times(3, () => guarded.execute(fail))
  await clock.advance(3_600_000)
  assert.deepEqual(breaker.snapshot().window, { calls: 0, failures: 0, slow: 0 })
  await times(3, () => guarded.execute(fail))
  assert.equal(breaker.state, 'closed')
})

test('a wall clock that steps back changes nothing', async () => {
  const clock = new VirtualClock()
  const breaker = circuitBreaker({ failureRatio: 0.5, minimumThroughput: 2 })
  const guarded = pipeline({ clock }, retry({ delay: 100, jitter: 0 }), breaker, timeout(50))
  const answer = guarded.execute(fail).catch(codeOf)
  clock.wallOffset -= 86_400_000
  await clock.advance(300)
  assert.equal(await answer, 'SG_CIRCUIT_OPEN')
  clock.wallOffset -= 86_400_000
  await clock.advance(29_800)
  assert.equal(breaker.state, 'half-open')
})

test('1 000 concurrent callers at half-open admit exactly as many as may probe', async () => {
  const clock = new VirtualClock()
  const guarded = pipeline({ clock }, circuitBreaker({ consecutiveFailures: 1, halfOpenCalls: 7 }))
  await times(1, () => guarded.execute(fail))
  await clock.advance(30_000)
  let runs = 0
  const { promise, resolve } = Promise.withResolvers<void>()
  const answers = Array.from({ length: 1000 }, () => guarded.execute(() => (runs++, promise)).catch(codeOf))
  await clock.advance(0)
  assert.equal(runs, 7)
  resolve()
  const told = await Promise.all(answers)
  assert.equal(told.filter((answer) => answer === 'SG_CIRCUIT_OPEN').length, 993)
})

for (const outcome of ['success', 'failure'] as const) {
  test(`a stale ${outcome} ${outcome === 'success' ? 'closes' : 'opens'} nothing`, async () => {
    const clock = new VirtualClock()
    const breaker = circuitBreaker({ consecutiveFailures: 1, successesToClose: 1 })
    const guarded = pipeline({ clock }, breaker)
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const stale = guarded.execute(() => promise).catch(codeOf)
    await times(1, () => guarded.execute(fail))
    await clock.advance(30_000)
    if (outcome === 'failure') await guarded.execute(() => 'a probe')
    const before = breaker.state
    if (outcome === 'success') resolve('old')
    else reject(new Error('old'))
    assert.equal(await stale, 'old')
    assert.deepEqual([before, breaker.state], outcome === 'success' ? ['half-open', 'half-open'] : ['closed', 'closed'])
  })
}

test('no timer is left behind by a finished call', async () => {
  const clock = new VirtualClock()
  const policies = [timeout('1h'), retry({ delay: 1, jitter: 0 }), circuitBreaker(), timeout('30m')]
  const guarded = pipeline({ clock }, fallback({ value: 'instead' }), ...policies)
  const { signal } = new AbortController()
  await guarded.execute(() => 1, { signal, deadline: clock.now() + 7_200_000 })
  const answer = guarded.execute(fail, { signal, deadline: clock.now() + 7_200_000 })
  await clock.advance(10)
  assert.equal(await answer, 'instead')
  assert.equal(clock.pending, 0)
})

test('10 000 idle breakers use no CPU', async () => {
  let asked = 0
  class Counting extends VirtualClock {
    override now(): number {
      asked++
      return super.now()
    }
  }
  const clock = new Counting()
  const guarded = Array.from({ length: 10_000 }, () => pipeline({ clock }, circuitBreaker({ slowCallRatio: 0.5 })))
  await Promise.all(guarded.map((one) => one.execute(fail).catch(() => undefined)))
  const before = asked
  await clock.advance(3_600_000)
  // Nothing of theirs ran in an hour: no timer was set, and none of them has looked at the time.
  assert.deepEqual([clock.pending, asked - before], [0, 0])
})

test('a deadline of the call caps every timeout and retry below it', async () => {
  const clock = new VirtualClock()
  const inner = pipeline({ clock, name: 'inner' }, timeout('1h'))
  const guarded = pipeline({ clock }, timeout('1h'), retry({ ...every40ms, maxAttempts: 9 }), timeout('30m'))
  const limits: number[] = []
  const begun = (deadline: number): number => limits.push(deadline)
  const hung = guarded.execute(({ deadline }) => (begun(deadline), inner.execute(hang, { deadline })), {
    deadline: 100,
  })
  const told = assert.rejects(hung, { code: 'SG_DEADLINE_EXCEEDED' })
  await clock.advance(100)
  await told
  // Of the tries of a call that fails at once only those begin that can end in time: at 100, 140 and 180 ms, not at 220.
  const failing = guarded.execute(({ deadline }) => (begun(deadline), fail()), { deadline: 200 }).catch(codeOf)
  await clock.advance(100)
  assert.equal(await failing, 'down')
  assert.deepEqual([limits, clock.pending], [[100, 200, 200, 200], 0])
})
