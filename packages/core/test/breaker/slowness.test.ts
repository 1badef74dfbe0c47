// What is slow by comparison: from when on it is known, how far one call moves it, and that a change for good is accepted in
// the end, by the numbers themselves and by a breaker that goes by them.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Slowness } from '../../src/breaker/slowness.ts'
import { seededRandom } from '../../src/testing/index.ts'
import { Rig } from './rig.ts'

function slownessOf(factor: number, ...tookMs: number[]): Slowness {
  const slowness = new Slowness()
  slowness.set(5000, factor)
  for (const ms of tookMs) slowness.learn(ms)
  return slowness
}
const calls = (count: number, ms: number): number[] => Array.from({ length: count }, () => ms)

describe('a slowness by comparison', () => {
  it('is the fixed time until 20 successes are known, and without a factor for ever', () => {
    assert.equal(slownessOf(8, ...calls(19, 10)).fromMs, 5000)
    assert.ok(slownessOf(8, ...calls(20, 10)).fromMs < 100)
    assert.equal(slownessOf(0, ...calls(100, 10)).fromMs, 5000)
  })

  it('is never above the fixed time and never below 20 ms', () => {
    assert.equal(slownessOf(8, ...calls(100, 2000)).fromMs, 5000)
    assert.equal(slownessOf(8, ...calls(100, 0)).fromMs, 20)
  })

  it('finds the median of whatever comes, from any first call', () => {
    const random = seededRandom(7)
    for (const first of [1, 40, 1000]) {
      // Log-normal around 40 ms, so that the mean is far from the median.
      const took = Array.from(
        { length: 2000 },
        () => 40 * Math.exp(Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(6.283 * random())),
      )
      const { usualMs } = slownessOf(8, first, ...took)
      assert.ok(usualMs > 34 && usualMs < 47, `${usualMs} ms after a first call of ${first} ms`)
    }
  })

  it('is moved little by one call, however long it took', () => {
    const slowness = slownessOf(8, ...calls(500, 10))
    const before = slowness.usualMs
    slowness.learn(1_000_000)
    assert.ok(slowness.usualMs / before < 1.005)
  })

  it('keeps what it knows when the rules change', () => {
    const slowness = slownessOf(0, ...calls(100, 10))
    slowness.set(5000, 5)
    assert.ok(slowness.fromMs > 40 && slowness.fromMs < 60)
  })
})

describe('a breaker that goes by it', () => {
  const options = { slowCallRatio: 0.5, slowCallFactor: 8, openFor: '1s', successesToClose: 1 }

  it('opens for a service that is ten times as slow, and accepts it when it stays so', () => {
    const rig = new Rig(options).play('took 10ms success, '.repeat(100))
    rig.play('+11s')
    while (rig.state === 'closed') rig.play('took 100ms success')
    assert.equal(rig.state, 'open')
    const opened = rig.clock.now()
    while (rig.clock.now() - opened < 600_000) {
      const trial = rig.enter()
      rig.clock.advanceSync(100)
      trial?.end('success')
    }
    const { state, totals } = rig.snapshot
    assert.equal(state, 'closed')
    const last = rig.events.findLast((event) => event.type === 'transition')
    assert.ok(last?.type === 'transition' && last.at - opened < 180_000, `closed for good after ${totals.transitions}`)
  })
})
