import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { afterEach, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Registry } from '@switchgear/core'
import { VirtualClock } from '@switchgear/core/testing'
import { createMetrics } from '@switchgear/telemetry'
import { createGateway, gatewayErrors, type GatewayOptions } from '../src/index.ts'
import { call, eventually, exchangeRaw, type Service, service, stand, type Stand, tearDown, wire } from './stand.ts'

afterEach(tearDown)

const services = { payments: { endpoints: ['http://127.0.0.1:1'] } }
const routes = [{ path: '/payments', service: 'payments' }]

describe('wrong options are named at construction', () => {
  const wrong: [name: string, options: object, message: RegExp][] = [
    [
      'an unknown service',
      { routes: [{ path: '/p', service: 'paymets' }] },
      /routes\[0\]\.service: there is no service "paymets"; did you mean "payments"\?/,
    ],
    ['one unlike any', { routes: [{ path: '/p', service: 'zzz' }] }, /there is no service "zzz"; known are payments$/],
    ['none to know', { routes, services: {} }, /there is no service "payments"; known are none/],
    ['an inherited name', { routes: [{ path: '/p', service: 'constructor' }] }, /there is no service "constructor"/],
    ['a misspelt option', { ports: 1 }, /gateway\.ports is not an option; known are routes, /],
    ['a port', { port: 70_000 }, /gateway\.port must be a whole number in \[0, 65535\], got 70000/],
    ['an empty host', { host: '' }, /gateway\.host/],
    ['a duration', { drainTimeout: 'soon' }, /gateway\.drainTimeout must be a duration/],
    ['a stall of nothing', { stallTimeout: 0 }, /gateway\.stallTimeout/],
    [
      'a route',
      { routes: [{ path: '/metrics', service: 'payments' }] },
      /gateway\.routes\[0\]\.path: the gateway answers \/metrics itself/,
    ],
    [
      'a policy',
      { services: { payments: { endpoints: ['http://127.0.0.1:1'], policies: [{ retry: { maxAttempts: 0 } }] } } },
      /maxAttempts/,
    ],
    ['an endpoint', { services: { payments: { endpoints: ['127.0.0.1:1'] } } }, /services\.payments\.endpoints\[0\]/],
  ]
  for (const [name, options, message] of wrong) {
    test(name, () => {
      const all = { routes, services, ...options } as GatewayOptions
      assert.throws(() => createGateway(all), { code: 'SG_BAD_OPTIONS', message })
    })
  }

  test('a service name that is taken in the registry', () => {
    const registry = new Registry()
    createGateway({ routes, services, registry })
    assert.throws(() => createGateway({ routes, services, registry }), { code: 'SG_DUPLICATE_NAME' })
  })
})

describe('start', () => {
  test('a busy port is named with the way to change it, and once it is free the same gateway starts', async () => {
    const blocker = createServer().listen(0, '127.0.0.1')
    await once(blocker, 'listening')
    const { port } = blocker.address() as AddressInfo
    const gateway = createGateway({ routes, services, port })
    await assert.rejects(() => gateway.start(), {
      code: 'SG_CANNOT_LISTEN',
      message: `the gateway cannot listen on port ${port} of 127.0.0.1: the port is in use by another program; choose another with gateway.port (0 takes a free one) or gateway.host`,
    })
    blocker.close()
    await once(blocker, 'close')
    const started = await gateway.start()
    assert.deepEqual(started, { url: `http://127.0.0.1:${port}`, port })
    await assert.rejects(() => gateway.start(), { code: 'SG_BAD_OPTIONS' })
    await gateway.stop()
    await assert.rejects(() => gateway.start(), { code: 'SG_BAD_OPTIONS' })
  })

  test('an address of another machine is named', async () => {
    const gateway = createGateway({ routes, services, host: '192.0.2.1', port: 0 })
    await assert.rejects(() => gateway.start(), {
      code: 'SG_CANNOT_LISTEN',
      message: /192\.0\.2\.1: this machine has no such address/,
    })
    await gateway.stop()
  })

  test('IPv6 loopback gives a usable URL', async () => {
    const gateway = createGateway({ routes, services, host: '::1', port: 0 })
    const { url, port } = await gateway.start()
    assert.equal(url, `http://[::1]:${port}`)
    assert.equal((await call(`${url}/healthz`)).text, 'ok\n')
    await gateway.stop()
  })

  test('a stop in the middle of it wins', async () => {
    const gateway = createGateway({ routes, services, port: 0 })
    const starting = assert.rejects(gateway.start(), { code: 'SG_BAD_OPTIONS', message: /stop\(\) was called/ })
    await gateway.stop()
    await starting
  })

  test('a gateway that was never started can be stopped', async () => {
    await createGateway({ routes, services }).stop()
  })
})

describe('what the gateway says of itself', () => {
  test('/healthz and /readyz for GET and HEAD, these paths only', async () => {
    const upstream = await service(({ url }, response) => response.end(`service ${url}`))
    const { url, records } = await stand({
      routes: [{ path: '/', service: 's' }],
      services: { s: { endpoints: [upstream.origin] } },
    })
    assert.deepEqual([(await call(`${url}/healthz`)).status, (await call(`${url}/readyz`)).text], [200, 'ready\n'])
    assert.equal((await call(`${url}/%68ealthz?verbose`)).text, 'ok\n')
    const head = await call(`${url}/healthz`, { method: 'HEAD' })
    assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', '3'])
    const post = await call(`${url}/metrics`, { method: 'POST' })
    assert.deepEqual([post.status, post.headers['allow']], [405, 'GET, HEAD'])
    assert.equal((await call(`${url}/healthz/x`)).text, 'service /healthz/x')
    assert.equal((await call(`${url}/metricsx`)).text, 'service /metricsx')
    await eventually(() => records.length === 7, 'no records')
    assert.deepEqual(new Set(records.map(({ route }) => route)), new Set(['/healthz', '/readyz', '/metrics', '/']))
  })

  test('/metrics shows every circuit from the start, and requests by route, never by path', async () => {
    const { url } = await stand({
      routes,
      services: { payments: { ...services.payments, policies: [{ circuitBreaker: { consecutiveFailures: 1 } }] } },
    })
    const before = await call(`${url}/metrics`)
    assert.match(String(before.headers['content-type']), /^text\/plain; version=/)
    assert.match(before.text, /^circuit_breaker_state\{service="payments"\} 0$/m)
    await call(`${url}/payments/secret-7`)
    await call(`${url}/nowhere/secret-8`)
    await call(`${url}/payments/secret-9`)
    const { text } = await call(`${url}/metrics`)
    assert.match(text, /^circuit_breaker_state\{service="payments"\} 1$/m)
    assert.match(text, /^circuit_breaker_failures_total\{service="payments"\} 1$/m)
    assert.match(text, /^circuit_breaker_rejections_total\{service="payments"\} 1$/m)
    const served = text.split('\n').filter((line) => line.startsWith('http_server_request_duration_seconds_count'))
    const one = (...labels: string[]): string[] =>
      served.filter((line) => labels.every((label) => line.includes(label)))
    assert.equal(one('http_route="/payments"', '"502"', 'SG_UNREACHABLE').length, 1)
    assert.equal(one('http_route="/payments"', '"503"', 'SG_CIRCUIT_OPEN').length, 1)
    assert.equal(one('http_route=""', '"404"', 'SG_NO_ROUTE').length, 1)
    assert.doesNotMatch(text, /secret/)
  })
})

/** A gateway before a service that sends one byte and holds back the other. */
async function slow(
  more: Partial<GatewayOptions> = {},
): Promise<{ held: (() => void)[]; upstream: Service; gateway: Stand }> {
  const held: (() => void)[] = []
  const upstream = await service((_request, response) => {
    response.write('a')
    held.push(() => response.end('b'))
  })
  const options = {
    routes: [{ path: '/', service: 's' }],
    services: { s: { endpoints: [upstream.origin], policies: [] } },
    ...more,
  }
  return { held, upstream, gateway: await stand(options) }
}

describe('stop', () => {
  test('lets what is in flight finish, refuses new connections, and says so on old ones', async () => {
    const { held, upstream, gateway } = await slow()
    const busy = call(gateway.url)
    const second = await wire(gateway.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /readyz HTTP/1.1\r\nHost: a\r\n\r\n')
    const idle = await wire(gateway.port, 'GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n')
    const silent = await wire(gateway.port, '')
    const kept = await wire(gateway.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually(() => held.length === 3 && idle.received().endsWith('ready\n'), 'not under way')
    let stopped = false
    const stopping = gateway.gateway.stop().then(() => (stopped = true))
    await idle.closed
    await silent.closed
    await assert.rejects(() => call(gateway.url), { code: 'ECONNREFUSED' })
    assert.equal(stopped, false)
    // A request that comes on a connection which is still busy is served, and told that it is the last.
    second.socket.write('GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n')
    await sleep(50)
    for (const finish of held) finish()
    assert.equal((await busy).text, 'ab')
    const text = await second.closed
    assert.match(text, /ready\n[^]*HTTP\/1\.1 503 Service Unavailable\r\n[^]*\r\nConnection: close\r\n[^]*draining\n$/i)
    const finished = performance.now()
    assert.match(await kept.closed, /\r\nConnection: keep-alive\r\n[^]*b\r\n0\r\n\r\n$/i)
    await stopping
    assert.ok(performance.now() - finished < 5000, 'it waited for an idle connection')
    assert.equal(gateway.gateway.stop(), gateway.gateway.stop())
    await eventually(() => upstream.sockets.size === 0, 'connections to the service are left')
  })

  test('cuts what is not finished after drainTimeout', async () => {
    const { held, upstream, gateway } = await slow({ drainTimeout: '200ms' })
    const busy = await wire(gateway.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually(() => held.length === 1, 'not under way')
    const begun = performance.now()
    await gateway.gateway.stop()
    assert.ok(performance.now() - begun >= 195)
    assert.ok(!(await busy.closed).endsWith('0\r\n\r\n'))
    assert.equal(gateway.inFlight(), 0)
    const record = await gateway.record()
    assert.deepEqual([record.cut, record.reason], [true, 'the gateway stopped before it was finished'])
    await eventually(() => upstream.sockets.size === 0, 'connections to the service are left')
  })

  test('cuts those that wait in a queue or between tries, too', async () => {
    const upstream = await service((_request, response) => void response.writeHead(503).end())
    const gateway = await stand({
      routes: [{ path: '/', service: 's' }],
      services: {
        s: {
          endpoints: [upstream.origin],
          policies: [{ bulkhead: { maxInFlight: 1, maxQueue: 1 } }, { retry: { delay: '30s', maxDelay: '30s' } }],
        },
      },
      drainTimeout: 0,
    })
    const one = await wire(gateway.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually(() => upstream.requests.length === 1, 'no first try')
    const two = await wire(gateway.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually(() => gateway.inFlight() >= 3, 'the second did not queue')
    await gateway.gateway.stop()
    assert.deepEqual([await one.closed, await two.closed], ['', ''])
    assert.equal(gateway.inFlight(), 0)
  })
})

test('a log that throws changes nothing', async () => {
  const gateway = createGateway({
    routes,
    services,
    port: 0,
    log: () => {
      throw new Error('disk full')
    },
  })
  const { url } = await gateway.start()
  assert.equal((await call(`${url}/healthz`)).status, 200)
  assert.equal((await call(`${url}/healthz`)).status, 200)
  await gateway.stop()
})

test('a defect of ours is 500 for one request and a reason in the log', async () => {
  const registry = new Registry()
  const broken = (): never => {
    throw new Error('broken metric')
  }
  const metrics = { ...createMetrics({ registry }), answer: broken }
  const { url, record } = await stand({ routes: [], services: {}, registry, metrics })
  const answer = await call(`${url}/metrics`)
  assert.deepEqual([answer.status, answer.problem().code], [500, 'SG_INTERNAL'])
  assert.doesNotMatch(answer.text, /broken metric/)
  assert.match((await record()).reason ?? '', /broken metric/)
})

test('a finished request leaves no timer behind', async () => {
  const clock = new VirtualClock()
  const upstream = await service((request, response) => void request.pipe(response))
  const { url, port } = await stand({
    routes: [{ path: '/', service: 's' }],
    services: { s: { endpoints: [upstream.origin] } },
    registry: new Registry({ clock }),
    clock,
  })
  const client = await wire(port, 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx')
  await eventually(() => clock.pending === 1, 'it is not waited for')
  client.socket.destroy()
  await eventually(() => clock.pending === 0, 'a timer is left')
  for (const asking of [{}, { method: 'PUT', body: 'small' }, { method: 'POST', body: 'x'.repeat(500_000) }]) {
    assert.equal((await call(url, asking)).status, 200)
    await eventually(() => clock.pending === 0, 'a timer is left')
  }
})

test('pipelined requests are answered in their order', async () => {
  const upstream = await service(({ url }, response) => {
    if (url === '/first') setTimeout(() => response.end('first'), 100)
    else response.end('second')
  })
  const { port } = await stand({
    routes: [{ path: '/', service: 's' }],
    services: { s: { endpoints: [upstream.origin] } },
  })
  const text = await exchangeRaw(
    port,
    'GET /first HTTP/1.1\r\nHost: a\r\n\r\nGET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  )
  assert.match(text, /first[^]*second$/)
})

test('every code that the sources give is documented', () => {
  const folder = new URL('../src/', import.meta.url)
  const used = new Set<string>()
  for (const file of readdirSync(folder)) {
    for (const [code] of readFileSync(new URL(file, folder), 'utf8').matchAll(/SG_[A-Z_]+/g)) used.add(code)
  }
  const lower = [
    'SG_BAD_OPTIONS',
    'SG_BAD_RESPONSE',
    'SG_CONNECTION_LOST',
    'SG_DEADLINE_EXCEEDED',
    'SG_NO_ENDPOINT',
    'SG_RATE_LIMITED',
    'SG_RESPONSE_CUT',
    'SG_TIMEOUT',
    'SG_UNREACHABLE',
    'SG_UNKNOWN_SERVICE',
  ]
  const own = gatewayErrors.map(({ code }) => code)
  assert.deepEqual([...used].filter((code) => !lower.includes(code)).toSorted(), own.toSorted())
  for (const { title, advice } of gatewayErrors) assert.ok(title.endsWith('.') && advice.length > 30)
})
