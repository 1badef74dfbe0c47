// What a rate limit keeps: a bounded number of keys, what an update makes of quotas that are in use, and what a restart
// takes over.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pipeline } from '../../src/index.ts'
import { LocalStore } from '../../src/rate-limit/local-store.ts'
import { type RateLimit, rateLimit } from '../../src/rate-limit/rate-limit.ts'
import type { RateLimitSnapshot } from '../../src/snapshot.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { codeOf } from '../watch.ts'

/** Takes as often as it can, at most `count` times; answers how often. */
function take(limit: RateLimit, clock: VirtualClock, count: number, key = ''): number {
  const guarded = pipeline({ clock }, limit)
  let taken = 0
  // The permits are not given back: they are kept open for good.
  while (taken < count && guarded.admit({ key }).kind === 'permit') taken++
  return taken
}

test('no more than 10 000 keys are known, however many come', () => {
  const clock = new VirtualClock()
  const limit = rateLimit()
  const guarded = pipeline({ clock }, limit)
  for (let key = 0; key < 100_000; key++) {
    guarded.admit({ key: `${key}` })
    if (key % 1000 === 0) assert.ok(limit.snapshot().keys <= 10_000)
  }
  const { keys, totals } = limit.snapshot()
  assert.deepEqual([keys, totals.admitted, totals.evicted, clock.pending], [10_000, 100_000, 90_000, 0])
})

test('the least recently used key is forgotten first, being refused counts as a use', () => {
  const clock = new VirtualClock()
  const limit = rateLimit({ limit: 1, window: '1h', maxKeys: 3 })
  for (const key of ['a', 'b', 'c']) take(limit, clock, 1, key)
  assert.equal(take(limit, clock, 1, 'a'), 0)
  take(limit, clock, 1, 'd')
  assert.equal(take(limit, clock, 1, 'a'), 0)
  assert.equal(take(limit, clock, 1, 'c'), 0)
  assert.deepEqual(
    limit.snapshot().buckets.map(({ key }) => key),
    ['d', 'a', 'c'],
  )
  assert.equal(limit.snapshot().totals.evicted, 1)
})

test('a key whose quota is full is forgotten before one that has used some, and that is no eviction', () => {
  const clock = new VirtualClock()
  const limit = rateLimit({ limit: 10, window: '10s', maxKeys: 3 })
  take(limit, clock, 10, 'busy')
  take(limit, clock, 1, 'full')
  clock.advanceSync(1000)
  take(limit, clock, 1, 'late')
  take(limit, clock, 1, 'new')
  assert.deepEqual(
    limit.snapshot().buckets.map(({ key }) => key),
    ['busy', 'late', 'new'],
  )
  assert.deepEqual([limit.snapshot().totals.evicted, limit.snapshot().keys], [0, 3])
})

test('the order of use is that of a plain list, through random uses and evictions', () => {
  const rule = { name: '', algorithm: 'tokenBucket', limit: 1, windowMs: 1e12, burst: 1e9 } as const
  const store = new LocalStore(7)
  const list: string[] = []
  let state = 1
  for (let step = 0; step < 5000; step++) {
    state = (state * 48_271) % 2_147_483_647
    const key = `${state % 12}`
    store.take(key, 0, rule)
    if (list.includes(key)) list.splice(list.indexOf(key), 1)
    else if (list.length === 7) list.shift()
    list.push(key)
    assert.deepEqual(
      [...store.used(0, rule)].map((bucket) => bucket.key),
      list,
    )
  }
})

test('a call costs the same however many keys there are', () => {
  const rule = { name: '', algorithm: 'tokenBucket', limit: 1000, windowMs: 1000, burst: 1000 } as const
  const costOf = (keys: number): number => {
    const store = new LocalStore(keys)
    const names = Array.from({ length: keys }, (_, key) => `${key}`)
    for (const key of names) store.take(key, 0, rule)
    let best = Infinity
    for (let round = 0; round < 5; round++) {
      const begun = performance.now()
      // Every key is new to the store, so each one is an eviction too.
      for (let call = 0; call < 10_000; call++) store.take(`new ${round} ${call}`, 0, rule)
      best = Math.min(best, performance.now() - begun)
    }
    return best
  }
  costOf(100)
  const [few, many] = [costOf(1000), costOf(100_000)]
  assert.ok(many < few * 20 + 20, `${few} ms for 10 000 calls over 1000 keys, ${many} ms over 100 000`)
})

for (const algorithm of ['tokenBucket', 'slidingWindow'] as const) {
  test(`${algorithm}: an update keeps the share that is used: nothing for free, nothing owed beyond a window`, () => {
    const clock = new VirtualClock()
    const limit = rateLimit({ limit: 10, window: '10s', algorithm })
    take(limit, clock, 10, 'empty')
    take(limit, clock, 5, 'half')
    limit.update({ limit: 100 })
    assert.deepEqual([limit.quota('empty').remaining, limit.quota('half').remaining], [0, 50])
    assert.equal(Math.round(limit.quota('empty').retryAfterMs), 100)
    assert.equal(limit.quota('empty').resetMs, 10_000)
    limit.update({ limit: 2, window: '1s' })
    assert.deepEqual([limit.quota('empty').remaining, limit.quota('half').remaining], [0, 1])
    assert.equal(limit.quota('empty').resetMs, 1000)
    clock.advanceSync(1000)
    assert.deepEqual([limit.quota('empty').remaining, limit.quota('half').remaining], [2, 2])
    assert.equal(take(limit, clock, 5, 'empty'), 2)
  })
}

test('an update may change algorithm, burst, keys and their bound; calls in flight keep their tickets', () => {
  const clock = new VirtualClock()
  const limit = rateLimit({ limit: 10, window: '10s', burst: 4 })
  const guarded = pipeline({ clock }, limit)
  const inFlight = guarded.admit({ key: 'a' })
  take(limit, clock, 1, 'a')
  for (const key of ['b', 'c', 'd']) take(limit, clock, 1, key)
  clock.advanceSync(1)
  limit.update({ algorithm: 'slidingWindow', burst: undefined, maxKeys: 2, limit: 100 })
  assert.deepEqual(limit.snapshot().totals.evicted, 2)
  assert.equal(limit.snapshot().keys, 2)
  assert.equal(Math.floor(limit.quota('d').remaining), 75)
  if (inFlight.kind === 'permit') inFlight.exit()
  assert.equal(limit.quota('a').remaining, 100, 'a was forgotten')
  limit.update({ key: () => 'all' })
  take(limit, clock, 3, 'whoever')
  assert.equal(limit.quota('all').remaining, 97)
  limit.update({ limit: undefined, algorithm: undefined })
  assert.deepEqual([limit.quota('all').limit, limit.quota('all').remaining], [100, 97])
})

test('what was taken before an update is not given back after it', () => {
  const clock = new VirtualClock()
  const limit = rateLimit({ limit: 10, window: '1h' })
  const guarded = pipeline({ clock }, limit)
  const permits = Array.from({ length: 10 }, () => guarded.admit())
  clock.advanceSync(1)
  limit.update({ limit: 5 })
  for (const permit of permits) if (permit.kind === 'permit') permit.exit()
  assert.equal(limit.quota().remaining, 0)
})

test('name and store stay as they are in an update', () => {
  const limit = rateLimit({ name: 'a' })
  limit.update({ name: 'a', limit: 5 })
  const store = {
    take: () => 0,
    giveBack: () => undefined,
    look: () => ({ remaining: 0, retryAfterMs: 0, resetMs: 0 }),
  }
  for (const options of [{ name: 'b' }, { store }]) {
    assert.throws(
      () => limit.update(options),
      (error) => codeOf(error) === 'SG_BAD_OPTIONS',
    )
  }
  assert.deepEqual([limit.name, limit.quota().limit, limit.quota().remaining], ['a', 5, 5])
})

for (const algorithm of ['tokenBucket', 'slidingWindow'] as const) {
  const later = (wallMs: number, options = {}, from?: RateLimitSnapshot): RateLimit => {
    const before = new VirtualClock({ now: 7777 })
    const limit = rateLimit({ limit: 10, window: '10s', algorithm })
    for (const [key, count] of [
      ['a', 10],
      ['b', 4],
    ] as const)
      take(limit, before, count, key)
    const snapshot = JSON.parse(JSON.stringify(from ?? limit.snapshot())) as RateLimitSnapshot
    const clock = new VirtualClock({ now: 50, wallOffset: before.wallNow() + wallMs - 50 })
    const restored = rateLimit({ limit: 10, window: '10s', algorithm, ...options })
    take(restored, clock, 0)
    pipeline({ clock }, restored)
    take(restored, clock, 7, 'gone')
    restored.restore(snapshot)
    return restored
  }

  test(`${algorithm}: a restart takes over what was used, less what the wall time has refilled`, () => {
    const left = (limit: RateLimit): number[] => ['a', 'b', 'gone'].map((key) => limit.quota(key).remaining)
    assert.deepEqual(left(later(0)), [0, 6, 10])
    assert.deepEqual(left(later(3000)), [3, algorithm === 'tokenBucket' ? 9 : 7, 10])
    assert.deepEqual(left(later(3_600_000)), [10, 10, 10])
    assert.deepEqual(left(later(-3_600_000)), [0, 6, 10], 'a wall clock that was set back')
    const smaller = later(0, { limit: 6 })
    assert.deepEqual(left(smaller), [0, 2, 6])
    assert.equal(Math.round(smaller.quota('a').resetMs), 10_000, 'no more is owed than the quota')
    assert.deepEqual(
      smaller.snapshot().buckets.map(({ key }) => key),
      ['a', 'b'],
      'what was there before is gone',
    )
    assert.deepEqual(left(later(0, { maxKeys: 1 })), [10, 6, 10], 'the last ones are kept')
  })

  test(`${algorithm}: what was restored before the first pipeline keeps its age on its clock`, () => {
    const snapshot = later(0).snapshot()
    const limit = rateLimit({ limit: 10, window: '10s', algorithm })
    limit.restore({ ...snapshot, takenAt: 1e15 })
    const clock = new VirtualClock({ now: 1_000_000 })
    pipeline({ clock }, limit)
    // The host's clock went on between; that is all that may be missing.
    assert.equal(limit.quota('a').remaining, 0)
    clock.advanceSync(5000)
    assert.equal(limit.quota('a').remaining, 5)
  })
}

const sound: RateLimitSnapshot = rateLimit().snapshot()
const garbage: unknown[] = [
  undefined,
  null,
  5,
  {},
  { ...sound, version: 2 },
  { ...sound, policy: 'bulkhead' },
  { ...sound, takenAt: Number.NaN },
  { ...sound, takenAt: -1 },
  { ...sound, buckets: {} },
  { ...sound, buckets: [null] },
  {
    ...sound,
    buckets: [
      { key: 'a', used: 1 },
      { key: 5, used: 1 },
    ],
  },
  { ...sound, buckets: [{ key: 'a', used: -1 }] },
  { ...sound, buckets: [{ key: 'a', used: '1' }] },
  { ...sound, buckets: [{ key: 'a', used: Infinity }] },
]
for (const [index, snapshot] of garbage.entries()) {
  test(`garbage ${index} is not restored and changes nothing`, () => {
    const clock = new VirtualClock()
    const limit = rateLimit({ limit: 10 })
    take(limit, clock, 4, 'a')
    assert.throws(
      () => limit.restore(snapshot as RateLimitSnapshot),
      (error) => codeOf(error) === 'SG_BAD_OPTIONS',
    )
    assert.equal(limit.quota('a').remaining, 6)
  })
}

test('a snapshot is a copy of what is used', () => {
  const clock = new VirtualClock()
  const limit = rateLimit({ limit: 10 })
  take(limit, clock, 4, 'a')
  take(limit, clock, 1, 'b')
  take(limit, clock, 20, 'a')
  pipeline({ clock }, limit).admit({ key: 'a' })
  clock.advanceSync(100)
  assert.deepEqual(limit.snapshot(), {
    policy: 'rateLimit',
    version: 1,
    name: 'rateLimit',
    takenAt: clock.wallNow(),
    buckets: [{ key: 'a', used: 9 }],
    keys: 2,
    totals: { admitted: 11, rejections: 2, givenBack: 0, evicted: 0, storeErrors: 0 },
  })
})
