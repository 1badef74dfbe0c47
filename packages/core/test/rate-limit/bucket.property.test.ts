// The promise of both algorithms, against brute force: in no span of time are more calls admitted than burst + rate *
// time, not counting those that were given back, whatever is taken and given back when; and a token bucket is exactly
// the bucket of a model that replays, from the beginning, only the calls that were never given back.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Bucket } from '../../src/rate-limit/bucket.ts'
import type { RateLimitRule } from '../../src/rate-limit/store.ts'

/** The same sequences every time; another seed finds others. */
const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

type Step = { readonly waitMs: number; readonly act: 'take' | 'giveBack'; readonly which: number }

const step: fc.Arbitrary<Step> = fc.record({
  waitMs: fc.oneof(
    fc.constant(0),
    fc.integer({ min: 0, max: 300 }),
    fc.nat(24_000).map((eighths) => eighths / 8),
  ),
  act: fc.constantFrom('take', 'take', 'take', 'take', 'giveBack'),
  which: fc.nat(),
})
const steps = fc.array(step, { minLength: 1, maxLength: 120 })
const ruleOf = (algorithm: RateLimitRule['algorithm']): fc.Arbitrary<RateLimitRule> =>
  fc
    .record({
      limit: fc.integer({ min: 1, max: 20 }),
      windowMs: fc.constantFrom(100, 333, 1000),
      size: fc.integer({ min: 1, max: 30 }),
    })
    .map(({ limit, windowMs, size }) => ({
      name: 'model',
      algorithm,
      limit,
      windowMs,
      burst: algorithm === 'tokenBucket' ? size : limit,
    }))

interface Played {
  /** When each call that was not given back took. */
  readonly kept: number[]
  readonly bucket: Bucket
  readonly now: number
}

/** Plays the steps; `seen` is asked after each one. */
function play(
  rule: RateLimitRule,
  acts: readonly Step[],
  seen: (now: number, bucket: Bucket, kept: readonly number[]) => void,
): Played {
  let now = 0
  const bucket = new Bucket('', 0)
  const kept: number[] = []
  for (const { waitMs, act, which } of acts) {
    now += waitMs
    if (act === 'take') {
      const before = bucket.level(now, rule)
      const waits = bucket.take(now, rule)
      if (waits === 0) kept.push(now)
      else assert.ok(waits > 0 && bucket.level(now, rule) === before, 'a refusal takes nothing')
    } else if (kept.length > 0) {
      const [takenAt] = kept.splice(which % kept.length, 1)
      bucket.giveBack(now, takenAt ?? 0, rule)
    }
    seen(now, bucket, kept)
  }
  return { kept, bucket, now }
}

/** Throws where a span holds more calls than it may. */
function assertBound(kept: readonly number[], rule: RateLimitRule): void {
  for (let from = 0; from < kept.length; from++) {
    for (let to = from; to < kept.length; to++) {
      const spanMs = (kept[to] ?? 0) - (kept[from] ?? 0)
      const most = rule.burst + (rule.limit * spanMs) / rule.windowMs
      assert.ok(to - from + 1 <= most + 1e-5, `${to - from + 1} calls in ${spanMs} ms, at most ${most}`)
    }
  }
}

for (const algorithm of ['tokenBucket', 'slidingWindow'] as const) {
  test(`${algorithm}: no span of time sees more than burst + rate * time, with calls given back at any time`, () => {
    fc.assert(
      fc.property(ruleOf(algorithm), steps, (rule, acts) => {
        const { kept } = play(rule, acts, (now, bucket) => {
          const { remaining, retryAfterMs, resetMs } = bucket.look(now, rule)
          assert.ok(remaining >= 0 && remaining <= rule.burst, `${remaining} are left`)
          assert.ok(bucket.used >= 0 && bucket.previous >= 0)
          assert.ok(remaining > 0 === (retryAfterMs === 0) && retryAfterMs >= 0 && resetMs >= 0)
        })
        assertBound(kept, rule)
      }),
      { seed, numRuns: 1000 },
    )
  })

  test(`${algorithm}: after the wait that a refusal names a call is admitted, a little earlier it is not`, () => {
    fc.assert(
      fc.property(ruleOf(algorithm), steps, (rule, acts) => {
        const { bucket, now } = play(rule, acts, () => undefined)
        const { remaining, retryAfterMs, resetMs } = bucket.look(now, rule)
        for (let call = 0; call < remaining; call++) assert.equal(bucket.take(now, rule), 0)
        const waitMs = bucket.take(now, rule)
        assert.ok(waitMs > 0, 'one more than was left is refused')
        if (remaining === 0) assert.equal(retryAfterMs, waitMs)
        assert.ok(bucket.take(now + waitMs * 0.98, rule) > 0, 'too early')
        assert.equal(bucket.take(now + waitMs, rule), 0)
        assert.ok(bucket.isFull(now + waitMs + 2 * rule.windowMs * (1 + rule.burst / rule.limit), rule), `${resetMs}`)
      }),
      { seed, numRuns: 1000 },
    )
  })
}

test('tokenBucket: what is used is never less than if the calls given back had never come', () => {
  fc.assert(
    fc.property(ruleOf('tokenBucket'), steps, (rule, acts) => {
      play(rule, acts, (now, bucket, kept) => {
        let [level, at] = [0, 0]
        for (const takenAt of kept) {
          level = Math.max(0, level - ((takenAt - at) * rule.limit) / rule.windowMs) + 1
          at = takenAt
        }
        level = Math.max(0, level - ((now - at) * rule.limit) / rule.windowMs)
        const used = bucket.level(now, rule)
        assert.ok(used >= level - 1e-6, `${used} used, but the kept calls alone have used ${level}`)
        assert.ok(used <= rule.burst + 1e-5)
      })
    }),
    { seed, numRuns: 1000 },
  )
})

test('slidingWindow: it is the weighted count of the calls that were not given back', () => {
  fc.assert(
    fc.property(ruleOf('slidingWindow'), steps, (rule, acts) => {
      // A model that keeps every call and the start of every window.
      let start = 0
      play(rule, acts, (now, bucket, kept) => {
        if (now - start >= 2 * rule.windowMs) start = now
        else if (now - start >= rule.windowMs) start = Math.min(now, start + rule.windowMs)
        const current = kept.filter((at) => at >= start).length
        const before = kept.filter((at) => at < start && at >= start - rule.windowMs - 1e-6).length
        const expected = current + before * (1 - (now - start) / rule.windowMs)
        assert.ok(Math.abs(bucket.level(now, rule) - expected) < 1e-6)
      })
    }),
    { seed, numRuns: 1000 },
  )
})

test('slidingWindow: the stated error is reached: a rush at the end of a window, then all that fades', () => {
  const rule: RateLimitRule = { name: '', algorithm: 'slidingWindow', limit: 100, windowMs: 1000, burst: 100 }
  const bucket = new Bucket('', 0)
  const kept: number[] = []
  for (let now = 999; now < 1998; now++) while (bucket.take(now, rule) === 0) kept.push(now)
  assert.equal(kept.length, 199)
  assertBound(kept, rule)
})
