// Zones: own endpoints first, no more than they can take, and no endpoint with more or less than without zones.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { seededRandom } from '@switchgear/core/testing'
import { type Balancer, type BalancerSpec, createBalancer, type ZoneOptions } from '../../src/balancing/index.ts'
import { Fixed, pickFrom, seed } from './endpoints.ts'

function inZone(own: string, options: Omit<ZoneOptions, 'own'> = {}, spec: BalancerSpec = 'random'): Balancer<Fixed> {
  return createBalancer<Fixed>(spec, { random: seededRandom(seed), zone: { own, ...options } })
}

/** `counts` endpoints of each zone. */
function spread(counts: Readonly<Record<string, number>>): Fixed[] {
  return Object.entries(counts).flatMap(([zone, count]) =>
    Array.from({ length: count }, (_, index) => new Fixed(`${zone}${index}`, 1, zone === 'none' ? undefined : zone)),
  )
}

/** The part of each zone in `calls` calls. */
function parts(balancer: Balancer<Fixed>, calls = 4000, now = 0): Record<string, number> {
  const counts: Record<string, number> = {}
  for (let call = 0; call < calls; call++) {
    const { zone = 'none' } = balancer.pick({ now, key: undefined, tried: [] }) as Fixed
    counts[zone] = (counts[zone] ?? 0) + 1 / calls
  }
  return counts
}

const close = (actual: number | undefined, expected: number): void =>
  assert.ok(Math.abs((actual ?? 0) - expected) < 0.04, `${actual} is not about ${expected}`)

test('with enough capacity at home no call leaves', () => {
  for (const spec of ['random', 'peakEwma', 'leastRequest', 'roundRobin', 'maglev'] as const) {
    const balancer = inZone('a', {}, spec)
    balancer.update(spread({ a: 3, b: 3, c: 2 }))
    assert.deepEqual(Object.keys(parts(balancer, 300)), ['a'])
  }
})

test('with less capacity at home the rest goes to the zones that have more, in proportion to their surplus', () => {
  const balancer = inZone('a')
  balancer.update(spread({ a: 2, b: 5, c: 8 }))
  const { a, b, c } = parts(balancer)
  // A third of 15 is expected of each: a has 2 of 5; the surplus is all in c.
  close(a, 2 / 5)
  assert.equal(b, undefined)
  close(c, 3 / 5)
})

test('endpoints without a zone are surplus of all', () => {
  const balancer = inZone('a')
  balancer.update(spread({ a: 2, b: 4, none: 4 }))
  const { a, b, none } = parts(balancer)
  close(a, 2 / 5)
  assert.equal(b, undefined)
  close(none, 3 / 5)
})

test('property: callers of all zones together give every endpoint what it would get without zones', () => {
  const counts = fc.record({
    a: fc.integer({ min: 1, max: 9 }),
    b: fc.integer({ min: 1, max: 9 }),
    c: fc.nat({ max: 9 }),
  })
  fc.assert(
    fc.property(counts, fc.nat({ max: 4 }), fc.integer({ min: 1, max: 1e6 }), (some, without, chance) => {
      const endpoints = spread({ ...some, none: without }).map((one, index) => {
        one.fullWeight = 1 + (index % 3)
        return one
      })
      const total = endpoints.reduce((sum, { fullWeight }) => sum + fullWeight, 0)
      const zones = ['a', 'b', ...(some.c > 0 ? ['c'] : [])]
      const calls = 3000
      for (const own of zones) {
        const random = seededRandom(chance + own.charCodeAt(0))
        const balancer = createBalancer<Fixed>('random', { random, zone: { own, minEndpoints: 1, leastLocal: 0 } })
        balancer.update(endpoints)
        for (let call = 0; call < calls; call++) pickFrom(balancer)
      }
      for (const endpoint of endpoints) {
        const share = endpoint.calls / (calls * zones.length)
        const fair = endpoint.fullWeight / total
        assert.ok(Math.abs(share - fair) < 0.035, `${endpoint.id}: ${share} of ${fair}`)
      }
    }),
    { seed, numRuns: 40 },
  )
})

test('zones are ignored below the least number of endpoints, where the own zone is mostly gone, and where it has none', () => {
  const few = inZone('a')
  few.update(spread({ a: 2, b: 3 }))
  close(parts(few)['b'], 3 / 5)
  const gone = inZone('a')
  gone.update(spread({ a: 1, b: 10, c: 10 }))
  close(parts(gone)['a'], 1 / 21)
  gone.update(spread({ a: 3, b: 10, c: 10 }))
  close(parts(gone)['a'], 9 / 23)
  const strange = inZone('elsewhere')
  strange.update(spread({ a: 4, b: 4 }))
  close(parts(strange)['a'], 1 / 2)
})

test('a retry leaves the zone when all of it was tried', () => {
  const balancer = inZone('a')
  const endpoints = spread({ a: 2, b: 2, c: 2 })
  balancer.update(endpoints)
  const [a0, a1] = endpoints as [Fixed, Fixed]
  for (let call = 0; call < 20; call++) {
    assert.equal(pickFrom(balancer, { tried: [a0] }), a1)
    assert.notEqual(pickFrom(balancer, { tried: [a0, a1] })?.zone, 'a')
  }
})

test('a key keeps its endpoint, also where the zone spills over', () => {
  const endpoints = spread({ a: 2, b: 5, c: 8 })
  const balancer = inZone('a', {}, 'maglev')
  balancer.update(endpoints)
  const zones = new Map<string | undefined, number>()
  for (let index = 0; index < 1000; index++) {
    const key = `key-${index}`
    const picked = pickFrom(balancer, { key })
    assert.equal(pickFrom(balancer, { key }), picked)
    zones.set(picked?.zone, (zones.get(picked?.zone) ?? 0) + 1 / 1000)
  }
  close(zones.get('a'), 2 / 5)
  close(zones.get('c'), 3 / 5)
})

test('an own zone that starts slowly takes over slowly', () => {
  const endpoints = spread({ a: 3, b: 3 })
  for (const endpoint of endpoints.slice(0, 3)) {
    Object.assign(endpoint, { weight: (now: number) => (now < 1000 ? 0.25 : 1) })
  }
  const balancer = inZone('a', { leastLocal: 0 })
  balancer.update(endpoints)
  close(parts(balancer, 4000, 0)['a'], 0.4)
  close(parts(balancer, 4000, 1000)['a'], 1)
})

test('zones come and go', () => {
  const balancer = inZone('a')
  balancer.update(spread({ b: 6 }))
  assert.deepEqual(Object.keys(parts(balancer, 100)), ['b'])
  balancer.update(spread({ a: 6, b: 6 }))
  assert.deepEqual(Object.keys(parts(balancer, 100)), ['a'])
  balancer.update(spread({ a: 6 }))
  assert.deepEqual(Object.keys(parts(balancer, 100)), ['a'])
  balancer.update([])
  assert.equal(pickFrom(balancer), undefined)
})
