import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Rig } from './rig.ts'

test('five failures in a row eject, a success between starts the count anew, an ignored one does not count', () => {
  const rig = new Rig(3)
  rig.calls(0, 'failure', 4)
  rig.calls(0, 'ignored', 10)
  rig.calls(0, 'success')
  rig.calls(0, 'failure', 4)
  assert.deepEqual(rig.out, [])
  rig.calls(0, 'ignored')
  rig.calls(0, 'failure')
  assert.deepEqual(rig.told, [['consecutive-failures', '0', 0]])
  assert.equal(rig.gate(0).ejection?.detail, '5 failures in a row')
})

test('one that cannot be reached goes at the second failure in a row, under its own name', () => {
  const rig = new Rig(3)
  rig.calls(0, 'failure', 1, true)
  rig.calls(0, 'success')
  rig.calls(0, 'failure', 1, true)
  assert.deepEqual(rig.out, [])
  rig.calls(0, 'failure', 1, true)
  assert.deepEqual(rig.told, [['unreachable', '0', 0]])
  assert.equal(rig.ejector.totals.ejections.unreachable, 1)
})

test('failures in a row may be off or fewer, for those that cannot be reached too', () => {
  const off = new Rig(3, { consecutiveFailures: false })
  off.calls(0, 'failure', 50, true)
  const one = new Rig(3, { consecutiveFailures: 1 })
  one.calls(0, 'failure', 1, true)
  assert.deepEqual([off.out, one.out], [[], ['0']])
})

test('a single endpoint stays whatever it does', () => {
  const rig = new Rig(1)
  rig.calls(0, 'failure', 100)
  rig.pass(60_000)
  assert.deepEqual(rig.told, [])
  assert.equal(rig.ejector.totals.spared, 96)
})

test('of two that both fail one stays; when the other is back, the one that stayed goes at its next failure', () => {
  const rig = new Rig(2)
  rig.calls(0, 'failure', 5)
  rig.calls(1, 'failure', 50)
  assert.deepEqual(rig.out, ['0'])
  assert.equal(rig.ejector.isPanicking, false)
  rig.pass(30_000)
  assert.deepEqual(rig.out, [])
  rig.calls(1, 'failure')
  assert.deepEqual(rig.out, ['1'])
})

test('it is back at exactly its time, and not before', () => {
  const rig = new Rig(3)
  rig.calls(0, 'failure', 5)
  rig.pass(29_999)
  assert.deepEqual(rig.out, ['0'])
  rig.pass(1)
  assert.deepEqual(rig.out, [])
})

test('what falls due is told as if it had happened on time, the earliest first', () => {
  const rig = new Rig(6)
  rig.calls(0, 'failure', 5)
  rig.pass(1000)
  rig.calls(1, 'failure', 5)
  rig.pass(500_000)
  assert.deepEqual(rig.told.slice(2), [
    ['time', '0', 30_000],
    ['time', '1', 31_000],
  ])
})

test('on probation one failure ejects again and for longer, up to the bound', () => {
  const rig = new Rig(3)
  rig.calls(0, 'failure', 5)
  const lasted: number[] = []
  for (let round = 0; round < 12; round++) {
    const ms = (rig.untilOf(0) ?? 0) - rig.now
    lasted.push(ms)
    rig.pass(ms)
    rig.calls(0, 'failure')
  }
  assert.deepEqual(
    lasted,
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10].map((times) => times * 30_000),
  )
  assert.deepEqual(rig.told[2], ['probation', '0', 30_000])
})

test('the probation ends after three successes', () => {
  const rig = new Rig(3)
  rig.calls(0, 'failure', 5)
  rig.pass(30_000)
  rig.calls(0, 'success', 2)
  rig.calls(0, 'ignored', 5)
  assert.equal(rig.gate(0).probation, 1)
  rig.calls(0, 'success')
  rig.calls(0, 'failure', 4)
  assert.deepEqual(rig.out, [])
  rig.calls(0, 'failure')
  assert.deepEqual(rig.out, ['0'])
  assert.equal(rig.gate(0).ejection?.reason, 'consecutive-failures')
})

test('each whole interval outside takes back one of its ejections', () => {
  const rig = new Rig(3)
  const again = (): number => {
    rig.calls(0, 'failure', 5)
    return rig.gate(0).ejection?.times ?? 0
  }
  assert.equal(again(), 1)
  rig.pass(30_000)
  assert.equal(again(), 2)
  rig.pass(60_000 + 9999)
  assert.equal(rig.gate(0).times(rig.now, 10_000), 2)
  assert.equal(again(), 3)
  rig.pass(90_000 + 20_000)
  assert.equal(rig.gate(0).times(rig.now, 10_000), 1)
  assert.equal(again(), 2)
  rig.pass(60_000 + 1_000_000)
  assert.equal(again(), 1)
})

test('a long trouble is forgotten as soon as one that just reaches the bound', () => {
  const rig = new Rig(3, { baseTime: '100s', maxTime: '250s' })
  rig.calls(0, 'failure', 5)
  for (let round = 0; round < 50; round++) {
    rig.pass((rig.untilOf(0) ?? 0) - rig.now)
    rig.calls(0, 'failure')
  }
  assert.equal(rig.gate(0).ejection?.times, 3)
})

test('a result of before an ejection, or of before a return, changes nothing', () => {
  const rig = new Rig(3)
  const gate = rig.gate(0)
  const before = gate.generation
  rig.calls(0, 'failure', 5)
  const during = gate.generation
  for (let call = 0; call < 20; call++) rig.ejector.learn(gate, before, 'success', false, rig.now)
  rig.pass(30_000)
  for (const ticket of [before, during])
    for (let call = 0; call < 20; call++) rig.ejector.learn(gate, ticket, 'failure', false, rig.now)
  assert.deepEqual(rig.out, [])
  assert.equal(gate.probation, 3)
  assert.equal(gate.failuresInRow, 0)
})

test('the chance of the jitter spreads the time on both sides, never beyond the bound', () => {
  for (const [chance, until] of [
    [0, 24_000],
    [0.5, 30_000],
    [1 - 2 ** -32, 36_000],
  ] as const) {
    const rig = new Rig(3, { jitter: 0.2 }, () => chance)
    rig.calls(0, 'failure', 5)
    assert.ok(Math.abs((rig.untilOf(0) ?? 0) - until) < 1)
  }
  const bound = new Rig(3, { jitter: 0.2, maxTime: '30s' }, () => 0.99)
  bound.calls(0, 'failure', 5)
  assert.equal(bound.untilOf(0), 30_000)
})

test('time comes before a result: one whose time is over is back, and its old ticket is stale', () => {
  const rig = new Rig(3)
  const gate = rig.gate(0)
  rig.calls(0, 'failure', 5)
  const during = gate.generation
  rig.now = 31_000
  for (let call = 0; call < 5; call++) rig.ejector.learn(gate, during, 'success', false, rig.now)
  assert.deepEqual(rig.told.slice(1), [['time', '0', 30_000]])
  assert.equal(gate.successesInRow, 0)
})

test('a result whose time was read a little earlier than another makes no ejection of it', () => {
  const rig = new Rig(3)
  rig.calls(0, 'failure', 5)
  rig.pass(30_000)
  rig.now -= 1
  assert.equal(rig.gate(0).times(rig.now, 10_000), 1)
  rig.calls(0, 'failure')
  assert.equal(rig.gate(0).ejection?.times, 2)
})

test('false ejects nobody and has nothing to do', () => {
  const rig = new Rig(3, false)
  for (const index of [0, 1, 2]) rig.calls(index, 'failure', 1000)
  assert.deepEqual(rig.told, [])
  assert.equal(rig.ejector.dueAt, Infinity)
})

test('panic: five of ten are out, two of the others leave; it is over when enough are back', () => {
  const rig = new Rig(10)
  for (const index of [0, 1, 2, 3, 4]) {
    rig.calls(index, 'failure', 5)
    rig.pass(1000)
  }
  assert.equal(rig.ejector.isPanicking, false)
  rig.ejector.update(rig.gates.slice(0, 8), rig.now)
  assert.equal(rig.ejector.isPanicking, true)
  assert.equal(rig.ejector.totals.panics, 1)
  rig.pass(25_000)
  assert.deepEqual(rig.told.slice(5), [
    ['panic', '', 5000],
    ['time', '0', 30_000],
    ['calm', '', 30_000],
  ])
})

test('in a panic five successes in a row prove that one works, and failures change nothing', () => {
  const rig = new Rig(10)
  for (const index of [0, 1, 2, 3, 4]) rig.calls(index, 'failure', 5)
  rig.ejector.update(rig.gates.slice(0, 8), rig.now)
  const until = rig.untilOf(0)
  rig.calls(0, 'failure', 100)
  assert.equal(rig.untilOf(0), until)
  rig.calls(1, 'success', 4)
  rig.calls(1, 'failure')
  rig.calls(1, 'success', 4)
  assert.equal(rig.ejector.isPanicking, true)
  rig.calls(1, 'success')
  assert.deepEqual(rig.told.slice(6), [
    ['proven', '1', 0],
    ['calm', '', 0],
  ])
})

test('when all that are left are out, the first in time comes back at once, on probation', () => {
  const rig = new Rig(4)
  rig.calls(1, 'failure', 5)
  rig.pass(1000)
  rig.calls(0, 'failure', 5)
  rig.ejector.update(rig.gates.slice(0, 2), rig.now)
  assert.deepEqual(rig.told.slice(2), [['last', '1', 1000]])
  assert.equal(rig.ejector.isPanicking, false)
  rig.ejector.update(rig.gates.slice(0, 1), rig.now)
  assert.deepEqual(rig.told.slice(3), [['last', '0', 1000]])
  // What is left is the end of the interval.
  rig.pass(10_000)
  assert.equal(rig.ejector.dueAt, Infinity)
})

test('one that is no member learns nothing, and keeps its ejection while it is away', () => {
  const rig = new Rig(4)
  rig.calls(0, 'failure', 5)
  rig.ejector.update(rig.gates.slice(1), rig.now)
  rig.calls(0, 'failure', 50)
  rig.pass(10_000)
  rig.ejector.update(rig.gates, rig.now)
  assert.equal(rig.untilOf(0), 30_000)
  rig.ejector.update(rig.gates.slice(1), rig.now)
  rig.pass(20_000)
  assert.deepEqual(rig.told.at(-1), ['time', '0', 30_000])
})

test('one that is forgotten is nowhere any more', () => {
  const rig = new Rig(4)
  rig.calls(0, 'failure', 5)
  rig.ejector.forget(rig.gate(0))
  rig.ejector.update(rig.gates.slice(1), rig.now)
  assert.equal(rig.ejector.ejected, 0)
  rig.pass(100_000)
  assert.equal(rig.ejector.dueAt, Infinity)
  assert.equal(rig.told.length, 1)
})
