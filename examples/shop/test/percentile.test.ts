import assert from 'node:assert/strict'
import { test } from 'node:test'
import { percentile } from '../src/percentile.ts'

test('a percentile is the number at the nearest rank', () => {
  const numbers = Array.from({ length: 100 }, (_, index) => 100 - index)
  assert.equal(percentile(numbers, 0.5), 50)
  assert.equal(percentile(numbers, 0.99), 99)
  assert.equal(percentile(numbers, 1), 100)
  assert.equal(percentile(numbers, 0), 1)
  assert.equal(numbers[0], 100, 'the input stays as it is')
})

test('of one number every percentile is that number, of none there is no percentile', () => {
  assert.equal(percentile([7], 0.01), 7)
  assert.equal(percentile([7], 0.99), 7)
  assert.equal(percentile([], 0.5), undefined)
})
