// What is slow by comparison: from when on it is known, how far one call moves it, and that a change for good is accepted in
// the end, by the numbers themselves and by a breaker that goes by them.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Slowness } from '../../src/breaker/slowness.ts'
import { seededRandom } from '../../src/testing/index.ts'
import { Rig, type Trial } from './rig.ts'

/** Successes at 20 calls a second. */
function slownessOf(factor: number, ...tookMs: number[]): Slowness {
  const slowness = new Slowness()
  slowness.set(5000, factor)
  for (const [index, ms] of tookMs.entries()) slowness.learn(ms, index * 50)
  return slowness
}
const calls = (count: number, ms: number): number[] => Array.from({ length: count }, () => ms)
const usual = (slowness: Slowness): number => slowness.usualMs ?? Number.NaN

describe('a slowness by comparison', () => {
  it('is the fixed time until 20 successes are known, and without a factor for ever', () => {
    assert.equal(slownessOf(8, ...calls(19, 50)).fromMs, 5000)
    assert.ok(slownessOf(8, ...calls(20, 50)).fromMs < 500)
    assert.equal(slownessOf(0, ...calls(100, 50)).fromMs, 5000)
  })

  it('is never above the fixed time and never below 100 ms', () => {
    assert.equal(slownessOf(8, ...calls(100, 2000)).fromMs, 5000)
    assert.equal(slownessOf(8, ...calls(100, 0)).fromMs, 100)
  })

  it('finds the median of whatever comes, from any first call', () => {
    const random = seededRandom(7)
    for (const first of [1, 40, 1000]) {
      // Log-normal around 40 ms, so that the mean is far from the median.
      const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
      const took = Array.from({ length: 20_000 }, () => 40 * Math.exp(normal()))
      const found = usual(slownessOf(8, first, ...took))
      assert.ok(found > 36 && found < 44, `${found} ms after a first call of ${first} ms`)
    }
  })

  it('is moved little by one call, however long it took and whenever it comes', () => {
    const slowness = slownessOf(8, ...calls(500, 10))
    const before = usual(slowness)
    slowness.learn(1_000_000, 25_000)
    assert.ok(usual(slowness) / before < 1.002)
    slowness.learn(1_000_000, 9_000_000)
    assert.ok(usual(slowness) / before < 1.02)
  })

  it('keeps what it knows when the rules change', () => {
    const slowness = slownessOf(0, ...calls(100, 50))
    slowness.set(5000, 5)
    assert.ok(slowness.fromMs > 200 && slowness.fromMs < 300)
  })
})

describe('a breaker that goes by it', () => {
  const options = { slowCallRatio: 0.5, slowCallFactor: 8, openFor: '1s', successesToClose: 1 }

  for (const perSecond of [5, 20, 100, 1000]) {
    it(`opens when calls take twenty times as long, at ${perSecond} calls a second`, () => {
      const rig = new Rig(options)
      const clock = rig.clock
      /** Calls at this rate, so many of which are in flight at once, for so long or until it opens. */
      const run = (tookMs: number, forMs: number): void => {
        const running: { trial: Trial; at: number }[] = []
        let owed = 0
        for (const until = clock.now() + forMs; clock.now() < until && rig.state === 'closed'; clock.advanceSync(10)) {
          for (owed += perSecond / 100; owed >= 1; owed--) running.push({ trial: rig.begin(), at: clock.now() })
          while ((running[0]?.at ?? Infinity) + tookMs <= clock.now()) running.shift()?.trial.end('success')
        }
        for (const { trial } of running) trial.end('ignored')
      }
      run(20, 60_000)
      assert.equal(rig.state, 'closed')
      const begun = clock.now()
      run(400, 60_000)
      assert.equal(rig.state, 'open')
      assert.ok(clock.now() - begun < 12_000, `after ${clock.now() - begun} ms`)
    })
  }

  it('accepts a service that stays ten times as slow', () => {
    const rig = new Rig(options).play('took 20ms success, '.repeat(300))
    rig.play('+11s')
    while (rig.state === 'closed') rig.play('took 200ms success')
    assert.equal(rig.state, 'open')
    const opened = rig.clock.now()
    while (rig.clock.now() - opened < 600_000) {
      const trial = rig.enter()
      rig.clock.advanceSync(200)
      trial?.end('success')
    }
    const last = rig.events.findLast((event) => event.type === 'transition')
    assert.equal(rig.state, 'closed')
    assert.ok(last?.type === 'transition' && last.at - opened < 120_000, `closed for good at ${JSON.stringify(last)}`)
  })

  it('still knows the usual after a restart in the middle of the outage', () => {
    const before = new Rig(options).play('took 20ms success, '.repeat(300))
    const saved = JSON.parse(JSON.stringify(before.snapshot)) as typeof before.snapshot
    assert.ok((saved.usualMs ?? 0) > 15 && (saved.slowFromMs ?? 0) < 200)
    const after = new Rig(options)
    after.breaker.restore(saved)
    after.play('took 400ms success, '.repeat(10))
    assert.equal(after.state, 'open')
    assert.throws(() => after.breaker.restore({ ...saved, usualMs: -1 }), { code: 'SG_BAD_OPTIONS' })
  })

  it('is refused without the ratio that it works by', () => {
    assert.throws(() => new Rig({ slowCallFactor: 8 }), {
      message: /slowCallFactor must be left out without slowCallRatio/,
    })
  })
})
