// The load shedder as a gate: what it measures and when, whom it refuses, and that it leaves nothing behind.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  circuitBreaker,
  type Clock,
  pipeline,
  type PolicyEvent,
  type Priority,
  retry,
  timeout,
} from '../../src/index.ts'
import type { ShedOptions } from '../../src/shed/options.ts'
import { shed } from '../../src/shed/shed.ts'
import { VirtualClock } from '../../src/testing/index.ts'
import { Recorder } from '../recorder.ts'
import { codeOf, hang, turns, watch } from '../watch.ts'
import { LateClock } from './late-clock.ts'

function entrance(clock: Clock, options: ShedOptions = {}) {
  const gate = shed(options)
  const guarded = pipeline({ name: 'shop', clock }, gate)
  const events: PolicyEvent[] = []
  gate.events.subscribe((event) => events.push(event))
  const hold = (priority: Priority = 0): (() => void) => {
    const permit = guarded.admit({ priority })
    assert.equal(permit.kind, 'permit')
    return () => permit.kind === 'permit' && permit.exit()
  }
  const admits = (): string =>
    ([0, 1, 2, 3] as const)
      .filter((priority) => {
        const permit = guarded.admit({ priority })
        if (permit.kind === 'permit') permit.exit()
        return permit.kind === 'permit'
      })
      .join('')
  return { gate, guarded, events, hold, admits }
}
const changes = (events: PolicyEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'shedding' ? [`${event.from} to ${event.to} at ${event.at}`] : []))

test('a late loop sheds the least important first, then more, never priority 0; when in time again it takes that back', async () => {
  const clock = new LateClock()
  const { gate, events, hold, admits } = entrance(clock)
  const end = hold()
  await clock.advance(1000)
  assert.deepEqual([admits(), gate.snapshot().delayMs], ['0123', 0])
  clock.lateMs = 30
  await clock.advance(200)
  assert.equal(admits(), '012')
  await clock.advance(2000)
  assert.deepEqual([admits(), gate.refusedFrom, gate.snapshot().delayMs], ['0', 1, 30])
  clock.lateMs = 5
  await clock.advance(60)
  assert.equal(admits(), '01')
  await clock.advance(500)
  assert.equal(admits(), '0123')
  // A probe of 10 ms that is 30 ms late: one every 40 ms, the first of them at 1050. From it 100, 71 and 58 ms are needed.
  assert.deepEqual(changes(events), [
    '4 to 3 at 1170',
    '3 to 2 at 1250',
    '2 to 1 at 1330',
    '1 to 2 at 3225',
    '2 to 3 at 3330',
    '3 to 4 at 3435',
  ])
  end()
})

test('a delay at the target that stays is too long, one below is not, and one interval is needed', async () => {
  for (const [lateMs, expected] of [
    [19.9, '0123'],
    [20, '0'],
  ] as const) {
    const clock = new LateClock()
    clock.lateMs = lateMs
    const { hold, admits } = entrance(clock)
    hold()
    await clock.advance(95)
    assert.equal(admits(), '0123')
    await clock.advance(2000)
    assert.equal(admits(), expected)
  }
})

test('priority 0 is refused only if told so, and last', async () => {
  const clock = new LateClock()
  clock.lateMs = 50
  const { gate, hold, admits, guarded } = entrance(clock, { shedCritical: true, target: '40ms', interval: '50ms' })
  hold()
  const seen = new Set<string>()
  for (let step = 0; step < 40; step++) {
    await clock.advance(20)
    seen.add(admits())
  }
  assert.deepEqual([...seen], ['0123', '012', '01', '0', ''])
  const refused = watch(guarded.execute(() => assert.fail('it ran'), { priority: 0 }))
  gate.update({ shedCritical: false })
  assert.equal(admits(), '0')
  await turns()
  assert.equal(refused.code, 'SG_SHED')
})

test('it looks at the loop only while calls are in flight, and holds no process', async () => {
  const clock = new LateClock()
  const { hold } = entrance(clock)
  await clock.advance(1000)
  assert.equal(clock.set.size, 0)
  const ends = [hold(), hold()]
  assert.deepEqual([clock.set.size, clock.holding.size], [1, 0])
  await clock.advance(1000)
  assert.deepEqual([clock.set.size, clock.holding.size], [1, 0])
  ends[0]?.()
  await clock.advance(1000)
  assert.equal(clock.set.size, 1)
  ends[1]?.()
  // One look more, since setting and clearing a timer per call would cost more than the call.
  await clock.advance(10)
  assert.equal(clock.set.size, 0)
})

test('where timers cannot be released, none outlives the last call', async () => {
  const clock = new VirtualClock()
  const { guarded, hold } = entrance(clock)
  const end = hold()
  assert.equal(clock.pending, 1)
  end()
  assert.equal(clock.pending, 0)
  for (const run of [() => 1, () => Promise.reject(new Error('told to fail'))]) {
    watch(guarded.execute<number>(run))
    await turns()
    assert.equal(clock.pending, 0)
  }
})

test('handlers that block the loop and are over when it is looked at are seen all the same', async () => {
  const clock = new LateClock()
  const { admits, hold, gate } = entrance(clock)
  // Each ends before the look that was due meanwhile.
  for (let call = 0; call < 8; call++) {
    clock.lateMs = 30
    const end = hold()
    clock.virtual.advanceSync(39)
    end()
    clock.virtual.advanceSync(1)
  }
  assert.ok(gate.refusedFrom < 4)
  clock.lateMs = 0
  await clock.advance(1000)
  assert.deepEqual([admits(), gate.refusedFrom], ['0123', 4])
  await clock.advance(10)
  assert.equal(clock.set.size, 0)
})

test('a loop that rests between its blocking handlers is not overloaded: it looks once more when late, also when idle', async () => {
  const clock = new LateClock()
  const { events, hold } = entrance(clock)
  for (let call = 0; call < 30; call++) {
    clock.lateMs = 30
    const end = hold()
    clock.virtual.advanceSync(39)
    end()
    clock.lateMs = 0
    clock.virtual.advanceSync(40)
  }
  assert.deepEqual(changes(events), [])
})

test('what adapters observe counts too, and apart: a loop in time does not hide a queue', async () => {
  const clock = new VirtualClock()
  const { gate, admits, hold } = entrance(clock)
  hold()
  for (let told = 0; told < 60; told++) {
    gate.observe(200)
    await clock.advance(10)
  }
  assert.deepEqual([admits(), gate.snapshot().delayMs], ['0', 200])
  for (let told = 0; told < 40; told++) {
    gate.observe(told % 2 === 0 ? 3 : 300)
    await clock.advance(10)
  }
  assert.equal(admits(), '0123')
  for (const wrong of [-1, Number.NaN, Infinity, '5', undefined]) {
    assert.throws(() => gate.observe(wrong as never), { code: 'SG_BAD_OPTIONS' })
  }
})

test('when nobody tells anything more, it stops refusing within a few intervals, and then leaves no timer', async () => {
  const clock = new VirtualClock()
  const { gate, admits } = entrance(clock)
  for (let told = 0; told < 60; told++) {
    gate.observe(200)
    await clock.advance(10)
  }
  assert.deepEqual([admits(), clock.pending], ['0', 1])
  await clock.advance(500)
  assert.deepEqual([admits(), clock.pending, gate.snapshot().delayMs], ['0123', 0, 0])
})

test('while the loop stood still nobody could tell anything, which is no silence', async () => {
  const clock = new LateClock()
  const { gate } = entrance(clock)
  for (let told = 0; told < 60; told++) {
    gate.observe(200)
    await clock.advance(10)
  }
  assert.equal(gate.refusedFrom, 1)
  clock.lateMs = 400
  await clock.advance(420)
  assert.equal(gate.refusedFrom, 1)
})

test('a refusal says who, since when it may help to come again, and is counted and told', async () => {
  const clock = new LateClock()
  clock.lateMs = 80
  const { gate, guarded, events, hold } = entrance(clock, { name: 'door', interval: 200 })
  hold()
  await clock.advance(2000)
  events.length = 0
  const answers = ([3, 1, 3, 2, 0] as const).map((priority) => watch(guarded.execute(() => 1, { priority })))
  await turns()
  assert.deepEqual(
    answers.map(({ code, state }) => code ?? state),
    ['SG_SHED', 'SG_SHED', 'SG_SHED', 'SG_SHED', 'fulfilled'],
  )
  const error = answers[0]?.result as Error & Record<string, unknown>
  assert.equal(error.message, 'shop: door: overloaded, 80 ms late, calls of priority 1 and above are refused')
  assert.deepEqual(
    [error['policy'], error['pipeline'], error['refusal'], error['retryAfterMs']],
    ['door', 'shop', true, 200],
  )
  const told = { type: 'rejected', policy: 'door', pipeline: 'shop', code: 'SG_SHED' }
  assert.deepEqual(events, [told, told, told, told])
  assert.deepEqual(gate.snapshot(), {
    policy: 'shed',
    version: 1,
    name: 'door',
    refusedFrom: 1,
    delayMs: 80,
    totals: { admitted: 2, sheds: [0, 1, 1, 2] },
  })
})

test('a priority that is none of ours is admitted in calm and counts as the least important in overload', () => {
  const clock = new VirtualClock()
  const { gate, guarded } = entrance(clock)
  const kinds = (): string[] => [7, 4].map((priority) => guarded.admit({ priority: priority as Priority }).kind)
  assert.deepEqual(kinds(), ['permit', 'permit'])
  for (let told = 0; told < 12; told++) {
    gate.observe(200)
    clock.advanceSync(10)
  }
  assert.deepEqual(
    [kinds(), gate.snapshot().totals.sheds],
    [
      ['rejection', 'rejection'],
      [0, 0, 0, 2],
    ],
  )
})

test('inside and outside of other policies: no circuit opens by it, no retry repeats it, nothing leaks', async () => {
  for (const order of ['outside', 'inside']) {
    const clock = new LateClock()
    const gate = shed()
    const breaker = circuitBreaker({ consecutiveFailures: 1 })
    const again = retry({ delay: 1 })
    const beside = new Recorder('beside')
    const inner = order === 'outside' ? [gate, breaker] : [breaker, gate]
    const guarded = pipeline({ clock }, beside, again, timeout(5000), ...inner)
    const controller = new AbortController()
    const holder = watch(guarded.execute(hang, { priority: 0, signal: controller.signal }))
    clock.lateMs = 40
    await clock.advance(1000)
    const calls = [1, 2, 3].map((priority) => watch(guarded.execute(() => 1, { priority: priority as Priority })))
    await turns()
    assert.deepEqual(
      calls.map(({ code }) => code),
      ['SG_SHED', 'SG_SHED', 'SG_SHED'],
    )
    assert.deepEqual([breaker.state, again.snapshot().totals.retries, beside.inFlight], ['closed', 0, 1])
    clock.lateMs = 0
    controller.abort('enough')
    await clock.advance(10_000)
    assert.deepEqual([holder.result, beside.inFlight, clock.set.size], ['enough', 0, 0])
  }
})

test('an update acts in place: on target and interval, with calls in flight; a bad one changes nothing', async () => {
  const clock = new LateClock()
  clock.lateMs = 30
  const { gate, hold, admits } = entrance(clock)
  const end = hold()
  gate.update({ target: 31 })
  await clock.advance(2000)
  assert.equal(admits(), '0123')
  for (const wrong of [{ target: 5, interval: 4 }, { target: 5, name: 'other' }, { target: 5, x: 1 }, 5, null]) {
    assert.throws(() => gate.update(wrong as never), { code: 'SG_BAD_OPTIONS' })
  }
  await clock.advance(2000)
  assert.equal(admits(), '0123')
  gate.update({ target: 30, interval: undefined })
  await clock.advance(2000)
  assert.equal(admits(), '0')
  end()
})

test('restore takes over nothing: a new process is not overloaded; and it refuses what is no such snapshot', async () => {
  const gate = shed()
  gate.restore({ ...gate.snapshot(), refusedFrom: 1, delayMs: 5000 })
  assert.deepEqual([gate.refusedFrom, gate.snapshot().delayMs], [4, 0])
  for (const wrong of [undefined, null, 7, {}, { version: 2, policy: 'shed' }, { version: 1, policy: 'bulkhead' }]) {
    assert.throws(() => gate.restore(wrong as never), { code: 'SG_BAD_OPTIONS' })
  }
})

test('two pipelines share one shedder; the first brings the clock, and what was measured before goes', async () => {
  const gate = shed({ interval: 20 })
  const begun = performance.now()
  while (gate.refusedFrom === 4 && performance.now() - begun < 5000) {
    gate.observe(500)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  assert.ok(gate.refusedFrom < 4)
  const clock = new LateClock()
  const [first, second] = [pipeline({ clock }, gate), pipeline({ clock: new VirtualClock() }, gate)]
  assert.equal(gate.refusedFrom, 4)
  const permit = first.admit()
  clock.lateMs = 50
  await clock.advance(1000)
  assert.deepEqual([permit.kind, second.admit({ priority: 3 }).kind], ['permit', 'rejection'])
})

test('a throwing listener changes nothing', async () => {
  const clock = new LateClock()
  clock.lateMs = 50
  const { gate, hold, admits } = entrance(clock)
  gate.events.subscribe(() => {
    throw new Error('broken listener')
  })
  hold()
  await clock.advance(1000)
  assert.deepEqual([admits(), gate.events.listenerErrors > 3], ['0', true])
})

const bad: [unknown, RegExp][] = [
  [{ target: 0 }, /shed\.target must be a duration of at least 1 ms, .* got 0/],
  [{ target: 'soon' }, /got 'soon'/],
  [{ interval: 19 }, /shed\.interval must be a duration of at least 20 ms, .* got 19/],
  [{ shedCritical: 1 }, /shed\.shedCritical must be true or false, got 1/],
  [{ name: 5 }, /shed\.name must be a text/],
  [{ delay: 5 }, /shed\.delay is not an option; known are name, target, interval, shedCritical/],
  [5, /shed must be an object of options/],
]
for (const [options, message] of bad) {
  test(`shed(${JSON.stringify(options)}) is refused with path, bound and value`, () => {
    const isOptionsError = (error: unknown): boolean =>
      codeOf(error) === 'SG_BAD_OPTIONS' && message.test((error as Error).message)
    assert.throws(() => shed(options as ShedOptions), isOptionsError)
  })
}
