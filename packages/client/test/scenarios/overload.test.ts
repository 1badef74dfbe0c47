// Scenarios: all endpoints answer 503, and nobody makes it worse.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { overload } from './overload.ts'

describe('all endpoints answer 503', { concurrency: true }, () => {
  it('with the standard policies at most 1.2 requests are made for a call', async (t) => {
    const { calls, requests, ended } = await overload(t, { perSecond: 200, forMs: 2000 })
    assert.ok(calls > 100 && requests > 0)
    assert.ok(requests <= calls * 1.2, `${requests} requests for ${calls} calls`)
    assert.ok((ended.get('SG_CIRCUIT_OPEN') ?? 0) > calls / 2, 'the circuit has opened')
  })

  it('without a circuit breaker the budget alone bounds retries: a fifth, three a second, and what it began with', async (t) => {
    const policies = [{ retry: { maxAttempts: 3 } }, { timeout: '3s' }]
    const { calls, requests, seconds } = await overload(t, { perSecond: 200, forMs: 2000, policies })
    const reserve = 30 + 3 * seconds
    assert.ok(calls > 100 && requests > calls, 'some are tried again')
    assert.ok(requests <= calls * 1.2 + reserve, `${requests} requests for ${calls} calls in ${seconds} s`)
  })
})
