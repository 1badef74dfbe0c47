// The lane of a timeout: waits of equal length behind one timer, which holds the process only while somebody waits.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock, Timer } from '../src/index.ts'
import { Lane, type Waiting } from '../src/lane.ts'
import { VirtualClock } from '../src/testing/index.ts'

class Wait implements Waiting {
  due = -1
  ahead: Waiting | null = null
  behind: Waiting | null = null
  expiredAt: number | undefined = undefined
  readonly #clock: Clock
  readonly then: () => void

  constructor(clock: Clock, then: () => void = () => undefined) {
    this.#clock = clock
    this.then = then
  }

  expire(): void {
    assert.equal(this.expiredAt, undefined, 'it expired twice')
    this.expiredAt = this.#clock.now()
    this.then()
  }
}

function joined(lane: Lane, clock: Clock, ms: number, then?: () => void): Wait {
  const wait = new Wait(clock, then)
  lane.join(wait, clock.now() + ms, clock.now())
  return wait
}

/** The virtual clock with timers that can be let go of, as the host's can, and that may fire early. */
class HoldingClock extends VirtualClock {
  held = 0
  set = 0
  /** How much too early the next timer fires. */
  earlyMs = 0

  override setTimer(run: () => void, ms: number): Timer {
    let holds = true
    this.held++
    this.set++
    const hold = (wanted: boolean): void => {
      if (wanted !== holds) this.held += wanted ? 1 : -1
      holds = wanted
    }
    const fire = (): void => {
      hold(false)
      run()
    }
    const timer = super.setTimer(fire, ms - this.earlyMs)
    this.earlyMs = 0
    return {
      cancel: () => {
        hold(false)
        timer.cancel()
      },
      hold,
    }
  }
}

test('waits expire in the order of their time, each at its time, behind one timer', async () => {
  const clock = new VirtualClock()
  const lane = new Lane(clock)
  const waits = []
  for (let at = 0; at < 10; at++) {
    waits.push(joined(lane, clock, 20), joined(lane, clock, 20))
    assert.equal(clock.pending, 1)
    await clock.advance(1)
  }
  await clock.advance(100)
  assert.deepEqual(
    waits.map(({ expiredAt }) => expiredAt),
    Array.from({ length: 20 }, (_, index) => 20 + Math.floor(index / 2)),
  )
  assert.equal(clock.pending, 0)
})

test('whoever leaves does not expire: the head, one in the middle, the tail, all', async () => {
  for (const leaving of [[0], [2], [4], [0, 1], [3, 4], [1, 3], [0, 1, 2, 3, 4]]) {
    const clock = new VirtualClock()
    const lane = new Lane(clock)
    const waits = Array.from({ length: 5 }, () => joined(lane, clock, 20))
    for (const index of leaving) {
      lane.leave(waits[index] as Wait)
      lane.leave(waits[index] as Wait)
    }
    assert.equal(clock.pending, leaving.length === 5 ? 0 : 1)
    const later = joined(lane, clock, 20)
    await clock.advance(20)
    assert.deepEqual(
      waits.map(({ expiredAt }, index) => [index, expiredAt]),
      waits.map((_wait, index) => [index, leaving.includes(index) ? undefined : 20]),
    )
    assert.deepEqual([later.expiredAt, clock.pending], [20, 0])
  }
})

test('an entry may join again after it left or expired', async () => {
  const clock = new VirtualClock()
  const lane = new Lane(clock)
  const wait = joined(lane, clock, 20)
  lane.leave(wait)
  lane.join(wait, clock.now() + 20, clock.now())
  await clock.advance(20)
  assert.equal(wait.expiredAt, 20)
  wait.expiredAt = undefined
  lane.join(wait, clock.now() + 20, clock.now())
  await clock.advance(20)
  assert.deepEqual([wait.expiredAt, clock.pending], [40, 0])
})

test('what expires may join and leave others in the same turn', async () => {
  const clock = new VirtualClock()
  const lane = new Lane(clock)
  const joinedLater: Wait[] = []
  const first = joined(lane, clock, 20, () => {
    lane.leave(second)
    joinedLater.push(joined(lane, clock, 20))
  })
  const second = joined(lane, clock, 20)
  const third = joined(lane, clock, 20, () => joinedLater.push(joined(lane, clock, 20)))
  await clock.advance(20)
  assert.deepEqual([first.expiredAt, second.expiredAt, third.expiredAt, clock.pending], [20, undefined, 20, 1])
  await clock.advance(20)
  assert.deepEqual([joinedLater.map(({ expiredAt }) => expiredAt), clock.pending], [[40, 40], 0])
})

test('where timers can be let go of, one serves call after call and holds the process only while somebody waits', async () => {
  const clock = new HoldingClock()
  const lane = new Lane(clock)
  for (let round = 0; round < 100; round++) {
    const wait = joined(lane, clock, 20)
    assert.equal(clock.held, 1)
    lane.leave(wait)
    assert.equal(clock.held, 0)
  }
  assert.equal(clock.set, 1, 'one timer for a hundred calls')
  await clock.advance(10)
  const wait = joined(lane, clock, 20)
  await clock.advance(19)
  assert.deepEqual([wait.expiredAt, clock.held], [undefined, 1])
  await clock.advance(1)
  assert.deepEqual([wait.expiredAt, clock.held, clock.pending], [30, 0, 0])
})

test('a timer of the host that fires early expires nobody before the time', async () => {
  const clock = new HoldingClock()
  clock.earlyMs = 2
  const lane = new Lane(clock)
  const wait = joined(lane, clock, 20)
  await clock.advance(18)
  assert.deepEqual([wait.expiredAt, clock.held], [undefined, 1])
  await clock.advance(2)
  assert.deepEqual([wait.expiredAt, clock.held], [20, 0])
})
