// A store of others: what it is asked, and that nothing it does or answers stops a call or goes uncounted.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pipeline } from '../../src/index.ts'
import { rateLimit } from '../../src/rate-limit/rate-limit.ts'
import type { RateLimitStore } from '../../src/rate-limit/store.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { Recorder } from '../recorder.ts'
import { codeOf } from '../watch.ts'

test('a store that throws stops no call: it is admitted, counted, and has nothing to give back', async () => {
  const clock = new VirtualClock()
  const broken = (): never => {
    throw new Error('the store is gone')
  }
  const store: RateLimitStore = { take: broken, giveBack: broken, look: broken }
  const limit = rateLimit({ limit: 1, store })
  const inner = new Recorder('inner')
  const guarded = pipeline({ clock }, limit, inner)
  for (let call = 0; call < 5; call++) await guarded.execute(() => 'ran')
  inner.refuses = () => true
  assert.equal(codeOf(await guarded.execute(() => 'ran').catch((error: unknown) => error)), 'SG_TEST')
  assert.equal(limit.snapshot().totals.storeErrors, 6)
  assert.equal(limit.quota().remaining, 1)
  assert.deepEqual(limit.snapshot().totals, { admitted: 6, rejections: 0, givenBack: 0, evicted: 0, storeErrors: 7 })
})

const noNumbers: [string, () => unknown][] = [
  ['a promise', () => Promise.resolve(0)],
  ['a promise that rejects', () => Promise.reject(new Error('the store is gone'))],
  // oxlint-disable-next-line unicorn/no-thenable -- what a store in plain JavaScript may answer
  ['a thenable that throws', () => ({ then: () => assert.fail('a broken thenable') })],
  ['undefined', () => undefined],
  ['null', () => null],
  ['NaN', () => Number.NaN],
  ['a text', () => '5'],
  ['true', () => true],
]
for (const [what, answer] of noNumbers) {
  test(`a store that answers ${what} where numbers are wanted stops no call, is counted, and nothing is unhandled`, async () => {
    // The test runner fails a test in which a rejection stays unhandled.
    const given: unknown[] = []
    const store = { take: answer, giveBack: () => given.push(1), look: answer } as unknown as RateLimitStore
    const limit = rateLimit({ limit: 1, store })
    const inner = new Recorder('inner')
    const guarded = pipeline({ clock: new VirtualClock() }, limit, inner)
    for (let call = 0; call < 5; call++) assert.equal(await guarded.execute(() => 'ran'), 'ran')
    inner.refuses = () => true
    await assert.rejects(
      guarded.execute(() => 'ran'),
      { code: 'SG_TEST' },
    )
    await new Promise((resolve) => setImmediate(resolve))
    const totals = { admitted: 6, rejections: 0, givenBack: 0, evicted: 0 }
    assert.deepEqual([limit.snapshot().totals, given], [{ ...totals, storeErrors: 6 }, []])
    assert.equal(limit.quota().remaining, 1)
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(limit.snapshot().totals.storeErrors, 7)
  })
}

test('a quota in which one number is missing is a store error', () => {
  for (const wrong of [{ remaining: undefined }, { retryAfterMs: Number.NaN }, { resetMs: '7' }]) {
    const look = (): never => ({ remaining: 7, retryAfterMs: 0, resetMs: 70, ...wrong }) as never
    const limit = rateLimit({ limit: 3, store: { take: () => 0, giveBack: () => undefined, look } })
    assert.deepEqual([limit.quota().remaining, limit.snapshot().totals.storeErrors], [3, 1])
  }
})

test('a store that takes back in its own time has taken back when it says so; what it rejects is a store error', async () => {
  let fails = false
  const giveBack = (): Promise<void> => (fails ? Promise.reject(new Error('the store is gone')) : Promise.resolve())
  const look = () => ({ remaining: 7, retryAfterMs: 0, resetMs: 70 })
  const limit = rateLimit({ limit: 1, store: { take: () => 0, giveBack, look } })
  const inner = new Recorder('inner')
  inner.refuses = () => true
  const guarded = pipeline({ clock: new VirtualClock() }, limit, inner)
  for (const [givenBack, storeErrors] of [
    [1, 0],
    [1, 1],
  ]) {
    await assert.rejects(
      guarded.execute(() => 'ran'),
      { code: 'SG_TEST' },
    )
    await new Promise((resolve) => setImmediate(resolve))
    const { totals } = limit.snapshot()
    assert.deepEqual([totals.givenBack, totals.storeErrors], [givenBack, storeErrors])
    fails = true
  }
})

test('a store of others is asked with key, time and rule, and gets back by the time at which was taken', () => {
  const clock = new VirtualClock({ now: 5000 })
  const asked: unknown[] = []
  let waitMs = 0
  const store: RateLimitStore = {
    take: (key, now, { name, limit, windowMs, burst }) => {
      asked.push(['take', key, now, name, limit, windowMs, burst])
      return waitMs
    },
    giveBack: (key, now, takenAt) => asked.push(['giveBack', key, now, takenAt]),
    look: () => ({ remaining: 7, retryAfterMs: 0, resetMs: 70 }),
  }
  const limit = rateLimit({ limit: 10, window: '2s', store, name: 'shared' })
  const guarded = pipeline({ clock }, limit)
  clock.advanceSync(1)
  const permit = guarded.admit({ key: 'a' })
  clock.advanceSync(1)
  if (permit.kind === 'permit') permit.exit()
  waitMs = 123
  const answer = guarded.admit()
  assert.equal(answer.kind === 'rejection' && answer.error.retryAfterMs, 123)
  assert.deepEqual(asked, [
    ['take', 'a', 1, 'shared', 10, 2000, 10],
    ['giveBack', 'a', 2, 1],
    ['take', '', 2, 'shared', 10, 2000, 10],
  ])
  assert.deepEqual([limit.quota().remaining, limit.quota().resetMs], [7, 70])
  limit.restore(limit.snapshot())
  assert.deepEqual(limit.snapshot().buckets, [])
})
