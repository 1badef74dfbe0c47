import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { PolicySpec } from '@switchgear/core'
import { clientOf, type Held, httpOrigin, type Origin, until } from '../origin.ts'

const policies: PolicySpec[] = [
  { bulkhead: { maxInFlight: 8 } },
  { timeout: '10s' },
  { retry: { maxAttempts: 2, delay: 1 } },
  { circuitBreaker: { consecutiveFailures: 50 } },
]
const hedge = { delay: 40, budget: { ratio: 1, minPerSecond: 100 } }

/** A slow endpoint that never answers, and a quick one. */
async function pair(t: TestContext, answer = 'quick', service = {}): Promise<Held & { slow: Origin; quick: Origin }> {
  const slow = await httpOrigin(t, () => undefined)
  const quick = await httpOrigin(t, (_request, response) => response.end(answer))
  const endpoints = [slow.url, quick.url]
  const held = clientOf(t, { endpoints, policies, hedge, balancer: 'roundRobin', ...service })
  return Object.assign(held, { slow, quick })
}

describe('a hedged call', () => {
  it('is answered by another endpoint when the first is slow, whose connection is freed', async (t) => {
    const { client, slow, policy, snapshot, exchanges } = await pair(t, 'x'.repeat(200_000))
    for (let call = 0; call < 4; call++) {
      const response = await client.service('shop').fetch('/')
      assert.equal((await response.text()).length, 200_000)
    }
    await until(() => slow.open.size === 0 && snapshot().calls?.inFlight === 0, 'the losers to end')
    assert.ok(slow.accepted >= 1, 'the slow one was never asked')
    assert.equal(policy('circuitBreaker').totals.failures, 0)
    assert.equal(policy('circuitBreaker').totals.successes, 4)
    assert.equal(policy('bulkhead').inFlight, 0)
    assert.ok(exchanges.some(({ errorCode }) => errorCode === 'SG_HEDGE_LOST'))
    assert.ok(client.service('shop').endpoints.every(({ inFlight, state }) => inFlight === 0 && state === 'healthy'))
  })

  it('works through the dispatcher, also for heads without a body', async (t) => {
    const { client } = await pair(t)
    for (const method of ['GET', 'HEAD', 'GET', 'HEAD'] as const) {
      const { statusCode, body } = await client.dispatcher.request({ origin: 'http://shop', path: '/', method })
      assert.equal(statusCode, 200)
      assert.equal(await body.text(), method === 'GET' ? 'quick' : '')
    }
  })

  it('is none where repeating does harm, or where the body is a stream', async (t) => {
    const { client, quick, slow } = await pair(t, 'quick', { policies: [{ timeout: 200 }] })
    const service = client.service('shop')
    const bodies = [
      { method: 'POST', body: 'x' },
      { method: 'PUT', body: ReadableStream.from([Buffer.from('x')]) },
    ]
    const ends = await Promise.allSettled(bodies.map((init) => service.fetch('/', init)))
    assert.deepEqual(ends.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
    assert.equal(quick.accepted + slow.accepted, 2)
  })

  it('that its caller aborts ends all of it, with the reason', async (t) => {
    const first = await httpOrigin(t, () => undefined)
    const second = await httpOrigin(t, () => undefined)
    const { client, policy, snapshot } = clientOf(t, { endpoints: [first.url, second.url], policies, hedge })
    const controller = new AbortController()
    const reason = new Error('enough')
    const call = assert.rejects(
      client.service('shop').fetch('/', { signal: controller.signal }),
      (error) => error === reason,
    )
    await until(() => first.accepted + second.accepted === 2, 'both requests')
    controller.abort(reason)
    await call
    await until(() => first.open.size + second.open.size === 0, 'the connections to be closed')
    assert.equal(snapshot().calls?.inFlight, 0)
    assert.equal(policy('circuitBreaker').totals.failures, 0)
  })

  it('that fails everywhere is replaced by the fallback, or fails by the name of its first failure', async (t) => {
    const dead = ['http://127.0.0.1:1', 'http://127.0.0.1:2']
    const service = { endpoints: dead, policies, hedge }
    const bare = clientOf(t, service)
    await assert.rejects(bare.client.service('shop').fetch('/'), { code: 'SG_UNREACHABLE' })
    await assert.rejects(bare.client.dispatcher.request({ origin: 'http://shop', path: '/', method: 'GET' }), {
      code: 'ECONNREFUSED',
    })
    const replaced = clientOf(t, { ...service, fallback: { body: 'instead' } })
    assert.equal(await (await replaced.client.service('shop').fetch('/')).text(), 'instead')
  })

  it('takes a failed response only when nothing better comes', async (t) => {
    const failing = await httpOrigin(t, (_request, response) => setTimeout(() => response.writeHead(501).end('no'), 80))
    const late = await httpOrigin(t, (_request, response) => setTimeout(() => response.end('late'), 150))
    const { client } = clientOf(t, { endpoints: [failing.url, late.url], policies, hedge, balancer: 'roundRobin' })
    const ask = async (): Promise<string> => (await client.service('shop').fetch('/')).text()
    assert.deepEqual(await Promise.all([ask(), ask()]), ['late', 'late'])
  })
})
