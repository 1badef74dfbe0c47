// Byte sizes of options.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseByteSize } from '../src/option-checks.ts'

describe('parseByteSize', () => {
  it('reads numbers and units', () => {
    for (const [value, bytes] of [
      [1, 1],
      ['10b', 10],
      ['64kb', 65_536],
      ['1.5mb', 1_572_864],
      ['2gb', 2_147_483_648],
    ] as const) {
      assert.equal(parseByteSize(value, 'x'), bytes)
    }
  })
  it('refuses the rest by path and value', () => {
    for (const value of [0, -1, 1.5, Number.NaN, Infinity, '', '0kb', '1', '1 kb', '1KB', '1tb', 'kb']) {
      assert.throws(() => parseByteSize(value, 'cached.maxBytes'), {
        code: 'SG_BAD_OPTIONS',
        message: /^cached\.maxBytes must be .* got /,
      })
    }
  })
  it('knows both bounds', () => {
    assert.equal(parseByteSize(0, 'x', 0), 0)
    assert.throws(() => parseByteSize('2kb', 'x', 1, 1024), {
      message: "x must be a size in [1, 1024] bytes, as bytes or like '64kb', '1mb', got '2kb'",
    })
  })
})
