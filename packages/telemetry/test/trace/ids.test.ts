// Random ids: never zero, never twice, and their text.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { hexOfWord, IdSource, wordOfHex } from '../../src/trace/ids.ts'

const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

test('a word of zeros is never handed out, whatever the random source gives', () => {
  let fills = 0
  const ids = new IdSource((words) => {
    fills++
    words.fill(0)
    words[words.length - 1] = fills
  })
  assert.deepEqual([ids.word(), ids.word(), ids.word()], [1, 2, 3])
})

test('random words are spread over all 32 bits and do not repeat', () => {
  const ids = new IdSource()
  const words = new Set<number>()
  const ones = Array.from({ length: 32 }, () => 0)
  const count = 20_000
  for (let n = 0; n < count; n++) {
    const word = ids.word()
    assert.equal(word, word | 0)
    words.add(word)
    for (let bit = 0; bit < 32; bit++) ones[bit] = (ones[bit] ?? 0) + ((word >>> bit) & 1)
  }
  // Of 20 000 random words some 0.05 pairs are equal; each bit is set half of the time, to within 7 standard deviations.
  assert.ok(words.size >= count - 3)
  for (const set of ones) assert.ok(Math.abs(set - count / 2) < 500, `a bit was set ${set} times`)
})

test('a word and its text are the same number', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer(), (a, b) => {
      const text = hexOfWord(a) + hexOfWord(b)
      assert.match(text, /^[0-9a-f]{16}$/)
      assert.equal(text, (a >>> 0).toString(16).padStart(8, '0') + (b >>> 0).toString(16).padStart(8, '0'))
      assert.equal(wordOfHex(text, 0), a)
      assert.equal(wordOfHex(text.toUpperCase(), 8), b)
    }),
    { seed },
  )
})
