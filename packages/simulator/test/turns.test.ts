import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimulationClock } from '../src/clock.ts'
import { drive } from '../src/turns.ts'

const nothing = (): void => undefined

for (const thorough of [false, true]) {
  test(`time never moves while a reaction is pending (thorough: ${thorough})`, async () => {
    const clock = new SimulationClock()
    let pending = 0
    let early = 0
    const chain = async (depth: number): Promise<void> => {
      pending++
      for (let link = 0; link < depth; link++) await Promise.resolve().then(() => undefined)
      if (thorough) await new Promise<void>((resolve) => process.nextTick(resolve))
      pending--
    }
    const next = (left: number): void => {
      early += pending
      void chain(400)
      if (left > 0) clock.setTimer(() => next(left - 1), 1)
    }
    clock.setTimer(() => next(300), 0)
    await drive({ clock, untilMs: 1e6, settled: () => (early += pending), breathe: nothing, thorough })
    assert.equal(early, 0)
    assert.equal(clock.events, 301)
  })
}

test('what an event throws reaches who drives', async () => {
  const clock = new SimulationClock()
  clock.setTimer(() => {
    throw new Error('broken')
  }, 3)
  const driven = drive({ clock, untilMs: 10, settled: nothing, breathe: nothing, thorough: false })
  await assert.rejects(driven, /broken/)
})

test('an event that touches no promise costs no turn', async () => {
  const clock = new SimulationClock()
  let turns = 0
  await drive({ clock, untilMs: 10, settled: () => turns++, breathe: nothing, thorough: false })
  assert.equal(turns, 1)
})
