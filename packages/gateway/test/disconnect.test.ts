// A client that leaves: in every phase its work ends, nothing is held, and no circuit learns a failure from it.
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { type PolicySpec, Registry } from '@switchgear/core'
import { VirtualClock } from '@switchgear/core/testing'
import { call, eventually, service, stand, type Stand, tcpService, tearDown, wire } from './stand.ts'

afterEach(tearDown)

const policies: PolicySpec[] = [
  { bulkhead: { maxInFlight: 1, maxQueue: 5 } },
  { retry: {} },
  { circuitBreaker: { consecutiveFailures: 1 } },
]
const head = (method: string, ...fields: string[]): string =>
  [`${method} / HTTP/1.1`, 'Host: a', ...fields, '', ''].join('\r\n')

function behind(origin: string, more: PolicySpec[] = policies): Promise<Stand> {
  return stand({ routes: [{ path: '/', service: 's' }], services: { s: { endpoints: [origin], policies: more } } })
}

/** No call is left, none counts as a failure, and the record says that the client left. */
async function left(gateway: Stand, { status = 499, cut = false } = {}): Promise<void> {
  await eventually(() => gateway.inFlight() === 0, 'the work went on')
  const record = await gateway.record()
  assert.deepEqual([record.status, record.cut, record.reason], [status, cut, 'the client closed its connection'])
  const [pipeline] = gateway.registry.snapshot().pipelines
  assert.equal(pipeline?.calls?.failures, 0)
  for (const policy of pipeline?.policies ?? []) {
    if (policy.policy === 'circuitBreaker') assert.deepEqual([policy.state, policy.totals.failures], ['closed', 0])
  }
}

test('while it waits for the response head', async () => {
  const upstream = await service(() => undefined)
  const gateway = await behind(upstream.origin)
  const client = await wire(gateway.port, head('GET'))
  await eventually(() => upstream.requests.length === 1, 'it did not arrive')
  client.socket.destroy()
  await left(gateway)
  await eventually(() => upstream.sockets.size === 0, 'the service was not told')
  assert.equal(gateway.registry.snapshot().pipelines[0]?.calls?.ignored, 1)
})

test('by a half-close as well', async () => {
  const upstream = await service(() => undefined)
  const gateway = await behind(upstream.origin)
  const client = await wire(gateway.port, head('GET'))
  await eventually(() => upstream.requests.length === 1, 'it did not arrive')
  client.socket.end()
  await left(gateway)
})

test('while it waits in the queue, and its turn is not taken', async () => {
  const held: (() => void)[] = []
  const upstream = await service((_request, response) => void held.push(() => response.end('ok')))
  const gateway = await behind(upstream.origin)
  const first = call(gateway.url)
  await eventually(() => held.length === 1, 'the first did not arrive')
  const second = await wire(gateway.port, head('GET'))
  await eventually(() => gateway.inFlight() >= 3, 'the second did not queue')
  second.socket.destroy()
  await eventually(() => gateway.records.length === 1, 'it still waits')
  assert.deepEqual([gateway.records[0]?.status, gateway.records[0]?.attempts], [499, 0])
  held[0]?.()
  assert.equal((await first).text, 'ok')
  const third = call(gateway.url)
  await eventually(() => held.length === 2, 'the slot was lost')
  held[1]?.()
  await third
  assert.equal(upstream.requests.length, 2)
})

test('before there is a connection to the service, and then nothing is sent', async () => {
  // All of the pool's connections are taken by requests that hang, so the next one waits for a connection.
  const upstream = await service((request, response) => void (request.url === '/free' && response.end('free')))
  const gateway = await behind(upstream.origin, [{ circuitBreaker: {} }])
  const hanging = await Promise.all(Array.from({ length: 101 }, () => wire(gateway.port, head('GET'))))
  await eventually(() => upstream.requests.length >= 100, 'the pool is not full')
  const seen = upstream.requests.length
  for (const { socket } of hanging.toReversed()) socket.destroy()
  await eventually(() => gateway.inFlight() === 0, 'the work went on')
  await eventually(() => gateway.records.length === 101, 'records are missing')
  assert.ok(gateway.records.every(({ status }) => status === 499))
  await eventually(() => upstream.sockets.size === 0, 'the service was not told')
  // The pool serves in order of arrival: what waited before this one has had its turn.
  assert.equal((await call(`${gateway.url}/free`)).text, 'free')
  assert.deepEqual([seen, upstream.requests.length], [100, 101], 'a request was sent for nobody')
})

test('in the middle of the response body', async () => {
  const upstream = await service((_request, response) => {
    const push = (): void => {
      while (!response.destroyed && response.write('x'.repeat(16_384)));
      response.once('drain', push)
    }
    push()
  })
  const gateway = await behind(upstream.origin)
  const client = await wire(gateway.port, head('GET'))
  await eventually(() => client.received().length > 100_000, 'nothing came')
  client.socket.destroy()
  await left(gateway, { status: 200, cut: true })
  await eventually(() => upstream.sockets.size === 0, 'the service was not told')
  assert.equal(gateway.registry.snapshot().pipelines[0]?.calls?.successes, 1)
  assert.equal((await gateway.record()).code, undefined)
  const { text } = await call(`${gateway.url}/metrics`)
  // Neither here is it the service that broke off.
  assert.match(text, /^http_client_request_duration_seconds_count\{.*error_type="aborted".*\} 1$/m)
  assert.doesNotMatch(text, /SG_RESPONSE_CUT/)
})

test('in the middle of a streamed upload, with a length and without', async () => {
  for (const fields of [['Content-Length: 1000000'], ['Transfer-Encoding: chunked']]) {
    let received = 0
    const upstream = await service((request) => {
      request.on('error', () => undefined)
      request.on('data', (chunk: Buffer) => (received += chunk.length))
    })
    const gateway = await behind(upstream.origin)
    const client = await wire(gateway.port, `${head('POST', ...fields)}5\r\nhello\r\n`)
    await eventually(() => received >= 5, 'nothing passed')
    client.socket.destroy()
    await left(gateway)
    await eventually(() => upstream.sockets.size === 0, 'the service was not told')
    assert.equal(upstream.requests[0]?.complete, false)
  }
})

test('in the middle of a small body, which holds no permit and reaches no service', async () => {
  const upstream = await service(() => undefined)
  const gateway = await behind(upstream.origin)
  const client = await wire(gateway.port, `${head('POST', 'Content-Length: 100')}hello`)
  client.socket.destroy()
  await left(gateway)
  assert.equal(upstream.requests.length, 0)
  assert.equal(gateway.registry.snapshot().pipelines[0]?.calls?.ignored, 0)
})

test('with several requests in one packet, all of them end', async () => {
  const upstream = await service(() => undefined)
  const gateway = await behind(upstream.origin, [{ circuitBreaker: {} }])
  const warnings: string[] = []
  const warned = (warning: Error): void => void warnings.push(warning.message)
  process.on('warning', warned)
  const client = await wire(gateway.port, head('GET').repeat(30))
  await eventually(() => upstream.requests.length === 30, 'they did not arrive')
  client.socket.destroy()
  await eventually(() => gateway.inFlight() === 0, 'the work went on')
  await eventually(() => gateway.records.length === 30, 'not all were told of')
  await eventually(() => upstream.sockets.size === 0, 'the service was not told')
  process.off('warning', warned)
  assert.deepEqual(warnings, [])
})

test('a probe that is given up gives its place to the next one', async () => {
  let mode = 'fail'
  const upstream = await service((_request, response) => {
    if (mode === 'fail') response.writeHead(500).end()
    if (mode === 'work') response.end('ok')
  })
  const clock = new VirtualClock()
  const gateway = await stand({
    routes: [{ path: '/', service: 's' }],
    services: {
      s: { endpoints: [upstream.origin], policies: [{ circuitBreaker: { consecutiveFailures: 1, halfOpenCalls: 1 } }] },
    },
    registry: new Registry({ clock }),
    clock,
  })
  assert.equal((await call(gateway.url)).status, 500)
  await clock.advance(30_000)
  mode = 'hang'
  const probe = await wire(gateway.port, head('GET'))
  await eventually(() => upstream.requests.length === 2, 'no probe')
  assert.equal((await call(gateway.url)).problem().code, 'SG_CIRCUIT_OPEN')
  probe.socket.destroy()
  await eventually(() => gateway.inFlight() === 0, 'the probe was not given back')
  mode = 'work'
  assert.equal((await call(gateway.url)).text, 'ok')
})

test('a client that reads nothing is given up, by the stall or by the total timeout, and it is no failure', async () => {
  const upstream = await tcpService((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n')
      const push = (): void => {
        while (!socket.destroyed && socket.write('x'.repeat(65_536)));
        socket.once('drain', push)
      }
      push()
    })
  })
  for (const [stallTimeout, more] of [
    ['300ms', []],
    ['60s', [{ timeout: '1s' }]],
  ] as const) {
    const gateway = await stand({
      routes: [{ path: '/', service: 's' }],
      services: { s: { endpoints: [upstream.origin], policies: [...more, ...policies] } },
      stallTimeout,
    })
    const client = await wire(gateway.port, head('GET'))
    client.socket.pause()
    await eventually(() => gateway.records.length === 1, 'it was not given up')
    const [record] = gateway.records
    assert.deepEqual([record?.status, record?.cut, record?.reason], [200, true, 'the client neither sent nor read'])
    const [pipeline] = gateway.registry.snapshot().pipelines
    assert.deepEqual([pipeline?.calls?.successes, pipeline?.calls?.failures], [1, 0])
  }
})

test('a client that stops sending is 408, and it is no failure of the service', async () => {
  for (const [fields, sent] of [
    ['Content-Length: 100', 'x'],
    ['Content-Length: 1000000', 'x'],
    ['Transfer-Encoding: chunked', '5\r\nhello\r\n'],
  ] as const) {
    const upstream = await service(() => undefined)
    const gateway = await stand({
      routes: [{ path: '/', service: 's' }],
      services: { s: { endpoints: [upstream.origin], policies: [...policies, { timeout: '100ms' }] } },
      stallTimeout: '300ms',
    })
    const client = await wire(gateway.port, head('POST', fields) + sent)
    await eventually(() => client.received().includes('SG_REQUEST_TIMEOUT'), 'no answer')
    assert.match(client.received(), /^HTTP\/1\.1 408 /)
    assert.equal((await gateway.record()).status, 408)
    const [pipeline] = gateway.registry.snapshot().pipelines
    assert.equal(pipeline?.calls?.failures, 0)
    client.socket.destroy()
  }
})

test('a slow upload is not cut by the timeout of a try while it makes progress', async () => {
  const upstream = await service((request, response) => {
    let length = 0
    request.on('data', (chunk: Buffer) => (length += chunk.length))
    request.on('end', () => response.end(String(length)))
  })
  const gateway = await behind(upstream.origin, [{ retry: {} }, { circuitBreaker: {} }, { timeout: '300ms' }])
  const client = await wire(gateway.port, head('POST', 'Transfer-Encoding: chunked', 'Connection: close'))
  for (let chunk = 0; chunk < 12; chunk++) {
    client.socket.write('5\r\nhello\r\n')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  client.socket.write('0\r\n\r\n')
  assert.match(await client.closed, /^HTTP\/1\.1 200 [^]*\r\n\r\n60$/)
  assert.ok((await gateway.record()).seconds > 0.55)
})
