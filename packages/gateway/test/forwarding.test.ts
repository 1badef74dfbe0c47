import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { afterEach, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { call, eventually, exchangeRaw, service, stand, tcpService, tearDown, wire } from './stand.ts'

afterEach(tearDown)

const open = { policies: [{ circuitBreaker: {} }] }
const head = (method: string, path: string, more = ''): string => `${method} ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`
const pairs = (raw: readonly string[]): string[] =>
  raw.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${raw[index + 1]}`] : []))

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

describe('the request', () => {
  test('reaches the service of its route, with method, normalised path, query and body', async () => {
    const echo = await service(async (request, response) => {
      response.end(`${request.method} ${request.url} ${await bodyOf(request)}`)
    })
    const { url } = await stand({
      routes: [
        { path: '/echo', service: 'echo' },
        { path: '/cut', service: 'echo', stripPrefix: true },
      ],
      services: { echo: { endpoints: [echo.origin], ...open } },
    })
    assert.equal((await call(`${url}/echo/%61?x=%2F..`)).text, 'GET /echo/a?x=%2F.. ')
    assert.equal((await call(`${url}/cut/a?x`, { method: 'POST', body: 'hello' })).text, 'POST /a?x hello')
    assert.equal((await call(`${url}/cut?x`, { method: 'DELETE' })).text, 'DELETE /?x ')
    assert.equal(
      (await call(`${url}/cut`, { method: 'PUT', body: 'b'.repeat(70_000) })).text,
      `PUT / ${'b'.repeat(70_000)}`,
    )
  })

  test('loses what belongs to the connection and what only we may say, and keeps the rest in order', async () => {
    const echo = await service((request, response) => response.end(JSON.stringify(pairs(request.rawHeaders))))
    const { url, port } = await stand({
      routes: [{ path: '/', service: 'echo' }],
      services: { echo: { endpoints: [echo.origin], ...open } },
    })
    const lines = [
      'GET / HTTP/1.1',
      'Host: shop.example',
      'Connection: close, X-Secret, X-Forwarded-For',
      'X-Secret: 1',
      'Keep-Alive: timeout=5',
      'Proxy-Authorization: Basic x',
      'TE: trailers',
      'X-Forwarded-For: 6.6.6.6',
      'X-Forwarded-Host: evil.example',
      'X-Forwarded-Port: 1',
      'X-Real-IP: 6.6.6.6',
      'Forwarded: for=6.6.6.6',
      'Via: 1.0 outer',
      'Accept: a/b',
      'X-Twice: 1',
      'x-twice: 2',
      'Cookie: a=b',
    ]
    const answer = await exchangeRaw(port, `${lines.join('\r\n')}\r\n\r\n`)
    const seen = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as string[]
    const traceparent = seen.find((line) => line.startsWith('traceparent: ')) ?? ''
    assert.match(traceparent, /^traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/)
    assert.deepEqual(seen, [
      `host: ${echo.origin.slice(7)}`,
      'connection: keep-alive',
      'Accept: a/b',
      'X-Twice: 1',
      'x-twice: 2',
      'Cookie: a=b',
      'via: 1.0 outer, 1.1 switchgear',
      'x-forwarded-for: 127.0.0.1',
      'x-forwarded-proto: http',
      'x-forwarded-host: shop.example',
      traceparent,
    ])
    assert.ok(url)
  })

  test('continues a valid trace and begins a new one for an invalid', async () => {
    const echo = await service(({ headers }, response) => response.end(`${headers.traceparent} ${headers.tracestate}`))
    const { url, records } = await stand({
      routes: [{ path: '/', service: 'echo' }],
      services: { echo: { endpoints: [echo.origin], ...open } },
    })
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
    const given = { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, tracestate: 'a=1' }
    const [continued = '', state] = (await call(url, { headers: given })).text.split(' ')
    assert.match(continued, new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`))
    assert.ok(!continued.includes('00f067aa0ba902b7'))
    assert.equal(state, 'a=1')
    const [fresh = '', none] = (
      await call(url, { headers: { ...given, traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` } })
    ).text.split(' ')
    assert.match(fresh, /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/)
    assert.equal(none, 'undefined')
    await eventually(() => records.length === 2, 'two records')
    assert.equal(records[0]?.traceId, traceId)
    assert.equal(records[1]?.traceId, fresh.slice(3, 35))
  })

  test('Expect: 100-continue is answered when the service is ready for the body', async () => {
    const echo = await service(async (request, response) => response.end(await bodyOf(request)))
    const { port } = await stand({
      routes: [{ path: '/', service: 'echo' }],
      services: { echo: { endpoints: [echo.origin], ...open } },
    })
    const client = await wire(port, 'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n')
    await eventually(() => client.received().includes('\r\n\r\n'), 'no 100 Continue')
    assert.equal(client.received(), 'HTTP/1.1 100 Continue\r\n\r\n')
    client.socket.write('hello')
    await eventually(() => client.received().endsWith('hello'), 'no answer')
    assert.match(client.received(), /\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
    assert.equal(echo.requests[0]?.headers.expect, undefined)
  })

  test('who expects 100-continue and is refused never hears it, and the connection ends', async () => {
    const { port } = await stand({ routes: [], services: {} })
    const answer = await exchangeRaw(
      port,
      'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n',
    )
    assert.match(answer, /^HTTP\/1\.1 404 /)
    assert.match(answer, /\r\nconnection: close\r\n/i)
  })

  test('a body without a length is streamed while it comes', async () => {
    const seen: string[] = []
    const echo = await service(async (request, response) => {
      for await (const chunk of request) seen.push(String(chunk))
      response.end('done')
    })
    const { url } = await stand({
      routes: [{ path: '/', service: 'echo' }],
      services: { echo: { endpoints: [echo.origin], ...open } },
    })
    const request = httpRequest(url, { method: 'POST', agent: false })
    request.write('one')
    await eventually(() => seen.length === 1, 'the first chunk did not pass')
    request.end('two')
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    assert.equal(await bodyOf(response), 'done')
    assert.deepEqual(seen, ['one', 'two'])
    assert.equal(echo.requests[0]?.headers['transfer-encoding'], 'chunked')
  })
})

describe('the response', () => {
  test('loses what belongs to the connection and keeps the rest, repeated fields too', async () => {
    const upstream = await service((_request, response) => {
      response.writeHead(201, [
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
        ['Connection', 'close, X-Internal'],
        ['X-Internal', 'secret'],
        ['Keep-Alive', 'timeout=5'],
        ['Proxy-Authenticate', 'Basic'],
        ['Via', '1.1 inner'],
        ['X-Kept', 'yes'],
        ['Content-Length', '2'],
      ] as never)
      response.end('ok')
    })
    const { url } = await stand({
      routes: [{ path: '/', service: 'upstream' }],
      services: { upstream: { endpoints: [upstream.origin], ...open } },
    })
    const answer = await call(url)
    assert.equal(answer.status, 201)
    assert.equal(answer.text, 'ok')
    assert.deepEqual(
      pairs(answer.rawHeaders).filter((line) => !line.startsWith('Date')),
      [
        'Set-Cookie: a=1',
        'Set-Cookie: b=2',
        'X-Kept: yes',
        'Content-Length: 2',
        'via: 1.1 inner, 1.1 switchgear',
        'Connection: close',
      ],
    )
  })

  test('HEAD, 204 and 304 have no body, and their connection stays usable', async () => {
    const upstream = await service((request, response) => {
      if (request.url === '/head') response.setHeader('content-length', '1234')
      if (request.url === '/304') response.setHeader('etag', '"x"')
      response.statusCode = request.url === '/204' ? 204 : request.url === '/304' ? 304 : 200
      response.end()
    })
    const { port } = await stand({
      routes: [{ path: '/', service: 'upstream' }],
      services: { upstream: { endpoints: [upstream.origin], ...open } },
    })
    const text = await exchangeRaw(
      port,
      head('HEAD', '/head') + head('GET', '/204') + head('GET', '/304') + head('GET', '/x', 'Connection: close\r\n'),
    )
    const parts = text.split(/(?=HTTP\/1\.1 )/)
    assert.deepEqual(
      parts.map((part) => part.slice(9, 12)),
      ['200', '204', '304', '200'],
    )
    assert.match(parts[0] ?? '', /\r\ncontent-length: 1234\r\n/i)
    for (const part of parts.slice(0, 3))
      assert.ok(part.endsWith('\r\n\r\n') && part.split('\r\n\r\n').length === 2, part)
    assert.doesNotMatch(parts[1] ?? '', /content-length|transfer-encoding/i)
    assert.match(parts[2] ?? '', /\r\netag: "x"\r\n/i)
  })

  test('a 204 that speaks of a length loses it', async () => {
    const upstream = await tcpService((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n'))
    })
    const { url } = await stand({
      routes: [{ path: '/', service: 'upstream' }],
      services: { upstream: { endpoints: [upstream.origin], ...open } },
    })
    const answer = await call(url)
    assert.deepEqual([answer.status, answer.headers['content-length']], [204, undefined])
  })

  test('its head goes out before its body comes', async () => {
    const held: ServerResponse[] = []
    const upstream = await service((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      held.push(response)
    })
    const { port } = await stand({
      routes: [{ path: '/', service: 'upstream' }],
      services: { upstream: { endpoints: [upstream.origin], ...open } },
    })
    const client = await wire(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    await eventually(() => client.received().endsWith('\r\n\r\n'), 'the head was held back')
    held[0]?.end('data: 1\n\n')
    assert.match(await client.closed, /data: 1\n\n\r\n0\r\n\r\n$/)
  })

  test('a 103 before it is not taken for it', async () => {
    const upstream = await tcpService((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      })
    })
    const { url } = await stand({
      routes: [{ path: '/', service: 'upstream' }],
      services: { upstream: { endpoints: [upstream.origin], ...open } },
    })
    const answer = await call(url)
    assert.equal(answer.status, 200)
    assert.equal(answer.text, 'ok')
  })

  test('an HTTP/1.0 client gets a plain body and the end of the connection', async () => {
    const upstream = await service((_request, response) => {
      response.write('a')
      response.end('b')
    })
    const { port } = await stand({
      routes: [{ path: '/', service: 'upstream' }],
      services: { upstream: { endpoints: [upstream.origin], ...open } },
    })
    const text = await exchangeRaw(port, 'GET / HTTP/1.0\r\n\r\n')
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n/)
    assert.doesNotMatch(text, /transfer-encoding/i)
    assert.ok(text.endsWith('\r\n\r\nab'))
  })
})

test('a service that answers before the body has come is heard, and the rest of the body is dropped', async () => {
  const upstream = await service((_request, response) => {
    response.writeHead(413, { connection: 'close' }).end('too large')
  })
  const { url, port, registry, records } = await stand({
    routes: [{ path: '/', service: 'upstream' }],
    services: { upstream: { endpoints: [upstream.origin], ...open } },
  })
  const client = await wire(port, `${head('POST', '/', 'Content-Length: 50000000\r\n')}${'x'.repeat(100_000)}`)
  await eventually(() => client.received().includes('too large'), 'no answer')
  assert.match(client.received(), /^HTTP\/1\.1 413 /)
  await client.closed
  await eventually(() => records.length === 1, 'no record')
  assert.deepEqual([records[0]?.status, records[0]?.cut], [413, false])
  assert.deepEqual(registry.snapshot().pipelines[0]?.calls, { successes: 1, failures: 0, ignored: 0, inFlight: 0 })
  assert.equal((await call(url)).status, 413)
})

describe('big bodies', () => {
  const megabyte = randomBytes(1 << 20)
  const rounds = 200

  test('pass both ways at once, whole and in bounded memory', { timeout: 120_000 }, async () => {
    const echo = await service((request, response) => void request.pipe(response))
    const { url } = await stand({
      routes: [{ path: '/', service: 'echo' }],
      services: { echo: { endpoints: [echo.origin], ...open } },
    })
    const request = httpRequest(url, { method: 'POST', agent: false })
    const sent = createHash('sha256')
    const got = createHash('sha256')
    let most = 0
    const before = process.memoryUsage().rss
    const answered = once(request, 'response').then(async ([response]) => {
      for await (const chunk of response as IncomingMessage) {
        got.update(chunk as Buffer)
        most = Math.max(most, process.memoryUsage().rss - before)
      }
    })
    for (let round = 0; round < rounds; round++) {
      sent.update(megabyte)
      if (!request.write(megabyte)) await once(request, 'drain')
    }
    request.end()
    await answered
    assert.equal(got.digest('hex'), sent.digest('hex'))
    // 200 MB passed four sockets of this one process; what piles up is far less.
    assert.ok(most < 120e6, `${Math.round(most / 1e6)} MB`)
  })

  test('a client that does not read holds the service back', async () => {
    let written = 0
    const upstream = await service((_request, response) => {
      const push = (): void => {
        let more = true
        while (more && written < rounds) {
          written++
          more = response.write(megabyte)
        }
        if (written < rounds) response.once('drain', push)
        else response.end()
      }
      push()
    })
    const { port } = await stand({
      routes: [{ path: '/', service: 'upstream' }],
      services: { upstream: { endpoints: [upstream.origin], ...open } },
    })
    const client = await wire(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    client.socket.pause()
    await eventually(() => written > 0, 'nothing was sent')
    let last = -1
    while (last !== written) {
      last = written
      await sleep(300)
    }
    // What was taken lies in the buffers of the systems' sockets, a few megabytes each.
    assert.ok(written < 40, `${written} MB were taken from the service`)
    client.socket.destroy()
  })

  test('a service that does not read holds the client back, and is given up', async () => {
    const upstream = await service(() => undefined)
    const { url, record } = await stand({
      routes: [{ path: '/', service: 'upstream' }],
      services: { upstream: { endpoints: [upstream.origin], ...open } },
      stallTimeout: '2s',
    })
    const request = httpRequest(url, { method: 'POST', agent: false })
    // The connection ends while it is still sending.
    request.on('error', () => undefined)
    let written = 0
    const push = (): void => {
      while (written < rounds) {
        written++
        if (!request.write(megabyte)) return void request.once('drain', push)
      }
    }
    push()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    assert.equal(response.statusCode, 504)
    assert.ok(written < 40, `${written} MB were taken from the client`)
    request.destroy()
    assert.equal((await record()).code, 'SG_TIMEOUT')
  })
})
