// The proof of effect rests on two claims: libraries that read the host's clock really live on the virtual one, and the same
// seed gives the same numbers. Both are tested here, the first to the millisecond; and that peers which are tuned like us are.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Guard } from '@switchgear/simulator'
import {
  type CircuitBreaker,
  type CircuitBreakerOptions,
  circuitBreaker,
  pipeline,
  recommended,
} from '@switchgear/core'
import { seededRandom, VirtualClock } from '@switchgear/core/testing'
import { type Played, playSubject } from '../bench/effect/run.ts'
import type { Library } from '../bench/effect/subject.ts'
import { alike, defaultsAlike } from '../bench/effect/tuning.ts'
import { judge } from '../bench/effect/verdict.ts'
import { VirtualHost } from '../bench/effect/virtual-host.ts'

const host = new VirtualHost(
  (url) => /\/node_modules\/(?:opossum|cockatiel)\/.*\.[cm]?js$/.test(url) || url.endsWith('/bench/core/classic.ts'),
)
const libraries = {
  opossum: await import('../bench/effect/subjects/opossum.ts'),
  cockatiel: await import('../bench/effect/subjects/cockatiel.ts'),
  classic: await import('../bench/effect/subjects/classic.ts'),
}

function guardOn(clock: VirtualClock, { guards }: Library, variant: string): Guard {
  const make = guards[variant]
  assert.ok(make !== undefined)
  const environment = { clock, random: seededRandom(1) }
  host.attach(environment)
  return make(environment)
}

/** Fails six calls, so that every breaker opens now. */
async function open(guard: Guard): Promise<void> {
  for (let call = 0; call < 10; call++) {
    await guard
      .call(() => Promise.reject(new Error('broken')))
      .then(
        () => assert.fail('a failing call succeeded'),
        () => undefined,
      )
  }
}

/** Whether a call reaches what is guarded. */
async function admits(guard: Guard, clock: VirtualClock): Promise<boolean> {
  let reached = false
  const call = guard.call(() => {
    reached = true
    return Promise.reject(new Error('still broken'))
  })
  call.catch(() => undefined)
  await clock.advance(0)
  return reached
}

for (const [library, variant, openMs] of [
  ['opossum', 'defaults', 30_000],
  ['cockatiel', 'consecutive', 10_000],
  ['cockatiel', 'samplingAlike', undefined],
  ['classic', 'breaker', 30_000],
] as const) {
  test(`${library} ${variant} opens and half-opens on the virtual clock, to the millisecond`, async () => {
    const begun = performance.now()
    const clock = new VirtualClock()
    const guard = guardOn(clock, libraries[library].library, variant)
    await clock.advance(100_000)
    await open(guard)
    assert.equal(guard.state?.(), 'open')
    if (openMs === undefined) return
    await clock.advance(openMs - 1)
    assert.equal(await admits(guard, clock), false)
    await clock.advance(1)
    assert.equal(await admits(guard, clock), true)
    assert.ok(performance.now() - begun < openMs / 2, 'no real time was waited for')
  })
}

for (const [library, variant] of [
  ['opossum', 'defaults'],
  ['cockatiel', 'consecutive'],
  ['classic', 'breaker'],
] as const) {
  test(`the attempt timeout of ${library} ends a call that hangs after exactly 1000 virtual ms`, async () => {
    const clock = new VirtualClock()
    const guard = guardOn(clock, libraries[library].library, variant)
    let endedAt: number | undefined
    let abortedAt: number | undefined
    guard
      .call(({ signal }) => {
        signal.addEventListener('abort', () => (abortedAt = clock.now()))
        return new Promise(() => {})
      })
      .catch(() => (endedAt = clock.now()))
    await clock.advance(999)
    assert.equal(endedAt, undefined)
    await clock.advance(10)
    assert.equal(endedAt, 1000)
    assert.equal(abortedAt, 1000)
  })
}

interface Own {
  readonly clock: VirtualClock
  readonly breaker: CircuitBreaker
  /** So many calls, one after the other. */
  fail(calls: number): Promise<void>
  succeed(calls: number): Promise<void>
}

function own(options?: CircuitBreakerOptions): Own {
  const clock = new VirtualClock()
  const breaker = circuitBreaker(options)
  const guarded = pipeline({ clock, random: seededRandom(1) }, breaker)
  return {
    clock,
    breaker,
    async fail(calls) {
      for (let call = 0; call < calls; call++) {
        await assert.rejects(
          guarded.execute(() => Promise.reject(new Error('broken'))),
          { message: 'broken' },
        )
      }
    },
    async succeed(calls) {
      for (let call = 0; call < calls; call++) await guarded.execute(() => Promise.resolve())
    },
  }
}

/** Asserts that an open breaker refuses until `openForMs` have passed, and lets a call through then. */
async function assertOpenFor({ clock, breaker, succeed }: Own, openForMs: number): Promise<void> {
  assert.equal(breaker.state, 'open')
  await clock.advance(openForMs - 1)
  await assert.rejects(succeed(1), { code: 'SG_CIRCUIT_OPEN' })
  await clock.advance(1)
  await succeed(1)
}

test('peers that count failures in a row have the numbers of a breaker without options', async () => {
  const ours = own()
  await ours.fail(defaultsAlike.consecutiveFailures - 1)
  assert.equal(ours.breaker.state, 'closed')
  await ours.fail(1)
  await assertOpenFor(ours, defaultsAlike.openForMs)
})

test('peers that look at a share of failures have the numbers of the recommended breaker', async () => {
  const { failureRatio, windowMs, minimumThroughput, openForMs } = alike
  // Without what peers do not have: other triggers, and chance in the open time.
  const options: CircuitBreakerOptions = {
    ...recommended(),
    consecutiveFailures: undefined,
    slowCallRatio: undefined,
    slowCallFactor: undefined,
    jitter: 0,
  }
  const few = own(options)
  await few.fail(minimumThroughput - 1)
  assert.equal(few.breaker.state, 'closed')
  await few.fail(1)
  await assertOpenFor(few, openForMs)

  const enough = Math.ceil(failureRatio * minimumThroughput)
  for (const [failures, state] of [
    [enough - 1, 'closed'],
    [enough, 'open'],
  ] as const) {
    const shared = own(options)
    await shared.succeed(minimumThroughput - failures)
    await shared.fail(failures)
    assert.equal(shared.breaker.state, state, `${failures} of ${minimumThroughput}`)
  }

  // A window forgets in steps, so its length is known to a fifth.
  for (const [afterMs, state] of [
    [windowMs * 0.8, 'open'],
    [windowMs * 1.2, 'closed'],
  ] as const) {
    const late = own(options)
    await late.fail(minimumThroughput - 1)
    await late.clock.advance(afterMs)
    await late.fail(1)
    assert.equal(late.breaker.state, state, `after ${afterMs} ms`)
  }
})

test('everything else keeps the time of the host', async () => {
  const wall = Date.now()
  assert.ok(wall > 1_767_225_600_000 + 1000, 'the virtual wall clock stands at its beginning, the real one does not')
  const begun = performance.now()
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.ok(performance.now() - begun >= 15)
})

test('a subject in a process of its own: the same seed gives the same numbers, and virtual time costs little', async () => {
  const begun = performance.now()
  const once = async (library: string, variant: string): Promise<Played[]> => {
    const runs: Played[] = []
    await playSubject({ library, variant, outages: ['dies'], seeds: [3] }, (run) => runs.push(run))
    return runs
  }
  const [first, again, control] = await Promise.all([
    once('opossum', 'defaults'),
    once('opossum', 'defaults'),
    once('none', 'timeout'),
  ])
  assert.equal(first.length, 1)
  assert.deepEqual(first[0]?.measures, again[0]?.measures)
  assert.notDeepEqual(first[0]?.measures, control[0]?.measures)
  // Dead for at least 25 s of the 100 s: without a breaker nothing is refused, so attempts stay near one.
  assert.ok((first[0]?.measures.attempts ?? 1) < 0.5, 'an open circuit keeps calls away')
  assert.ok((control[0]?.measures.attempts ?? 0) > 0.9)
  assert.ok(performance.now() - begun < 60_000, '100 s of virtual time, three times')
})

test('a row is lost to the one peer that is better, whoever else is worse', () => {
  const even = {
    good: 0.9,
    goodDuring: 0.8,
    goodAfter: 1,
    p99Ms: 500,
    detectMs: 0,
    recoverMs: 5000,
    attempts: 1,
    wasted: 0,
    transitions: 2,
  }
  const named = (...peers: (readonly [string, Partial<typeof even>])[]): Map<string, typeof even> =>
    new Map(peers.map(([name, values]) => [name, { ...even, ...values }]))
  assert.equal(judge(even, named(['a', { good: 0.5 }], ['b', { good: 0.89 }])).verdict, 'tie')
  assert.deepEqual(judge(even, named(['a', { good: 0.5 }], ['b', { good: 0.95 }])), {
    verdict: 'lose',
    against: 'b',
    by: 'good',
  })
  assert.equal(judge(even, named(['a', { good: 0.5 }], ['b', { recoverMs: Infinity }])).verdict, 'win')
  assert.equal(judge({ ...even, recoverMs: Infinity }, named(['a', { recoverMs: Infinity }])).verdict, 'tie')
})
