// Corners of the law that random lives seldom reach.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '@switchgear/core/testing'
import { RosterLaw } from '../../src/roster-law.ts'
import { complete } from './script.ts'

const rules = { absentForMs: 5, emptyForMs: 100, maxEndpoints: 100 }
const ids = (law: RosterLaw): string[] => law.view.entries.map((entry) => entry.endpoint.id)

test('several that are due go in the order of their time, also when somebody looks late: the last one is the youngest', () => {
  const clock = new VirtualClock()
  const law = new RosterLaw('payments', rules, clock)
  law.found(complete('late', 'early', 'held'))
  law.found(complete('late', 'held'))
  clock.advanceSync(2)
  law.found(complete('held'))
  law.found(complete())
  law.unreachable('held')
  clock.advanceSync(50)
  assert.deepEqual(ids(law), ['late'])
  clock.advanceSync(47)
  assert.deepEqual(ids(law), ['late'])
  assert.equal(law.dueAt, 102)
  clock.advanceSync(3)
  assert.deepEqual(ids(law), [])
})

test('who is named and said to have left in one breath is there', () => {
  const law = new RosterLaw('payments', rules, new VirtualClock())
  law.found(complete('x', 'y'))
  const { view } = law
  law.found({ ...complete('x', 'y'), left: ['x'] })
  assert.equal(law.view, view)
})

test('time stands still while the source is silent or has only seen a part', () => {
  const clock = new VirtualClock()
  const law = new RosterLaw('payments', rules, clock)
  law.found(complete('x', 'y'))
  law.found(complete('x'))
  clock.advanceSync(3)
  law.failed(new Error('down'))
  clock.advanceSync(1000)
  law.found({ ...complete('x'), complete: false })
  assert.equal(law.dueAt, Infinity)
  clock.advanceSync(1000)
  assert.deepEqual(ids(law), ['x', 'y'])
  law.found(complete('x'))
  assert.equal(law.dueAt, clock.now() + 2)
  clock.advanceSync(1)
  assert.deepEqual(ids(law), ['x', 'y'])
  clock.advanceSync(1)
  assert.deepEqual(ids(law), ['x'])
})

test('a source that goes on and on naming others does not fill the memory', () => {
  const clock = new VirtualClock()
  const law = new RosterLaw('payments', { ...rules, absentForMs: 1_000_000 }, clock)
  for (let n = 0; n < 1000; n++) {
    law.found(complete(`i${n}`, `j${n}`))
    clock.advanceSync(1)
  }
  assert.equal(law.view.entries.length, 100)
  assert.deepEqual(ids(law).slice(-2), ['i999', 'j999'])
})
