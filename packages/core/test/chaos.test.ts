// Chaos: faults at a rate, reproducible, for a limited time, never in production unless it was allowed there.
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { Chaos, chaos, type ChaosOptions } from '../src/chaos.ts'
import {
  circuitBreaker,
  fallback,
  OptionsError,
  pipeline,
  type PolicyEvent,
  retry,
  SwitchgearError,
  timeout,
} from '../src/index.ts'
import { seededRandom, VirtualClock } from '../src/testing/index.ts'
import { Recorder } from './recorder.ts'
import { watch } from './watch.ts'

const host = process.env.NODE_ENV
afterEach(() => {
  if (host === undefined) delete process.env.NODE_ENV
  else process.env.NODE_ENV = host
})

function rig(options: Partial<ChaosOptions>, random = seededRandom(1)) {
  const clock = new VirtualClock()
  const policy = chaos({ for: '1h', ...options })
  const inside = new Recorder('inside')
  const guarded = pipeline({ clock, random, name: 'orders' }, policy, inside)
  return {
    clock,
    policy,
    inside,
    guarded,
    call: () =>
      watch(
        guarded.execute(() => 'real'),
        clock,
      ),
  }
}

test('latency holds a call up by its delay and then runs it; no timer is left', async () => {
  const { clock, policy, inside, call } = rig({ latency: { rate: 1, delay: '300ms' } })
  const answer = call()
  await clock.advance(299)
  assert.deepEqual([answer.state, inside.entered, clock.pending], ['pending', 0, 1])
  await clock.advance(1)
  assert.deepEqual([answer.result, answer.at, clock.pending], ['real', 300, 0])
  assert.deepEqual(policy.snapshot().totals, { delays: 1, errors: 0, hangs: 0 })
})

test('`jitter` takes away up to its share of the delay', async () => {
  const { clock, call } = rig({ latency: { rate: 1, delay: 1000, jitter: 0.5 } })
  const answers = Array.from({ length: 200 }, call)
  await clock.advance(1000)
  const times = answers.map(({ at = 0 }) => at)
  assert.ok(Math.min(...times) >= 500 && Math.min(...times) < 550, `${Math.min(...times)}`)
  assert.ok(Math.max(...times) <= 1000 && Math.max(...times) > 950, `${Math.max(...times)}`)
})

test('an injected error is SG_CHAOS, a failure and no refusal: it trips a breaker, is retried and replaced by a fallback', async () => {
  const clock = new VirtualClock()
  const policy = chaos({ for: '1h', errors: { rate: 1 }, name: 'storm' })
  const breaker = circuitBreaker({ consecutiveFailures: 3 })
  const again = retry({ maxAttempts: 3, delay: 1, jitter: 0 })
  let seen: unknown
  const instead = fallback((error) => ((seen = error), 'instead'))
  const answer = watch(pipeline({ clock, name: 'orders' }, instead, again, breaker, policy).execute(() => 'real'))
  await clock.advance(100)
  const { code, refusal, policy: who, pipeline: where, message } = seen as SwitchgearError
  assert.deepEqual([answer.result, breaker.state, policy.snapshot().totals.errors], ['instead', 'open', 3])
  assert.deepEqual([code, refusal, who, where], ['SG_CHAOS', false, 'storm', 'orders'])
  assert.equal(message, 'orders: storm: an injected error')
})

test('an error of one’s own is thrown as it is, also when making it throws', async () => {
  const mine = Object.assign(new Error('reset'), { code: 'ECONNRESET' })
  const { call, clock, policy } = rig({ errors: { rate: 1, error: () => mine } })
  const answer = call()
  await clock.advance(0)
  assert.equal(answer.result, mine)
  policy.update({
    errors: {
      rate: 1,
      error: () => {
        throw new RangeError('broken')
      },
    },
  })
  const broken = call()
  await clock.advance(0)
  assert.ok(broken.result instanceof RangeError)
})

test('a hang lasts until the call is cut off, by a timeout or an abort, and the function never runs', async () => {
  for (const by of ['timeout', 'abort'] as const) {
    const clock = new VirtualClock()
    const policy = chaos({ for: '1h', hangs: { rate: 1 } })
    const controller = new AbortController()
    const outside = new Recorder('outside')
    const limit = timeout(by === 'timeout' ? 100 : 10_000)
    let ran = false
    const guarded = pipeline({ clock }, outside, limit, policy)
    const run = (): void => {
      ran = true
    }
    const answer = watch(guarded.execute(run, { signal: controller.signal }), clock)
    await clock.advance(100)
    controller.abort('enough')
    await clock.advance(20_000)
    assert.deepEqual([answer.at, ran, clock.pending, outside.inFlight], [100, false, 0, 0])
    assert.deepEqual(policy.snapshot().totals, { delays: 0, errors: 0, hangs: 1 })
  }
})

test('a call that is cut off while it is held up starts nothing and leaves no timer', async () => {
  const clock = new VirtualClock()
  const inside = new Recorder('inside')
  const policy = chaos({ for: '1h', latency: { rate: 1, delay: 100 } })
  const guarded = pipeline({ clock }, timeout(50), policy, inside)
  const controller = new AbortController()
  const answers = [
    watch(
      guarded.execute(() => 1),
      clock,
    ),
  ]
  await clock.advance(20)
  answers.push(
    watch(
      guarded.execute(() => 1, { signal: controller.signal }),
      clock,
    ),
  )
  assert.equal(clock.pending, 3)
  controller.abort('enough')
  assert.equal(clock.pending, 2)
  await clock.advance(30)
  assert.equal(clock.pending, 0)
  // In the very turn in which its time is up.
  const last = new AbortController()
  answers.push(
    watch(
      pipeline({ clock }, policy, inside).execute(() => 1, { signal: last.signal }),
      clock,
    ),
  )
  clock.advanceSync(100)
  last.abort('enough')
  await clock.advance(1000)
  assert.deepEqual(
    answers.map(({ at }) => at),
    [50, 20, 150],
  )
  assert.deepEqual([inside.entered, clock.pending], [0, 0])
})

test('latency and an error may hit the same call: it fails after the delay', async () => {
  const { clock, call } = rig({ latency: { rate: 1, delay: 100 }, errors: { rate: 1 } })
  const answer = call()
  await clock.advance(100)
  assert.deepEqual([answer.code, answer.at], ['SG_CHAOS', 100])
})

test('rates are met, and the same seed hits the same calls', async () => {
  const faults = async (seed: number): Promise<string> => {
    const options = { latency: { rate: 0.3, delay: 10 }, errors: { rate: 0.2 }, hangs: { rate: 0.1 } }
    const { clock, call } = rig(options, seededRandom(seed))
    const answers = Array.from({ length: 2000 }, call)
    await clock.advance(20)
    return answers.map(({ state, at }) => (state === 'pending' ? 'h' : `${state[0]}${at}`)).join(' ')
  }
  const [one, again, other] = [await faults(7), await faults(7), await faults(8)]
  assert.equal(one, again)
  assert.notEqual(one, other)
  const share = (word: string): number => one.split(' ').filter((each) => each.includes(word)).length / 2000
  assert.ok(Math.abs(share('h') - 0.1) < 0.03, `${share('h')}`)
  assert.ok(Math.abs(share('r') - 0.2 * 0.9) < 0.03, `${share('r')}`)
  assert.ok(Math.abs(share('10') - 0.3 * 0.9) < 0.03, `${share('10')}`)
})

test('`match` says which calls it may touch; one that throws is a rejection', async () => {
  const policy = chaos({ for: '1h', errors: { rate: 1 }, match: ({ key }) => key === 'tester' })
  const guarded = pipeline(policy)
  assert.equal(await guarded.execute(() => 1, { key: 'customer' }), 1)
  await assert.rejects(
    guarded.execute(() => 1, { key: 'tester' }),
    { code: 'SG_CHAOS' },
  )
  policy.update({
    match: () => {
      throw new RangeError('broken')
    },
  })
  await assert.rejects(
    guarded.execute(() => 1),
    RangeError,
  )
})

test('after its time, which begins with its first pipeline, it does nothing', async () => {
  const policy = chaos({ for: '10s', errors: { rate: 1 } })
  const clock = new VirtualClock({ now: 5_000_000 })
  const guarded = pipeline({ clock }, policy)
  assert.equal(policy.snapshot().remainingMs, 10_000)
  await clock.advance(9999)
  await assert.rejects(
    guarded.execute(() => 1),
    { code: 'SG_CHAOS' },
  )
  await clock.advance(1)
  assert.equal(await guarded.execute(() => 1), 1)
  assert.deepEqual([policy.snapshot().active, policy.snapshot().remainingMs, clock.pending], [false, 0, 0])
})

test('`stop` ends it, `start` begins its whole time anew', async () => {
  const { clock, policy, call } = rig({ for: 100, errors: { rate: 1 } })
  const state = async (): Promise<[string, boolean, number]> => {
    const answer = call()
    await clock.advance(0)
    return [answer.state, policy.snapshot().active, policy.snapshot().remainingMs]
  }
  await clock.advance(40)
  policy.start()
  assert.deepEqual(await state(), ['rejected', true, 100])
  policy.stop()
  assert.deepEqual(await state(), ['fulfilled', false, 0])
  await clock.advance(1000)
  policy.start()
  await clock.advance(99)
  assert.deepEqual(await state(), ['rejected', true, 1])
  await clock.advance(1)
  assert.deepEqual(await state(), ['fulfilled', false, 0])
})

test('one that is stopped before a pipeline compiles it stays so', async () => {
  const policy = chaos({ for: '1h', errors: { rate: 1 } })
  policy.stop()
  assert.equal(await pipeline(policy).execute(() => 1), 1)
})

test('in production it is inactive, also after `start`, unless it is allowed there', async () => {
  process.env.NODE_ENV = 'production'
  const { policy, call, clock } = rig({ errors: { rate: 1 }, hangs: { rate: 1 } })
  policy.start()
  const answer = call()
  await clock.advance(0)
  const { active, remainingMs, totals } = policy.snapshot()
  assert.deepEqual([answer.result, active, remainingMs, totals], ['real', false, 0, { delays: 0, errors: 0, hangs: 0 }])
  const allowed = rig({ errors: { rate: 1 }, allowInProduction: true })
  const hit = allowed.call()
  await allowed.clock.advance(0)
  assert.deepEqual([hit.code, allowed.policy.snapshot().active], ['SG_CHAOS', true])
})

test('an environment that may not be read counts as production', () => {
  const descriptor = Object.getOwnPropertyDescriptor(process, 'env') as PropertyDescriptor
  Object.defineProperty(process, 'env', {
    configurable: true,
    get: () => {
      throw new Error('not permitted')
    },
  })
  try {
    assert.equal(chaos({ for: '1h' }).snapshot().active, false)
  } finally {
    Object.defineProperty(process, 'env', descriptor)
  }
})

test('an update acts on the next call, keeps the time, and a wrong one changes nothing', async () => {
  const { clock, policy, call } = rig({ for: 1000, latency: { rate: 1, delay: 50 } })
  const held = call()
  await clock.advance(10)
  policy.update({ latency: undefined, errors: { rate: 1 } })
  const failed = call()
  await clock.advance(100)
  assert.deepEqual([held.at, failed.code, failed.at], [50, 'SG_CHAOS', 10])
  assert.throws(() => policy.update({ errors: { rate: 0 }, hangs: { rate: 2 } }), OptionsError)
  assert.throws(() => policy.update({ name: 'other' }), /chaos\.name must be left as it is/)
  assert.throws(() => policy.update({ for: undefined as never }), /chaos\.for must be a duration/)
  const again = call()
  await clock.advance(0)
  assert.deepEqual([again.code, policy.snapshot().remainingMs], ['SG_CHAOS', 890])
  policy.update({ for: 100 })
  assert.equal(policy.snapshot().active, false)
})

test('each fault is an event; a listener that throws or aborts does no harm', async () => {
  const { clock, policy, inside, guarded } = rig({
    latency: { rate: 1, delay: 30 },
    errors: { rate: 1 },
    name: 'storm',
  })
  const events: PolicyEvent[] = []
  let controller = new AbortController()
  policy.events.subscribe((event) => {
    events.push(event)
    if (events.length > 3) controller.abort('by a listener')
    throw new Error('broken listener')
  })
  const call = () =>
    watch(
      guarded.execute(() => 1, { signal: controller.signal }),
      clock,
    )
  call()
  await clock.advance(50)
  policy.update({ latency: undefined, errors: undefined, hangs: { rate: 1 } })
  call()
  await clock.advance(50)
  const named = { type: 'chaos', policy: 'storm', pipeline: 'orders' }
  assert.deepEqual(events, [
    { ...named, fault: 'latency', delayMs: 30 },
    { ...named, fault: 'error', delayMs: 0 },
    { ...named, fault: 'hang', delayMs: Infinity },
  ])
  for (const faults of [{ latency: { rate: 1, delay: 30 }, hangs: undefined }, { hangs: { rate: 1 } }]) {
    controller = new AbortController()
    policy.update(faults)
    const aborted = call()
    await clock.advance(0)
    assert.deepEqual([aborted.result, inside.entered, clock.pending], ['by a listener', 0, 0])
  }
})

test('wrong options are refused with path, bound and value; a time to live is needed', () => {
  const table: [object, RegExp][] = [
    [{ for: undefined }, /chaos\.for must be a duration.*got undefined/],
    [{ for: 0 }, /chaos\.for must be a duration of at least 1 ms.*got 0/],
    [{ latency: { rate: 2, delay: 1 } }, /chaos\.latency\.rate must be in \[0, 1\], got 2/],
    [{ latency: { rate: 1 } }, /chaos\.latency\.delay must be a duration.*got undefined/],
    [{ latency: { rate: 1, delay: 1, jitter: 2 } }, /chaos\.latency\.jitter must be in \[0, 1\], got 2/],
    [{ latency: null }, /chaos\.latency must be an object of options, got null/],
    [{ errors: { rate: -1 } }, /chaos\.errors\.rate must be in \[0, 1\], got -1/],
    [{ errors: { rate: 1, error: 'x' } }, /chaos\.errors\.error must be a function, got 'x'/],
    [{ errors: { rate: 1, erorr: 1 } }, /chaos\.errors\.erorr is not an option/],
    [{ hangs: {} }, /chaos\.hangs\.rate must be in \[0, 1\], got undefined/],
    [{ match: 1 }, /chaos\.match must be a function/],
    [{ allowInProduction: 'yes' }, /chaos\.allowInProduction must be true or false, got 'yes'/],
    [{ name: 7 }, /chaos\.name must be a text/],
    [{ rate: 1 }, /chaos\.rate is not an option/],
  ]
  for (const [options, message] of table) {
    assert.throws(() => new Chaos({ for: '1s', ...options } as ChaosOptions), message)
  }
})

test('an error of a call that was held up still shows the caller', async () => {
  async function placeOfTheError(): Promise<never> {
    await new Promise((resolve) => setTimeout(resolve, 1))
    throw new Error('down')
  }
  const guarded = pipeline(chaos({ for: '1h', latency: { rate: 1, delay: 5 } }), circuitBreaker())
  async function placeOfTheCall(): Promise<unknown> {
    return await guarded.execute(placeOfTheError)
  }
  const error = await placeOfTheCall().catch((thrown: unknown) => thrown)
  assert.match((error as Error).stack ?? '', /at async placeOfTheCall/)
})
