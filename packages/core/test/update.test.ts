// Options of layers that change while calls are in flight: what has begun keeps its time, what begins gets the new one.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bulkhead, circuitBreaker, pipeline, retry, retryBudget, timeout } from '../src/index.ts'
import { VirtualClock } from '../src/testing/index.ts'

const hang = (): Promise<never> => new Promise(() => {})
const fail = (): Promise<never> => Promise.reject(new Error('down'))

describe('a timeout that is updated', () => {
  for (const [label, after] of [
    ['shorter', 50],
    ['longer', 200],
  ] as const) {
    it(`is ${label} for calls that begin afterwards, and leaves no timer`, async () => {
      const clock = new VirtualClock()
      const policy = timeout(100)
      const guarded = pipeline({ clock }, policy)
      const ended: [string, number][] = []
      const start = (name: string): void => {
        guarded.execute(hang).catch(() => ended.push([name, clock.now()]))
      }
      start('before')
      policy.update({ after })
      start('after')
      await guarded.execute(() => 'quick')
      await clock.advance(300)
      assert.deepEqual(
        ended.toSorted(([a], [b]) => a.localeCompare(b)),
        [
          ['after', after],
          ['before', 100],
        ],
      )
      assert.deepEqual([clock.pending, policy.afterMs, policy.snapshot().afterMs], [0, after, after])
    })
  }

  it('sets the deadline of permits as well', () => {
    const clock = new VirtualClock()
    const policy = timeout(100)
    const guarded = pipeline({ clock }, policy)
    policy.update({ after: '1s' })
    using permit = guarded.admit() as { deadline: number } & Disposable
    assert.equal(permit.deadline, 1000)
  })

  it('goes back and forth under load without mixing the order of its deadlines', async () => {
    const clock = new VirtualClock()
    const policy = timeout(100)
    const guarded = pipeline({ clock }, policy)
    const late: number[] = []
    for (let n = 0; n < 200; n++) {
      const after = n % 2 === 0 ? 30 : 100
      policy.update({ after })
      const due = clock.now() + after
      guarded.execute(hang).catch(() => late.push(clock.now() - due))
      await clock.advance(3)
    }
    await clock.advance(100)
    assert.deepEqual([late.length, new Set(late), clock.pending], [200, new Set([0]), 0])
  })

  it('refuses what it cannot be, and stays as it is', () => {
    const policy = timeout(100)
    for (const options of [{ after: 0 }, { name: 'other' }, { before: 1 } as object]) {
      assert.throws(() => policy.update(options), { code: 'SG_BAD_OPTIONS' })
    }
    assert.equal(policy.afterMs, 100)
  })
})

describe('a retry that is updated', () => {
  it('keeps the wait that has begun and takes the rest from the new options', async () => {
    const clock = new VirtualClock()
    const policy = retry({ maxAttempts: 3, backoff: 'constant', delay: 100, jitter: 0 })
    const guarded = pipeline({ clock }, policy)
    const begun: number[] = []
    const answer = guarded.execute(() => (begun.push(clock.now()), fail())).catch(() => undefined)
    await clock.advance(50)
    policy.update({ maxAttempts: 5, delay: 10 })
    await clock.advance(200)
    await answer
    assert.deepEqual([begun, clock.pending], [[0, 100, 110, 120, 130], 0])
  })

  it('keeps its budget unless it is given another', () => {
    const [first, second] = [retryBudget(), retryBudget()]
    const policy = retry({ budget: first })
    policy.update({ maxAttempts: 2 })
    assert.equal(policy.budget, first)
    policy.update({ budget: second })
    assert.equal(policy.budget, second)
  })

  it('refuses what it cannot be, and stays as it is', async () => {
    const policy = retry({ maxAttempts: 1 })
    for (const options of [
      { maxAttempts: 0 },
      { name: 'other' },
      { jitter: 2 },
      { attempts: 3 } as object,
      5 as never,
    ]) {
      assert.throws(() => policy.update(options), { code: 'SG_BAD_OPTIONS' })
    }
    let runs = 0
    await pipeline(policy)
      .execute(() => (runs++, fail()))
      .catch(() => undefined)
    assert.equal(runs, 1)
  })
})

describe('a whole pipeline that is updated while calls are in flight', () => {
  it('leaks no slot and no timer, and its open circuit stays open', async () => {
    const clock = new VirtualClock()
    const [slots, tries, breaker, limit] = [bulkhead({ maxInFlight: 50 }), retry(), circuitBreaker(), timeout(100)]
    const guarded = pipeline({ clock }, slots, tries, breaker, limit)
    const answers: Promise<unknown>[] = []
    for (let n = 0; n < 300; n++) {
      answers.push(guarded.execute(n % 3 === 0 ? hang : n % 3 === 1 ? fail : () => n).catch(() => undefined))
      slots.update({ maxInFlight: 5 + (n % 40) })
      tries.update({ maxAttempts: 1 + (n % 4) })
      breaker.update({ consecutiveFailures: 20 + (n % 5), openFor: 1000 + n })
      limit.update({ after: 20 + (n % 90) })
      await clock.advance(5)
    }
    await clock.advance(60_000)
    await Promise.all(answers)
    assert.deepEqual([slots.snapshot().inFlight, clock.pending], [0, 0])
    breaker.isolate('for the test')
    breaker.update({ consecutiveFailures: 1 })
    assert.equal(breaker.state, 'isolated')
  })
})

describe('what several pipelines share on purpose', () => {
  it('a breaker: failures through one open it for all', async () => {
    const breaker = circuitBreaker({ consecutiveFailures: 3 })
    const [reads, writes] = [pipeline({ name: 'reads' }, breaker), pipeline({ name: 'writes' }, timeout('1s'), breaker)]
    for (const one of [reads, writes, reads]) await one.execute(fail).catch(() => undefined)
    await assert.rejects(
      writes.execute(() => 1),
      { code: 'SG_CIRCUIT_OPEN' },
    )
  })

  it('a retry budget: what one has spent the other has not', async () => {
    const clock = new VirtualClock()
    const budget = retryBudget({ ratio: 0, minPerSecond: 0.3 })
    const [one, other] = ['one', 'other'].map((name) =>
      pipeline({ name, clock }, retry({ budget, maxAttempts: 3, delay: 1, jitter: 0 })),
    )
    let runs = 0
    for (const guarded of [one, other, one]) {
      guarded?.execute(() => (runs++, fail())).catch(() => undefined)
      await clock.advance(10)
    }
    // Three retries are in the reserve of ten seconds: two for the first call, one for the second, none for the third.
    assert.deepEqual([runs, budget.balance(clock.now())], [3 + 3, 0])
  })
})
