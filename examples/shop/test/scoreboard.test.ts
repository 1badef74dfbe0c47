import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Scoreboard, type Verdict } from '../src/scoreboard.ts'

function done(score: Scoreboard, verdict: Verdict): void {
  score.done({ route: 'GET /orders', begunAt: 0, tookMs: 5, verdict, why: '' })
}

test('it knows how many are in flight and the most there ever were', () => {
  const score = new Scoreboard()
  for (let count = 0; count < 3; count++) score.sent()
  done(score, 'full')
  done(score, 'failed')
  score.sent()
  assert.equal(score.inFlight, 2)
  assert.equal(score.inFlightAtMost, 3)
})

test('a window counts what was sent and served since the last one', () => {
  const score = new Scoreboard()
  for (let count = 0; count < 4; count++) score.sent()
  done(score, 'full')
  done(score, 'fallback')
  done(score, 'refused')
  assert.deepEqual(score.window(), { sent: 4, served: 2, tookMs: [5, 5, 5], inFlight: 1 })
  assert.deepEqual(score.window(), { sent: 0, served: 0, tookMs: [], inFlight: 1 })
})

test('samples are bounded, and the newest are kept', () => {
  const score = new Scoreboard()
  for (let count = 0; count < 250_000; count++) {
    score.sent()
    score.done({ route: 'r', begunAt: count, tookMs: 1, verdict: 'full', why: '' })
  }
  assert.ok(score.samples.length <= 100_000)
  assert.equal(score.samples.at(-1)?.begunAt, 249_999)
})
