// What a terminal shows: golden texts of a result made by hand, and the rules behind single characters and numbers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { breakersOf } from '../src/breakers.ts'
import { difference, figures, goodShareBefore, improves, shown, verdict } from '../src/figures.ts'
import { count, duration, points, rate, ratio, share, signed } from '../src/quantity.ts'
import { fitted, ruler, sparkline, strip } from '../src/sparkline.ts'
import { overview, shortened, summary } from '../src/summary.ts'
import { table, wrapped } from '../src/table.ts'
import { guardedResult, unguardedResult } from './fixture.ts'
import { golden } from './golden.ts'

const look = { width: 80, paint: (_emphasis: string, text: string): string => text }

test('the summary of a run beside its control', () => {
  golden('summary.txt', summary([guardedResult, unguardedResult], look).join('\n'))
})

test('the summary of a comparison has the differences', () => {
  golden('comparison.txt', summary([unguardedResult, guardedResult], look, true).join('\n'))
})

test('the summary of a single run names no letters', () => {
  golden('single.txt', summary([guardedResult], look).join('\n'))
})

test('no line is wider than the terminal, whatever its width, as long as the figures fit', () => {
  for (const width of [70, 80, 100, 200]) {
    const lines = summary([guardedResult, unguardedResult], { ...look, width })
    assert.ok(Math.max(...lines.map((line) => line.length)) <= width, String(width))
  }
})

test('the overview has one line for each scenario and run', () => {
  golden(
    'overview.txt',
    overview([[guardedResult, unguardedResult], [{ ...guardedResult, scenario: 'overload' }]], look).join('\n'),
  )
})

test('a sparkline never draws something as nothing, nor a gap as zero', () => {
  assert.equal(sparkline([0, 0.001, 50, 100, null, 100], 100), '▁▂▅█ █')
  assert.equal(sparkline([0, 0], 0), '▁▁')
  assert.equal(sparkline([1, 10, 100, 1000], 1000, true), '▂▄▆█')
})

test('merging keeps the mean of a rate and the worst of a level, and skips gaps', () => {
  assert.deepEqual(fitted([1, 3, 5, 7], 2, 'mean'), [2, 6])
  assert.deepEqual(fitted([1, 3, 5, 7], 2, 'max'), [3, 7])
  assert.deepEqual(fitted([1, null, null, null], 2, 'max'), [1, null])
  assert.deepEqual(fitted([1, 2], 10, 'max'), [1, 2])
  const long = Array.from({ length: 97 }, (_, index) => index)
  const merged = fitted(long, 31, 'max')
  assert.equal(merged.length, 31)
  assert.equal(merged.at(-1), 96)
})

test('a strip shows the shortest open time, however many steps share a column', () => {
  const open = Array.from({ length: 100 }, (_, step) => (step === 57 ? 0.2 : 0))
  assert.equal(strip({ open, halfOpen: open.map(() => 0) }, 10), '·····▄····')
  assert.equal(strip({ open: [0, 1, 0, 0.5], halfOpen: [0, 0, 0.1, 0.5] }, 10), '·█▒█')
})

test('the ruler marks outages at their time, also one that is shorter than a column', () => {
  assert.equal(ruler([{ fromMs: 20, toMs: 40 }], 60, 6), '──┝┥──')
  assert.equal(ruler([{ fromMs: 31, toMs: 32 }], 60, 6), '───╋──')
  assert.equal(ruler([{ fromMs: 50, toMs: 90 }], 60, 6), '─────╋')
  assert.equal(ruler([], 60, 6), '──────')
})

test('quantities', () => {
  assert.deepEqual([0, 0.0004, 0.5, 0.97125, 0.9996, 1].map(share), [
    '0 %',
    '< 0.1 %',
    '50.0 %',
    '97.1 %',
    '> 99.9 %',
    '100 %',
  ])
  assert.deepEqual([0, 0.4, 24.2, 999, 999.6, 1234, 60_000, 119_400, 150_000].map(duration), [
    '0 s',
    '0.4 ms',
    '24.2 ms',
    '999 ms',
    '1 s',
    '1.23 s',
    '60 s',
    '119 s',
    '2.5 min',
  ])
  assert.deepEqual([0, 0.25, 9.96, 97.4, 1234, 123_456].map(rate), ['0', '0.3', '10', '97', '1,234', '123k'])
  assert.deepEqual([count(1e6), ratio(1.046), points(-0.262)], ['1,000,000', '1.05', '-26.2 pt'])
  assert.deepEqual([signed(-1200, duration), signed(3, count), signed(0.0001, ratio)], ['−1.2 s', '+3', '±0.00'])
})

test('what never came is told as never, and only where it could have come', () => {
  const detect = figures.find(({ name }) => name === 'time to detect')
  assert.ok(detect)
  assert.equal(shown(detect, unguardedResult), 'never')
  assert.equal(shown(detect, { ...unguardedResult, outages: [] }), '-')
  assert.equal(difference(detect, guardedResult, unguardedResult), '')
  assert.equal(improves(detect, unguardedResult, guardedResult), true)
  assert.equal(improves(detect, guardedResult, unguardedResult), false)
  assert.equal(improves(detect, guardedResult, guardedResult), undefined)
})

test('the goodput before the outage is that of the steps that end before it', () => {
  assert.equal(goodShareBefore(guardedResult), 0.98)
  assert.equal(goodShareBefore({ ...guardedResult, outages: [] }), undefined)
  const early = { ...guardedResult, outages: [{ fromMs: 500, toMs: 1000, what: 'payments dies' }] }
  assert.equal(goodShareBefore(early), undefined)
})

test('the verdict says what users got, what piled up and how soon it was over', () => {
  assert.equal(
    verdict([guardedResult, unguardedResult]),
    'switchgear.yaml: 0.4 % answered well during the outage (98.0 % before it), 14 requests in flight at most, recovered after 3 s.' +
      ' without policies: 0 %, 2,040, not recovered by the end.',
  )
  assert.match(verdict([guardedResult]), /recovered after 3 s\.$/)
})

test('breakers that stayed closed are counted, not drawn', () => {
  const [moved] = guardedResult.breakers
  assert.ok(moved)
  const quiet = Array.from({ length: 20 }, (_, index) => ({ ...moved, to: `quiet-${index}`, transitions: 0 }))
  const many = { ...guardedResult, breakers: [...quiet, moved] }
  assert.deepEqual(breakersOf([many, unguardedResult]), { shown: ['payments'], others: 20 })
  assert.deepEqual(breakersOf([{ ...many, breakers: quiet }]), { shown: ['quiet-0'], others: 19 })
  assert.deepEqual(breakersOf([unguardedResult]), { shown: [], others: 0 })
  assert.match(summary([many], look).join('\n'), /most open; 20 more not shown$/)
})

test('a table is as wide as it must be and no wider', () => {
  assert.deepEqual(
    table([
      ['', 'with', 'without'],
      ['p99', '31 ms', '1.2 s'],
    ]),
    ['       with   without', 'p99   31 ms     1.2 s'],
  )
  assert.deepEqual(wrapped('one two three', 8), ['one two', 'three'])
  assert.deepEqual(wrapped('', 8), [])
  assert.equal(shortened('a/very/long/path/to/some/switchgear.yaml').length, 24)
})
