import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@switchgear/core/testing'
import { outliers, type Tally } from '../../src/ejection/comparison.ts'
import { type EjectionOptions, ejectionRules } from '../../src/ejection/index.ts'
import { Rig } from './rig.ts'

const seed = Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101)
const rules = ejectionRules({}, 'ejection')

function fleet(calls: number, ...failures: readonly number[]): readonly Tally[] {
  return failures.map((failed) => ({ calls, failures: failed }))
}

function found(tallies: readonly Tally[], options: EjectionOptions = {}): readonly (readonly [number, string])[] {
  return outliers(tallies, ejectionRules(options, 'ejection')).map(({ of, reason }) => [tallies.indexOf(of), reason])
}

test('of ten the one that fails a fifth of its calls is the outlier', () => {
  assert.deepEqual(found(fleet(100, 1, 0, 2, 1, 20, 0, 1, 0, 2, 1)), [[4, 'success-rate']])
})

test('one failure where all others have none is no outlier, though it is far out by the deviation', () => {
  // Mean 0.999, deviation 0.003: by these alone the one with 99 % would go.
  assert.deepEqual(found(fleet(100, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)), [])
})

test('a small difference is none, however sure it is', () => {
  assert.deepEqual(found(fleet(10_000, 150, 50, 50, 50, 50, 50)), [])
  assert.deepEqual(found(fleet(10_000, 150, 50, 50, 50, 50, 50), { successRate: { gap: 0.005 } }), [
    [0, 'success-rate'],
  ])
})

test('where all fail alike nobody is worse', () => {
  assert.deepEqual(found(fleet(100, 60, 61, 59, 62, 58)), [])
  assert.deepEqual(found(fleet(100, 100, 100)), [])
  assert.deepEqual(found(fleet(100, 0, 0, 0)), [])
})

test('fewer than five, or too few calls, are not compared by deviation', () => {
  assert.deepEqual(found(fleet(100, 30, 0, 0, 0)), [])
  assert.deepEqual(found(fleet(49, 20, 0, 0, 0, 0)), [])
  assert.deepEqual(found(fleet(49, 20, 0, 0, 0, 0), { successRate: { calls: 40 } }), [[0, 'success-rate']])
})

test('a small fleet: of two the one that fails half of its calls, if the other does not', () => {
  assert.deepEqual(found(fleet(30, 15, 0)), [[0, 'failure-share']])
  assert.deepEqual(found(fleet(30, 14, 0)), [])
  assert.deepEqual(found(fleet(30, 15, 12)), [])
  assert.deepEqual(found(fleet(19, 19, 0)), [])
  // Nobody to compare it with: all calls went to one.
  assert.deepEqual(found([...fleet(100, 90), ...fleet(0, 0)]), [])
  assert.deepEqual(found([...fleet(100, 90), ...fleet(19, 0)]), [])
  assert.deepEqual(found([...fleet(100, 90), ...fleet(20, 0)]), [[0, 'failure-share']])
  assert.deepEqual(found(fleet(30, 15, 0), { failureShare: { endpoints: 3 } }), [])
  assert.deepEqual(found(fleet(30, 15, 0), { failureShare: false }), [])
})

test('one that is shunned after a few calls: three failures in a row, where its siblings do well', () => {
  const shunned = (inRow: number, calls = 0): Tally => ({ calls, failures: calls, failuresInRow: inRow })
  assert.deepEqual(found([shunned(3), ...fleet(30, 0, 1)]), [[0, 'consecutive-failures']])
  assert.equal(outliers([shunned(4, 1), ...fleet(30, 0)], rules)[0]?.detail, 'its last 4 calls failed')
  assert.deepEqual(found([shunned(2), ...fleet(30, 0, 1)]), [])
  // Its siblings fail too, or say too little.
  assert.deepEqual(found([shunned(3), ...fleet(30, 9, 9)]), [])
  assert.deepEqual(found([shunned(3), ...fleet(19, 0)]), [])
  assert.deepEqual(found([shunned(3), ...fleet(30, 0)], { failureShare: false }), [])
})

test('the worst comes first, so that it goes where not all may', () => {
  assert.deepEqual(found(fleet(100, 55, 0, 80, 0, 0)), [
    [2, 'failure-share'],
    [0, 'failure-share'],
  ])
})

test('the words name the numbers', () => {
  assert.equal(outliers(fleet(30, 15, 0), rules)[0]?.detail, '15 of 30 calls failed')
  const [outlier] = outliers(fleet(100, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0), rules)
  assert.match(outlier?.detail ?? '', /^80\.0 % of its calls succeeded, where \d\d\.\d % would be usual$/)
})

test('chance makes no outliers: ten equal endpoints that fail 5 % of 100 calls, for 1000 intervals', () => {
  const random = seededRandom(seed)
  const chance = (): number => Array.from({ length: 100 }).filter(() => random() < 0.05).length
  let ejected = 0
  for (let interval = 0; interval < 1000; interval++)
    ejected += found(fleet(100, ...Array.from({ length: 10 }, chance))).length
  // By mean - 1.9 deviations alone it would be about 280.
  assert.ok(ejected <= 10, `${ejected} of 10000 were ejected`)
})

test('in the machine: compared when the interval ends, told as if on time, once', () => {
  const rig = new Rig(10)
  rig.now = 1000
  for (let index = 0; index < 10; index++) rig.calls(index, 'success', 100)
  for (let round = 0; round < 25; round++) {
    // Never five in a row.
    rig.calls(7, 'failure')
    rig.calls(7, 'success')
  }
  rig.pass(9999)
  assert.deepEqual(rig.out, [])
  rig.pass(5001)
  assert.deepEqual(rig.told, [['success-rate', '7', 11_000]])
  assert.equal(rig.untilOf(7), 41_000)
  rig.pass(15_000)
  assert.deepEqual(rig.told.length, 1)
})

test('in the machine: each interval begins with nothing in it', () => {
  const rig = new Rig(2)
  for (let interval = 0; interval < 3; interval++) {
    for (let call = 0; call < 8; call++) {
      rig.calls(0, 'failure')
      rig.calls(0, 'success')
    }
    rig.calls(1, 'success', 30)
    rig.pass(10_000)
  }
  assert.deepEqual(rig.told, [])
})

test('in the machine: what ejected ones do in a panic is not what the others are measured by', () => {
  const rig = new Rig(10)
  for (const index of [0, 1, 2, 3, 4]) rig.calls(index, 'failure', 5)
  rig.ejector.update(rig.gates.slice(0, 8), rig.now)
  rig.calls(0, 'failure', 1000)
  for (let call = 0; call < 20; call++) {
    rig.calls(5, 'failure')
    rig.calls(5, 'success')
  }
  rig.calls(6, 'success', 40)
  rig.pass(10_000)
  // It is found, and then kept by the quota.
  assert.equal(rig.ejector.totals.spared, 1)
})

test('in the machine: one that has gone is not compared any more', () => {
  const rig = new Rig(3)
  for (let call = 0; call < 20; call++) {
    rig.calls(0, 'failure')
    rig.calls(0, 'success')
    rig.calls(1, 'success', 2)
  }
  rig.now = 10_000
  rig.ejector.forget(rig.gate(0))
  rig.ejector.update(rig.gates.slice(1), rig.now)
  assert.deepEqual([rig.told, rig.ejector.dueAt], [[], Infinity])
})

test('in the machine: an interval that ended long ago is judged as it was, and its ejection is over by now', () => {
  const rig = new Rig(2)
  for (let round = 0; round < 15; round++) {
    rig.calls(0, 'failure')
    rig.calls(0, 'success')
    rig.calls(1, 'success', 2)
  }
  rig.pass(100_000)
  assert.deepEqual(rig.told, [
    ['failure-share', '0', 10_000],
    ['time', '0', 40_000],
  ])
})

test('in the machine: the quota holds among the outliers of one interval', () => {
  const rig = new Rig(5)
  for (let round = 0; round < 50; round++) {
    for (const index of [0, 1, 2]) {
      rig.calls(index, 'failure', index + 1)
      rig.calls(index, 'success')
    }
    rig.calls(3, 'success', 20)
    rig.calls(4, 'success', 20)
  }
  rig.pass(10_000)
  assert.deepEqual(rig.out, ['1', '2'])
  assert.equal(rig.ejector.totals.spared, 1)
})

test('in the machine: one that hangs goes when the interval ends, though it had few calls and a success in it', () => {
  const rig = new Rig(3)
  for (let index = 0; index < 3; index++) rig.calls(index, 'success', 100)
  rig.calls(1, 'failure', 3)
  rig.pass(9999)
  assert.deepEqual(rig.out, [])
  rig.pass(1)
  assert.deepEqual(rig.told, [['consecutive-failures', '1', 10_000]])
})

test('in the machine: a row of failures is told once, also when the next interval had no call of it', () => {
  const rig = new Rig(3, { consecutiveFailures: false, maxShare: 0, baseTime: '1s', probation: 0 })
  rig.calls(1, 'failure', 3)
  for (let interval = 0; interval < 3; interval++) {
    rig.calls(0, 'success', 30)
    rig.calls(2, 'success', 30)
    rig.pass(10_000)
  }
  assert.deepEqual(rig.told, [
    ['consecutive-failures', '1', 10_000],
    ['time', '1', 11_000],
  ])
})
