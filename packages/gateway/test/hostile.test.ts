// What clients may send that is wrong: each gets its answer, none reaches a service, and the gateway lives on.
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { call, eventually, exchangeRaw, service, type Service, stand, type Stand, tearDown, wire } from './stand.ts'

afterEach(tearDown)

async function guarded(
  more: Partial<Parameters<typeof stand>[0]> = {},
): Promise<{ upstream: Service; gateway: Stand }> {
  const upstream = await service((request, response) => {
    request.resume()
    response.end(`served ${request.url}`)
  })
  const gateway = await stand({
    routes: [
      { path: '/shop', service: 's' },
      { path: '/reads', service: 's', methods: ['GET', 'OPTIONS'] },
    ],
    services: { s: { endpoints: [upstream.origin], policies: [{ circuitBreaker: { consecutiveFailures: 1 } }] } },
    ...more,
  })
  return { upstream, gateway }
}

const problemIn = (answer: string): { status: number; code: string; detail: string } => {
  assert.match(answer, /\r\ncontent-type: application\/problem\+json\r\n/i)
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))
}

describe('a request that is refused as it is', () => {
  const cases: [name: string, lines: string[], status: number, code: string][] = [
    ['a walk', ['GET /shop/../admin HTTP/1.1', 'Host: a'], 400, 'SG_BAD_PATH'],
    ['an encoded walk', ['GET /shop/%2e%2e/admin HTTP/1.1', 'Host: a'], 400, 'SG_BAD_PATH'],
    ['an empty segment', ['GET //shop HTTP/1.1', 'Host: a'], 400, 'SG_BAD_PATH'],
    ['an encoded slash', ['GET /shop%2fadmin HTTP/1.1', 'Host: a'], 400, 'SG_BAD_PATH'],
    ['a semicolon', ['GET /shop;x=/../admin HTTP/1.1', 'Host: a'], 400, 'SG_BAD_PATH'],
    ['a backslash', ['GET /shop\\..\\admin HTTP/1.1', 'Host: a'], 400, 'SG_BAD_PATH'],
    ['a NUL', ['GET /shop/%00 HTTP/1.1', 'Host: a'], 400, 'SG_BAD_PATH'],
    ['an asterisk', ['OPTIONS * HTTP/1.1', 'Host: a'], 400, 'SG_BAD_PATH'],
    ['no route', ['GET /shopping HTTP/1.1', 'Host: a'], 404, 'SG_NO_ROUTE'],
    ['another method', ['POST /reads HTTP/1.1', 'Host: a', 'Content-Length: 0'], 405, 'SG_METHOD_NOT_ALLOWED'],
    ['two hosts', ['GET /shop HTTP/1.1', 'Host: a', 'Host: b'], 400, 'SG_BAD_REQUEST'],
    ['an expectation', ['GET /shop HTTP/1.1', 'Host: a', 'Expect: miracles'], 417, 'SG_EXPECTATION_FAILED'],
    [
      'a WebSocket',
      ['GET /shop HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket'],
      501,
      'SG_NOT_IMPLEMENTED',
    ],
    ['CONNECT', ['CONNECT a:443 HTTP/1.1', 'Host: a:443'], 501, 'SG_NOT_IMPLEMENTED'],
    ['a coding', ['POST /shop HTTP/1.1', 'Host: a', 'Transfer-Encoding: gzip, chunked'], 501, 'SG_NOT_IMPLEMENTED'],
    ['not HTTP', ['hello'], 400, 'SG_BAD_REQUEST'],
    ['a version', ['GET /shop HTTP/9.9', 'Host: a'], 400, 'SG_BAD_REQUEST'],
    ['a method', ['BREW /shop HTTP/1.1', 'Host: a'], 400, 'SG_BAD_REQUEST'],
    [
      'two lengths',
      ['POST /shop HTTP/1.1', 'Host: a', 'Content-Length: 3', 'Content-Length: 4'],
      400,
      'SG_BAD_REQUEST',
    ],
    [
      'length and chunks',
      ['POST /shop HTTP/1.1', 'Host: a', 'Content-Length: 3', 'Transfer-Encoding: chunked'],
      400,
      'SG_BAD_REQUEST',
    ],
    ['a length in words', ['POST /shop HTTP/1.1', 'Host: a', 'Content-Length: +3'], 400, 'SG_BAD_REQUEST'],
    ['a folded field', ['GET /shop HTTP/1.1', 'Host: a', 'X: 1', ' 2'], 400, 'SG_BAD_REQUEST'],
    ['a space before the colon', ['GET /shop HTTP/1.1', 'Host: a', 'X : 1'], 400, 'SG_BAD_REQUEST'],
    ['a large head', ['GET /shop HTTP/1.1', 'Host: a', `X: ${'x'.repeat(17_000)}`], 431, 'SG_HEADERS_TOO_LARGE'],
    ['a large path', [`GET /shop/${'x'.repeat(17_000)} HTTP/1.1`, 'Host: a'], 431, 'SG_HEADERS_TOO_LARGE'],
  ]
  for (const [name, lines, status, code] of cases) {
    test(`${name}: ${status}`, async () => {
      const { upstream, gateway } = await guarded()
      const client = await wire(gateway.port, [...lines, 'Connection: close', '', ''].join('\r\n'))
      await eventually(() => client.received().includes('}\n'), `no answer: ${client.received()}`)
      assert.match(client.received(), new RegExp(`^HTTP/1\\.1 ${status} `))
      const problem = problemIn(client.received())
      assert.deepEqual([problem.status, problem.code], [status, code])
      client.socket.destroy()
      assert.equal(upstream.requests.length, 0)
      assert.equal((await call(`${gateway.url}/shop/x`)).text, 'served /shop/x')
    })
  }

  test('a missing Host is refused', async () => {
    const { upstream, gateway } = await guarded()
    const answer = await exchangeRaw(gateway.port, 'GET /shop HTTP/1.1\r\nConnection: close\r\n\r\n')
    assert.equal(problemIn(answer).code, 'SG_BAD_REQUEST')
    assert.equal(upstream.requests.length, 0)
  })
})

test('405 lists what is allowed', async () => {
  const { gateway } = await guarded()
  const answer = await call(`${gateway.url}/reads/x`, { method: 'DELETE' })
  assert.equal(answer.headers['allow'], 'GET, OPTIONS, HEAD')
  assert.equal((await gateway.record()).route, '/reads')
})

test('an offer of HTTP/2 is ignored and served in HTTP/1.1', async () => {
  const { gateway } = await guarded()
  const offer = 'Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'
  const answer = await exchangeRaw(gateway.port, `GET /shop HTTP/1.1\r\nHost: a\r\n${offer}\r\n`)
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n[^]*served \/shop$/)
})

test('a request smuggled behind another one is its own request and is routed like one', async () => {
  const { upstream, gateway } = await guarded()
  const inner = 'GET /admin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
  const answer = await exchangeRaw(gateway.port, `POST /shop HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n${inner}`)
  assert.deepEqual(answer.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 404'])
  assert.deepEqual(
    upstream.requests.map(({ url }) => url),
    ['/shop'],
  )
})

test('a chunked body that breaks its framing is 400, and no failure of the service', async () => {
  const upstream = await service(() => undefined)
  const gateway = await stand({
    routes: [{ path: '/', service: 's' }],
    services: { s: { endpoints: [upstream.origin], policies: [{ circuitBreaker: { consecutiveFailures: 1 } }] } },
  })
  const client = await wire(
    gateway.port,
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
  )
  await eventually(() => upstream.requests.length === 1, 'it did not arrive')
  client.socket.write('xyz\r\n')
  assert.match(await client.closed, /^HTTP\/1\.1 400 [^]*SG_BAD_REQUEST/)
  assert.equal(gateway.registry.snapshot().pipelines[0]?.calls?.failures, 0)
  assert.equal((await gateway.record()).status, 400)
})

test('a head that does not come is 408, and so is a body', async () => {
  const { upstream, gateway } = await guarded({ requestTimeout: '300ms' })
  const head = exchangeRaw(gateway.port, 'GET /shop HTTP/1.1\r\nHost')
  const small = exchangeRaw(gateway.port, 'POST /shop HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx')
  assert.match(await head, /^HTTP\/1\.1 408 [^]*SG_REQUEST_TIMEOUT/)
  assert.match(await small, /^HTTP\/1\.1 408 [^]*SG_REQUEST_TIMEOUT/)
  assert.equal(upstream.requests.length, 0)
})

test('a field value that cannot be forwarded is the client’s fault and opens no circuit', async () => {
  const { gateway } = await guarded()
  for (const value of ['\u00e9', '\u00ff', 'a\tb']) {
    const answer = await exchangeRaw(
      gateway.port,
      `GET /shop HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: ${Buffer.from(value, 'latin1').toString('latin1')}\r\n\r\n`,
    )
    assert.match(answer, /^HTTP\/1\.1 (?:200|400) /)
  }
  assert.equal(gateway.registry.snapshot().pipelines[0]?.calls?.failures, 0)
  assert.equal((await call(`${gateway.url}/shop`)).status, 200)
})

test('many broken connections at once leave nothing behind', async () => {
  const { gateway } = await guarded()
  const garbage = [
    '\0\0\0',
    'GET',
    '\x16\x03\x01\x02\x00',
    'GET /shop HTTP/1.1\r\n',
    'POST /shop HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nx',
  ]
  const clients = await Promise.all(
    Array.from({ length: 100 }, (_, index) => wire(gateway.port, garbage[index % 5] ?? '')),
  )
  for (const { socket } of clients) socket.destroy()
  await Promise.all(clients.map(({ closed }) => closed))
  assert.equal((await call(`${gateway.url}/shop`)).status, 200)
})
