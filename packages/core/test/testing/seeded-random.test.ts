// Chance that repeats: the same numbers for a seed, others for another, spread evenly enough for jitter.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../src/testing/index.ts'

const draw = (seed: number, count: number): number[] => {
  const random = seededRandom(seed)
  return Array.from({ length: count }, () => random())
}

test('a seed gives the same numbers again, on every machine', () => {
  assert.deepEqual(draw(42, 100), draw(42, 100))
  assert.equal(draw(42, 1)[0], 0.6011037519201636)
})

test('other seeds give other numbers, also neighbours and odd ones', () => {
  const firsts = [0, 1, 2, -1, 2 ** 31, 2 ** 32 - 2, 1.5e9].map((seed) => draw(seed, 3).join())
  assert.equal(new Set(firsts).size, firsts.length)
})

test('numbers lie in [0, 1) and fill it evenly', () => {
  const counts = Array.from({ length: 10 }, () => 0)
  for (const number of draw(7, 100_000)) {
    assert.ok(number >= 0 && number < 1)
    counts[Math.floor(number * 10)] = (counts[Math.floor(number * 10)] ?? 0) + 1
  }
  for (const count of counts) assert.ok(Math.abs(count - 10_000) < 500, `${counts}`)
})

test('two sources do not share their state', () => {
  const [one, two] = [seededRandom(3), seededRandom(3)]
  assert.equal(one(), two())
  one()
  assert.notEqual(one(), two())
})
