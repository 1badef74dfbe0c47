// What configuration may say, and what it is told when it is wrong.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BalancerOptions, type BalancerSpec, createBalancer } from '../../src/balancing/index.ts'
import { fixed, names, pickFrom } from './endpoints.ts'

test('every name makes its balancer, with and without a zone; without a name it is the peak EWMA', () => {
  for (const name of names) {
    for (const zone of [undefined, 'a', { own: 'a' }]) {
      const balancer = createBalancer(name, { zone })
      assert.equal(balancer.name, name)
      assert.equal(balancer.keyed, name === 'maglev')
    }
  }
  assert.equal(createBalancer().name, 'peakEwma')
  assert.equal(createBalancer({ maglev: {} }).name, 'maglev')
})

test('the host has chance of its own', () => {
  const balancer = createBalancer<ReturnType<typeof fixed>[number]>('random')
  const endpoints = fixed(2)
  balancer.update(endpoints)
  for (let call = 0; call < 200; call++) pickFrom(balancer)
  assert.ok(endpoints.every(({ calls }) => calls > 20))
})

const wrong: readonly (readonly [unknown, BalancerOptions, string])[] = [
  [
    'fastest',
    {},
    "balancer: 'fastest' is not a balancer; known are peakEwma, leastRequest, roundRobin, weighted, random, maglev",
  ],
  ['toString', { path: 'services.a.balancer' }, "services.a.balancer: 'toString' is not a balancer; known are"],
  [7, {}, 'balancer must be an object of options, got 7'],
  [null, {}, 'balancer must be an object of options, got null'],
  [['maglev'], {}, 'balancer must be an object of options, got a list'],
  [
    {},
    {},
    'balancer must be one of peakEwma, leastRequest, roundRobin, weighted, random, maglev, or maglev with its options',
  ],
  [{ random: {} }, {}, 'balancer.random is not an option; known are maglev'],
  [{ maglev: { size: 3 } }, {}, 'balancer.maglev.size is not an option; known are tableSize'],
  [{ maglev: null }, {}, 'balancer.maglev must be an object of options, got null'],
  [{ maglev: { tableSize: 4096 } }, {}, 'balancer.maglev.tableSize must be a prime, like 251, 4093, 65537, got 4096'],
  [{ maglev: { tableSize: 7 } }, {}, 'balancer.maglev.tableSize must be a whole number in [251, 5000011], got 7'],
  ['random', { zone: '' }, "balancer.zone.own must be the name of a zone, got ''"],
  ['random', { zone: { own: 'a', minEndpoints: 0 } }, 'balancer.zone.minEndpoints must be a whole number >= 1, got 0'],
  ['random', { zone: { own: 'a', leastLocal: 2 } }, 'balancer.zone.leastLocal must be in [0, 1], got 2'],
  ['random', { zone: { own: 'a', spill: 2 } as never }, 'balancer.zone.spill is not an option'],
]

for (const [spec, options, message] of wrong) {
  test(`is refused: ${message}`, () => {
    assert.throws(
      () => createBalancer(spec as BalancerSpec, options),
      (error: { code?: unknown; message: string }) => {
        assert.equal(error.code, 'SG_BAD_OPTIONS')
        assert.ok(error.message.startsWith(message), error.message)
        return true
      },
    )
  })
}
