// N registries that tell each other late, twice, in another order or not at all end with the same books, and one registry does
// what a simple model says. Seeded: SWITCHGEAR_SEED. Longer runs: registry.long.ts.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { VirtualClock } from '@switchgear/core/testing'
import fc from 'fast-check'
import { agreeing, bounds, Fleet, id, takingBack } from './fleet.ts'
import { booksOf, enter, seed } from './samples.ts'

const numRuns = 300

describe('registries', () => {
  test('end with the same books whatever happens on the way', () => {
    fc.assert(agreeing, { seed, numRuns })
  })

  test('that gave up an instance take it back when another one has heard it', () => {
    fc.assert(takingBack, { seed, numRuns })
  })

  test('that were apart agree: the later life wins, and who left has left', () => {
    const fleet = new Fleet(2)
    fleet.register(0, 'a', 1)
    fleet.register(0, 'b', 1)
    fleet.exchange(() => 0)
    // Apart: `a` restarts at one and is given up at the other; `b` leaves at one and is heard at the other.
    fleet.register(1, 'a', 2)
    fleet.deregister(1, 'b', 0)
    fleet.heartbeat(0, 'b', 0, undefined)
    fleet.tick(0, 20_000)
    fleet.tick(0, 60_000)
    fleet.exchange(() => 0)
    for (const books of fleet.books)
      assert.deepEqual(
        books.shown('orders').map((one) => [one.endpoint.id, one.incarnation]),
        [['a', 2]],
      )
  })
})

/** The law of one registry in the simplest words: a list of what happened, looked through each time. */
class Model {
  readonly lives: { id: string; secret: string; inc: number; heardAt: number; left: boolean }[] = []
  last(id: string): Model['lives'][number] | undefined {
    return this.lives.findLast((one) => one.id === id)
  }

  silence(id: string, now: number): number {
    const last = this.last(id)
    return last === undefined || last.left ? Infinity : now - last.heardAt
  }
}

test('one registry does what a simple model says', () => {
  type Act =
    | { kind: 'register' | 'beat' | 'leave'; id: string; inc: number; old: boolean }
    | { kind: 'wait'; ms: number }
  const act: fc.Arbitrary<Act> = fc.oneof(
    fc.record({
      kind: fc.constantFrom('register', 'beat', 'beat', 'leave'),
      id,
      inc: fc.integer({ min: 1, max: 6 }),
      old: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('wait'), ms: fc.constantFrom(1, 4999, 5000, 14_999, 15_000, 30_000) }),
  )
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60, size: 'max' }), (acts) => {
      const { books, clock } = booksOf('r', new VirtualClock(), bounds)
      const model = new Model()
      let secrets = 0
      for (const one of acts) {
        if (one.kind === 'wait') {
          clock.advanceSync(one.ms)
          books.advance()
        } else {
          const last = model.last(one.id)
          const alive = model.silence(one.id, clock.now()) < 45_000
          const secret = one.kind === 'register' ? `s${++secrets}` : one.old ? 'old' : (last?.secret ?? 'none')
          let expected = true
          if (one.kind === 'register') {
            expected = last === undefined || one.inc > last.inc || (one.inc === last.inc && !last.left)
            if (expected) model.lives.push({ id: one.id, secret, inc: one.inc, heardAt: clock.now(), left: false })
          } else {
            expected = last !== undefined && !one.old && (one.kind === 'leave' || alive)
            if (expected && last !== undefined && one.kind === 'beat') last.heardAt = clock.now()
            if (expected && last !== undefined && one.kind === 'leave') last.left = true
          }
          const run = (): unknown =>
            one.kind === 'register'
              ? enter(books, secret, { id: one.id, incarnation: one.inc })
              : one.kind === 'beat'
                ? books.heartbeat('orders', one.id, secret)
                : books.deregister('orders', one.id, secret)
          if (expected) run()
          else assert.throws(run)
        }
        const now = clock.now()
        const view = ['a', 'b', 'c']
          .filter((one) => model.silence(one, now) < 45_000)
          .map((one) => `${one} ${model.last(one)?.inc} ${model.silence(one, now) < 15_000 ? 'healthy' : 'unhealthy'}`)
        assert.deepEqual(
          books.shown('orders').map((i) => `${i.endpoint.id} ${i.incarnation} ${i.health}`),
          view,
        )
      }
    }),
    { seed, numRuns },
  )
})
