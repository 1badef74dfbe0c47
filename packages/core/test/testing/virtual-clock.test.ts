// Time that stands still: the order of timers, what is now while one runs, and that promises settle in between.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '../../src/testing/index.ts'

test('time moves only when it is told to', async () => {
  const clock = new VirtualClock({ now: 5, wallOffset: 1000 })
  assert.deepEqual([clock.now(), clock.wallNow()], [5, 1005])
  await clock.advance(10)
  assert.deepEqual([clock.now(), clock.wallNow()], [15, 1015])
  clock.wallOffset = 0
  assert.deepEqual([clock.now(), clock.wallNow()], [15, 15])
  clock.advanceSync(0.5)
  assert.equal(clock.now(), 15.5)
  assert.equal(new VirtualClock().wallNow(), Date.UTC(2026, 0, 1))
})

for (const how of ['advance', 'advanceSync'] as const) {
  test(`${how} runs timers in the order of their time, equal ones as they were set, and now is the time of each`, async () => {
    const clock = new VirtualClock()
    const ran: string[] = []
    const note = (name: string) => (): unknown => ran.push(`${name} at ${clock.now()}`)
    clock.setTimer(note('c'), 30)
    clock.setTimer(note('a'), 10)
    clock.setTimer(note('d'), 30)
    clock.setTimer(note('b'), 20)
    clock.setTimer(note('later'), 31)
    clock.setTimer(note('now'), -5)
    await clock[how](30)
    assert.deepEqual(ran, ['now at 0', 'a at 10', 'b at 20', 'c at 30', 'd at 30'])
    assert.deepEqual([clock.now(), clock.pending], [30, 1])
  })

  test(`${how} runs what a timer sets, if it falls due in the same stretch`, async () => {
    const clock = new VirtualClock()
    const ran: number[] = []
    const again = (): void => {
      ran.push(clock.now())
      clock.setTimer(again, 10)
    }
    clock.setTimer(again, 10)
    await clock[how](35)
    assert.deepEqual([ran, clock.now(), clock.pending], [[10, 20, 30], 35, 1])
  })
}

test('a timer that was cancelled does not run, also when another one cancels it in the same turn', async () => {
  const clock = new VirtualClock()
  const doomed = clock.setTimer(() => assert.fail('it ran'), 10)
  doomed.cancel()
  doomed.cancel()
  clock.setTimer(() => second.cancel(), 20)
  const second = clock.setTimer(() => assert.fail('it ran'), 20)
  const ran = clock.setTimer(() => undefined, 5)
  await clock.advance(50)
  ran.cancel()
  assert.equal(clock.pending, 0)
})

test('promises settle before the first timer, between two, and after the last', async () => {
  const clock = new VirtualClock()
  const ran: string[] = []
  const later = (name: string): Promise<unknown> => Promise.resolve().then(() => ran.push(name))
  void later('before')
  for (const ms of [10, 10, 20]) {
    clock.setTimer(() => {
      ran.push('timer')
      void later('between')
    }, ms)
  }
  await clock.advance(20)
  assert.deepEqual(ran, ['before', 'timer', 'between', 'timer', 'between', 'timer', 'between'])
})

test('advanceSync lets no promise settle', () => {
  const clock = new VirtualClock()
  let settled = false
  clock.setTimer(() => void Promise.resolve().then(() => (settled = true)), 1)
  clock.advanceSync(5)
  assert.equal(settled, false)
})

test('time never goes back, also when two advance at once', async () => {
  const clock = new VirtualClock()
  const seen: number[] = []
  for (const ms of [10, 60, 90]) clock.setTimer(() => seen.push(clock.now()), ms)
  await Promise.all([clock.advance(100), clock.advance(20)])
  assert.deepEqual(seen, [10, 60, 90])
  const before = clock.now()
  await Promise.all([clock.advance(100), clock.advance(20)])
  assert.equal(clock.now(), before + 100)
})
