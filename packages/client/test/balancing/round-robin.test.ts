// Fairness of round robin: in turn, by weight, and under any sequence of updates, weights and retries.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { seededRandom } from '@switchgear/core/testing'
import { createBalancer } from '../../src/balancing/index.ts'
import { Turns } from '../../src/balancing/turns.ts'
import { Fixed, fixed, pickFrom, seed } from './endpoints.ts'

test('equal weights: plain rotation, in the same order each round', () => {
  const endpoints = fixed(5)
  const balancer = createBalancer<Fixed>('roundRobin', { random: seededRandom(seed) })
  balancer.update(endpoints)
  const picks = Array.from({ length: 50 }, () => pickFrom(balancer)?.id)
  assert.equal(new Set(picks.slice(0, 5)).size, 5)
  for (let index = 5; index < picks.length; index++) assert.equal(picks[index], picks[index - 5])
})

test('callers do not march in step: the first pick differs from one to the next', () => {
  const random = seededRandom(seed)
  const firsts = Array.from({ length: 40 }, () => {
    const balancer = createBalancer<Fixed>('roundRobin', { random })
    balancer.update(fixed(5))
    return pickFrom(balancer)?.id
  })
  assert.equal(new Set(firsts).size, 5)
})

test('weights: so many of seven, and evenly spread', () => {
  const endpoints = [new Fixed('a', 5), new Fixed('b', 1), new Fixed('c', 1)]
  const balancer = createBalancer<Fixed>('weighted', { random: seededRandom(seed) })
  balancer.update(endpoints)
  const picks = Array.from({ length: 700 }, () => pickFrom(balancer)?.id)
  const places = picks.flatMap((id, index) => (id === 'b' ? [index] : []))
  assert.ok(Math.abs(places.length - 100) <= 1)
  for (let index = 1; index < places.length; index++) {
    const gap = (places[index] as number) - (places[index - 1] as number)
    assert.ok(gap >= 6 && gap <= 8, `a gap of ${gap}`)
  }
})

test('an update with the same endpoints changes nothing', () => {
  const endpoints = fixed(6, (index) => 1 + (index % 3))
  const picks = [false, true].map((updated) => {
    const balancer = createBalancer<Fixed>('roundRobin', { random: seededRandom(seed) })
    balancer.update(endpoints)
    return Array.from({ length: 60 }, () => {
      if (updated) balancer.update(endpoints.toReversed())
      return pickFrom(balancer)?.id
    })
  })
  assert.deepEqual(picks[0], picks[1])
})

type Step =
  | { readonly kind: 'pick'; readonly times: number }
  | { readonly kind: 'join'; readonly weight: number }
  | { readonly kind: 'leave'; readonly which: number }

const step = (weights: fc.Arbitrary<number>): fc.Arbitrary<Step> =>
  fc.oneof(
    fc.record({ kind: fc.constant('pick'), times: fc.integer({ min: 1, max: 12 }) }),
    fc.record({ kind: fc.constant('join'), weight: weights }),
    fc.record({ kind: fc.constant('leave'), which: fc.nat() }),
  ) as fc.Arbitrary<Step>

/** Plays steps on three that stay; `check` runs after each of them. */
function play(weights: readonly number[], steps: readonly Step[], check: (staying: readonly Fixed[]) => void): void {
  const staying = weights.map((weight, index) => new Fixed(`s${index}`, weight))
  const guests: Fixed[] = []
  const balancer = createBalancer<Fixed>('roundRobin', { random: seededRandom(seed) })
  balancer.update(staying)
  let joined = 0
  for (const one of steps) {
    if (one.kind === 'pick') for (let time = 0; time < one.times; time++) assert.ok(pickFrom(balancer))
    else if (one.kind === 'join') guests.push(new Fixed(`g${joined++}`, one.weight))
    else guests.splice(one.which % Math.max(1, guests.length), 1)
    if (one.kind !== 'pick') balancer.update([...guests, ...staying])
    check(staying)
  }
}

test('property: equal ones that are there never differ by more than one call, whoever comes and goes', () => {
  fc.assert(
    fc.property(fc.array(step(fc.integer({ min: 1, max: 9 })), { maxLength: 60 }), (steps) => {
      play([1, 1, 1], steps, (staying) => {
        const calls = staying.map((endpoint) => endpoint.calls)
        assert.ok(Math.max(...calls) - Math.min(...calls) <= 1, `${calls}`)
      })
    }),
    { seed, numRuns: 200 },
  )
})

test('property: with weights, calls over weight differ by one turn of each at most', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 2, maxLength: 5 })
  fc.assert(
    fc.property(weights, fc.array(step(fc.integer({ min: 1, max: 9 })), { maxLength: 60 }), (given, steps) => {
      play(given, steps, (staying) => {
        for (const a of staying) {
          for (const b of staying) {
            const apart = Math.abs(a.calls / a.fullWeight - b.calls / b.fullWeight)
            assert.ok(apart <= 1 / a.fullWeight + 1 / b.fullWeight + 1e-9, `${a.calls} and ${b.calls}`)
          }
        }
      })
    }),
    { seed, numRuns: 200 },
  )
})

test('property: retries on another endpoint do not disturb the turns by more than one', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 3, max: 8 }),
      fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 80 }),
      (count, calls) => {
        const endpoints = fixed(count)
        const balancer = createBalancer<Fixed>('roundRobin', { random: seededRandom(seed) })
        balancer.update(endpoints)
        for (const retries of calls) {
          const tried: Fixed[] = []
          for (let tries = 0; tries <= retries; tries++) {
            const picked = pickFrom(balancer, { tried })
            assert.ok(picked !== undefined && !tried.includes(picked))
            tried.push(picked)
          }
          const counts = endpoints.map((endpoint) => endpoint.calls)
          assert.ok(Math.max(...counts) - Math.min(...counts) <= 2, `${counts}`)
        }
      },
    ),
    { seed, numRuns: 200 },
  )
})

test('one that was passed over for long makes up for one turn, not for all', () => {
  const endpoints = fixed(4)
  const [first] = endpoints
  const balancer = createBalancer<Fixed>('roundRobin', { random: seededRandom(seed) })
  balancer.update(endpoints)
  for (let call = 0; call < 100; call++) pickFrom(balancer, { tried: [first as Fixed] })
  assert.equal(first?.calls, 0)
  for (let call = 0; call < 40; call++) pickFrom(balancer)
  assert.ok((first?.calls ?? 0) >= 10 && (first?.calls ?? 0) <= 12, `${first?.calls}`)
})

test('a weight that changes while it is there counts from the next look on', () => {
  const endpoints = fixed(2)
  const balancer = createBalancer<Fixed>('roundRobin', { random: seededRandom(seed) })
  balancer.update(endpoints)
  for (let call = 0; call < 10; call++) pickFrom(balancer, { now: 0 })
  const [a, b] = endpoints as [Fixed, Fixed]
  a.fullWeight = 3
  a.calls = b.calls = 0
  for (let call = 0; call < 40; call++) pickFrom(balancer, { now: 1000 })
  assert.ok(Math.abs(a.calls - 30) <= 1, `${a.calls}`)
})

test('property: turns come by deadline and then by index, and what is set aside comes back in its place', () => {
  const deadline = fc.integer({ min: 0, max: 20 })
  fc.assert(
    fc.property(fc.array(deadline, { minLength: 1, maxLength: 40 }), fc.nat({ max: 40 }), (deadlines, aside) => {
      const turns = new Turns(deadlines.length)
      turns.deadlines.set(deadlines)
      turns.sort()
      const expected = deadlines
        .map((due, index) => ({ due, index }))
        .toSorted((a, b) => a.due - b.due || a.index - b.index)
      for (let count = 0; count < Math.min(aside, deadlines.length); count++) {
        assert.equal(turns.next, expected[count]?.index)
        turns.setAside()
      }
      if (aside >= deadlines.length) assert.equal(turns.next, -1)
      turns.recall()
      for (const { index } of expected) {
        assert.equal(turns.next, index)
        turns.postpone(1000 + index)
      }
    }),
    { seed, numRuns: 200 },
  )
})
