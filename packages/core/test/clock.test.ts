// The host's own time, with wide margins: two clocks that are not confused, and timers that end.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../src/index.ts'
import { parseHttpDate } from '../src/clock.ts'

test('now is monotonic and has fractions; wallNow is the time of day', () => {
  let last = systemClock.now()
  for (let read = 0; read < 10_000; read++) {
    const now = systemClock.now()
    assert.ok(now >= last)
    last = now
  }
  assert.ok(Math.abs(systemClock.wallNow() - Date.now()) < 5000)
})

test('a timer runs once, after its time', async () => {
  const begun = systemClock.now()
  let runs = 0
  await new Promise<void>((resolve) => {
    systemClock.setTimer(() => {
      runs++
      resolve()
    }, 30)
  })
  // The host may fire a timer up to a millisecond early.
  assert.ok(systemClock.now() - begun >= 28)
  await new Promise((resolve) => setTimeout(resolve, 60))
  assert.equal(runs, 1)
})

test('a timer that was cancelled does not run; cancelling again, or after it ran, is harmless', async () => {
  const cancelled = systemClock.setTimer(() => assert.fail('it ran'), 5)
  cancelled.cancel()
  cancelled.cancel()
  const ran = await new Promise<ReturnType<typeof systemClock.setTimer>>((resolve) => {
    const timer = systemClock.setTimer(() => resolve(timer), 20)
  })
  ran.cancel()
  ran.hold?.(true)
  ran.hold?.(false)
})

test('a delay below zero runs at the next occasion', async () => {
  await new Promise<void>((resolve) => void systemClock.setTimer(resolve, -50))
})

test('a delay beyond what the host can hold does not run at once', async () => {
  for (const ms of [2 ** 31, 30 * 86_400_000, 2 ** 40, Infinity]) {
    const timer = systemClock.setTimer(() => assert.fail(`a timer of ${ms} ms ran`), ms)
    await new Promise((resolve) => setTimeout(resolve, 20))
    timer.cancel()
  }
})

test('a date of HTTP is read, and what is none is NaN', () => {
  assert.equal(parseHttpDate('Sun, 06 Nov 1994 08:49:37 GMT'), 784_111_777_000)
  assert.ok(Number.isNaN(parseHttpDate('soon')))
})
