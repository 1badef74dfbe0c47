// The algorithms by themselves: pure functions of what they heard, number by number.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Aimd } from '../../src/adaptive-limit/aimd.ts'
import type { LimitAlgorithm, LimitRules } from '../../src/adaptive-limit/algorithm.ts'
import { Gradient2 } from '../../src/adaptive-limit/gradient2.ts'
import { SampleWindow } from '../../src/adaptive-limit/sample-window.ts'
import { Vegas } from '../../src/adaptive-limit/vegas.ts'

const rules: LimitRules = {
  minLimit: 1,
  maxLimit: 200,
  windowMs: 100,
  headroom: 4,
  smoothing: 0.2,
  backoffRatio: 0.9,
  dropAfterMs: 5000,
}
const near = (actual: number | undefined, expected: number): void =>
  assert.ok(Math.abs((actual ?? NaN) - expected) < 1e-9, `${actual} instead of ${expected}`)

/** Plays whole windows: eleven calls of the same latency, as long as a window must be, all begun when the limit was used up. */
class Feed {
  now = 0
  readonly algorithm: LimitAlgorithm
  constructor(algorithm: LimitAlgorithm) {
    this.algorithm = algorithm
  }
  windows(count: number, rttMs: number, { dropped = false, inFlight = 1000 } = {}): number {
    let limit = this.algorithm.limit
    for (let call = 0; call < count * 11; call++) {
      this.now += Math.max(10, rttMs / 10)
      limit = this.algorithm.sample(rttMs, inFlight, dropped, this.now)
    }
    return limit
  }
}

describe('a window', () => {
  it('needs ten samples, its time and one round trip', () => {
    for (const [pauseMs, rttMs, count] of [
      [1, 5, 101],
      [50, 5, 10],
      [10, 1, 11],
      [10, 400, 41],
    ] as const) {
      const window = new SampleWindow()
      let samples = 1
      while (!window.add(rttMs, samples % 7, false, samples * pauseMs, 100)) samples++
      assert.deepEqual([samples, window.rttMs, window.inFlight], [count, rttMs, 6])
    }
  })

  it('means the successes; where as many fail it has no latency', () => {
    for (const [failures, rttMs] of [
      [0, 10],
      [4, 10],
      [5, undefined],
      [10, undefined],
    ] as const) {
      const window = new SampleWindow()
      for (let sample = 0; sample < 10; sample++) {
        const isFailure = sample < failures
        window.add(isFailure ? 999 : sample % 2 === 0 ? 9 : 11, 1, isFailure, sample * 200, 100)
      }
      if (rttMs === undefined) assert.equal(window.rttMs, undefined)
      else assert.ok(Math.abs((window.rttMs ?? NaN) - rttMs) < 0.2)
    }
  })
})

describe('aimd', () => {
  it('grows by one per round of successes, only while the limit is used', () => {
    const aimd = new Aimd(20, rules)
    near(aimd.sample(10, 10, false, 100), 20.05)
    near(aimd.sample(10, 10, false, 100), 20.05)
    near(aimd.sample(10, 20, false, 100), 20.05 + 1 / 20.05)
  })

  it('tolerates a tenth of drops, then takes a tenth, once for all that began before', () => {
    const aimd = new Aimd(40, rules)
    near(aimd.sample(10, 40, true, 100), 40)
    for (let drop = 0; drop < 3; drop++) aimd.sample(10, 40, true, 100)
    near(aimd.limit, 40)
    near(aimd.sample(10, 40, true, 100), 36)
    for (let drop = 0; drop < 100; drop++) aimd.sample(10, 40, true, 109)
    near(aimd.limit, 36)
    // These began after the cut.
    for (let drop = 0; drop < 4; drop++) aimd.sample(10, 40, true, 111)
    near(aimd.limit, 32.4)
  })

  it('takes a slow success for a drop, takes at least one, and stays in its bounds', () => {
    const aimd = new Aimd(5, { ...rules, minLimit: 3, maxLimit: 6, dropAfterMs: 50 })
    const cut = (now: number): number => (aimd.sample(50.1, 5, false, now), aimd.sample(50.1, 5, false, now))
    near(cut(100), 4)
    near(cut(200), 3)
    near(cut(300), 3)
    for (let call = 0; call < 100; call++) aimd.sample(50, 6, false, 400)
    near(aimd.limit, 6)
    assert.equal(aimd.baselineMs, undefined)
  })
})

describe('gradient2', () => {
  it('goes a fifth of the way to limit x gradient + headroom, per window', () => {
    const gradient = new Gradient2(20, rules)
    const feed = new Feed(gradient)
    near(feed.windows(1, 10), 20.8)
    near(gradient.baselineMs, 10)
    near(feed.windows(1, 10), 21.6)
    // The second of three windows in the warm-up: the baseline is their plain mean.
    near(feed.windows(1, 40), 21.6 + (21.6 * 0.5 + 4 - 21.6) * 0.2)
    near(gradient.baselineMs, 20)
  })

  it('takes no window for steeper than one half, and none for a reason to grow by more than the headroom', () => {
    const gradient = new Gradient2(100, rules, 10)
    const feed = new Feed(gradient)
    near(feed.windows(1, 1000), 100 + (54 - 100) * 0.2)
    gradient.limit = 100
    near(feed.windows(1, 0.2), 100.8)
  })

  it('forgets a baseline that is far too high by a tenth per window', () => {
    const gradient = new Gradient2(20, rules, 100)
    new Feed(gradient).windows(1, 10)
    near(gradient.baselineMs, (100 - (90 * 2) / 601) * 0.9)
  })

  it('changes nothing while the limit is not used, but learns', () => {
    const gradient = new Gradient2(20, rules)
    near(new Feed(gradient).windows(5, 10, { inFlight: 9 }), 20)
    near(gradient.baselineMs, 10)
  })

  it('does not hear fast failures; slow ones cost a tenth and leave the baseline', () => {
    const gradient = new Gradient2(20, rules, 10)
    const feed = new Feed(gradient)
    near(feed.windows(20, 1, { dropped: true }), 20)
    near(feed.windows(1, 500, { dropped: true }), 18.8)
    near(gradient.baselineMs, 10)
    const fresh = new Gradient2(20, rules)
    near(new Feed(fresh).windows(20, 500, { dropped: true }), 20)
    assert.equal(fresh.baselineMs, undefined)
  })
})

describe('vegas', () => {
  it('grows fast without a queue, slowly with a short one, not with a good one, and shrinks with a long one', () => {
    for (const [queued, to] of [
      [0, 56],
      [1, 56],
      [2, 51],
      [3, 50],
      [6, 50],
      [7, 49],
    ] as const) {
      // limit x (1 - baseline / latency) is the queue; a little less, since it is rounded up.
      const vegas = new Vegas(50, rules, 10)
      near(new Feed(vegas).windows(1, 10 / (1 - Math.max(0, queued - 0.01) / 50)), to)
    }
    const wide = new Vegas(150, rules, 10)
    near(new Feed(wide).windows(1, 10), 162)
  })

  it('lowers its baseline with the moving average, so that one lucky window is not the best for ever', () => {
    const vegas = new Vegas(50, rules, 10)
    const feed = new Feed(vegas)
    feed.windows(1, 5)
    near(vegas.baselineMs, 9)
    feed.windows(20, 5)
    assert.ok((vegas.baselineMs ?? NaN) < 5.1)
    feed.windows(20, 30)
    assert.ok((vegas.baselineMs ?? NaN) < 5.1)
  })

  it('measures the baseline anew under half the limit, for two windows of three hundred', () => {
    const vegas = new Vegas(50, { ...rules, maxLimit: 50 }, 10)
    const feed = new Feed(vegas)
    near(feed.windows(298, 10), 50)
    near(feed.windows(1, 10), 25)
    near(feed.windows(1, 30), 25)
    near(vegas.baselineMs, 10)
    near(feed.windows(1, 30), 50)
    near(vegas.baselineMs, 30)
    near(vegas.limit, 50)
    near(feed.windows(299, 30), 25)
  })

  it('does not hear fast failures; slow ones cost a tenth and leave the baseline, also when it is measured', () => {
    const vegas = new Vegas(20, rules, 10)
    const feed = new Feed(vegas)
    near(feed.windows(20, 1, { dropped: true }), 20)
    near(feed.windows(1, 500, { dropped: true }), 18)
    feed.windows(400, 500, { dropped: true })
    near(vegas.limit, 1)
    near(vegas.baselineMs, 10)
  })
})

describe('every algorithm', () => {
  it('stays in its bounds, whatever it hears, and takes new ones at the next sample', () => {
    for (const Algorithm of [Aimd, Vegas, Gradient2]) {
      const algorithm = new Algorithm(20, { ...rules, minLimit: 5, maxLimit: 30 })
      const feed = new Feed(algorithm)
      for (const [rttMs, dropped] of [
        [10, false],
        [0.1, false],
        [1e6, false],
        [10, true],
        [1e6, true],
        [10, false],
      ] as const) {
        const limit = feed.windows(40, rttMs, { dropped })
        assert.ok(limit >= 5 && limit <= 30 && algorithm.limit >= 5 && algorithm.limit <= 30, `${limit}`)
      }
    }
  })
})
