// Both windows against the plainest possible list, and what each must forget.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CountWindow, TimeWindow, type Window } from '../../src/breaker/window.ts'
import { seededRandom } from '../../src/testing/index.ts'

interface Row {
  readonly at: number
  readonly failed: boolean
  readonly slow: boolean
}

const totals = ({ calls, failures, slow }: Window): [number, number, number] => [calls, failures, slow]

const count = (rows: readonly Row[]): [number, number, number] => [
  rows.length,
  rows.filter((row) => row.failed).length,
  rows.filter((row) => row.slow).length,
]

/** Records `rows` made by `seed`, and asks after each whether the window agrees with what `keep` leaves of the list. */
function compare(
  window: Window,
  seed: number,
  stepMs: number,
  keep: (rows: Row[], now: number) => Row[],
  begin: number = 123_456,
): void {
  const random = seededRandom(seed)
  const rows: Row[] = []
  let now = begin
  for (let index = 0; index < 2000; index++) {
    now += random() < 0.02 ? stepMs * 40 : random() * stepMs
    const row = { at: now, failed: random() < 0.3, slow: random() < 0.2 }
    rows.push(row)
    window.record(now, row.failed, row.slow)
    assert.deepEqual(totals(window), count(keep(rows, now)), `after ${index + 1} calls`)
  }
}

describe('a time window', () => {
  for (const lengthMs of [10, 15, 1000, 10_000, 3_600_000]) {
    it(`of ${lengthMs} ms holds what ended in its last ten tenths`, () => {
      const tenth = (at: number): number => Math.floor(at / (lengthMs / 10))
      compare(new TimeWindow(lengthMs), lengthMs, lengthMs / 20, (rows, now) =>
        rows.filter(({ at }) => tenth(now) - tenth(at) < 10),
      )
    })
  }

  it('never holds anything as old as its length, and always what is younger than nine tenths of it', () => {
    for (let begin = 0; begin < 2000; begin += 37) {
      const window = new TimeWindow(1000)
      window.record(begin, true, false)
      window.age(begin + 899)
      assert.equal(window.failures, 1, `began at ${begin}`)
      window.age(begin + 1000)
      assert.equal(window.failures, 0, `began at ${begin}`)
    }
  })

  it('is empty after an idle hour, and starts again', () => {
    const window = new TimeWindow(10_000)
    for (let at = 0; at < 10_000; at += 10) window.record(at, true, true)
    assert.deepEqual(totals(window), [1000, 1000, 1000])
    window.age(3_610_000)
    assert.deepEqual(totals(window), [0, 0, 0])
    window.record(3_610_000, true, false)
    assert.deepEqual(totals(window), [1, 1, 0])
  })

  it('drops nothing when asked about an earlier moment', () => {
    const window = new TimeWindow(1000)
    window.record(5000, true, false)
    window.age(3000)
    assert.deepEqual(totals(window), [1, 1, 0])
  })

  it('works on a clock that begins before its zero and crosses it: that zero has no meaning', () => {
    const tenth = (at: number): number => Math.floor(at / 100)
    const keep = (rows: Row[], now: number): Row[] => rows.filter(({ at }) => tenth(now) - tenth(at) < 10)
    compare(new TimeWindow(1000), 1, 50, keep, -60_000)
    const window = new TimeWindow(10_000)
    window.record(-100_000, true, true)
    window.record(-99_500, false, false)
    assert.deepEqual(totals(window), [2, 1, 1])
    window.record(-50_000, true, false)
    assert.deepEqual(totals(window), [1, 1, 0])
    window.record(-500, false, true)
    window.record(500, true, false)
    assert.deepEqual(totals(window), [2, 1, 1])
    window.age(20_000)
    assert.deepEqual(totals(window), [0, 0, 0])
  })

  it('is empty when cleared, at any moment', () => {
    const window = new TimeWindow(1000)
    window.record(12_345, true, true)
    window.clear()
    assert.deepEqual(totals(window), [0, 0, 0])
    window.record(12_346, false, true)
    assert.deepEqual(totals(window), [1, 0, 1])
  })
})

describe('a window of a count', () => {
  for (const size of [1, 2, 7, 100, 5000]) {
    it(`of ${size} holds the last ${size} calls, however long ago they were`, () => {
      compare(new CountWindow(size), size, 1000, (rows) => rows.slice(-size))
    })
  }

  it('forgets nothing by time', () => {
    const window = new CountWindow(3)
    window.record(0, true, true)
    window.age()
    assert.deepEqual(totals(window), [1, 1, 1])
  })

  it('is empty when cleared, wherever its ring stood', () => {
    for (let before = 0; before < 8; before++) {
      const window = new CountWindow(3)
      for (let index = 0; index < before; index++) window.record(0, true, true)
      window.clear()
      assert.deepEqual(totals(window), [0, 0, 0])
      for (let index = 0; index < 4; index++) window.record(0, index === 0, false)
      assert.deepEqual(totals(window), [3, 0, 0], `${before} calls before`)
    }
  })
})
