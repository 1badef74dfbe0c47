// A fleet of breakers: one failure is enough where half of the others have the circuit open, all together send no more
// probes than the fleet may, and a store that throws, hangs on to nothing or lies costs a call nothing.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  bulkhead,
  type CircuitBreaker,
  circuitBreaker,
  type CircuitBreakerOptions,
  type FleetState,
  LocalFleet,
  type Pipeline,
  pipeline,
} from '../src/index.ts'
import { VirtualClock } from '../src/testing/index.ts'

interface Instance {
  readonly breaker: CircuitBreaker
  readonly guarded: Pipeline
  readonly state: FleetState & { leave(): void }
}

type Fleet = [Instance, Instance, Instance, ...Instance[]] & { clock: VirtualClock }

function fleetOf(size: number, options: CircuitBreakerOptions = {}, probes = 3): Fleet {
  const clock = new VirtualClock()
  const fleet = new LocalFleet({ probes, clock })
  const instances = Array.from({ length: size }, (): Instance => {
    const state = fleet.join()
    const breaker = circuitBreaker({ ...options, fleet: state })
    return { breaker, guarded: pipeline({ name: 'payments', clock }, breaker), state }
  })
  return Object.assign(instances, { clock }) as unknown as Fleet
}

const fail = (): Promise<never> => Promise.reject(new Error('down'))

async function failures(count: number, ...instances: (Pick<Instance, 'guarded'> | undefined)[]): Promise<void> {
  for (const one of instances) for (let n = 0; n < count; n++) await one?.guarded.execute(fail).catch(() => undefined)
}

/** A call that stays in flight; `end` answers it. */
function hold({ guarded }: Pick<Instance, 'guarded'>): { answer: Promise<string>; end: () => void } {
  const { promise, resolve } = Promise.withResolvers<string>()
  const answer = guarded.execute(() => promise).catch((error: { code: string }) => error.code)
  return { answer, end: () => resolve('done') }
}

describe('one failure opens a circuit', () => {
  it('where at least the quorum of the others have it open', async () => {
    const [one, two, three, four, five] = fleetOf(5)
    await failures(5, one)
    await failures(1, three)
    assert.equal(three?.breaker.state, 'closed', 'one of four others is no quorum')
    await failures(5, two)
    await failures(1, three)
    assert.equal(three?.breaker.state, 'open')
    assert.equal(three?.breaker.snapshot().reason, 'a failure, and open in 2 of 4 others')
    assert.equal(four?.breaker.state, 'closed', 'the word of the others alone opens nothing')
    await five?.guarded.execute(() => 'fine')
    assert.equal(five?.breaker.state, 'closed')
  })

  it('not for a circuit of another name, nor after the others have left or their time is over', async () => {
    const clock = new VirtualClock()
    const fleet = new LocalFleet({ clock })
    const [a, b, c] = [fleet.join(), fleet.join(), fleet.join()]
    const breakers = [a, b, c].map((state) => circuitBreaker({ fleet: state }))
    const [one, two, other] = breakers.map((breaker, index) =>
      pipeline({ name: index === 2 ? 'orders' : 'payments', clock }, breaker),
    )
    for (let n = 0; n < 5; n++) await one?.execute(fail).catch(() => undefined)
    await other?.execute(fail).catch(() => undefined)
    assert.equal(breakers[2]?.state, 'closed')
    await clock.advance(30_000)
    await two?.execute(fail).catch(() => undefined)
    assert.equal(breakers[1]?.state, 'closed', 'an open time that is over counts no more, although nobody looked at it')
    for (let n = 0; n < 5; n++) await one?.execute(fail).catch(() => undefined)
    assert.equal(breakers[0]?.state, 'open')
    a.leave()
    await two?.execute(fail).catch(() => undefined)
    assert.equal(breakers[1]?.state, 'closed')
    assert.deepEqual(b.others('payments/circuitBreaker'), { instances: 1, open: 0 })
  })

  it('not because an operator isolated the others', async () => {
    const [one, two, three] = fleetOf(3)
    one?.breaker.isolate('maintenance')
    two?.breaker.isolate('maintenance')
    await failures(1, three)
    assert.equal(three?.breaker.state, 'closed')
  })
})

describe('the probes of a fleet', () => {
  const options = { consecutiveFailures: 1, fleetQuorum: 1 }

  it('are so many in flight, whoever sends them, and come back when they end', async () => {
    const fleet = fleetOf(4, options, 2)
    const [one, two, three] = fleet
    await failures(1, ...fleet)
    await fleet.clock.advance(30_000)
    const first = hold(one)
    const second = hold(two)
    assert.equal(await hold(three).answer, 'SG_CIRCUIT_OPEN')
    first.end()
    await first.answer
    const third = hold(three)
    third.end()
    assert.equal(await third.answer, 'done')
    second.end()
    assert.equal(await second.answer, 'done')
  })

  it('come back when their circuit re-opens, when it hangs, and when an instance leaves', async () => {
    const fleet = fleetOf(3, { ...options, halfOpenCalls: 2, probeTimeout: '5s' }, 2)
    const [one, two, three] = fleet
    await failures(1, ...fleet)
    await fleet.clock.advance(30_000)
    const hung = [hold(one), hold(one)]
    assert.equal(await hold(two).answer, 'SG_CIRCUIT_OPEN')
    await fleet.clock.advance(5000)
    assert.equal(one.breaker.state, 'open', 'hung probes re-open the circuit')
    const [a, b] = [hold(two), hold(two)]
    for (const probe of hung) probe.end()
    await Promise.all(hung.map(({ answer }) => answer))
    assert.equal(await hold(three).answer, 'SG_CIRCUIT_OPEN', 'the late end of the hung ones gives nothing back twice')
    two.state.leave()
    const c = hold(three)
    for (const probe of [a, b, c]) probe.end()
    assert.deepEqual(await Promise.all([a.answer, b.answer, c.answer]), ['done', 'done', 'done'])
  })
})

describe('a fleet state that is gone', () => {
  const broken: FleetState = {
    report: () => assert.fail('gone'),
    others: () => assert.fail('gone'),
    takeProbe: () => assert.fail('gone'),
    returnProbe: () => assert.fail('gone'),
  }

  it('costs nothing: the breaker does what it would do alone, and counts', async () => {
    const clock = new VirtualClock()
    const breaker = circuitBreaker({ fleet: broken, successesToClose: 1 })
    const guarded = pipeline({ clock, name: 'payments' }, breaker)
    for (let n = 0; n < 5; n++) await guarded.execute(fail).catch(() => undefined)
    assert.equal(breaker.state, 'open')
    await clock.advance(30_000)
    assert.equal(await guarded.execute(() => 'fine'), 'fine')
    assert.equal(breaker.state, 'closed')
    assert.ok(breaker.snapshot().totals.fleetErrors >= 8)
  })

  it('is not asked by a call through a closed circuit', async () => {
    const asked: string[] = []
    const state: FleetState = {
      report: () => asked.push('report'),
      others: () => (asked.push('others'), { instances: 0, open: 0 }),
      takeProbe: () => (asked.push('takeProbe'), true),
      returnProbe: () => asked.push('returnProbe'),
    }
    const guarded = pipeline({ name: 'payments' }, circuitBreaker({ fleet: state }))
    for (let n = 0; n < 100; n++) await guarded.execute(() => n)
    assert.deepEqual(asked, [])
    await failures(1, { guarded })
    assert.deepEqual(asked, ['others'])
  })
})

describe('a fleet state that lies', () => {
  const lies: [string, Partial<FleetState>][] = [
    ['answers nothing', { others: () => undefined as never }],
    ['answers no numbers', { others: () => ({ instances: 'many', open: null }) as never }],
    ['says that more are open than there are', { others: () => ({ instances: 0, open: 1 }) }],
    [
      'answers promises that reject',
      {
        report: () => Promise.reject(new Error('gone')) as never,
        takeProbe: () => Promise.reject(new Error('gone')) as never,
      },
    ],
  ]
  for (const [what, lie] of lies) {
    it(`${what}: no call is harmed, no slot is lost`, async () => {
      const honest = {
        report: () => {},
        others: () => ({ instances: 9, open: 0 }),
        takeProbe: () => true,
        returnProbe: () => {},
      }
      const clock = new VirtualClock()
      const [slots, breaker] = [bulkhead({ maxInFlight: 1 }), circuitBreaker({ fleet: { ...honest, ...lie } })]
      const guarded = pipeline({ name: 'payments', clock }, slots, breaker)
      for (let n = 0; n < 4; n++) await assert.rejects(guarded.execute(fail), { message: 'down' })
      assert.equal(breaker.state, 'closed')
      await assert.rejects(guarded.execute(fail), { message: 'down' })
      await clock.advance(5000)
      assert.equal(await guarded.execute(() => 'probe'), 'probe')
      assert.equal(slots.snapshot().inFlight, 0)
    })
  }

  it('costs nobody a slot even if a gate throws while it learns', async () => {
    const broken = Object.assign(circuitBreaker(), { settle: () => assert.fail('a broken gate') })
    const slots = bulkhead({ maxInFlight: 1 })
    const guarded = pipeline(slots, broken, bulkhead({ name: 'inner', maxInFlight: 1 }))
    for (let n = 0; n < 3; n++)
      await assert.rejects(
        guarded.execute(() => 'fine'),
        { message: 'a broken gate' },
      )
    assert.equal(slots.snapshot().inFlight, 0)
  })
})

describe('probes whose taker is gone', () => {
  it('come back by themselves when their time is over', async () => {
    const fleet = fleetOf(2, { consecutiveFailures: 1, fleetQuorum: 1, probeTimeout: '5s' }, 1)
    const [one, two] = fleet
    await failures(1, one, two)
    await fleet.clock.advance(30_000)
    const hung = hold(one)
    assert.equal(await hold(two).answer, 'SG_CIRCUIT_OPEN')
    // Nobody looks at the first breaker any more, so it notices nothing.
    await fleet.clock.advance(5001)
    const next = hold(two)
    next.end()
    assert.equal(await next.answer, 'done')
    hung.end()
    await hung.answer
  })

  it('are given back to the fleet they came from, although the breaker has another one by now', async () => {
    const clock = new VirtualClock()
    const [old, young] = [new LocalFleet({ clock, probes: 1 }), new LocalFleet({ clock, probes: 1 })]
    const [watcher, other] = [old.join(), young.join()]
    const breaker = circuitBreaker({ consecutiveFailures: 1, fleet: old.join() })
    const guarded = pipeline({ name: 'payments', clock }, breaker)
    await guarded.execute(fail).catch(() => undefined)
    await clock.advance(5000)
    const probe = hold({ guarded })
    breaker.update({ fleet: young.join() })
    assert.equal(watcher.takeProbe('payments/circuitBreaker', 1000), true)
    assert.equal(other.takeProbe('payments/circuitBreaker', 1000), true)
    probe.end()
    await probe.answer
    assert.equal(young.join().takeProbe('payments/circuitBreaker', 1000), false, 'that of the other is still out')
  })
})

describe('who has left a fleet', () => {
  it('says nothing and holds nothing any more', async () => {
    const [one, two] = fleetOf(2, { consecutiveFailures: 5 })
    one.state.leave()
    await failures(5, one)
    assert.equal(one.breaker.state, 'open')
    assert.deepEqual(two.state.others('payments/circuitBreaker'), { instances: 0, open: 0 })
    await failures(1, two)
    assert.equal(two.breaker.state, 'closed')
  })
})

describe('a breaker changes its fleet', () => {
  it('by an update: the old one forgets it, the new one hears its state', async () => {
    const clock = new VirtualClock()
    const [old, young] = [new LocalFleet({ clock }), new LocalFleet({ clock })]
    const [watcher, other] = [old.join(), young.join()]
    const breaker = circuitBreaker({ consecutiveFailures: 1, fleet: old.join() })
    await pipeline({ name: 'payments', clock }, breaker)
      .execute(fail)
      .catch(() => undefined)
    assert.equal(watcher.others('payments/circuitBreaker').open, 1)
    breaker.update({ fleet: young.join() })
    assert.equal(watcher.others('payments/circuitBreaker').open, 0)
    assert.equal(other.others('payments/circuitBreaker').open, 1)
  })

  for (const [options, message] of [
    [{ fleet: {} as FleetState }, 'circuitBreaker.fleet.report must be a function, got undefined'],
    [{ fleetQuorum: 0 }, 'circuitBreaker.fleetQuorum must be in (0, 1], got 0'],
  ] as const) {
    it(`refuses ${Object.keys(options)[0]} that is none`, () => {
      assert.throws(() => circuitBreaker(options), { code: 'SG_BAD_OPTIONS', message })
    })
  }

  it('needs a pipeline with a name, for all nameless circuits would be one', () => {
    const breaker = circuitBreaker({ fleet: new LocalFleet().join() })
    assert.throws(() => pipeline(breaker), { message: 'circuitBreaker.fleet needs a pipeline with a name' })
  })

  it('refuses options of a local fleet that are wrong', () => {
    assert.throws(() => new LocalFleet({ probes: 0 }), { message: 'fleet.probes must be a whole number >= 1, got 0' })
  })
})
