// Named pipelines: one per name, bounded, forgotten only when nothing is lost by it, and never twice under one name.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  bulkhead,
  type CircuitBreaker,
  circuitBreaker,
  type Pipeline,
  pipeline,
  type PolicyEvent,
  Registry,
  type RegistryOptions,
  retry,
} from '../src/index.ts'
import { seededRandom, VirtualClock } from '../src/testing/index.ts'
import { codeOf, hang, Task, watch } from './watch.ts'

const tenMinutes = 600_000
const fail = (): Promise<never> => Promise.reject(new Error('down'))

/** A registry on a clock that begins after an hour, so that a name without any call is idle for its own age only. */
function bounded(max: number): { clock: VirtualClock; registry: Registry; breaker: (name: string) => CircuitBreaker } {
  const clock = new VirtualClock({ now: 3_600_000 })
  const registry = new Registry({ max, clock })
  const breaker = (name: string): CircuitBreaker => {
    const made = circuitBreaker({ consecutiveFailures: 1 })
    registry.pipeline(name, made)
    return made
  }
  return { clock, registry, breaker }
}

test('a pipeline is found by its name, and only there', () => {
  const registry = new Registry()
  const payments = registry.pipeline('payments', retry(), circuitBreaker())
  const orders = registry.pipeline({ name: 'orders', clock: new VirtualClock() }, circuitBreaker())
  assert.deepEqual([payments.name, orders.name], ['payments', 'orders'])
  assert.ok(registry.get('payments') === payments && registry.get('orders') === orders)
  assert.deepEqual([registry.get('other'), registry.names()], [undefined, ['payments', 'orders']])
  assert.equal(payments.policies.length, 2, 'the book-keeping is no policy of the user')
})

test('a name is taken once: the second throws SG_DUPLICATE_NAME and changes nothing', () => {
  const registry = new Registry()
  const first = registry.pipeline('payments', circuitBreaker())
  assert.throws(() => registry.pipeline('payments'), { code: 'SG_DUPLICATE_NAME', message: /'payments'/ })
  assert.ok(registry.get('payments') === first && registry.names().length === 1)
})

test('getOrCreate makes it once and then answers the same', () => {
  const registry = new Registry()
  let asked = 0
  const policies = (): CircuitBreaker[] => {
    asked++
    return [circuitBreaker()]
  }
  const made = registry.getOrCreate('payments', policies)
  assert.ok(registry.getOrCreate('payments', policies) === made && registry.get('payments') === made)
  assert.equal(asked, 1)
})

test('clock and chance of the registry serve its pipelines, unless they have their own', async () => {
  const [clock, own] = [new VirtualClock({ now: 7 }), new VirtualClock({ now: 70 })]
  const registry = new Registry({ clock, random: seededRandom(1) })
  const at = (guarded: Pipeline): Promise<number> => guarded.execute(({ startedAt }) => startedAt)
  assert.equal(await at(registry.pipeline('one')), 7)
  assert.equal(await at(registry.pipeline({ name: 'two', clock: own })), 70)
  assert.equal(await at(registry.pipeline({ name: 'three', clock: undefined })), 7)
})

test('it counts the calls of each pipeline by outcome, and those in flight', async () => {
  const { clock, registry } = bounded(5)
  const guarded = registry.pipeline('payments', retry({ delay: 1, maxAttempts: 2 }), circuitBreaker())
  const task = new Task()
  const controller = new AbortController()
  const calls = [guarded.execute(() => 1), guarded.execute(fail), guarded.execute(hang, { signal: controller.signal })]
  watch(guarded.execute(task.run))
  assert.equal(guarded.snapshot().calls?.inFlight, 4)
  controller.abort()
  await Promise.all([Promise.allSettled(calls), clock.advance(50)])
  assert.deepEqual(registry.snapshot().pipelines[0]?.calls, { successes: 1, failures: 1, ignored: 1, inFlight: 1 })
})

test('a call that waits in a queue is one call, not an ignored one and another', async () => {
  const { clock, registry } = bounded(5)
  const guarded = registry.pipeline('payments', bulkhead({ maxInFlight: 1, maxQueue: 5 }))
  const task = new Task()
  const calls = [watch(guarded.execute(task.run)), watch(guarded.execute(task.run))]
  for (const index of [0, 1]) {
    task.resolve(index, index)
    await clock.advance(1)
  }
  assert.ok(calls.every(({ state }) => state === 'fulfilled'))
  assert.deepEqual(guarded.snapshot().calls, { successes: 2, failures: 0, ignored: 0, inFlight: 0 })
})

test('calls through the second face are counted as well', () => {
  const registry = new Registry()
  const guarded = registry.pipeline('payments', retry(), circuitBreaker())
  const permit = guarded.admit()
  assert.ok(permit.kind === 'permit' && guarded.snapshot().calls?.inFlight === 1)
  const attempt = permit.attempt()
  assert.ok(attempt.kind === 'attempt')
  attempt.settle('success')
  permit.exit()
  assert.deepEqual(guarded.snapshot().calls, { successes: 1, failures: 0, ignored: 0, inFlight: 0 })
})

test('a full registry forgets the oldest that is idle for ten minutes, and no sooner', async () => {
  const { clock, registry, breaker } = bounded(3)
  for (const name of ['a', 'b', 'c']) breaker(name)
  await clock.advance(tenMinutes - 1)
  assert.throws(() => breaker('d'), { code: 'SG_REGISTRY_FULL', message: /'d'.*3 pipelines/ })
  assert.deepEqual([registry.names(), registry.snapshot().evicted], [['a', 'b', 'c'], 0])
  await clock.advance(1)
  breaker('d')
  assert.deepEqual([registry.names(), registry.snapshot().evicted], [['b', 'c', 'd'], 1])
})

test('what is used stays: the oldest that is idle goes, not the oldest', async () => {
  const { clock, registry, breaker } = bounded(3)
  for (const name of ['a', 'b', 'c']) breaker(name)
  await clock.advance(tenMinutes)
  await registry.get('a')?.execute(() => 1)
  breaker('d')
  assert.deepEqual(registry.names(), ['a', 'c', 'd'])
})

test('a pipeline is in use until its last call has ended', async () => {
  const { clock, registry } = bounded(1)
  const task = new Task()
  watch(registry.pipeline('long').execute(task.run))
  await clock.advance(tenMinutes * 2)
  assert.throws(() => registry.pipeline('other'), { code: 'SG_REGISTRY_FULL' }, 'a call is in flight')
  task.resolve(0, 'done')
  await clock.advance(tenMinutes - 1)
  assert.throws(() => registry.pipeline('other'), { code: 'SG_REGISTRY_FULL' }, 'it ended less than ten minutes ago')
  await clock.advance(1)
  registry.pipeline('other')
  assert.deepEqual(registry.names(), ['other'])
})

const keeping: [string, (breaker: CircuitBreaker, registry: Registry) => unknown][] = [
  [
    'an open circuit',
    (_breaker, registry) =>
      registry
        .get('a')
        ?.execute(fail)
        .catch(() => undefined),
  ],
  ['an isolated circuit', (breaker) => breaker.isolate('maintenance')],
  ['a disabled circuit', (breaker) => breaker.disable()],
  ['a call in flight', (_breaker, registry) => watch(registry.get('a')?.execute(hang) as Promise<never>)],
]
for (const [label, make] of keeping) {
  test(`${label} is never forgotten: SG_REGISTRY_FULL when nothing else can go`, async () => {
    const { clock, registry, breaker } = bounded(1)
    await make(breaker('a'), registry)
    await clock.advance(label === 'an open circuit' ? 29_999 : tenMinutes * 6)
    assert.throws(() => breaker('b'), { code: 'SG_REGISTRY_FULL' })
    assert.deepEqual(registry.names(), ['a'])
  })
}

test('a circuit that has become half-open while nobody looked is kept too', async () => {
  const { clock, registry, breaker } = bounded(1)
  breaker('a')
  await registry
    .get('a')
    ?.execute(fail)
    .catch(() => undefined)
  await clock.advance(tenMinutes * 6)
  assert.throws(() => breaker('b'), { code: 'SG_REGISTRY_FULL' })
})

test('a forgotten pipeline that somebody holds works, and is registered again at its next call', async () => {
  const { clock, registry } = bounded(2)
  const a = registry.pipeline('a', circuitBreaker())
  await clock.advance(tenMinutes)
  registry.pipeline('b')
  registry.pipeline('c')
  assert.deepEqual(registry.names(), ['b', 'c'])
  await clock.advance(tenMinutes)
  assert.equal(await a.execute(() => 'still works'), 'still works')
  assert.equal(await a.execute(() => 'and once more'), 'and once more')
  assert.deepEqual([registry.names(), registry.snapshot().unregisteredCalls], [['c', 'a'], 0])
  assert.ok(registry.get('a') === a)
  assert.deepEqual(a.snapshot().calls, { successes: 2, failures: 0, ignored: 0, inFlight: 0 })
})

test('a forgotten pipeline that somebody holds is found by its name, and its name is still taken', async () => {
  const { clock, registry } = bounded(1)
  const a = registry.pipeline('a', circuitBreaker())
  await clock.advance(tenMinutes)
  const b = registry.pipeline('b')
  await clock.advance(tenMinutes)
  assert.throws(() => registry.pipeline('a'), { code: 'SG_DUPLICATE_NAME' })
  await clock.advance(tenMinutes)
  assert.ok(registry.getOrCreate('b', () => assert.fail('made twice')) === b)
  await clock.advance(tenMinutes)
  assert.ok(registry.get('a') === a)
  assert.deepEqual(registry.names(), ['a'])
})

test('when there is no room to register it again, its calls run all the same and are counted', async () => {
  const { clock, registry } = bounded(1)
  const a = registry.pipeline('a', circuitBreaker({ consecutiveFailures: 1 }))
  await clock.advance(tenMinutes)
  const b = registry.pipeline('b')
  const task = new Task()
  watch(b.execute(task.run))
  await assert.rejects(a.execute(fail), { message: 'down' })
  await assert.rejects(a.execute(hang), { code: 'SG_CIRCUIT_OPEN' })
  assert.deepEqual([registry.names(), registry.snapshot().unregisteredCalls], [['b'], 2])
  assert.ok(registry.get('a') === a, 'there is still one breaker of this name')
})

test('a subscription hears pipelines of before and after, across forgetting and registering again, and each event once', async () => {
  const { clock, registry } = bounded(1)
  const breaker = circuitBreaker({ consecutiveFailures: 1 })
  const a = registry.pipeline('a', breaker)
  const heard: string[] = []
  const stop = registry.subscribe(({ type }: PolicyEvent, name) => heard.push(`${name} ${type}`))
  await clock.advance(tenMinutes)
  registry.pipeline('b', circuitBreaker())
  assert.equal(breaker.events.heard, false, 'what is forgotten is not listened to')
  await clock.advance(tenMinutes)
  await assert.rejects(a.execute(fail))
  await assert.rejects(a.execute(hang))
  assert.deepEqual(heard, ['a transition', 'a rejected'])
  stop()
  await assert.rejects(a.execute(hang))
  assert.deepEqual([heard.length, breaker.events.heard], [2, false])
})

test('one function that is subscribed twice hears everything twice and is ended one at a time', async () => {
  const registry = new Registry()
  const heard: string[] = []
  const listener = (event: PolicyEvent): unknown => heard.push(event.type)
  const stops = [registry.subscribe(listener), registry.subscribe(listener)]
  const guarded = registry.pipeline('a', circuitBreaker({ consecutiveFailures: 1 }))
  await assert.rejects(guarded.execute(fail))
  assert.equal(heard.length, 2)
  stops[0]?.()
  stops[0]?.()
  await assert.rejects(guarded.execute(fail))
  assert.equal(heard.length, 3)
  stops[1]?.()
  await assert.rejects(guarded.execute(fail))
  assert.equal(heard.length, 3)
})

test('a snapshot is a copy of everything, and plain data', () => {
  const { registry } = bounded(4)
  registry.pipeline('a', bulkhead(), circuitBreaker())
  registry.pipeline('b')
  const snapshot = registry.snapshot()
  assert.deepEqual(structuredClone(snapshot), snapshot)
  assert.deepEqual([snapshot.max, snapshot.evicted, snapshot.unregisteredCalls], [4, 0, 0])
  const names = snapshot.pipelines.map(({ name, policies }) => [name, policies.map(({ policy }) => policy)])
  assert.deepEqual(names, [
    ['a', ['bulkhead', 'circuitBreaker']],
    ['b', []],
  ])
})

test('a registry of a thousand names keeps its bound however many come', async () => {
  const { clock, registry } = bounded(100)
  for (let name = 0; name < 1000; name++) {
    registry.pipeline(`${name}`, circuitBreaker())
    await clock.advance(tenMinutes / 50)
  }
  assert.equal(registry.names().length <= 100, true)
  assert.equal(registry.names().at(-1), '999')
  assert.equal(registry.snapshot().evicted, 1000 - registry.names().length)
})

test('what is not in a registry is not counted', () => {
  assert.equal(pipeline(circuitBreaker()).snapshot().calls, undefined)
})

const bad: [RegistryOptions, RegExp][] = [
  [{ max: 0 }, /registry\.max must be a whole number >= 1, got 0/],
  [{ max: 2.5 }, /got 2\.5/],
  [{ maximum: 3 } as never, /registry\.maximum is not an option; known are max, clock, random/],
]
for (const [options, message] of bad) {
  test(`a registry of ${JSON.stringify(options)} is refused with path, bound and value`, () => {
    const isOptionsError = (error: unknown): boolean =>
      codeOf(error) === 'SG_BAD_OPTIONS' && message.test((error as Error).message)
    assert.throws(() => new Registry(options), isOptionsError)
  })
}

test('a pipeline without a name cannot be registered', () => {
  for (const name of [{} as never, undefined as never, '']) {
    assert.throws(() => new Registry().pipeline(name), { code: 'SG_BAD_OPTIONS', message: /name/ })
  }
})
