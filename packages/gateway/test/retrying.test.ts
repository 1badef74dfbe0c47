import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterEach, test } from 'node:test'
import type { PolicySpec } from '@switchgear/core'
import { createMetrics } from '@switchgear/telemetry'
import { Registry } from '@switchgear/core'
import {
  call,
  deadOrigin,
  eventually,
  exchangeRaw,
  service,
  stand,
  type Service,
  type Stand,
  tearDown,
  wire,
} from './stand.ts'

afterEach(tearDown)

const retry: PolicySpec = { retry: { maxAttempts: 3, delay: 1, jitter: 0 } }

/** A service that fails `times` times and then echoes the length of the body. */
function flaky(times: number, body = 'busy'): Promise<Service> {
  let left = times
  return service((request, response) => {
    let length = 0
    request.on('data', (chunk: Buffer) => (length += chunk.length))
    request.on('end', () => {
      if (left-- > 0) response.writeHead(503, { 'x-try': String(left) }).end(body)
      else response.end(`ok ${length}`)
    })
  })
}

function behind(endpoints: string[], policies: PolicySpec[], registry = new Registry()): Promise<Stand> {
  return stand({
    routes: [{ path: '/', service: 'flaky' }],
    services: { flaky: { endpoints, policies } },
    registry,
    metrics: createMetrics({ registry }),
  })
}

test('safe and idempotent methods are tried again, with a small body too', async () => {
  for (const [method, body, text] of [
    ['GET', undefined, 'ok 0'],
    ['HEAD', undefined, ''],
    ['OPTIONS', undefined, 'ok 0'],
    ['DELETE', undefined, 'ok 0'],
    ['QUERY', 'what', 'ok 4'],
    ['PUT', 'x'.repeat(65_536), 'ok 65536'],
    ['GET', 'with a body', 'ok 11'],
  ] as const) {
    const upstream = await flaky(2)
    const { url, record } = await behind([upstream.origin], [retry])
    const headers = body === undefined ? {} : { 'content-length': String(body.length) }
    const answer = await call(url, { method, headers, ...(body === undefined ? {} : { body }) })
    assert.deepEqual([method, answer.status, answer.text], [method, 200, text])
    assert.equal((await record()).attempts, 3)
    assert.equal(upstream.requests.length, 3)
  }
})

test('POST and PATCH are not, unless they carry an idempotency key', async () => {
  for (const method of ['POST', 'PATCH']) {
    const upstream = await flaky(1)
    const { url } = await behind([upstream.origin], [retry])
    assert.equal((await call(url, { method, body: 'charge' })).status, 503)
    assert.equal(upstream.requests.length, 1)
  }
  const upstream = await flaky(1)
  const { url } = await behind([upstream.origin], [retry])
  const answer = await call(url, { method: 'POST', headers: { 'idempotency-key': 'order-7' }, body: 'charge' })
  assert.deepEqual([answer.status, answer.text], [200, 'ok 6'])
  assert.equal(upstream.requests[1]?.headers['idempotency-key'], 'order-7')
})

test('a body too large to keep, or of unknown length, is sent once', async () => {
  for (const headers of [{ 'content-length': '65537' }, { 'transfer-encoding': 'chunked' }]) {
    const upstream = await flaky(1)
    const { url } = await behind([upstream.origin], [retry])
    const answer = await call(url, { method: 'PUT', headers, body: 'x'.repeat(65_537) })
    assert.equal(answer.status, 503)
    assert.equal(upstream.requests.length, 1)
  }
})

test('a dead endpoint is left for another one', async () => {
  const upstream = await flaky(0)
  // In turn, because by latency the dead one may never be drawn in so few requests.
  const options = {
    endpoints: [await deadOrigin(), upstream.origin],
    policies: [retry],
    balancer: 'roundRobin',
  } as const
  const { url, records } = await stand({ routes: [{ path: '/', service: 'flaky' }], services: { flaky: options } })
  for (let round = 0; round < 4; round++) assert.equal((await call(url)).status, 200)
  await eventually(() => records.length === 4, 'no records')
  assert.ok(records.some(({ attempts, reason }) => attempts === 2 && reason?.includes('ECONNREFUSED')))
})

test('a POST whose HTTP/2 session goes away, and whose endpoint is gone then, is sent to another one', async (t) => {
  const stands = [1, 2].map((number) => {
    const sessions = new Set<ServerHttp2Session>()
    const server = createHttp2Server((_request, response) => response.end(`${number}`))
    server.on('session', (session) => sessions.add(session.on('error', () => undefined)))
    return { server, sessions }
  })
  for (const { server } of stands) await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => stands.forEach(({ server, sessions }) => (sessions.forEach((one) => one.destroy()), server.close())))
  const endpoints = stands.map(({ server }) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const connections = { http2: 'always' } as const
  const services = { two: { endpoints, policies: [retry], connections, balancer: 'roundRobin' } } as const
  const { url } = await stand({ routes: [{ path: '/', service: 'two' }], services })
  const post = async (): Promise<string> => (await call(url, { method: 'POST' })).text
  assert.deepEqual([await post(), await post()].toSorted(), ['1', '2'])
  // In the turn in which the gateway gets the request, before it can have read that the session goes away.
  const leave = (): void => {
    stands[0]?.server.close()
    for (const session of stands[0]?.sessions ?? []) session.close()
  }
  subscribe('http.server.request.start', leave)
  t.after(() => unsubscribe('http.server.request.start', leave))
  assert.deepEqual(await Promise.all([post(), post()]), ['2', '2'])
})

test('when the tries are used up the client gets the last response, body and all', async () => {
  const upstream = await flaky(9)
  const { url } = await behind([upstream.origin], [retry])
  const answer = await call(url)
  assert.deepEqual([answer.status, answer.text, answer.headers['x-try']], [503, 'busy', '6'])
  assert.equal(answer.headers['content-type'], undefined)
})

test('501 and 404 are not tried again', async () => {
  for (const status of [501, 404]) {
    const upstream = await service((_request, response) => response.writeHead(status).end())
    const { url } = await behind([upstream.origin], [retry])
    assert.equal((await call(url)).status, status)
    assert.equal(upstream.requests.length, 1)
  }
})

test('the wait follows Retry-After', async () => {
  let tries = 0
  const upstream = await service((_request, response) => {
    if (tries++ === 0) response.writeHead(429, { 'retry-after': '1' }).end()
    else response.end('ok')
  })
  const { url, record } = await behind([upstream.origin], [retry])
  assert.equal((await call(url)).text, 'ok')
  assert.ok((await record()).seconds >= 0.99)
})

test('nothing is tried again once bytes have gone to the client', async () => {
  const upstream = await service((_request, response) => {
    response.writeHead(200, { 'content-length': '10' }).write('x')
    setTimeout(() => response.destroy(), 50)
  })
  const { port, record } = await behind([upstream.origin], [retry])
  const text = await exchangeRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.equal(text.match(/HTTP\/1\.1/g)?.length, 1)
  assert.equal((await record()).attempts, 1)
  assert.equal(upstream.requests.length, 1)
})

test('a circuit that opens in between ends the retrying with its refusal', async () => {
  const upstream = await flaky(9)
  const { url } = await behind([upstream.origin], [retry, { circuitBreaker: { consecutiveFailures: 2 } }])
  const answer = await call(url)
  assert.deepEqual([answer.status, answer.problem().code], [503, 'SG_CIRCUIT_OPEN'])
  assert.equal(answer.headers['retry-after'], '5')
  assert.equal(upstream.requests.length, 2)
})

test('the body of a retried response is read to keep its connection, and cut when it is long', async () => {
  const short = await flaky(2, 'x'.repeat(1000))
  const first = await behind([short.origin], [retry])
  assert.equal((await call(first.url)).status, 200)
  assert.equal(short.sockets.size, 1)

  const long = await service((_request, response) => {
    const push = (): void => {
      while (!response.destroyed && response.write('x'.repeat(16_384)));
      response.once('drain', push)
    }
    response.writeHead(503)
    push()
  })
  const second = await behind([long.origin], [{ retry: { delay: '30s', maxDelay: '30s', jitter: 0 } }])
  const client = await wire(second.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await eventually(() => long.requests.length === 1, 'no first try')
  await eventually(() => long.sockets.size === 0, 'the endless body was read')
  assert.equal(second.inFlight(), 1)
  client.socket.destroy()
})

test('the body of a retried response that does not end is given up at the next try', async () => {
  let answered = 0
  const upstream = await service((_request, response) => {
    if (answered++ === 0) response.writeHead(503).write('x')
    else response.end('ok')
  })
  const { url } = await behind([upstream.origin], [retry])
  assert.equal((await call(url)).text, 'ok')
  await eventually(() => upstream.sockets.size === 1, 'the hanging body was kept')
})

test('the wait between two tries ends with the client', async () => {
  const upstream = await flaky(9)
  const gateway = await behind([upstream.origin], [{ retry: { delay: '30s', maxDelay: '30s', jitter: 0 } }])
  const client = await wire(gateway.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await eventually(() => upstream.requests.length === 1, 'no first try')
  await eventually(() => gateway.inFlight() === 1, 'not in flight')
  client.socket.destroy()
  await eventually(() => gateway.inFlight() === 0, 'the wait went on')
  assert.equal((await gateway.record()).status, 499)
  assert.equal(upstream.requests.length, 1)
})

test('every try is observed', async () => {
  const upstream = await flaky(1)
  const registry = new Registry()
  const metrics = createMetrics({ registry })
  const { url } = await stand({
    routes: [{ path: '/', service: 'flaky' }],
    services: { flaky: { endpoints: [upstream.origin], policies: [retry] } },
    registry,
    metrics,
  })
  await call(`${url}/some/path`)
  const text = (await call(`${url}/metrics`)).text
  const count = (name: string, ...labels: string[]): string | undefined =>
    text.split('\n').find((line) => line.startsWith(`${name}_count`) && labels.every((label) => line.includes(label)))
  assert.match(count('http_client_request_duration_seconds', 'service="flaky"', '"503"') ?? '', / 1$/)
  assert.match(count('http_client_request_duration_seconds', 'service="flaky"', '"200"') ?? '', / 1$/)
  assert.match(count('http_server_request_duration_seconds', 'http_route="/"', '"200"') ?? '', / 1$/)
})
