import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { nearest } from '../src/nearest.ts'

const keys = ['name', 'maxAttempts', 'backoff', 'delay', 'maxDelay', 'jitter', 'budget']

test('finds a word with a letter missing, added, wrong or swapped', () => {
  assert.equal(nearest('maxAttempt', keys), 'maxAttempts')
  assert.equal(nearest('maxxAttempts', keys), 'maxAttempts')
  assert.equal(nearest('bodget', keys), 'budget')
  assert.equal(nearest('dealy', keys), 'delay')
})

test('case, dashes and underscores do not count', () => {
  assert.equal(nearest('MAX_ATTEMPTS', keys), 'maxAttempts')
  assert.equal(nearest('max-delay', keys), 'maxDelay')
})

test('suggests nothing when nothing is near', () => {
  assert.equal(nearest('endpoints', keys), undefined)
  assert.equal(nearest('', keys), undefined)
  assert.equal(nearest('x', ['y', 'z']), undefined)
  assert.equal(nearest('maxAttempts', []), undefined)
  assert.equal(nearest('a'.repeat(65), ['a'.repeat(65)]), undefined)
})

test('a long word may have three edits and no more', () => {
  assert.equal(nearest('minimumThruputt', ['minimumThroughput']), undefined)
  assert.equal(nearest('minimumThroghptt', ['minimumThroughput']), 'minimumThroughput')
})

test('of equally near words the first wins, and a nearer one beats it', () => {
  assert.equal(nearest('cat', ['bat', 'rat']), 'bat')
  assert.equal(nearest('retries', ['retry', 'retrie', 'retriesx']), 'retrie')
})

test('property: one edit of a word of at least four letters finds the word again', () => {
  const word = fc.string({ unit: fc.constantFrom(...'abcdefghij'), minLength: 4, maxLength: 20 })
  const edit = fc.record({
    at: fc.nat(),
    letter: fc.constantFrom(...'xyz'),
    kind: fc.constantFrom('insert', 'remove', 'replace'),
  })
  fc.assert(
    fc.property(word, edit, (original, { at, letter, kind }) => {
      const index = at % original.length
      const rest = original.slice(kind === 'insert' ? index : index + 1)
      const edited = original.slice(0, index) + (kind === 'remove' ? '' : letter) + rest
      assert.equal(nearest(edited, ['0123456789', original]), original)
    }),
  )
})
