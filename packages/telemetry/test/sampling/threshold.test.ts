// Thresholds against the table of the OpenTelemetry specification and against exact integer arithmetic.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { leastProbability, passes, probabilityOf, thresholdOf } from '../../src/sampling/threshold.ts'
import { seed } from './spans.ts'

/**
 * 1-in-N, then the thresholds with 3, 4 and 5 digits: tracestate-probability-sampling.md, "Converting floating-point
 * probability".
 */
const table: readonly (readonly [number, string, string, string])[] = [
  [1, '0', '0', '0'],
  [2, '8', '8', '8'],
  [3, 'aab', 'aaab', 'aaaab'],
  [4, 'c', 'c', 'c'],
  [5, 'ccd', 'cccd', 'ccccd'],
  [8, 'e', 'e', 'e'],
  [10, 'e66', 'e666', 'e6666'],
  [16, 'f', 'f', 'f'],
  [100, 'fd71', 'fd70a', 'fd70a4'],
  [1000, 'ffbe7', 'ffbe77', 'ffbe76d'],
  [10_000, 'fff972', 'fff9724', 'fff97247'],
  [100_000, 'ffff584', 'ffff583a', 'ffff583a5'],
  [1_000_000, 'ffffef4', 'ffffef39', 'ffffef391'],
]

test('the thresholds of the specification, with 3, 4 and 5 digits', () => {
  for (const [n, ...texts] of table) {
    assert.deepEqual(
      [3, 4, 5].map((digits) => thresholdOf(1 / n, digits).text),
      texts,
      `1 in ${n}`,
    )
  }
})

test('the ends: everything, the least probability, and just below one', () => {
  assert.deepEqual(thresholdOf(1), { high: 0, low: 0, text: '0' })
  assert.deepEqual(thresholdOf(leastProbability), { high: 0xff_ffff, low: 0xffff_ffff, text: 'f'.repeat(14) })
  assert.equal(probabilityOf(0xff_ffff, 0xffff_ffff), leastProbability)
  assert.equal(probabilityOf(0, 0), 1)
  assert.equal(thresholdOf(0.999_999).text, '0', 'rounds to everything with four digits')
})

test('comparing and converting agree with exact integers', () => {
  const bits = fc.bigInt({ min: 0n, max: 2n ** 56n - 1n })
  const split = (value: bigint): [number, number] => [Number(value >> 32n), Number(value & 0xffff_ffffn)]
  fc.assert(
    fc.property(bits, bits, fc.bigInt({ min: -1n, max: 1n }), (limit, value, near) => {
      const [high, low] = split(limit)
      for (const random of [value, limit + near]) {
        if (random < 0n || random >= 2n ** 56n) continue
        assert.equal(passes({ high, low }, ...split(random)), random >= limit)
      }
    }),
    { seed, numRuns: 2000 },
  )
})

test('a threshold lets its probability pass, and a higher probability never has a higher one', () => {
  const probability = fc.double({ min: 0, max: 55, noNaN: true }).map((exponent) => 2 ** -exponent)
  fc.assert(
    fc.property(probability, probability, (one, other) => {
      const [lower, upper] = one < other ? [one, other] : [other, one]
      const a = thresholdOf(lower)
      const b = thresholdOf(upper)
      assert.ok(passes(b, a.high, a.low))
      const actual = probabilityOf(a.high, a.low)
      assert.ok(Math.abs(actual - lower) <= lower * 0.01, `${lower} became ${actual}`)
      assert.match(a.text, /^(?:0|[0-9a-f]{0,13}[1-9a-f])$/)
    }),
    { seed, numRuns: 2000 },
  )
})
