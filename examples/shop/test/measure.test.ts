import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Transition } from '../src/journal.ts'
import { measureCircuit, measureShop } from '../src/measure.ts'
import { Scoreboard, type Sample } from '../src/scoreboard.ts'

const outage = { brokenAt: 1000, healedAt: 2000 }

function scoreOf(samples: readonly Partial<Sample>[]): Scoreboard {
  const score = new Scoreboard()
  for (const sample of samples) {
    score.sent()
    score.done({ route: 'GET /orders', begunAt: 0, tookMs: 1, verdict: 'full', why: '200', ...sample })
  }
  return score
}

function change(to: string, at: number, process: string = 'orders'): Transition {
  return { process, service: 'payments', from: '', to, reason: '', at }
}

test('a request belongs to the outage by when it was sent', () => {
  const measured = measureShop(
    scoreOf([
      { begunAt: 999, verdict: 'failed', why: '500' },
      { begunAt: 1000, tookMs: 5000, verdict: 'failed', why: 'no answer' },
      { begunAt: 1999, verdict: 'refused', tookMs: 3 },
      { begunAt: 1500, verdict: 'fallback', tookMs: 4 },
      { begunAt: 2000, verdict: 'full' },
    ]),
    outage,
  )
  assert.deepEqual(measured.outage, { requests: 3, full: 0, fallback: 1, refused: 1, failed: 1, shareServed: 1 / 3 })
  assert.deepEqual(measured.all, { requests: 5, full: 1, fallback: 1, refused: 1, failed: 2, shareServed: 2 / 5 })
  assert.deepEqual(measured.refusal, { p50Ms: 3, p99Ms: 3 })
  assert.deepEqual(measured.fallback, { p50Ms: 4, p99Ms: 4 })
  assert.deepEqual(measured.failures, { 500: 1, 'no answer': 1 })
})

test('routes are counted apart', () => {
  const measured = measureShop(scoreOf([{}, { route: 'POST /pay', verdict: 'refused' }]), outage)
  assert.equal(measured.routes['GET /orders']?.shareServed, 1)
  assert.equal(measured.routes['POST /pay']?.shareServed, 0)
})

test('a circuit opens after the break and recovers when its last change is to closed', () => {
  const transitions = [
    change('open', 500),
    change('closed', 600),
    change('open', 1400),
    change('half-open', 1700),
    change('open', 1800),
    change('half-open', 2300),
    change('closed', 2350),
    change('open', 1200, 'gateway'),
  ]
  const orders = { process: 'orders', service: 'payments', openedAfterMs: 400, recoveredAfterMs: 350 }
  assert.deepEqual(measureCircuit(transitions, 'orders', 'payments', outage), orders)
  const gateway = { process: 'gateway', service: 'payments', openedAfterMs: 200, recoveredAfterMs: undefined }
  assert.deepEqual(measureCircuit(transitions, 'gateway', 'payments', outage), gateway)
})

test('a circuit that closed and opened again has not recovered', () => {
  const transitions = [change('open', 1400), change('closed', 2350), change('open', 2400)]
  assert.equal(measureCircuit(transitions, 'orders', 'payments', outage).recoveredAfterMs, undefined)
})

test('a circuit that never opened neither opened nor recovered', () => {
  const { openedAfterMs, recoveredAfterMs } = measureCircuit([], 'orders', 'payments', outage)
  assert.deepEqual([openedAfterMs, recoveredAfterMs], [undefined, undefined])
})
