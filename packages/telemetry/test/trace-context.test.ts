import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { childOf, formatTraceparent, parseTraceparent } from '../src/index.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const spanId = '00f067aa0ba902b7'

describe('parseTraceparent', () => {
  it('reads the parts of version 00', () => {
    assert.deepEqual(parseTraceparent(`00-${traceId}-${spanId}-01`), { traceId, spanId, sampled: true, random: false })
    assert.deepEqual(parseTraceparent(`00-${traceId}-${spanId}-02`), { traceId, spanId, sampled: false, random: true })
    assert.equal(parseTraceparent(`00-${traceId}-${spanId}-00`)?.sampled, false)
  })

  it('ignores flags it does not know', () => {
    assert.deepEqual(parseTraceparent(`00-${traceId}-${spanId}-fc`), { traceId, spanId, sampled: false, random: false })
  })

  it('accepts a later version, with or without more parts', () => {
    for (const header of [
      `01-${traceId}-${spanId}-01`,
      `fe-${traceId}-${spanId}-01-what-ever`,
      `cc-${traceId}-${spanId}-01-`,
    ]) {
      assert.deepEqual(parseTraceparent(header), { traceId, spanId, sampled: true, random: false }, header)
    }
  })

  const invalid: Record<string, string | null | undefined> = {
    absent: undefined,
    null: null,
    empty: '',
    'version ff': `ff-${traceId}-${spanId}-01`,
    'zero trace id': `00-${'0'.repeat(32)}-${spanId}-01`,
    'zero span id': `00-${traceId}-${'0'.repeat(16)}-01`,
    'upper-case trace id': `00-${traceId.toUpperCase()}-${spanId}-01`,
    'upper-case span id': `00-${traceId}-${spanId.toUpperCase()}-01`,
    'upper-case flags': `00-${traceId}-${spanId}-0A`,
    'upper-case version': `0A-${traceId}-${spanId}-01`,
    'short trace id': `00-${traceId.slice(1)}-${spanId}-01`,
    'long trace id': `00-${traceId}0-${spanId}-01`,
    'short span id': `00-${traceId}-${spanId.slice(1)}-01`,
    'one flag digit': `00-${traceId}-${spanId}-1`,
    'no flags': `00-${traceId}-${spanId}`,
    'not hex': `00-${traceId.replace('4', 'g')}-${spanId}-01`,
    'more after version 00': `00-${traceId}-${spanId}-01-more`,
    'a dash after version 00': `00-${traceId}-${spanId}-01-`,
    'later version, more without a dash': `01-${traceId}-${spanId}-01more`,
    'space before': ` 00-${traceId}-${spanId}-01`,
    'line feed after': `00-${traceId}-${spanId}-01\n`,
    'two headers joined': `00-${traceId}-${spanId}-01, 00-${traceId}-${spanId}-01`,
  }
  for (const [name, header] of Object.entries(invalid)) {
    it(`refuses: ${name}`, () => assert.equal(parseTraceparent(header), undefined))
  }
})

describe('childOf', () => {
  it('keeps trace id and flags and gives a new span id', () => {
    for (const [sampled, random] of [
      [true, false],
      [false, true],
    ] as const) {
      const child = childOf({ traceId, spanId, sampled, random })
      assert.deepEqual({ ...child, spanId: '' }, { traceId, spanId: '', parentId: spanId, sampled, random })
      assert.match(child.spanId, /^[0-9a-f]{16}$/)
      assert.notEqual(child.spanId, spanId)
    }
  })

  it('begins a new trace without a parent', () => {
    const context = childOf(undefined)
    assert.match(context.traceId, /^[0-9a-f]{32}$/)
    assert.equal(context.random, true)
    assert.equal(context.parentId, undefined)
    assert.equal(formatTraceparent(context).slice(-2), '03')
  })

  it('never repeats an id', () => {
    const contexts = Array.from({ length: 2000 }, () => childOf(undefined))
    assert.equal(new Set(contexts.map((context) => context.traceId)).size, 2000)
    assert.equal(new Set(contexts.map((context) => context.spanId)).size, 2000)
  })
})

describe('formatTraceparent', () => {
  it('is read back as it was written', () => {
    for (const flags of ['00', '01', '02', '03']) {
      const header = `00-${traceId}-${spanId}-${flags}`
      const context = parseTraceparent(header)
      assert.ok(context !== undefined)
      assert.equal(formatTraceparent(context), header)
    }
  })

  it('writes version 00 whatever version it came from', () => {
    const context = parseTraceparent(`07-${traceId}-${spanId}-ff-more`)
    assert.ok(context !== undefined)
    assert.equal(formatTraceparent(context), `00-${traceId}-${spanId}-03`)
  })
})
