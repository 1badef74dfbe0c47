// How long a wait is: its growth, its cap, its share of chance.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Backoff, backoffMs } from '../src/backoff.ts'
import { seededRandom } from '../src/testing/index.ts'

const base: Backoff = { kind: 'constant', delayMs: 100, maxDelayMs: 1000, jitter: 0 }
const never = (): number => assert.fail('asked for chance')

const growth: [Backoff['kind'], number[]][] = [
  ['constant', [100, 100, 100, 100, 100, 100]],
  ['linear', [100, 200, 300, 400, 500, 600]],
  ['exponential', [100, 200, 400, 800, 1000, 1000]],
]
for (const [kind, waits] of growth) {
  test(`${kind} waits grow as its name says, up to maxDelay`, () => {
    const seen = waits.map((_wait, index) => backoffMs({ ...base, kind }, index + 1, 0, () => 0.7))
    assert.deepEqual(seen, waits)
  })

  test(`a ${kind} wait loses at most its jitter to chance, and nothing without`, () => {
    for (const jitter of [0.1, 0.5, 1]) {
      const wait = (chance: number): number => backoffMs({ ...base, kind, jitter }, 2, 0, () => chance)
      const whole = backoffMs({ ...base, kind }, 2, 0, () => 0)
      assert.equal(wait(0), whole)
      assert.ok(Math.abs(wait(1 - 1e-12) - whole * (1 - jitter)) < 1e-6)
      assert.ok(Math.abs(wait(0.5) - whole * (1 - jitter / 2)) < 1e-9)
    }
  })

  test(`a ${kind} wait of the ten-thousandth attempt is finite`, () => {
    const wait = backoffMs({ ...base, kind }, 10_000, 0, () => 0)
    assert.ok(wait > 0 && wait <= 1000)
  })
}

test('decorrelated waits lie between delay and three times the wait before, and spread', () => {
  const backoff: Backoff = { ...base, kind: 'decorrelated', maxDelayMs: 5000 }
  const random = seededRandom(7)
  const seen = new Set<number>()
  for (let run = 0; run < 200; run++) {
    let previous = 0
    for (let attempt = 1; attempt < 12; attempt++) {
      const wait = backoffMs(backoff, attempt, previous, random)
      assert.ok(wait >= 100 && wait <= Math.min(5000, (previous || 100) * 3), `${wait} after ${previous}`)
      previous = wait
      seen.add(wait)
    }
  }
  assert.ok(seen.size > 500, `only ${seen.size} different waits`)
})

test('decorrelated waits spread from the first one on and reach at most three times the wait before', () => {
  const backoff: Backoff = { ...base, kind: 'decorrelated' }
  assert.equal(
    backoffMs(backoff, 1, 0, () => 0.5),
    200,
  )
  assert.equal(
    backoffMs(backoff, 2, 100, () => 0),
    100,
  )
  assert.equal(
    backoffMs(backoff, 2, 100, () => 0.5),
    200,
  )
  assert.equal(
    backoffMs(backoff, 5, 900, () => 0.99),
    1000,
  )
})

test('a delay of zero is no wait, and a maxDelay below the delay is the wait', () => {
  for (const kind of ['constant', 'linear', 'exponential', 'decorrelated'] as const) {
    assert.equal(
      backoffMs({ ...base, kind, delayMs: 0 }, 4, 0, () => 0.3),
      0,
    )
    assert.equal(
      backoffMs({ ...base, kind, maxDelayMs: 30 }, 4, 0, () => 0),
      30,
    )
  }
  assert.equal(
    backoffMs(base, 1, 0, () => 0),
    100,
  )
  assert.throws(() => backoffMs({ ...base, jitter: 1 }, 1, 0, never), /asked for chance/)
})
