import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import type { PolicySpec } from '@switchgear/core'
import { type ServiceFallbackOptions, ServiceFallback } from '../src/index.ts'
import { clientOf, deadPort, type Held, httpOrigin, type Origin, until } from './origin.ts'

const policies: PolicySpec[] = [
  { bulkhead: { maxInFlight: 4 } },
  { timeout: '5s' },
  { retry: { maxAttempts: 2, delay: 1 } },
  { circuitBreaker: { consecutiveFailures: 4 } },
]

interface Shop extends Held {
  readonly origin: Origin
  /** Whether the service fails from now on. */
  down: boolean
}

async function shop(t: TestContext, fallback: ServiceFallbackOptions, answer: RequestListener): Promise<Shop> {
  const state = { down: false }
  const origin = await httpOrigin(t, (request, response) => {
    if (state.down) response.writeHead(503, { 'x-from': 'service' }).end('down')
    else answer(request, response)
  })
  const held = clientOf(t, { endpoints: [origin.url], policies, fallback })
  return Object.assign(state, held, { origin })
}

const mark = 'switchgear-fallback'

describe('a fixed fallback', () => {
  const fixed = { status: 203, headers: { 'content-type': 'application/json' }, body: '["best sellers"]' }

  it('answers in the place of a failed response, marked', async (t) => {
    const tested = await shop(t, fixed, (_request, response) => response.end('fresh'))
    const fresh = await tested.client.service('shop').fetch('/')
    assert.equal(fresh.headers.get(mark), null)
    assert.equal(await fresh.text(), 'fresh')
    tested.down = true
    const instead = await tested.client.service('shop').fetch('/')
    assert.equal(instead.status, 203)
    assert.equal(instead.headers.get(mark), 'fallback')
    assert.equal(instead.headers.get('content-type'), 'application/json')
    assert.equal(instead.headers.get('x-from'), null)
    assert.deepEqual(await instead.json(), ['best sellers'])
    assert.equal(tested.policy('circuitBreaker').totals.failures, 2)
    await until(() => tested.policy('bulkhead').inFlight === 0, 'the slot to be free')
  })

  it('answers in the place of a refusal and of a dead port, for any method', async (t) => {
    const port = await deadPort(t)
    const { client, policy } = clientOf(t, {
      endpoints: [`http://127.0.0.1:${port}`],
      policies,
      fallback: { ...fixed, name: 'bestSellers' },
    })
    for (const method of ['GET', 'POST', 'DELETE', 'GET', 'GET']) {
      const response = await client.service('shop').fetch('/', { method })
      assert.equal(response.headers.get(mark), 'bestSellers')
    }
    assert.equal(policy('circuitBreaker').state, 'open')
    const head = await client.service('shop').fetch('/', { method: 'HEAD' })
    assert.equal(head.status, 203)
    assert.equal(await head.text(), '')
  })

  it('may have a status without a body', async (t) => {
    const tested = await shop(t, { status: 204 }, (_request, response) => response.end())
    tested.down = true
    const response = await tested.client.service('shop').fetch('/')
    assert.equal(response.status, 204)
    assert.equal(response.body, null)
  })

  it('does not hide that the caller gave up or was wrong', async (t) => {
    const tested = await shop(t, fixed, (request, response) => {
      if (request.url === '/missing') response.writeHead(404).end()
    })
    const service = tested.client.service('shop')
    await assert.rejects(service.fetch('/', { signal: AbortSignal.timeout(30) }), { name: 'TimeoutError' })
    await assert.rejects(service.fetch('/', { deadline: performance.now() + 30 }), { code: 'SG_DEADLINE_EXCEEDED' })
    await assert.rejects(service.fetch('no slash'), { code: 'SG_BAD_OPTIONS' })
    assert.equal((await service.fetch('/missing')).status, 404)
    const running = assert.rejects(service.fetch('/'), { code: 'SG_CLIENT_CLOSED' })
    await until(() => tested.policy('bulkhead').inFlight === 1, 'the call')
    await tested.client.close()
    await running
  })
})

describe('a cached fallback', () => {
  it('answers the last good answer to the same path, and its age', async (t) => {
    let version = 0
    const tested = await shop(t, { cached: true }, (request, response) => {
      response.writeHead(200, { 'content-type': 'text/x', connection: 'keep-alive' }).end(`${request.url} ${++version}`)
    })
    const service = tested.client.service('shop')
    const ask = async (path: string): Promise<string> => (await service.fetch(path)).text()
    assert.equal(await ask('/a?user=1'), '/a?user=1 1')
    assert.equal(await ask('/a?user=1'), '/a?user=1 2')
    assert.equal(await ask('/b'), '/b 3')
    tested.down = true
    const stale = await service.fetch('/a?user=1')
    assert.equal(stale.status, 200)
    assert.equal(stale.headers.get(mark), 'fallback')
    assert.equal(stale.headers.get('age'), '0')
    assert.equal(stale.headers.get('content-type'), 'text/x')
    assert.equal(stale.headers.get('connection'), null)
    assert.equal(await stale.text(), '/a?user=1 2')
    assert.equal(await ask('/b'), '/b 3')
    await assert.rejects(service.fetch('/a?user=2'), { code: 'SG_CIRCUIT_OPEN' })
  })

  it('leaves it to the fixed answer, and without one to the failure', async (t) => {
    const tested = await shop(t, { cached: true, body: 'fixed' }, (_request, response) => response.end('fresh'))
    tested.down = true
    assert.equal(await (await tested.client.service('shop').fetch('/')).text(), 'fixed')
    tested.down = false
    await (await tested.client.service('shop').fetch('/')).text()
    tested.down = true
    assert.equal(await (await tested.client.service('shop').fetch('/')).text(), 'fresh')
    assert.equal(await (await tested.client.service('shop').fetch('/', { method: 'POST' })).text(), 'fixed')

    const bare = await shop(t, { cached: true }, (_request, response) => response.end('fresh'))
    bare.down = true
    const response = await bare.client.service('shop').fetch('/')
    assert.equal(response.status, 503)
    assert.equal(response.headers.get(mark), null)
    assert.equal(await response.text(), 'down')
  })

  it('keeps nothing of a body that broke or was not read to its end', async (t) => {
    let broken = false
    const tested = await shop(t, { cached: true }, (_request, response) => {
      if (broken) {
        response.write('half')
        setTimeout(() => response.destroy(), 20)
      } else response.end('whole')
    })
    const service = tested.client.service('shop')
    assert.equal(await (await service.fetch('/')).text(), 'whole')
    broken = true
    await assert.rejects((await service.fetch('/')).text(), { code: 'SG_RESPONSE_CUT' })
    await (await service.fetch('/')).body?.cancel()
    tested.down = true
    assert.equal(await (await service.fetch('/')).text(), 'whole')
  })

  it('keeps many small answers within its bounds', async (t) => {
    const cached = { maxEntries: 3, maxBytes: '4kb' }
    const tested = await shop(t, { cached }, (request, response) => {
      response.sendDate = false
      response.end('x'.repeat(request.url === '/large' ? 2000 : 100))
    })
    const service = tested.client.service('shop')
    for (const path of ['/1', '/2', '/3', '/4', '/large']) await (await service.fetch(path)).text()
    tested.down = true
    const kept: string[] = []
    for (const path of ['/1', '/2', '/3', '/4', '/large']) {
      // Two tries fail for each; the breaker opens on the way, which is all the same to the fallback.
      const response = await service.fetch(path).catch(() => undefined)
      if (response?.headers.get(mark) === 'fallback') kept.push(path)
      await response?.body?.cancel()
    }
    assert.deepEqual(kept, ['/2', '/3', '/4'])
  })
})

const nothing = new Headers()

/** Whether an answer of this kind is kept. */
const keeps = (method: string, sent: Headers, status: number, received: Record<string, string>): boolean => {
  const tested = new ServiceFallback({ cached: true }, 'fallback')
  const asked = { method, path: '/', headers: sent }
  const recording = tested.record(asked, { status, headers: new Headers(received) }, 0)
  recording?.add(Buffer.from('kept'))
  recording?.finish()
  return tested.answer({ ...asked, method: 'GET' }, 0) !== undefined
}

describe('what a cached fallback keeps', () => {
  it('is good answers to plain GETs', () => {
    assert.equal(keeps('GET', nothing, 200, {}), true)
    assert.equal(keeps('GET', nothing, 200, { 'cache-control': 'max-age=1, public', vary: 'Accept-Encoding' }), true)
    for (const status of [201, 203, 204, 206, 301, 404])
      assert.equal(keeps('GET', nothing, status, {}), false, String(status))
    for (const method of ['POST', 'HEAD', 'OPTIONS']) assert.equal(keeps(method, nothing, 200, {}), false, method)
  })

  it('is nothing that was meant for one caller', () => {
    for (const name of ['authorization', 'cookie', 'range']) {
      assert.equal(keeps('GET', new Headers({ [name]: 'x' }), 200, {}), false, name)
    }
    for (const received of [
      { 'set-cookie': 'a=1' },
      { vary: 'accept-language' },
      { vary: '*' },
      { vary: 'accept-encoding', 'content-encoding': 'gzip' },
      { 'cache-control': 'no-store' },
      { 'cache-control': 'max-age=3, Private' },
      { 'cache-control': 'private="x-user"' },
      { 'cache-control': 'no-cache' },
      { 'cache-control': 'must-revalidate' },
    ]) {
      assert.equal(keeps('GET', nothing, 200, received as Record<string, string>), false, JSON.stringify(received))
    }
  })

  it('tells how old it is', () => {
    const tested = new ServiceFallback({ cached: true }, 'fallback')
    const asked = { method: 'GET', path: '/', headers: nothing }
    tested.record(asked, { status: 200, headers: new Headers({ age: '99' }) }, 10_000)?.finish()
    assert.equal(tested.answer(asked, 15_999)?.headers.get('age'), '5')
    assert.equal(tested.answer(asked, 9_000)?.headers.get('age'), '0')
  })
})
