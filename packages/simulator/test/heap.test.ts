import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimulationClock } from '../src/clock.ts'
import { chance } from '../src/chance.ts'
import { SimEvent } from '../src/heap.ts'

class Noted extends SimEvent {
  readonly #note: () => void

  constructor(note: () => void) {
    super()
    this.#note = note
  }

  fire(): void {
    this.#note()
  }
}

test('events happen in the order of time, equal ones in the order of setting, whatever is cancelled', () => {
  const random = chance(7, 'heap')
  const clock = new SimulationClock()
  const expected: { at: number; order: number }[] = []
  const seen: number[] = []
  const events = Array.from({ length: 20_000 }, (_, order) => {
    const at = Math.floor(random() * 500)
    const event = new Noted(() => {
      seen.push(order)
      assert.equal(clock.now(), at)
    })
    clock.schedule(event, at)
    if (random() < 0.7) expected.push({ at, order })
    return event
  })
  const kept = new Set(expected.map(({ order }) => order))
  for (const [order, event] of events.entries()) if (!kept.has(order)) clock.cancel(event)
  for (const event of events.slice(0, 100)) if (event.place < 0) clock.cancel(event)
  assert.equal(clock.pending, kept.size)
  assert.equal(clock.advance(1000), false)
  const sorted = expected.toSorted((a, b) => a.at - b.at || a.order - b.order)
  assert.deepEqual(
    seen,
    sorted.map(({ order }) => order),
  )
  assert.equal(clock.events, kept.size)
})

test('a lane and the heap keep one order between them', () => {
  const clock = new SimulationClock()
  const lane = clock.lane(10)
  const seen: string[] = []
  clock.schedule(new Noted(() => seen.push('heap 10')), 10)
  clock.enter(lane, new Noted(() => seen.push('lane 10')))
  const left = new Noted(() => seen.push('left'))
  clock.enter(lane, left)
  clock.schedule(new Noted(() => seen.push('heap 10 again')), 10)
  clock.schedule(new Noted(() => seen.push('heap 9')), 9)
  lane.remove(left)
  lane.remove(left)
  assert.equal(clock.advance(9.5), false)
  assert.deepEqual(seen, ['heap 9'])
  assert.equal(clock.now(), 9)
  clock.advance(10)
  assert.deepEqual(seen, ['heap 9', 'heap 10', 'lane 10', 'heap 10 again'])
  assert.equal(clock.pending, 0)
})

test('it is a clock for policies: timers, cancelling, wall time from a fixed date', () => {
  const clock = new SimulationClock()
  let runs = 0
  clock.setTimer(() => runs++, 5).cancel()
  clock.setTimer(() => runs++, -1)
  clock.setTimer(() => runs++, Infinity)
  assert.equal(clock.advance(100), true)
  assert.equal(clock.now(), 0)
  assert.equal(clock.advance(100), false)
  assert.equal(runs, 1)
  assert.equal(clock.wallNow(), Date.UTC(2026, 0, 1))
})
