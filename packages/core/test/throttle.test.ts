// The throttle: the share that it refuses, what counts and what does not, and the law: what reaches an overloaded
// dependency is about k calls per accepted one, and all of it again soon after it has healed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  circuitBreaker,
  ignored,
  type Outcome,
  pipeline,
  type PolicyEvent,
  type Priority,
  retry,
  success,
  timeout,
} from '../src/index.ts'
import { seededRandom, VirtualClock } from '../src/testing/index.ts'
import { throttle, type ThrottleOptions } from '../src/throttle.ts'
import { Recorder } from './recorder.ts'
import { Rig } from './throttle-rig.ts'
import { codeOf, hang, Task, turns, watch } from './watch.ts'

const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

test('the chance of a refusal is (requests - k * accepts) / (requests + 1), never negative', () => {
  for (const k of [1, 1.5, 2, 10]) {
    for (const [accepts, failures] of [
      [0, 20],
      [10, 10],
      [10, 11],
      [10, 90],
      [100, 0],
      [5, 1000],
    ] as const) {
      const rig = new Rig({ k, maxRefusalChance: 1 })
      rig.calls(accepts, 'success')
      rig.calls(failures, 'failure')
      const requests = accepts + failures
      assert.equal(rig.chance, Math.max(0, (requests - k * accepts) / (requests + 1)))
    }
  }
})

test('chance decides: just below it a call is refused, at it none is', () => {
  const rig = new Rig()
  rig.calls(20, 'success')
  rig.calls(80, 'failure')
  const { chance } = rig
  assert.equal(chance, 60 / 101)
  rig.luck = chance
  assert.equal(rig.call('ignored'), true)
  rig.luck = chance - 1e-9
  assert.equal(rig.call('ignored'), false)
  assert.equal(rig.chance, 61 / 102, 'what is refused here is a request too')
})

test('while all goes well, or half of it with k = 2, nothing is refused, whatever the luck', () => {
  const rig = new Rig()
  rig.luck = 0
  for (let call = 0; call < 5000; call++) {
    assert.ok(rig.call('success'))
    assert.ok(rig.call('failure'))
    rig.clock.advanceSync(7)
  }
  assert.equal(rig.gate.snapshot().totals.rejections, 0)
})

test('a quiet client is not throttled: below minimumThroughput in the window nothing is refused', () => {
  const rig = new Rig()
  rig.luck = 0
  // One call in 15 s is 8 in the window of two minutes; all of them fail.
  for (let call = 0; call < 100; call++) {
    assert.ok(rig.call('failure'))
    rig.clock.advanceSync(15_000)
  }
  const small = new Rig({ minimumThroughput: 3 })
  small.luck = 0
  assert.equal(small.calls(10, 'failure'), 3)
})

test('calls in flight are no evidence: a cold start with a thousand slow calls is let through', async () => {
  const clock = new VirtualClock()
  const gate = throttle()
  const guarded = pipeline({ clock, random: () => 0 }, gate)
  const task = new Task()
  const answers = Array.from({ length: 1000 }, () => watch(guarded.execute(task.run)))
  assert.deepEqual([task.started, gate.snapshot().requests], [1000, 0])
  for (let call = 0; call < 1000; call++) task.resolve(call, 'slow')
  await turns()
  assert.ok(answers.every(({ state }) => state === 'fulfilled'))
  assert.deepEqual([gate.snapshot().requests, gate.snapshot().accepts], [1000, 1000])
})

test('aborts, refusals further in, ignored values and calls that nobody ran count nowhere', async () => {
  const clock = new VirtualClock()
  const gate = throttle({ minimumThroughput: 1 })
  const inner = new Recorder('inner')
  const ofValue = (value: string): typeof success => (value === 'skip' ? ignored : success)
  const guarded = pipeline({ clock, random: () => 0, classify: { ofValue } }, gate, timeout(100), inner)
  const controller = new AbortController()
  const aborted = Array.from({ length: 20 }, () => watch(guarded.execute(hang, { signal: controller.signal })))
  controller.abort()
  await turns()
  inner.refuses = () => true
  for (let call = 0; call < 20; call++) assert.equal(await guarded.execute(() => 'ran').catch(codeOf), 'SG_TEST')
  inner.refuses = () => false
  for (let call = 0; call < 20; call++) await guarded.execute(() => 'skip')
  const outside = pipeline({ clock }, gate)
  for (let call = 0; call < 20; call++) {
    const permit = outside.admit()
    if (permit.kind === 'permit') permit.exit()
  }
  assert.ok(aborted.every(({ state }) => state === 'rejected'))
  const { requests, accepts, totals } = gate.snapshot()
  assert.deepEqual([requests, accepts, totals, clock.pending], [0, 0, { admitted: 80, rejections: 0 }, 0])
})

test('a call that a timeout cuts off was not accepted', async () => {
  const clock = new VirtualClock()
  const gate = throttle()
  const guarded = pipeline({ clock, random: () => 0 }, gate, timeout(100))
  const inner = pipeline({ clock, random: () => 0 }, timeout(100), gate)
  for (let call = 0; call < 5; call++) {
    watch(guarded.execute(hang))
    watch(inner.execute(hang))
  }
  await clock.advance(100)
  assert.deepEqual([gate.snapshot().requests, gate.snapshot().accepts, clock.pending], [10, 0, 0])
  const answer = watch(guarded.execute(hang))
  await turns()
  assert.equal(answer.code, 'SG_THROTTLED')
})

/** `wanted` calls a second, of which the dependency accepts `accepted`; answers what reached it in the last second. */
function second(
  guarded: ReturnType<typeof lawful>['guarded'],
  clock: VirtualClock,
  wanted: number,
  accepted: number,
): number {
  let [sent, taken] = [0, 0]
  for (let call = 1; call <= wanted; call++) {
    const permit = guarded.admit()
    if (permit.kind === 'permit') {
      sent++
      const attempt = permit.attempt()
      // It accepts evenly over the second, as a server with so much capacity does.
      const accepts = taken < (accepted * call) / wanted
      if (accepts) taken++
      if (attempt.kind === 'attempt') attempt.settle(accepts ? 'success' : 'failure')
      permit.exit()
    }
    clock.advanceSync(1000 / wanted)
  }
  return sent
}
function lawful(options: ThrottleOptions) {
  const clock = new VirtualClock()
  const gate = throttle(options)
  return { clock, gate, guarded: pipeline({ clock, random: seededRandom(seed) }, gate) }
}

test('the law: k calls per accepted one reach an overloaded dependency, and all of them soon after it healed', () => {
  for (const [k, accepted, mostWindows] of [
    [2, 200, 1],
    [2, 100, 1.3],
    [2, 50, 1.8],
    [1.5, 300, 1.6],
    [3, 100, 0.7],
  ] as const) {
    const { clock, gate, guarded } = lawful({ k, window: '20s' })
    let reached = 0
    for (let at = 0; at < 60; at++) {
      const sent = second(guarded, clock, 1000, accepted)
      if (at >= 40) reached += sent / 20
    }
    const what = `k ${k}, ${accepted} of 1000 accepted: ${reached} reach it`
    assert.ok(Math.abs(reached - k * accepted) < 0.06 * k * accepted, what)
    let healed = 0
    while (healed < 100 && second(guarded, clock, 1000, 1000) < 990) healed++
    assert.ok(healed / 20 <= mostWindows, `${what}; all of them ${healed} s after it healed`)
    for (let at = 0; at < 25; at++) second(guarded, clock, 1000, 1000)
    const { requests, accepts, refusalChance } = gate.snapshot()
    assert.deepEqual([requests, refusalChance], [accepts, 0], 'and then the window has forgotten')
  }
})

test('in a total outage a fiftieth of the calls go on probing, so that it is over within three windows', () => {
  const { clock, guarded } = lawful({ window: '20s' })
  let probes = 0
  for (let at = 0; at < 60; at++) {
    const sent = second(guarded, clock, 1000, 0)
    if (at >= 20) probes += sent / 40
  }
  assert.ok(probes > 15 && probes < 25, `${probes} probes a second`)
  let healed = 0
  while (healed < 200 && second(guarded, clock, 1000, 1000) < 990) healed++
  assert.ok(healed <= 60, `${healed} s`)
})

test('an hour of idleness empties the window, without a timer', () => {
  const rig = new Rig()
  rig.calls(100, 'failure')
  assert.ok(rig.chance > 0.9)
  assert.equal(rig.clock.pending, 0)
  rig.clock.advanceSync(3_600_000)
  rig.luck = 0
  assert.deepEqual([rig.call('success'), rig.chance, rig.gate.snapshot().requests], [true, 0, 1])
})

test('what is counted is what the last window holds, to a tenth of it', () => {
  const rig = new Rig({ window: '10s' })
  rig.calls(50, 'failure')
  rig.clock.advanceSync(8999)
  assert.equal(rig.gate.snapshot().requests, 50)
  rig.clock.advanceSync(1001)
  assert.equal(rig.gate.snapshot().requests, 0)
})

test('the counts are those of a model that keeps every call', () => {
  const steps = fc.array(
    fc.record({
      waitMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2500 })),
      outcome: fc.constantFrom<Outcome>('success', 'failure', 'failure', 'ignored'),
      luck: fc.double({ min: 0, max: 0.999, noNaN: true }),
      priority: fc.constantFrom<Priority>(0, 1, 2, 3),
    }),
    { maxLength: 150 },
  )
  fc.assert(
    fc.property(steps, fc.boolean(), (all, byPriority) => {
      const rig = new Rig({ window: '10s', minimumThroughput: 4, byPriority })
      const known: { at: number; accepted: boolean; at4: number }[] = []
      for (const { waitMs, outcome, luck, priority } of all) {
        rig.clock.advanceSync(waitMs)
        rig.luck = luck
        const now = rig.clock.now()
        const at4 = byPriority ? priority : 0
        const mine = known.filter((one) => one.at4 === at4 && Math.floor(one.at / 1000) > Math.floor(now / 1000) - 10)
        const accepts = mine.filter(({ accepted }) => accepted).length
        const chance =
          mine.length < 4 ? 0 : Math.min(0.98, Math.max(0, (mine.length - 2 * accepts) / (mine.length + 1)))
        const admitted = rig.call(outcome, priority)
        assert.equal(admitted, !(luck < chance), `at ${now}: ${mine.length} requests, ${accepts} accepts`)
        if (!admitted || outcome !== 'ignored')
          known.push({ at: now, accepted: admitted && outcome === 'success', at4 })
      }
    }),
    { seed, numRuns: 200 },
  )
})

test('each priority has its own window, unless told otherwise', () => {
  const rig = new Rig()
  rig.luck = 0
  rig.calls(50, 'failure', 3)
  rig.calls(50, 'success', 0)
  assert.deepEqual([rig.call('success', 3), rig.call('success', 0), rig.call('success', 1)], [false, true, true])
  const together = new Rig({ byPriority: false })
  together.luck = 0
  together.calls(50, 'failure', 3)
  assert.deepEqual([together.call('success', 3), together.call('success', 0)], [false, false])
})

test('a priority that is none makes no window of its own', () => {
  const rig = new Rig()
  for (const priority of [7, -1, 1.5, Number.NaN, 1e9]) rig.call('failure', priority as Priority)
  assert.equal(rig.gate.snapshot().priorities.length, 4)
  assert.equal(rig.gate.snapshot().requests, 5)
})

test('the refusal is a refusal: it opens no circuit, is not retried, and names no time', async () => {
  for (const isOutside of [true, false]) {
    const clock = new VirtualClock()
    const gate = throttle({ name: 'adaptive' })
    const breaker = circuitBreaker({ consecutiveFailures: 11 })
    const again = retry({ delay: 1, maxAttempts: 2 })
    const gates = isOutside ? [breaker, gate] : [gate, breaker]
    const guarded = pipeline({ name: 'search', clock, random: () => 0 }, again, ...gates)
    let fails = true
    const run = async (): Promise<string> => {
      if (fails) throw new Error('overloaded')
      return 'ran'
    }
    for (let call = 0; call < 5; call++) {
      const answer = watch(guarded.execute(run, { idempotent: false }))
      const other = watch(guarded.execute(run, { idempotent: false }))
      await turns()
      assert.deepEqual([answer.state, other.state], ['rejected', 'rejected'])
    }
    fails = false
    const answer = watch(guarded.execute(run))
    await clock.advance(10)
    const error = answer.result as Error & Record<string, unknown>
    assert.deepEqual(
      [error['code'], error['refusal'], error['policy'], error['pipeline'], error['retryAfterMs']],
      ['SG_THROTTLED', true, 'adaptive', 'search', undefined],
    )
    assert.equal(error.message, 'search: adaptive: refused by chance, because too few calls of late were accepted')
    assert.equal(error.stack?.includes('    at '), false)
    assert.deepEqual([breaker.state, again.snapshot().totals.retries, clock.pending], ['closed', 0, 0])
  }
})

test('an event tells of each refusal, and a listener that throws changes nothing', () => {
  const rig = new Rig()
  const events: PolicyEvent[] = []
  rig.gate.events.subscribe((event) => events.push(event))
  rig.gate.events.subscribe(() => {
    throw new Error('broken listener')
  })
  rig.calls(10, 'failure')
  rig.luck = 0
  assert.deepEqual([rig.call('success'), rig.call('success')], [false, false])
  const event = { type: 'rejected', policy: 'throttle', pipeline: 'search', code: 'SG_THROTTLED' }
  assert.deepEqual(events, [event, event])
  assert.equal(rig.gate.events.listenerErrors, 2)
  assert.deepEqual(rig.gate.snapshot().totals, { admitted: 10, rejections: 2 })
})

test('given to two pipelines it is one throttle; two with the same options share nothing', () => {
  const options = { minimumThroughput: 5 }
  const [a, b] = [new Rig(options), new Rig(options)]
  a.calls(50, 'failure')
  const second = pipeline({ clock: new VirtualClock({ now: 1e9 }), random: () => 0 }, a.gate)
  a.luck = 0
  assert.equal(second.admit().kind, 'rejection')
  assert.deepEqual([a.gate.snapshot().requests, b.gate.snapshot().requests], [51, 0])
})

test('an update acts at the next call; a changed window keeps what it can hold; calls in flight count in it', () => {
  const rig = new Rig({ window: '20s' })
  const guarded = pipeline({ clock: rig.clock }, rig.gate)
  const inFlight = guarded.admit()
  rig.calls(30, 'failure')
  rig.clock.advanceSync(15_000)
  rig.calls(10, 'success')
  assert.equal(rig.chance, 20 / 41)
  rig.gate.update({ k: 4 })
  assert.equal(rig.chance, 0)
  rig.gate.update({ k: undefined, maxRefusalChance: 0.1 })
  assert.equal(rig.chance, 0.1)
  rig.gate.update({ minimumThroughput: 41, maxRefusalChance: 1 })
  assert.equal(rig.chance, 0)
  rig.gate.update({ window: '10s', minimumThroughput: 1 })
  assert.deepEqual([rig.gate.snapshot().requests, rig.gate.snapshot().accepts], [10, 10])
  if (inFlight.kind === 'permit') {
    const attempt = inFlight.attempt()
    if (attempt.kind === 'attempt') attempt.settle('failure')
    inFlight.exit()
  }
  assert.equal(rig.gate.snapshot().requests, 11)
  rig.gate.update({ window: '1m' })
  assert.equal(rig.gate.snapshot().requests, 11)
  rig.gate.update({ byPriority: false })
  assert.equal(rig.gate.snapshot().requests, 0)
  assert.throws(
    () => rig.gate.update({ name: 'other' }),
    /throttle\.name must be left as it is in an update, got 'other'/,
  )
})

test('without windows by priority, a call that began with them counts in the one for all', () => {
  const rig = new Rig({ minimumThroughput: 1 })
  const permit = pipeline({ clock: rig.clock }, rig.gate).admit({ priority: 3 })
  rig.gate.update({ byPriority: false })
  assert.ok(permit.kind === 'permit')
  const attempt = permit.attempt()
  if (attempt.kind === 'attempt') attempt.settle('failure')
  permit.exit()
  const counted = rig.gate.snapshot().priorities.map((counts) => counts.length)
  assert.deepEqual(counted, [1, 0, 0, 0])
})

const bad: [unknown, RegExp][] = [
  [{ k: 0.9 }, /throttle\.k must be in \[1, 1000\], got 0\.9/],
  [{ k: '2' }, /got '2'/],
  [{ window: 9 }, /throttle\.window must be a duration of at least 10 ms/],
  [{ minimumThroughput: 0 }, /throttle\.minimumThroughput must be a whole number >= 1, got 0/],
  [{ maxRefusalChance: 1.1 }, /throttle\.maxRefusalChance must be in \[0, 1\], got 1\.1/],
  [{ byPriority: 1 }, /throttle\.byPriority must be true or false, got 1/],
  [{ ratio: 2 }, /throttle\.ratio is not an option; known are name, window, k/],
  [{ name: 5 }, /throttle\.name must be/],
  [5, /throttle must be an object/],
]
for (const [options, message] of bad) {
  test(`throttle(${JSON.stringify(options)}) is refused with path, bound and value, also in an update`, () => {
    const isOptionsError = (error: unknown): boolean =>
      codeOf(error) === 'SG_BAD_OPTIONS' && message.test((error as Error).message)
    assert.throws(() => throttle(options as ThrottleOptions), isOptionsError)
    const rig = new Rig()
    rig.calls(20, 'failure')
    const before = rig.gate.snapshot()
    assert.throws(() => rig.gate.update(options as ThrottleOptions), isOptionsError)
    assert.deepEqual(rig.gate.snapshot(), before)
  })
}
