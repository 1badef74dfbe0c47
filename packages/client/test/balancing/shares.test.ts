// What holds of every balancer: it answers a candidate, avoids what was tried, and honours weights. For two choices also the bound
// that nobody gets more than twice its share.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { seededRandom } from '@switchgear/core/testing'
import { type Balancer, type BalancerName, type BalancerSpec, createBalancer } from '../../src/balancing/index.ts'
import { Fixed, fixed, names, pickFrom, seed, shareOf } from './endpoints.ts'

/** A small table: it is made thousands of times here. */
const specOf = (name: BalancerName): BalancerSpec => (name === 'maglev' ? { maglev: { tableSize: 251 } } : name)
const zones = ['a', 'b', 'c', undefined]
const weight = fc.oneof(fc.constant(1), fc.constant(0), fc.integer({ min: 1, max: 1000 }))
const endpointsOf = fc
  .array(
    fc.record({ weight, zone: fc.constantFrom(...zones), load: fc.nat({ max: 9 }), latency: fc.nat({ max: 900 }) }),
    {
      minLength: 1,
      maxLength: 12,
    },
  )
  .map((parts) =>
    parts.map((part, index) => {
      const endpoint = new Fixed(`e${index}`, part.weight, part.zone)
      endpoint.loadNow = part.load
      endpoint.latencyNow = part.latency
      return endpoint
    }),
  )

for (const name of names) {
  for (const zone of [undefined, { own: 'a', minEndpoints: 1, leastLocal: 0 }]) {
    const kind = `${name}${zone === undefined ? '' : ' by zone'}`
    const made = (): Balancer<Fixed> => createBalancer<Fixed>(specOf(name), { random: seededRandom(seed), zone })

    test(`${kind}: no candidate, no pick; and after all have left none either`, () => {
      const balancer = made()
      assert.equal(pickFrom(balancer), undefined)
      balancer.update(fixed(3))
      assert.ok(pickFrom(balancer, { key: 'k' }))
      balancer.update([])
      assert.equal(pickFrom(balancer), undefined)
      assert.equal(pickFrom(balancer, { key: 'k', tried: fixed(1) }), undefined)
    })

    test(`${kind}: property: never one that was tried while there is another, and one of the tried where there is none`, () => {
      fc.assert(
        fc.property(endpointsOf, fc.option(fc.string(), { nil: undefined }), (endpoints, key) => {
          const balancer = made()
          balancer.update(endpoints)
          const tried: Fixed[] = []
          for (let tries = 0; tries < endpoints.length; tries++) {
            const picked = balancer.pick({ now: tries, key, tried })
            assert.ok(picked !== undefined && endpoints.includes(picked))
            assert.ok(!tried.includes(picked), `${picked.id} again after ${tries}`)
            tried.push(picked)
          }
          const again = balancer.pick({ now: 99, key, tried })
          assert.ok(again !== undefined && endpoints.includes(again))
        }),
        { seed, numRuns: 150 },
      )
    })

    test(`${kind}: property: one without weight gets nothing while another has some, and all get some where none has`, () => {
      fc.assert(
        fc.property(endpointsOf, (endpoints) => {
          const balancer = made()
          const some = endpoints.some((endpoint) => endpoint.weight() > 0)
          balancer.update(endpoints)
          for (let call = 0; call < 50; call++) {
            const picked = balancer.pick({ now: call, key: `k${call}`, tried: [] })
            assert.ok(picked !== undefined && (!some || picked.weight() > 0))
          }
        }),
        { seed, numRuns: 80 },
      )
    })
  }

  test(`${name}: the candidates that were given are not changed, and changing them later changes nothing`, () => {
    const endpoints = fixed(4)
    const given = [...endpoints]
    const balancer = createBalancer<Fixed>(name, { random: seededRandom(seed) })
    balancer.update(given)
    assert.deepEqual(given, endpoints)
    given.length = 0
    assert.ok(pickFrom(balancer, { key: 'k' }))
  })
}

const skewed = [1, 1, 2, 3, 5, 8]

for (const name of names) {
  test(`${name}: weights are honoured within 3 % of all calls where load and latency are alike`, () => {
    const endpoints = fixed(skewed.length, (index) => skewed[index] ?? 1)
    const random = seededRandom(seed)
    const balancer = createBalancer<Fixed>(name, { random })
    balancer.update(endpoints)
    for (let call = 0; call < 20_000; call++) {
      // Noise that says nothing of who is better.
      for (const endpoint of endpoints) endpoint.latencyNow = 10 + random()
      pickFrom(balancer, { key: `key-${call}` })
    }
    for (const endpoint of endpoints) {
      const expected = endpoint.fullWeight / 20
      assert.ok(
        Math.abs(shareOf(endpoint, endpoints) - expected) < 0.03,
        `${endpoint.id} ${shareOf(endpoint, endpoints)}`,
      )
    }
  })
}

for (const name of names) {
  test(`${name}: where nobody has weight all get the same`, () => {
    const endpoints = fixed(4, () => 0)
    const balancer = createBalancer<Fixed>(name, { random: seededRandom(seed) })
    balancer.update(endpoints)
    for (let call = 0; call < 4000; call++) pickFrom(balancer, { key: `key-${call}` })
    for (const { calls } of endpoints) assert.ok(calls > 850 && calls < 1150, `${calls}`)
  })
}

test('random: without those that were tried the others have their weights, also where nearly all weight is gone', () => {
  const [heavy, light, lightest] = [new Fixed('h', 1000), new Fixed('l', 3), new Fixed('ll', 1)] as const
  const balancer = createBalancer<Fixed>('random', { random: seededRandom(seed) })
  balancer.update([heavy, light, lightest])
  for (let call = 0; call < 4000; call++) pickFrom(balancer, { tried: [heavy] })
  assert.equal(heavy.calls, 0)
  assert.ok(light.calls > 2850 && light.calls < 3150, `${light.calls}`)
})

for (const name of ['peakEwma', 'leastRequest'] as const) {
  test(`${name}: property: nobody gets more than twice its weight's share, however good it looks`, () => {
    const calls = 4000
    fc.assert(
      fc.property(endpointsOf, fc.integer({ min: 1, max: 1e6 }), (endpoints, chance) => {
        const balancer = createBalancer<Fixed>(name, { random: seededRandom(chance) })
        balancer.update(endpoints)
        for (let call = 0; call < calls; call++) pickFrom(balancer)
        const weights = endpoints.map((endpoint) => endpoint.weight())
        const total = weights.reduce((sum, one) => sum + one, 0)
        for (const endpoint of endpoints) {
          const fair = total === 0 ? 1 / endpoints.length : endpoint.weight() / total
          assert.ok(endpoint.calls / calls <= 2 * fair + 0.04, `${endpoint.calls / calls} of a fair ${fair}`)
          endpoint.calls = 0
        }
      }),
      { seed, numRuns: 60 },
    )
  })

  test(`${name}: of two equal ones the better gets every call`, () => {
    const [a, b] = fixed(2) as [Fixed, Fixed]
    const balancer = createBalancer<Fixed>(name, { random: seededRandom(seed) })
    balancer.update([a, b])
    a.loadNow = 3
    a.latencyNow = b.latencyNow = 10
    for (let call = 0; call < 200; call++) pickFrom(balancer)
    assert.deepEqual([a.calls, b.calls], [0, 200])
  })
}

test('peakEwma: latency times load decides, and one that is unknown counts as fast as the other', () => {
  const [a, b] = fixed(2) as [Fixed, Fixed]
  const balancer = createBalancer<Fixed>('peakEwma', { random: seededRandom(seed) })
  const better = (loads: readonly [number, number], latencies: readonly [number, number]): string => {
    balancer.update([a, b])
    a.calls = b.calls = 0
    ;[a.loadNow, b.loadNow] = loads
    ;[a.latencyNow, b.latencyNow] = latencies
    for (let call = 0; call < 100; call++) pickFrom(balancer)
    return a.calls === 100 ? 'a' : b.calls === 100 ? 'b' : 'either'
  }
  assert.equal(better([0, 0], [10, 20]), 'a')
  assert.equal(better([2, 0], [10, 20]), 'b')
  assert.equal(better([1, 0], [10, 20]), 'either')
  assert.equal(better([0, 0], [0, 20]), 'either')
  assert.equal(better([1, 0], [0, 20]), 'b')
  assert.equal(better([0, 1], [0, 0]), 'a')
})
