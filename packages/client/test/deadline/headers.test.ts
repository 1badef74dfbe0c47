import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { formatGrpcTimeout, parseGrpcTimeout } from '../../src/deadline/grpc-timeout.ts'
import { formatRequestDeadline, longestDeadlineMs, parseRequestDeadline } from '../../src/deadline/request-deadline.ts'

const seed = Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101)

describe('x-request-deadline', () => {
  it('is digits and nothing else', () => {
    assert.equal(parseRequestDeadline('250'), 250)
    assert.equal(parseRequestDeadline('0'), 0)
    assert.equal(parseRequestDeadline(String(longestDeadlineMs)), longestDeadlineMs)
    for (const text of ['', ' 1', '1 ', '+1', '-1', '1.5', '1e3', '0x1', '٣', '1,2', '2147483648', '9'.repeat(11)]) {
      assert.equal(parseRequestDeadline(text), undefined, text)
    }
  })

  it('never gives more time than there is, but for the last millisecond', () => {
    const remaining = fc.double({ min: 1e-6, max: longestDeadlineMs, noNaN: true })
    fc.assert(
      fc.property(remaining, (ms) => {
        const read = parseRequestDeadline(formatRequestDeadline(ms) ?? '')
        assert.ok(read !== undefined && read >= 1 && (read <= ms || ms < 1) && ms - read < 1)
      }),
      { seed },
    )
    assert.equal(formatRequestDeadline(Infinity), undefined)
    assert.equal(formatRequestDeadline(Number.NaN), undefined)
  })

  it('throws at no text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const read = parseRequestDeadline(text)
        assert.ok(read === undefined || (Number.isInteger(read) && read >= 0 && read <= longestDeadlineMs))
      }),
      { seed },
    )
  })
})

describe('grpc-timeout', () => {
  it('has at most eight digits and a unit', () => {
    const known: Record<string, number> = {
      '1H': 3_600_000,
      '2M': 120_000,
      '3S': 3000,
      '4m': 4,
      '5000u': 5,
      '6000000n': 6,
    }
    for (const [text, ms] of Object.entries(known))
      assert.ok(Math.abs((parseGrpcTimeout(text) ?? -1) - ms) < 1e-9, text)
    for (const text of ['', '1', 'S', '123456789m', '-1S', '1.5S', '1 S', '1s', '1h', '1SS', '\n1S']) {
      assert.equal(parseGrpcTimeout(text), undefined, text)
    }
  })

  it('is written in a unit that has room for it, and never longer than there is', () => {
    const remaining = fc.oneof(
      fc.double({ min: 1, max: 1e6, noNaN: true }),
      fc.double({ min: 1, max: 3e14, noNaN: true }),
    )
    fc.assert(
      fc.property(remaining, (ms) => {
        const text = formatGrpcTimeout(ms) ?? ''
        const read = parseGrpcTimeout(text)
        assert.ok(read !== undefined && read <= ms, text)
        // Less than a thousandth is lost where a unit is coarse.
        assert.ok(ms - read <= Math.max(1, ms / 1000), text)
      }),
      { seed },
    )
    assert.equal(formatGrpcTimeout(0.2), '1m')
    assert.equal(formatGrpcTimeout(99_999_999), '99999999m')
    assert.equal(formatGrpcTimeout(100_000_000), '100000S')
    assert.equal(formatGrpcTimeout(Infinity), undefined)
  })
})
