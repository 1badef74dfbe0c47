import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatTraceparent, parseTraceparent } from '../../src/propagation/traceparent.ts'

const text = '00-4bf92f3577b34da6a3ce929d0e0e4736-f0f067aa0ba902b7-01'
const fields = {
  traceA: 0x4bf92f35,
  traceB: 0x77b34da6,
  traceC: 0xa3ce929d | 0,
  traceD: 0x0e0e4736,
  spanA: 0xf0f067aa | 0,
  spanB: 0x0ba902b7,
}

describe('parseTraceparent', () => {
  it('gives ids as signed 32-bit integers, first bytes first', () => {
    assert.deepEqual({ ...parseTraceparent(text) }, { ...fields, flags: 1, traceState: '', debug: false })
  })

  it('keeps the flags that are known, of any version', () => {
    for (const [digits, flags] of [
      ['00', 0],
      ['01', 1],
      ['02', 2],
      ['03', 3],
      ['fc', 0],
      ['ff', 3],
    ] as const) {
      assert.equal(parseTraceparent(`${text.slice(0, -2)}${digits}`)?.flags, flags)
      assert.equal(parseTraceparent(`cc${text.slice(2, -2)}${digits}-more`)?.flags, flags)
    }
  })

  it('takes an id for valid of which only the last digit is not zero', () => {
    const least = `00-${'0'.repeat(31)}1-${'0'.repeat(15)}1-00`
    assert.equal(parseTraceparent(least)?.traceD, 1)
    assert.equal(parseTraceparent(least)?.spanB, 1)
  })

  it('knows only the white space of HTTP', () => {
    assert.notEqual(parseTraceparent(`\t ${text} \t`), undefined)
    for (const space of ['\n', '\r', '\u00a0', '\u2003', '\0']) assert.equal(parseTraceparent(text + space), undefined)
  })
})

describe('formatTraceparent', () => {
  it('writes version 00 and known flags only', () => {
    assert.equal(formatTraceparent({ ...fields, flags: 1 }), text)
    assert.equal(formatTraceparent({ ...fields, flags: 0xff }), `${text.slice(0, -2)}03`)
  })

  it('gives each its own text', () => {
    const first = formatTraceparent({ ...fields, flags: 1 })
    formatTraceparent({ ...fields, traceA: 1, flags: 0 })
    assert.equal(first, text)
  })
})
