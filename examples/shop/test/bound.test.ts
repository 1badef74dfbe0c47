import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inFlightBound, pileUp } from '../src/bound.ts'

const endpoints = ['http://127.0.0.1:7101']

test('what piles up is rate times time, for no longer than customers wait', () => {
  // 45 % of 40 requests a second need payments.
  assert.equal(pileUp(40, 10_000), 180)
  assert.equal(pileUp(40, 3_600_000), 40 * 0.45 * 30)
})

test('the bound is the bulkheads of all callers and two seconds of load', () => {
  const service = { endpoints, policies: [{ timeout: '1s' }, { bulkhead: { maxInFlight: 16, maxQueue: 4 } }] }
  assert.equal(inFlightBound(service, 2, 40), 2 * 20 + 2 * 40)
})

test('without a bulkhead there is no bound', () => {
  assert.equal(inFlightBound({ endpoints, policies: [] }, 2, 40), undefined)
  assert.equal(inFlightBound(undefined, 2, 40), undefined)
})
