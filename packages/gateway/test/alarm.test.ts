import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '@switchgear/core/testing'
import { Alarm } from '../src/alarm.ts'

function make(): { clock: VirtualClock; alarm: Alarm; rings: string[]; ring: (name: string) => () => void } {
  const clock = new VirtualClock()
  const rings: string[] = []
  return { clock, alarm: new Alarm(clock), rings, ring: (name) => () => rings.push(`${name}@${clock.now()}`) }
}

test('the last phase rings, once, at its time', async () => {
  const { clock, alarm, rings, ring } = make()
  alarm.setAt(100, ring('a'))
  alarm.setAfter(300, ring('b'))
  await clock.advance(299)
  assert.deepEqual(rings, [])
  await clock.advance(1000)
  assert.deepEqual(rings, ['b@300'])
  assert.equal(clock.pending, 0)
})

test('an earlier phase replaces a later one', async () => {
  const { clock, alarm, rings, ring } = make()
  alarm.setAt(300, ring('a'))
  alarm.setAt(100, ring('b'))
  assert.equal(clock.pending, 1)
  await clock.advance(1000)
  assert.deepEqual(rings, ['b@100'])
})

test('the bound lasts over phases, and the earlier of both rings first', async () => {
  const { clock, alarm, rings, ring } = make()
  alarm.boundAt(500, ring('bound'))
  alarm.setAt(100, ring('a'))
  await clock.advance(200)
  alarm.setAt(900, ring('b'))
  alarm.clear()
  await clock.advance(800)
  assert.deepEqual(rings, ['a@100', 'bound@500'])
})

test('putting a phase off again and again sets no further timer', async () => {
  const { clock, alarm, rings, ring } = make()
  for (let chunk = 0; chunk < 50; chunk++) {
    alarm.setAfter(100, ring('stalled'))
    assert.equal(clock.pending, 1)
    await clock.advance(10)
  }
  assert.deepEqual(rings, [])
  await clock.advance(1000)
  assert.deepEqual(rings, ['stalled@590'])
})

test('Infinity never rings and end leaves nothing set', async () => {
  const { clock, alarm, rings, ring } = make()
  alarm.boundAt(Infinity, ring('bound'))
  alarm.setAt(Infinity, ring('a'))
  assert.equal(clock.pending, 0)
  alarm.boundAt(50, ring('bound'))
  alarm.setAt(40, ring('a'))
  alarm.end()
  assert.equal(clock.pending, 0)
  await clock.advance(100)
  assert.deepEqual(rings, [])
})

test('a phase may set the next one while it rings', async () => {
  const { clock, alarm, rings, ring } = make()
  alarm.boundAt(500, ring('bound'))
  alarm.setAt(10, () => {
    rings.push('first')
    alarm.setAfter(5, ring('second'))
  })
  await clock.advance(100)
  assert.deepEqual(rings, ['first', 'second@15'])
})
