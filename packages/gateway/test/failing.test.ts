import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import type { PolicySpec } from '@switchgear/core'
import { Registry } from '@switchgear/core'
import { VirtualClock } from '@switchgear/core/testing'
import {
  call,
  deadOrigin,
  eventually,
  exchangeRaw,
  type Service,
  service,
  stand,
  type Stand,
  tcpService,
  tearDown,
  wire,
} from './stand.ts'

afterEach(tearDown)

const breaker: PolicySpec = { circuitBreaker: { consecutiveFailures: 2, openFor: '30s' } }
const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`

function breakerOf({ registry }: Stand, name = 'payments') {
  const policies = registry.snapshot().pipelines.find((one) => one.name === name)?.policies ?? []
  const found = policies.find((one) => one.policy === 'circuitBreaker')
  assert.ok(found)
  return found
}

/** A gateway with one service under '/'. */
function payments(
  origin: string,
  policies: PolicySpec[],
  more: Partial<Parameters<typeof stand>[0]> = {},
): Promise<Stand> {
  return stand({
    routes: [{ path: '/', service: 'payments' }],
    services: { payments: { endpoints: [origin], policies } },
    ...more,
  })
}

/** A service whose answers are held back, and a gateway before it. */
async function hanging(policies: PolicySpec[]): Promise<{ held: (() => void)[]; upstream: Service; gateway: Stand }> {
  const held: (() => void)[] = []
  const upstream = await service((_request, response) => void held.push(() => response.end('ok')))
  return { held, upstream, gateway: await payments(upstream.origin, policies) }
}

describe('a service that cannot be reached', () => {
  test('502 names the service and not its address, the record names the address', async () => {
    const origin = await deadOrigin()
    const { url, record } = await payments(origin, [breaker])
    const answer = await call(`${url}/charge`)
    assert.equal(answer.status, 502)
    const { instance = '', ...problem } = answer.problem()
    assert.match(instance, /^urn:trace:[0-9a-f]{32}$/)
    assert.deepEqual(problem, {
      type: 'urn:switchgear:SG_UNREACHABLE',
      title: 'The service cannot be reached.',
      status: 502,
      detail: 'The service "payments" cannot be reached.',
      code: 'SG_UNREACHABLE',
      service: 'payments',
    })
    assert.ok(!answer.text.includes('127.0.0.1') && !answer.text.includes(new URL(origin).port))
    const { seconds, traceId, ...rest } = await record()
    assert.ok(seconds > 0 && seconds < 10)
    assert.equal(instance, `urn:trace:${traceId}`)
    assert.deepEqual(rest, {
      method: 'GET',
      route: '/',
      service: 'payments',
      status: 502,
      attempts: 1,
      code: 'SG_UNREACHABLE',
      cut: false,
      reason: `${origin}: connect ECONNREFUSED ${origin.slice(7)}`,
    })
  })

  test('a name that does not exist is 502 as well', async () => {
    const { url } = await payments('http://nobody.invalid:81', [breaker])
    const answer = await call(url)
    assert.equal(answer.status, 502)
    assert.equal(answer.problem().code, 'SG_UNREACHABLE')
  })

  test('a connection that ends before the head is 502', async () => {
    const upstream = await tcpService((socket) => socket.once('data', () => socket.destroy()))
    const gateway = await payments(upstream.origin, [breaker])
    const answer = await call(gateway.url, { method: 'POST', body: 'x' })
    assert.equal(answer.status, 502)
    assert.equal(answer.problem().code, 'SG_CONNECTION_LOST')
    assert.equal(breakerOf(gateway).totals.failures, 1)
  })

  test('what is not HTTP is 502', async () => {
    const upstream = await tcpService((socket) => socket.once('data', () => socket.end('+PONG\r\n\r\n')))
    const gateway = await payments(upstream.origin, [breaker])
    const answer = await call(gateway.url)
    assert.equal(answer.status, 502)
    assert.equal(answer.problem().code, 'SG_BAD_RESPONSE')
    assert.equal(breakerOf(gateway).totals.failures, 1)
  })
})

describe('an open circuit', () => {
  test('503 with Retry-After rounded up and at least 1, without a call; half-open lets a probe through', async () => {
    const clock = new VirtualClock()
    let status = 500
    const upstream = await service((_request, response) => response.writeHead(status).end('x'))
    const gateway = await payments(upstream.origin, [breaker], { clock, registry: new Registry({ clock }) })
    assert.equal((await call(gateway.url)).status, 500)
    assert.equal((await call(gateway.url)).text, 'x')
    await clock.advance(1500)
    const refused = await call(gateway.url)
    assert.equal(refused.status, 503)
    assert.equal(refused.headers['retry-after'], '29')
    assert.equal(refused.headers['cache-control'], 'no-store')
    const problem = refused.problem()
    assert.equal(problem.code, 'SG_CIRCUIT_OPEN')
    assert.equal(problem.service, 'payments')
    await clock.advance(28_400)
    assert.equal((await call(gateway.url)).headers['retry-after'], '1')
    assert.equal(upstream.requests.length, 2)
    await clock.advance(100)
    status = 200
    assert.equal((await call(gateway.url)).status, 200)
    assert.equal(breakerOf(gateway).state, 'half-open')
  })

  test('an isolated one says so, and 503 has a Retry-After there too', async () => {
    const upstream = await service((_request, response) => response.end())
    const gateway = await payments(upstream.origin, [breaker])
    const circuit = gateway.registry.get('payments')?.policies.find((policy) => policy.name === 'circuitBreaker')
    ;(circuit as unknown as { isolate(reason: string): void }).isolate('maintenance')
    const refused = await call(gateway.url)
    assert.equal(refused.status, 503)
    assert.equal(refused.headers['retry-after'], '1')
    assert.equal(refused.problem().code, 'SG_CIRCUIT_ISOLATED')
    assert.equal(upstream.requests.length, 0)
  })

  test('a refused upload is answered at once and not swallowed', async () => {
    const gateway = await payments(await deadOrigin(), [breaker])
    for (let round = 0; round < 2; round++) await call(gateway.url)
    const client = await wire(gateway.port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000000\r\n\r\nxxxx')
    await eventually(() => client.received().includes('SG_CIRCUIT_OPEN'), 'no answer')
    assert.match(client.received(), /^HTTP\/1\.1 503 /)
    // What it still sends is dropped for a while, so that it can read the answer; then the connection ends.
    const begun = performance.now()
    const sending = setInterval(() => client.socket.write('x'.repeat(1000)), 100)
    await client.closed
    clearInterval(sending)
    assert.ok(performance.now() - begun < 20_000)
  })
})

describe('a full bulkhead', () => {
  test('503, and its slot is free after the last byte', async () => {
    const { held, gateway } = await hanging([{ bulkhead: { maxInFlight: 1 } }])
    const first = call(gateway.url)
    await eventually(() => held.length === 1, 'the first did not arrive')
    const refused = await call(gateway.url)
    assert.equal(refused.status, 503)
    assert.equal(refused.headers['retry-after'], '1')
    assert.equal(refused.problem().code, 'SG_BULKHEAD_FULL')
    held[0]?.()
    assert.equal((await first).text, 'ok')
    const third = call(gateway.url)
    await eventually(() => held.length === 2, 'the slot was not given back')
    held[1]?.()
    await third
  })

  test('with a queue the next one waits for its turn', async () => {
    const { held, gateway, upstream } = await hanging([{ bulkhead: { maxInFlight: 1, maxQueue: 1 } }])
    const first = call(gateway.url)
    await eventually(() => held.length === 1, 'the first did not arrive')
    const second = call(gateway.url)
    await eventually(() => gateway.inFlight() >= 3, 'the second did not queue')
    assert.equal((await call(gateway.url)).problem().code, 'SG_BULKHEAD_FULL')
    assert.equal(upstream.requests.length, 1)
    held[0]?.()
    await eventually(() => held.length === 2, 'the second did not get its turn')
    held[1]?.()
    assert.deepEqual([(await first).status, (await second).status], [200, 200])
  })
})

describe('a service that never answers', () => {
  test('504 at the timeout; it is a failure and opens the circuit', async () => {
    const upstream = await service(() => undefined)
    const gateway = await payments(upstream.origin, [breaker, { timeout: '100ms' }])
    for (let round = 0; round < 2; round++) {
      const answer = await call(gateway.url)
      assert.equal(answer.status, 504)
      assert.equal(answer.problem().code, 'SG_TIMEOUT')
      assert.equal(answer.problem().detail, 'The service "payments" did not answer in time.')
    }
    assert.equal(breakerOf(gateway).state, 'open')
    assert.equal((await call(gateway.url)).status, 503)
    const timeouts = gateway.registry.snapshot().pipelines[0]?.policies.find((policy) => policy.policy === 'timeout')
    assert.equal(timeouts?.policy === 'timeout' && timeouts.totals.timeouts, 2)
    await eventually(() => upstream.sockets.size === 0, 'the hanging connections were kept')
  })

  test('a timeout outside retry bounds all tries, one inside bounds each', async () => {
    const upstream = await service(() => undefined)
    const gateway = await payments(upstream.origin, [
      { timeout: { after: '700ms', name: 'total' } },
      { retry: { maxAttempts: 10, delay: 1, jitter: 0 } },
      { timeout: { after: '150ms', name: 'each' } },
    ])
    const answer = await call(gateway.url)
    assert.equal(answer.status, 504)
    const { attempts, seconds } = await gateway.record()
    assert.ok(attempts >= 2 && attempts <= 5, `${attempts} tries`)
    assert.ok(seconds >= 0.3 && seconds < 5, `${seconds} s`)
    assert.equal(upstream.requests.length, attempts)
  })

  test('a port that accepts and says nothing is 504 as well', async () => {
    const upstream = await tcpService(() => undefined)
    const { url } = await payments(upstream.origin, [{ timeout: '100ms' }])
    assert.equal((await call(url, { method: 'POST', body: 'x' })).status, 504)
  })

  test('a body that stops before the total timeout is cut there, as a failure', async () => {
    const upstream = await service((_request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('x')
    })
    const gateway = await payments(upstream.origin, [breaker, { timeout: '200ms' }])
    const text = await exchangeRaw(gateway.port, get('/'))
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nx$/)
    assert.equal(breakerOf(gateway).totals.failures, 1)
    assert.equal((await gateway.record()).cut, true)
  })

  test('a timeout of a try ends with the head: a long body is left alone', async () => {
    const upstream = await service((_request, response) => {
      response.write('x')
      setTimeout(() => response.end('y'), 400)
    })
    const gateway = await payments(upstream.origin, [{ retry: {} }, { timeout: '100ms' }])
    assert.equal((await call(gateway.url)).text, 'xy')
  })
})

describe('a response that breaks off', () => {
  const halves: [name: string, head: string, body: string][] = [
    ['with a length', 'Content-Length: 100', 'x'.repeat(50)],
    ['in chunks', 'Transfer-Encoding: chunked', '5\r\nhello\r\n'],
    ['in the middle of a chunk', 'Transfer-Encoding: chunked', '5\r\nhel'],
  ]
  for (const [name, head, body] of halves) {
    test(`${name}: the client's connection is destroyed, and it is one further failure`, async () => {
      const upstream = await tcpService((socket) => {
        socket.once('data', () =>
          socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${body}`, () => setTimeout(() => socket.destroy(), 50)),
        )
      })
      const gateway = await payments(upstream.origin, [{ bulkhead: {} }, { retry: {} }, breaker])
      await assert.rejects(() => call(gateway.url), { code: 'ECONNRESET' })
      const text = await exchangeRaw(gateway.port, get('/'))
      assert.match(text, /^HTTP\/1\.1 200 OK\r\n/)
      assert.ok(!text.endsWith('0\r\n\r\n'), 'it looks complete')
      const { totals, state } = breakerOf(gateway)
      assert.deepEqual([totals.successes, totals.failures, state], [2, 2, 'closed'])
      await eventually(() => gateway.records.length === 2, 'no records')
      assert.deepEqual(
        gateway.records.map(({ cut, code, status, attempts }) => [cut, code, status, attempts]),
        Array.from({ length: 2 }, () => [true, 'SG_RESPONSE_CUT', 200, 1]),
      )
    })
  }

  test('an HTTP/1.0 client sees a reset, because an end would look complete', async () => {
    const upstream = await tcpService((socket) => {
      socket.once('data', () =>
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n', () =>
          setTimeout(() => socket.destroy(), 50),
        ),
      )
    })
    const gateway = await payments(upstream.origin, [breaker])
    const client = await wire(gateway.port, 'GET / HTTP/1.0\r\n\r\n')
    let code: string | undefined
    client.socket.on('error', (error: NodeJS.ErrnoException) => (code = error.code))
    await client.closed
    assert.equal(code, 'ECONNRESET')
  })

  test('with a half-written head it is 502', async () => {
    const upstream = await tcpService((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Le')),
    )
    const gateway = await payments(upstream.origin, [breaker])
    assert.equal((await call(gateway.url)).status, 502)
  })

  test('a head that is too large is 502 and bounded', async () => {
    const upstream = await tcpService((socket) =>
      socket.once('data', () =>
        socket.end(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\nContent-Length: 0\r\n\r\n`),
      ),
    )
    const gateway = await payments(upstream.origin, [breaker])
    const answer = await call(gateway.url)
    assert.equal(answer.status, 502)
    assert.equal(answer.problem().code, 'SG_BAD_RESPONSE')
  })
})

describe('a fallback', () => {
  const fallback = { name: 'empty-list', status: 200, headers: { 'content-type': 'application/json' }, body: '[]' }
  const withFallback = (origin: string, more: object = {}): Promise<Stand> =>
    stand({
      routes: [{ path: '/', service: 'payments' }],
      services: {
        payments: {
          endpoints: [origin],
          policies: [breaker, { timeout: '150ms' }],
          fallback: { ...fallback, ...more },
        },
      },
    })

  test('answers for a dead port, a failed status, a timeout and an open circuit, and is marked', async () => {
    const upstream = await service(
      ({ url }, response) => void (url === '/500' && response.writeHead(500).end('broken')),
    )
    for (const path of ['/500', '/hang']) {
      const { url, record } = await withFallback(upstream.origin)
      const answer = await call(url + path)
      assert.equal(answer.status, 200)
      assert.equal(answer.text, '[]')
      assert.equal(answer.headers['switchgear-fallback'], 'empty-list')
      assert.equal(answer.headers['content-type'], 'application/json')
      assert.ok((await record()).reason)
    }
    const gateway = await withFallback(await deadOrigin())
    for (let round = 0; round < 3; round++) {
      const answer = await call(gateway.url)
      assert.deepEqual([answer.status, answer.text, answer.headers['switchgear-fallback']], [200, '[]', 'empty-list'])
    }
    await eventually(() => gateway.records.length === 3, 'no records')
    assert.deepEqual(
      gateway.records.map(({ code, attempts }) => [code, attempts]),
      [
        ['SG_UNREACHABLE', 1],
        ['SG_UNREACHABLE', 1],
        ['SG_CIRCUIT_OPEN', 0],
      ],
    )
  })

  test('keeps out of good answers and of the client’s own mistakes', async () => {
    const upstream = await service((_request, response) => response.writeHead(404).end('no such order'))
    const { url } = await withFallback(upstream.origin)
    const answer = await call(url)
    assert.deepEqual(
      [answer.status, answer.text, answer.headers['switchgear-fallback']],
      [404, 'no such order', undefined],
    )
  })

  test('its own status stands', async () => {
    const { url } = await withFallback(await deadOrigin(), { status: 202, body: '' })
    const answer = await call(url)
    assert.deepEqual([answer.status, answer.headers['content-length']], [202, '0'])
    assert.equal((await call(url, { method: 'HEAD' })).status, 202)
  })

  test('a cached one gives the last good answer to the same path', async () => {
    let healthy = true
    const upstream = await service(({ url }, response) => {
      if (healthy) response.writeHead(200, { 'content-type': 'text/plain', 'x-kept': '1' }).end(`fresh ${url}`)
      else response.writeHead(503).end('down')
    })
    const { url } = await stand({
      routes: [{ path: '/r', service: 'r', stripPrefix: true }],
      services: { r: { endpoints: [upstream.origin], policies: [breaker], fallback: { cached: true } } },
    })
    assert.equal((await call(`${url}/r/a?b`)).headers['switchgear-fallback'], undefined)
    healthy = false
    const stored = await call(`${url}/r/a?b`)
    assert.deepEqual([stored.status, stored.text, stored.headers['x-kept']], [200, 'fresh /a?b', '1'])
    assert.equal(stored.headers['switchgear-fallback'], 'fallback')
    const other = await call(`${url}/r/other`)
    assert.deepEqual([other.status, other.text], [503, 'down'])
  })

  test('among the policies it is refused, with the place where it belongs', async () => {
    const policies: PolicySpec[] = [{ fallback: { value: 1 } }, breaker]
    await assert.rejects(async () => payments('http://127.0.0.1:1', policies), {
      code: 'SG_BAD_OPTIONS',
      message: /services\.payments\.policies\[0\].*services\.payments\.fallback/,
    })
  })
})
