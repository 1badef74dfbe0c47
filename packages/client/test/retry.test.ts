import assert from 'node:assert/strict'
import type { IncomingMessage, RequestListener } from 'node:http'
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, it, type TestContext } from 'node:test'
import type { PolicySpec } from '@switchgear/core'
import { clientOf, deadPort, httpOrigin, until } from './origin.ts'

const policies: PolicySpec[] = [
  { bulkhead: { maxInFlight: 4 } },
  { timeout: '10s' },
  { retry: { maxAttempts: 3, delay: 1, jitter: 0 } },
  { circuitBreaker: { consecutiveFailures: 100 } },
  { timeout: '5s' },
]

interface Seen {
  readonly method: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** Answers 503 with `refused` until the `good`th request, which is the first to get 200. */
function flaky(good: number, refused = 'not now'): { seen: Seen[]; answer: RequestListener } {
  const seen: Seen[] = []
  const answer: RequestListener = (request, response) => {
    void text(request).then((body) => {
      seen.push({ method: request.method ?? '', headers: request.headers, body })
      if (seen.length < good) response.writeHead(503).end(refused)
      else response.end('done')
    })
  }
  return { seen, answer }
}

/** A server of HTTP/2 without TLS. `leave`: it sends GOAWAY to its peers and listens no more. */
async function http2Origin(
  t: TestContext,
  answer: (request: Http2ServerRequest, response: Http2ServerResponse) => void,
) {
  const sessions = new Set<ServerHttp2Session>()
  const server = createHttp2Server(answer)
  server.on('session', (session) => sessions.add(session.on('error', () => undefined)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  const leave = (): void => {
    server.close()
    for (const session of sessions) session.close()
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, leave }
}

describe('retries', () => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']) {
    it(`repeat ${method}`, async (t) => {
      const { seen, answer } = flaky(3)
      const origin = await httpOrigin(t, answer)
      const { client, policy } = clientOf(t, { endpoints: [origin.url], policies })
      const response = await client.service('shop').fetch('/', { method })
      assert.equal(response.status, 200)
      assert.deepEqual(
        seen.map((request) => request.method),
        [method, method, method],
      )
      assert.equal(policy('retry').totals.retries, 2)
      assert.equal(policy('retry').totals.recovered, 1)
    })
  }

  for (const method of ['POST', 'PATCH']) {
    it(`do not repeat ${method}`, async (t) => {
      const { seen, answer } = flaky(2)
      const origin = await httpOrigin(t, answer)
      const { client } = clientOf(t, { endpoints: [origin.url], policies })
      const response = await client.service('shop').fetch('/', { method, body: 'x' })
      assert.equal(response.status, 503)
      assert.equal(await response.text(), 'not now')
      assert.equal(seen.length, 1)
    })

    it(`repeat ${method} with an idempotency key, byte for byte`, async (t) => {
      const { seen, answer } = flaky(3)
      const origin = await httpOrigin(t, answer)
      const { client } = clientOf(t, { endpoints: [origin.url], policies })
      const form = new FormData()
      form.set('amount', '12')
      const headers = { 'idempotency-key': 'overridden' }
      const response = await client
        .service('shop')
        .fetch('/', { method, body: form, headers, idempotencyKey: 'order-7' })
      assert.equal(await response.text(), 'done')
      assert.deepEqual(
        seen.map((request) => request.headers['idempotency-key']),
        ['order-7', 'order-7', 'order-7'],
      )
      assert.match(seen[0]?.body ?? '', /12/)
      assert.equal(new Set(seen.map(({ body, headers }) => `${headers['content-type']} ${body}`)).size, 1)
    })
  }

  it('go by the key itself, and by a caller who says no, whichever face is used', async (t) => {
    const { seen, answer } = flaky(1000)
    const origin = await httpOrigin(t, answer)
    const { client } = clientOf(t, { endpoints: [origin.url], policies })
    const ask = { origin: 'http://shop', path: '/', body: 'x' } as const
    const keyed = (key: string) => ({ method: 'POST', headers: { 'Idempotency-Key': key } }) as const
    const dispatched = async (options: object): Promise<number> => {
      await (await client.dispatcher.request({ ...ask, method: 'POST', ...options })).body.dump()
      return seen.splice(0).length
    }
    assert.equal(await dispatched(keyed('k')), 3)
    assert.equal(await dispatched(keyed('')), 1)
    assert.equal(await dispatched(keyed(' ')), 1)
    assert.equal(await dispatched({ ...keyed('k'), idempotent: false }), 1)
    assert.equal(await dispatched({ method: 'PUT', idempotent: false }), 1)
    const fetched = async (key: string): Promise<number> => {
      await (await client.service('shop').fetch('/', { ...keyed(key), body: 'x' })).text()
      return seen.splice(0).length
    }
    assert.equal(await fetched('k'), 3)
    assert.equal(await fetched(''), 1)
  })

  it('send a POST elsewhere whose HTTP/2 session went away and whose endpoint is gone', async (t) => {
    let served = 0
    const good = await http2Origin(t, (_request, response) => (served++, response.end('done')))
    const leaving = await http2Origin(t, (_request, response) => response.end('first'))
    const endpoints = [leaving.url, good.url]
    const { client } = clientOf(t, { endpoints, policies, balancer: 'roundRobin', connections: { http2: 'always' } })
    const post = async (body: string): Promise<string> =>
      (await client.service('shop').fetch('/', { method: 'POST', body })).text()
    const firsts = [await post('one'), await post('two')]
    assert.deepEqual(firsts.toSorted(), ['done', 'first'])
    leaving.leave()
    assert.deepEqual(await Promise.all([post('three'), post('four')]), ['done', 'done'])
    assert.equal(served, 3)
  })

  it('send anything elsewhere that was not sent at all, but nothing that was', async (t) => {
    const { seen, answer } = flaky(1)
    const origin = await httpOrigin(t, answer)
    const endpoints = [`http://127.0.0.1:${await deadPort(t)}`, origin.url]
    const once = clientOf(t, { endpoints, policies, balancer: 'roundRobin' })
    for (let call = 0; call < 4; call++) {
      const body = ReadableStream.from([Buffer.from(`order ${call}`)])
      const response = await once.client.service('shop').fetch('/', { method: 'POST', body })
      assert.equal(await response.text(), 'done')
    }
    assert.deepEqual(
      seen.map((request) => request.body),
      ['order 0', 'order 1', 'order 2', 'order 3'],
    )
    assert.ok(once.policy('retry').totals.recovered >= 1, 'the dead one was never asked')
    // This one takes the order and then breaks: it may have been carried out.
    let taken = 0
    const breaking = await httpOrigin(t, (request) => request.resume().on('end', () => (taken++, request.destroy())))
    const { client } = clientOf(t, { endpoints: [breaking.url, origin.url], policies, balancer: 'roundRobin' })
    const ends = await Promise.allSettled(
      [1, 2].map(() => client.service('shop').fetch('/', { method: 'POST', body: 'order' })),
    )
    assert.equal(taken, 1)
    assert.deepEqual(ends.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
  })

  it('hand out the last failure when tries are used up', async (t) => {
    const { seen, answer } = flaky(10)
    const origin = await httpOrigin(t, answer)
    const { client, policy, snapshot } = clientOf(t, { endpoints: [origin.url], policies })
    const response = await client.service('shop').fetch('/')
    assert.equal(response.status, 503)
    assert.equal(await response.text(), 'not now')
    assert.equal(seen.length, 3)
    assert.equal(policy('circuitBreaker').totals.failures, 3)
    await until(() => snapshot().calls?.inFlight === 0, 'the call to end')
    assert.equal(snapshot().calls?.failures, 1)
  })

  it('repeat a streamed body that is not longer than the bound, byte for byte', async (t) => {
    const { seen, answer } = flaky(3)
    const origin = await httpOrigin(t, answer)
    const { client } = clientOf(t, { endpoints: [origin.url], policies })
    for (const idempotencyKey of ['k', undefined]) {
      seen.length = 0
      const body = ReadableStream.from([Buffer.from('once '), Buffer.from('more')])
      const method = idempotencyKey === undefined ? 'PUT' : 'POST'
      const response = await client.service('shop').fetch('/', { method, body, idempotencyKey })
      assert.equal(await response.text(), 'done')
      assert.deepEqual(
        seen.map((request) => request.body),
        ['once more', 'once more', 'once more'],
      )
    }
  })

  it('never repeat a streamed body beyond the bound, and cost the budget nothing then', async (t) => {
    const { seen, answer } = flaky(2)
    const origin = await httpOrigin(t, answer)
    const { client, policy } = clientOf(t, { endpoints: [origin.url], policies }, { maxReplay: '1kb' })
    const body = ReadableStream.from([Buffer.alloc(1000, 'a'), Buffer.alloc(25, 'b')])
    const response = await client.service('shop').fetch('/', { method: 'PUT', body, idempotencyKey: 'k' })
    assert.equal(response.status, 503)
    assert.equal(await response.text(), 'not now')
    assert.deepEqual(
      seen.map((request) => request.body.length),
      [1025],
    )
    assert.equal(policy('retry').totals.retries, 0)
  })

  it('go to another endpoint than the try before', async (t) => {
    const bad = await httpOrigin(t, (_request, response) => response.writeHead(503).end())
    const good = await httpOrigin(t, (_request, response) => response.end('good'))
    const { client, exchanges } = clientOf(t, { endpoints: [bad.url, good.url], policies })
    const ask = async (): Promise<string> => (await client.service('shop').fetch('/')).text()
    // In pairs, so that the turn after a failed try is again that of the endpoint which failed.
    for (let pair = 0; pair < 5; pair++) assert.deepEqual(await Promise.all([ask(), ask()]), ['good', 'good'])
    await until(() => exchanges.at(-1)?.status === 200, 'the last exchange')
    assert.equal(exchanges.filter(({ status }) => status === 200).length, 10)
    assert.ok(exchanges.every(({ attempt }) => attempt <= 2))
  })

  it('reuse the connection of a short body that nobody wanted', async (t) => {
    const { answer } = flaky(3)
    const origin = await httpOrigin(t, answer)
    const { client } = clientOf(t, {
      endpoints: [origin.url],
      policies: policies.with(2, { retry: { delay: 30, jitter: 0 } }),
    })
    assert.equal(await (await client.service('shop').fetch('/')).text(), 'done')
    assert.equal(origin.accepted, 1)
  })

  it('close the connection of an unwanted body that is long', async (t) => {
    const { answer } = flaky(2, 'x'.repeat(5_000_000))
    const origin = await httpOrigin(t, answer)
    const { client } = clientOf(t, { endpoints: [origin.url], policies })
    assert.equal(await (await client.service('shop').fetch('/')).text(), 'done')
    await until(() => origin.open.size === 1, 'one connection to be left')
    assert.equal(origin.accepted, 2)
  })

  it('close the connection of an unwanted body that does not come', async (t) => {
    let calls = 0
    const origin = await httpOrigin(t, (_request, response) => {
      if (++calls > 1) response.end('done')
      else response.writeHead(503).write('a part and then nothing')
    })
    const { client } = clientOf(t, { endpoints: [origin.url], policies })
    assert.equal(await (await client.service('shop').fetch('/')).text(), 'done')
    await until(() => origin.open.size === 1, 'one connection to be left')
  })

  it('report each exchange', async (t) => {
    const { answer } = flaky(3)
    const origin = await httpOrigin(t, answer)
    const { client, exchanges } = clientOf(t, { endpoints: [origin.url], policies })
    await (await client.service('shop').fetch('/')).text()
    await until(() => exchanges.length === 3, 'three exchanges')
    assert.deepEqual(
      exchanges.map(({ service, method, status, attempt, errorCode }) => [service, method, status, attempt, errorCode]),
      [
        ['shop', 'GET', 503, 1, undefined],
        ['shop', 'GET', 503, 2, undefined],
        ['shop', 'GET', 200, 3, undefined],
      ],
    )
  })

  it('end with the refusal when the circuit opens in between, and tell the failure that opened it', async (t) => {
    const { seen, answer } = flaky(10)
    const origin = await httpOrigin(t, answer)
    const { client } = clientOf(t, {
      endpoints: [origin.url],
      policies: policies.with(3, { circuitBreaker: { consecutiveFailures: 2 } }),
    })
    await assert.rejects(client.service('shop').fetch('/'), (error: Error & { code: string; retryAfterMs: number }) => {
      assert.equal(error.code, 'SG_CIRCUIT_OPEN')
      assert.equal((error.cause as Error).message, `shop: ${origin.url} answered 503`)
      assert.ok(error.retryAfterMs > 0)
      return true
    })
    assert.equal(seen.length, 2)
    await assert.rejects(client.service('shop').fetch('/'), { code: 'SG_CIRCUIT_OPEN' })
    assert.equal(seen.length, 2)
  })
})

describe('the trace', () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const parent = `00-${traceId}-00f067aa0ba902b7-01`

  it('is passed on, a new span for each try', async (t) => {
    const { seen, answer } = flaky(3)
    const origin = await httpOrigin(t, answer)
    const { client } = clientOf(t, { endpoints: [origin.url], policies })
    const headers = { tracestate: 'vendor=1' }
    await (await client.service('shop').fetch('/', { traceparent: parent, headers })).text()
    const sent = seen.map((request) => String(request.headers['traceparent']))
    for (const header of sent) assert.match(header, new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`))
    assert.equal(new Set([parent, ...sent]).size, 4)
    assert.ok(seen.every((request) => request.headers['tracestate'] === 'vendor=1'))
  })

  it('is taken from the headers when no option gives it', async (t) => {
    const { seen, answer } = flaky(1)
    const origin = await httpOrigin(t, answer)
    const { client } = clientOf(t, { endpoints: [origin.url], policies })
    await (await client.service('shop').fetch('/', { headers: { traceparent: parent } })).text()
    assert.match(
      String(seen[0]?.headers['traceparent']),
      new RegExp(`^00-${traceId}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`),
    )
  })

  it('begins here when there is none or a broken one', async (t) => {
    const { seen, answer } = flaky(1)
    const origin = await httpOrigin(t, answer)
    const { client } = clientOf(t, { endpoints: [origin.url], policies })
    for (const traceparent of [undefined, `ff-${traceId}-00f067aa0ba902b7-01`]) {
      await (await client.service('shop').fetch('/', { traceparent, headers: { tracestate: 'vendor=1' } })).text()
    }
    const sent = seen.map((request) => String(request.headers['traceparent']))
    for (const header of sent) assert.match(header, /^00-[0-9a-f]{32}-[0-9a-f]{16}-03$/)
    assert.equal(sent.filter((header) => header.includes(traceId)).length, 0)
    assert.equal(new Set(sent).size, 2)
    assert.ok(seen.every((request) => request.headers['tracestate'] === undefined))
  })
})
