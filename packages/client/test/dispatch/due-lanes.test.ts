import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Clock, systemClock, type Timer } from '@switchgear/core'
import { seededRandom, VirtualClock } from '@switchgear/core/testing'
import { type Due, type DueLane, DueLanes } from '../../src/dispatch/due-lanes.ts'

class Entry implements Due {
  due = -1
  ahead: Due | null = null
  behind: Due | null = null
  lane: DueLane | null = null
  timer: Timer | undefined = undefined
  expiredAt: number | undefined = undefined
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  expire(): void {
    assert.equal(this.expiredAt, undefined, 'expired twice')
    this.expiredAt = this.#clock.now()
  }
}

describe('DueLanes', () => {
  it('expire each at its time and none that has left, whatever the order', async () => {
    const random = seededRandom(Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101))
    const clock = new VirtualClock()
    const lanes = new DueLanes(clock)
    const all: { entry: Entry; due: number; leftAt: number }[] = []
    for (let step = 0; step < 600; step++) {
      const entry = new Entry(clock)
      const kind = random()
      const due = clock.now() + (kind < 0.4 ? 300 : kind < 0.8 ? 1000 : Math.ceil(random() * 2000))
      lanes.join(entry, due, clock.now())
      all.push({ entry, due, leftAt: Infinity })
      const leaving = all[Math.floor(random() * all.length)]
      if (leaving !== undefined && leaving.entry.expiredAt === undefined && leaving.leftAt === Infinity) {
        leaving.leftAt = clock.now()
        lanes.leave(leaving.entry)
        lanes.leave(leaving.entry)
      }
      await clock.advance(Math.floor(random() * 10))
    }
    await clock.advance(3000)
    let expired = 0
    for (const { entry, due, leftAt } of all) {
      if (leftAt < Infinity) assert.equal(entry.expiredAt, undefined)
      else assert.equal(entry.expiredAt, due, `${++expired}`)
    }
    lanes.close()
    assert.equal(clock.pending, 0)
  })

  it('hold one timer for all that fall due in their order', () => {
    const clock = new VirtualClock()
    const lanes = new DueLanes(clock)
    const entries = Array.from({ length: 50 }, () => new Entry(clock))
    entries.forEach((entry, index) => lanes.join(entry, 100 + index, 0))
    assert.equal(clock.pending, 1)
    for (const entry of entries) lanes.leave(entry)
    assert.equal(clock.pending, 0)
  })

  it('keep no process alive while they are empty, nor anything after close', () => {
    const held: boolean[] = []
    let set = 0
    const clock: Clock = {
      ...systemClock,
      now: () => 0,
      setTimer: () => (set++, { cancel: () => void set--, hold: (keeps) => void held.push(keeps) }),
    }
    const lanes = new DueLanes(clock)
    for (let round = 0; round < 3; round++) {
      const entry = new Entry(clock)
      lanes.join(entry, 100 + round, 0)
      lanes.leave(entry)
    }
    assert.deepEqual(held, [false, true, false, true, false])
    assert.equal(set, 1)
    lanes.close()
    assert.equal(set, 0)
  })

  it('do not believe a timer that fires early', () => {
    let now = 0
    let fire: () => void = () => assert.fail('no timer')
    const clock: Clock = {
      now: () => now,
      wallNow: () => now,
      setTimer: (run) => ((fire = run), { cancel: () => undefined }),
    }
    const lanes = new DueLanes(clock)
    const entry = new Entry(clock)
    lanes.join(entry, 100, 0)
    now = 99.5
    fire()
    assert.equal(entry.expiredAt, undefined)
    now = 100
    fire()
    assert.equal(entry.expiredAt, 100)
  })
})
