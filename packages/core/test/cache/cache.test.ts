// The cache: fresh values answer, stale ones only where they may, failures are never stored, and a stored value is never freed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cache, cache } from '../../src/cache/cache.ts'
import type { CacheOptions } from '../../src/cache/options.ts'
import {
  type Call,
  circuitBreaker,
  failure,
  fallback,
  ignored,
  OptionsError,
  pipeline,
  type PolicyEvent,
  retry,
  success,
  timeout,
} from '../../src/index.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { Recorder } from '../recorder.ts'
import { hang, Task, turns, watch } from '../watch.ts'

/** A pipeline whose function counts and answers its count. */
function rig(options: CacheOptions = {}) {
  const clock = new VirtualClock()
  const policy = cache(options)
  let runs = 0
  const state = { error: undefined as Error | undefined }
  const run = async (): Promise<number> => {
    runs++
    if (state.error !== undefined) throw state.error
    return runs
  }
  const guarded = pipeline({ clock, name: 'prices' }, policy)
  return { clock, policy, guarded, state, run, get: (key?: string) => guarded.execute(run, { key }), runs: () => runs }
}

test('a value answers while it is fresh, for its key only, and at exactly its `ttl` no more', async () => {
  const { clock, policy, get } = rig({ ttl: '1s' })
  assert.deepEqual([await get('a'), await get('a'), await get('b')], [1, 1, 2])
  await clock.advance(999)
  assert.equal(await get('a'), 1)
  await clock.advance(1)
  assert.equal(await get('a'), 3)
  assert.deepEqual(policy.snapshot(), {
    policy: 'cache',
    name: 'cache',
    entries: 2,
    maxEntries: 1000,
    totals: { hits: 2, misses: 3, stale: 0, staleOnError: 0, evicted: 0, refreshFailures: 0 },
  })
  assert.equal(clock.pending, 0)
})

test('the default is ten seconds', async () => {
  const { clock, get } = rig()
  await get('a')
  await clock.advance(9999)
  assert.equal(await get('a'), 1)
  await clock.advance(1)
  assert.equal(await get('a'), 2)
})

test('a call without a key, or that must not be repeated, passes through and stores nothing', async () => {
  const { guarded, policy, get, run } = rig()
  assert.deepEqual([await get(), await get(), await guarded.execute(run, { key: 'a', idempotent: false })], [1, 2, 3])
  await get('a')
  assert.equal(await guarded.execute(run, { key: 'a', idempotent: false }), 5)
  assert.deepEqual([policy.snapshot().entries, policy.snapshot().totals.misses], [1, 1])
})

test('`key` decides instead of the key of the call', async () => {
  const { policy, guarded, run } = rig({ key: ({ priority }: Call) => (priority === 0 ? undefined : `p${priority}`) })
  assert.equal(await guarded.execute(run, { priority: 2, key: 'x' }), 1)
  assert.equal(await guarded.execute(run, { priority: 2, key: 'y' }), 1)
  assert.equal(await guarded.execute(run, { priority: 3 }), 2)
  assert.equal(await guarded.execute(run, { priority: 0 }), 3)
  assert.equal(policy.snapshot().entries, 2)
})

test('a wall clock that jumps changes nothing', async () => {
  const { clock, get } = rig({ ttl: '1s' })
  await get('a')
  clock.wallOffset += 10 ** 9
  assert.equal(await get('a'), 1)
  clock.wallOffset -= 10 ** 10
  await clock.advance(1000)
  assert.equal(await get('a'), 2)
})

test('only successes are stored: no error, no failed and no ignored value, nothing that is not cacheable; undefined is one', async () => {
  const clock = new VirtualClock()
  const classify = {
    ofValue: (value?: number) => (value === 500 ? failure : value === 404 ? ignored : success),
  }
  const policy = cache({ cacheable: (value: number) => value !== 204 })
  const guarded = pipeline({ clock, classify }, policy)
  for (const value of [500, 404, 204]) assert.equal(await guarded.execute(() => value, { key: `${value}` }), value)
  await assert.rejects(
    guarded.execute(() => Promise.reject(new Error('down')), { key: 'error' }),
    /down/,
  )
  assert.equal(policy.snapshot().entries, 0)
  await guarded.execute(() => undefined, { key: 'u' })
  assert.equal(await guarded.execute(() => 7 as never, { key: 'u' }), undefined)
})

test('a stale value answers at once while one fresh value is fetched in the background', async () => {
  const { clock, policy, get, runs } = rig({ ttl: 100, staleWhileRevalidate: 50 })
  await get('a')
  await clock.advance(149)
  assert.deepEqual(await Promise.all([get('a'), get('a'), get('a')]), [1, 1, 1])
  assert.equal(runs(), 2)
  await clock.advance(0)
  assert.equal(await get('a'), 2)
  await clock.advance(150)
  // Beyond the stale window the caller waits.
  assert.equal(await get('a'), 3)
  const { hits, misses, stale } = policy.snapshot().totals
  assert.deepEqual([hits, misses, stale, clock.pending], [1, 2, 3, 0])
})

test('a refresh that fails keeps the stale value, is counted, is tried again, and is nobody’s unhandled rejection', async () => {
  const { clock, policy, get, state } = rig({ ttl: 10, staleWhileRevalidate: 1000 })
  await get('a')
  await clock.advance(20)
  state.error = new Error('down')
  for (let index = 1; index <= 3; index++) {
    assert.equal(await get('a'), 1)
    await clock.advance(1)
    assert.equal(policy.snapshot().totals.refreshFailures, index)
  }
  state.error = undefined
  assert.equal(await get('a'), 1)
  await clock.advance(0)
  assert.equal(await get('a'), 5)
})

test('a stale value answers when the rest fails or refuses, up to `staleIfError` after its `ttl`', async () => {
  const clock = new VirtualClock()
  const breaker = circuitBreaker({ consecutiveFailures: 2 })
  const policy = cache({ ttl: 100, staleIfError: 50 })
  const guarded = pipeline({ clock }, policy, breaker)
  const down = (): Promise<never> => Promise.reject(new Error('down'))
  await guarded.execute(() => 'kept', { key: 'a' })
  await clock.advance(100)
  assert.equal(await guarded.execute(down, { key: 'a' }), 'kept')
  await clock.advance(49)
  assert.deepEqual([await guarded.execute(down, { key: 'a' }), breaker.state], ['kept', 'open'])
  assert.equal(await guarded.execute(down, { key: 'a' }), 'kept')
  await assert.rejects(guarded.execute(down, { key: 'b' }), { code: 'SG_CIRCUIT_OPEN' })
  await clock.advance(1)
  await assert.rejects(guarded.execute(down, { key: 'a' }), { code: 'SG_CIRCUIT_OPEN' })
  assert.deepEqual([policy.snapshot().totals.staleOnError, policy.snapshot().entries], [3, 0])
})

test('a stale value answers after a timeout inside and instead of a failed value, which is discarded; not after an ignored error', async () => {
  const clock = new VirtualClock()
  const discarded: unknown[] = []
  const classify = {
    ofValue: (value: number) => (value === 500 ? failure : success),
    ofError: (error: unknown) => ((error as Error).message === 'yours' ? ignored : failure),
    discard: (value: number) => discarded.push(value),
  }
  const outside = new Recorder('outside')
  const guarded = pipeline({ clock, classify }, outside, cache({ ttl: 10, staleIfError: 1000 }), timeout(5))
  await guarded.execute(() => 1, { key: 'a' })
  await clock.advance(20)
  const late = watch(guarded.execute(hang, { key: 'a' }), clock)
  await clock.advance(10)
  assert.deepEqual([late.result, late.at], [1, 25])
  assert.deepEqual([await guarded.execute(() => 500, { key: 'a' }), discarded], [1, [500]])
  await assert.rejects(
    guarded.execute(() => Promise.reject(new Error('yours')), { key: 'a' }),
    /yours/,
  )
  assert.deepEqual([outside.learned, outside.inFlight], [['success', 'success', 'success', 'ignored'], 0])
})

test('the least recently used value is forgotten first', async () => {
  const { policy, get } = rig({ maxEntries: 3 })
  for (const key of ['a', 'b', 'c']) await get(key)
  await get('a')
  await get('d')
  assert.deepEqual([await get('a'), await get('c'), await get('d')], [1, 3, 4])
  assert.equal(await get('b'), 5)
  assert.deepEqual([policy.snapshot().entries, policy.snapshot().totals.evicted], [3, 2])
})

test('`clear` forgets a key or everything, and what was being fetched meanwhile is answered but not stored', async () => {
  const clock = new VirtualClock()
  const policy = cache()
  const task = new Task()
  const guarded = pipeline({ clock }, policy)
  const get = (key: string): Promise<unknown> => guarded.execute(() => key, { key })
  await get('a')
  await get('b')
  policy.clear('a')
  assert.equal(policy.snapshot().entries, 1)
  const running = watch(guarded.execute(task.run, { key: 'c' }))
  policy.clear()
  task.resolve(0, 'of before')
  await clock.advance(0)
  assert.deepEqual([running.result, policy.snapshot().entries], ['of before', 0])
})

test('`clear` of one key leaves alone what is being fetched of others, in the foreground and the background', async () => {
  const clock = new VirtualClock()
  const policy = cache({ ttl: 100, staleWhileRevalidate: 1000 })
  const task = new Task()
  const guarded = pipeline({ clock }, policy)
  const get = (key: string): Promise<unknown> => guarded.execute(task.run, { key })
  const [first, again] = [watch(get('a')), watch(get('a'))]
  policy.clear('b')
  task.resolve(0, 'of a')
  await clock.advance(0)
  assert.deepEqual([first.result, await guarded.execute(hang, { key: 'a' })], ['of a', 'of a'])
  policy.clear('a')
  assert.equal(policy.underway.size, 0)
  // Begun before the key was cleared, while another one, begun after it, goes on.
  const after = watch(get('a'))
  task.resolve(1, 'of before')
  await clock.advance(0)
  assert.deepEqual([again.result, policy.snapshot().entries, policy.underway.size], ['of before', 0, 1])
  task.resolve(2, 'of after')
  await clock.advance(150)
  assert.deepEqual([after.result, await get('a')], ['of after', 'of after'])
  policy.clear('b')
  task.resolve(3, 'refreshed')
  await clock.advance(0)
  assert.deepEqual([await guarded.execute(hang, { key: 'a' }), policy.underway.size], ['refreshed', 0])
  await clock.advance(150)
  await get('a')
  policy.clear('a')
  task.resolve(4, 'of before')
  await clock.advance(0)
  assert.deepEqual([task.started, policy.snapshot().entries, policy.underway.size], [5, 0, 0])
})

test('of two fetches that overlap the one that began later stays', async () => {
  const clock = new VirtualClock()
  const task = new Task()
  const guarded = pipeline({ clock }, cache())
  const old = watch(guarded.execute(task.run, { key: 'a' }))
  await clock.advance(1)
  watch(guarded.execute(task.run, { key: 'a' }))
  task.resolve(1, 'new')
  await clock.advance(1)
  task.resolve(0, 'old')
  await clock.advance(0)
  assert.deepEqual([old.result, await guarded.execute(hang, { key: 'a' })], ['old', 'new'])
})

test('a fetch that is cut off by an abort or a timeout stores nothing, also when its value comes later', async () => {
  for (const outer of ['abort', 'timeout'] as const) {
    const clock = new VirtualClock()
    const discarded: unknown[] = []
    const policy = cache({ staleIfError: '1h' })
    const task = new Task()
    const inside = new Recorder('inside')
    const controller = new AbortController()
    const classify = { discard: (value: unknown) => discarded.push(value) }
    const guarded = pipeline({ clock, classify }, timeout(outer === 'abort' ? 1000 : 10), policy, inside)
    const answer = watch(guarded.execute(task.run, { key: 'a', signal: controller.signal }))
    await clock.advance(10)
    controller.abort('enough')
    await clock.advance(0)
    assert.ok(answer.state === 'rejected')
    task.resolve(0, 'late')
    await clock.advance(0)
    assert.deepEqual([policy.snapshot().entries, discarded], [0, ['late']])
    assert.deepEqual([inside.learned, clock.pending], [[outer === 'abort' ? 'ignored' : 'failure'], 0])
  }
})

test('a stored value is never discarded, whatever the policies around do with their answer', async () => {
  const clock = new VirtualClock()
  const discarded: unknown[] = []
  const classify = { discard: (value: unknown) => discarded.push(value) }
  const guarded = pipeline({ clock, classify }, timeout(1000), fallback({ value: 0 }), cache())
  const body = { text: 'a body' }
  await guarded.execute(() => body, { key: 'a' })
  // Aborts at every turn on the way of a hit to its caller.
  for (let count = 0; count < 12; count++) {
    const controller = new AbortController()
    watch(guarded.execute(hang, { key: 'a', signal: controller.signal }))
    await turns(count)
    controller.abort()
    await turns()
  }
  assert.deepEqual([discarded, await guarded.execute(hang, { key: 'a' })], [[], body])
  // What was not stored is discarded as ever.
  const controller = new AbortController()
  watch(guarded.execute(() => ({}), { signal: controller.signal }))
  controller.abort()
  await turns()
  assert.equal(discarded.length, 1)
})

test('`copy` gives each caller its own, also the first, and what is stored is the original', async () => {
  const { guarded } = rig({ copy: (value: { list: number[] }) => structuredClone(value) })
  const original = { list: [1] }
  const answers = []
  for (let index = 0; index < 3; index++) {
    const answer = await guarded.execute(() => original, { key: 'a' })
    answers.push(answer)
    answer.list.push(index)
  }
  assert.deepEqual(original, { list: [1] })
  assert.equal(new Set([...answers, original]).size, 4)
})

test('a body that can be read once serves every caller by `copy`', async () => {
  const { guarded } = rig({ copy: (response: Response) => response.clone() })
  const fetched = (): Promise<Response> => Promise.resolve(new Response('hello'))
  const texts = []
  for (let index = 0; index < 3; index++) texts.push(await (await guarded.execute(fetched, { key: 'a' })).text())
  assert.deepEqual(texts, ['hello', 'hello', 'hello'])
})

test('a function of the options that throws is a rejection, never a throw', async () => {
  const broken = (): never => {
    throw new Error('broken')
  }
  for (const options of [{ key: broken }, { cacheable: broken }, { copy: broken }]) {
    const clock = new VirtualClock()
    const outside = new Recorder('outside')
    const guarded = pipeline({ clock }, outside, cache(options))
    for (let index = 0; index < 2; index++) {
      await assert.rejects(
        guarded.execute(() => 1, { key: 'a' }),
        /broken/,
      )
    }
    assert.deepEqual([outside.inFlight, outside.journal.problems], [0, []])
  }
})

test('inside a retry each attempt asks again; a breaker outside sees hits as successes', async () => {
  const clock = new VirtualClock()
  const outside = new Recorder('outside')
  let runs = 0
  const guarded = pipeline({ clock }, outside, retry({ delay: 1 }), cache())
  const run = (): Promise<number> => (++runs < 3 ? Promise.reject(new Error('down')) : Promise.resolve(runs))
  const answer = watch(guarded.execute(run, { key: 'a' }))
  await clock.advance(10)
  assert.equal(answer.result, 3)
  assert.equal(await guarded.execute(run, { key: 'a' }), 3)
  assert.deepEqual([outside.learned, runs], [['success', 'success'], 3])
})

test('events tell what answered; a listener that throws or aborts does no harm', async () => {
  const { clock, policy, guarded, get, state } = rig({
    ttl: 10,
    staleWhileRevalidate: 10,
    staleIfError: 100,
    name: 'near',
  })
  const results: string[] = []
  const controller = new AbortController()
  const events: PolicyEvent[] = []
  policy.events.subscribe((event) => {
    events.push(event)
    results.push((event as { result: string }).result)
    if (results.length > 4) controller.abort('by a listener')
    throw new Error('broken listener')
  })
  await get('a')
  await get('a')
  await clock.advance(15)
  state.error = new Error('down')
  await get('a')
  await clock.advance(15)
  await get('a')
  assert.deepEqual(results, ['miss', 'hit', 'stale', 'miss', 'staleOnError'])
  assert.deepEqual(events[0], { type: 'cache', policy: 'near', pipeline: 'prices', key: 'a', result: 'miss' })
  assert.ok(policy.events.listenerErrors >= 5)
  const other = new AbortController()
  let ran = false
  policy.events.subscribe(() => other.abort('too late'))
  const run = (): void => {
    ran = true
  }
  await assert.rejects(guarded.execute(run, { key: 'z', signal: other.signal }), (error) => error === 'too late')
  assert.equal(ran, false)
})

test('an update acts on what is stored; a wrong one changes nothing', async () => {
  const { clock, policy, get, guarded, run } = rig({ ttl: '1h' })
  for (const key of ['a', 'b', 'c']) await get(key)
  await clock.advance(100)
  policy.update({ maxEntries: 2 })
  assert.deepEqual([policy.snapshot().entries, policy.snapshot().totals.evicted], [2, 1])
  assert.throws(() => policy.update({ ttl: 1, maxEntries: 0 }), OptionsError)
  assert.throws(() => policy.update({ name: 'other' }), /cache\.name must be left as it is/)
  assert.equal(await get('c'), 3)
  policy.update({ ttl: 100, key: () => 'c' })
  assert.equal(await guarded.execute(run), 4)
  policy.update({ ttl: undefined })
  await clock.advance(9999)
  assert.equal(await guarded.execute(run), 4)
})

test('one cache in two pipelines is one cache, by the clock of the first', async () => {
  const policy = cache({ ttl: 100 })
  const [first, second] = [new VirtualClock(), new VirtualClock({ now: 5000 })]
  const one = pipeline({ clock: first }, policy)
  const two = pipeline({ clock: second }, policy)
  assert.equal(await one.execute(() => 1, { key: 'a' }), 1)
  await second.advance(500)
  assert.equal(await two.execute(() => 2, { key: 'a' }), 1)
  await first.advance(100)
  assert.equal(await two.execute(() => 2, { key: 'a' }), 2)
})

test('wrong options are refused with path, bound and value', () => {
  const table: [object, RegExp][] = [
    [{ ttl: -1 }, /cache\.ttl must be a duration.*got -1/],
    [{ staleWhileRevalidate: 'x' }, /cache\.staleWhileRevalidate must be .*got 'x'/],
    [{ staleIfError: Number.NaN }, /cache\.staleIfError must be .*got NaN/],
    [{ maxEntries: 0 }, /cache\.maxEntries must be a whole number >= 1, got 0/],
    [{ key: 'a' }, /cache\.key must be a function, got 'a'/],
    [{ copy: 1 }, /cache\.copy must be a function/],
    [{ cacheable: true }, /cache\.cacheable must be a function/],
    [{ name: 7 }, /cache\.name must be a text/],
    [{ tll: 1 }, /cache\.tll is not an option; known are name, ttl/],
  ]
  for (const [options, message] of table) assert.throws(() => new Cache(options), message)
})

test('an error that passes a cache still shows the caller', async () => {
  async function placeOfTheError(): Promise<never> {
    await undefined
    throw new Error('down')
  }
  const guarded = pipeline(cache(), circuitBreaker())
  async function placeOfTheCall(): Promise<unknown> {
    return await guarded.execute(placeOfTheError, { key: 'a' })
  }
  const error = await placeOfTheCall().catch((thrown: unknown) => thrown)
  assert.match((error as Error).stack ?? '', /at async placeOfTheCall/)
})
