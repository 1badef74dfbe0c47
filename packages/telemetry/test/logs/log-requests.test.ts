import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http'
import { createServer as createSecureServer, request } from 'node:https'
import { connect, Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { setRoute } from '../../src/instrumentation/http-exchange.ts'
import { AccessLog } from '../../src/logs/access-log.ts'
import type { AccessRecord } from '../../src/logs/access-record.ts'
import { logRequests, type LogRequestsOptions } from '../../src/logs/log-requests.ts'
import { alwaysOff } from '../../src/sampling/head.ts'
import { listen, pause, Recording } from '../instrumentation/http-recording.ts'
import { certificate, privateKey } from '../instrumentation/tls-pair.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const traceparent = `00-${traceId}-00f067aa0ba902b7-01`

/** A server of node:http whose requests are logged. */
class Logged {
  readonly lines: AccessRecord[] = []
  readonly server: Server
  readonly stop: () => void
  readonly port: Promise<number>

  constructor(test: TestContext, listener: RequestListener, options?: LogRequestsOptions) {
    this.server = createServer(listener)
    this.stop = logRequests(this.server, new AccessLog({ log: (record) => this.lines.push(record) }), options)
    this.port = listen(test, this.server)
  }

  async get(path: string, init?: RequestInit): Promise<string> {
    return (await fetch(`http://127.0.0.1:${await this.port}${path}`, init)).text()
  }

  /** Waits for `count` lines; fails after five seconds, and when there are more. */
  async wait(count: number): Promise<AccessRecord[]> {
    const giveUp = performance.now() + 5000
    while (this.lines.length < count && performance.now() < giveUp) await pause(5)
    await pause(10)
    assert.equal(this.lines.length, count, JSON.stringify(this.lines))
    return this.lines
  }
}

describe('a server whose requests are logged', () => {
  it('says of a request what the conventions name', async (test) => {
    const logged = new Logged(test, (request, response) => {
      request.resume().on('end', () => {
        response.statusCode = 201
        response.setHeader('content-length', 4)
        setTimeout(() => response.end('done'), 30)
      })
    })
    await logged.get('/orders/7?color=blue&access_token=hunter2', {
      method: 'POST',
      body: 'hello',
      headers: { 'user-agent': 'tester', traceparent },
    })
    const [line] = await logged.wait(1)
    const { 'http.server.request.duration': seconds, ...rest } = line ?? {}
    assert.ok(Number(seconds) >= 0.025 && Number(seconds) < 5, String(seconds))
    assert.deepEqual(rest, {
      'http.request.method': 'POST',
      'url.scheme': 'http',
      'url.path': '/orders/7',
      'url.query': 'color=blue&access_token=REDACTED',
      'http.response.status_code': 201,
      'server.address': '127.0.0.1',
      'server.port': await logged.port,
      'client.address': '127.0.0.1',
      'user_agent.original': 'tester',
      'network.protocol.version': '1.1',
      'http.request.body.size': 5,
      'http.response.body.size': 4,
      trace_id: traceId,
      trace_flags: '01',
    })
  })

  it('ties lines to the spans of the instrumentation, sampled or not, with route and error', async (test) => {
    for (const sampler of [undefined, alwaysOff]) {
      const recording = new Recording(test, { client: false, undici: false, http2: false }, sampler)
      const logged = new Logged(test, (request, response) => {
        setRoute('/orders/:id')
        response.statusCode = request.url === '/orders/1' ? 503 : 200
        response.end()
      })
      await logged.get('/orders/1')
      await logged.get('/orders/2')
      const [first, second] = await logged.wait(2)
      assert.equal(first?.['http.route'], '/orders/:id')
      assert.equal(first?.['error.type'], '503')
      assert.equal(second?.['error.type'], undefined)
      assert.notEqual(first?.['trace_id'], second?.['trace_id'])
      assert.equal(first?.['trace_flags'], sampler === undefined ? '03' : '02')
      const spans = await recording.spans(sampler === undefined ? 2 : 0)
      for (const [index, { traceId, spanId }] of spans.entries()) {
        assert.equal(logged.lines[index]?.['trace_id'], traceId)
        assert.equal(logged.lines[index]?.['span_id'], spanId)
      }
      recording.undo()
    }
  })

  it('tells when the client has left: before the answer, in it, and before a pipelined request had its turn', async (test) => {
    const arrived: string[] = []
    const logged = new Logged(test, (request, response) => {
      arrived.push(request.url ?? '')
      if (request.url === '/begun') response.write('x')
    })
    const port = await logged.port
    const head = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
    for (const [text, expected] of [
      [head('/quiet'), 1],
      [head('/begun'), 2],
      [head('/first') + head('/second') + head('/third'), 5],
    ] as const) {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      socket.write(text)
      while (arrived.length < expected) await pause(5)
      await pause(20)
      socket.destroy()
      await logged.wait(expected)
    }
    const told = logged.lines.map((line) => [line['url.path'], line['error.type'], line['http.response.status_code']])
    assert.deepEqual(told.slice(0, 2), [
      ['/quiet', 'aborted', undefined],
      ['/begun', 'aborted', 200],
    ])
    assert.deepEqual(told.slice(2).toSorted(), [
      ['/first', 'aborted', undefined],
      ['/second', 'aborted', undefined],
      ['/third', 'aborted', undefined],
    ])
    for (const line of logged.lines) assert.equal(line['client.address'], '127.0.0.1')
  })

  it('tells when a connection is gone whose response Node has never closed', async (test) => {
    const logged = new Logged(test, () => {})
    const socket = new Socket()
    const request = Object.assign(new IncomingMessage(socket), { method: 'GET', url: '/waiting', httpVersion: '1.1' })
    logged.server.emit('request', request, new ServerResponse(request))
    socket.destroy()
    const [line] = await logged.wait(1)
    assert.deepEqual([line?.['url.path'], line?.['error.type']], ['/waiting', 'aborted'])
  })

  it('keeps one listener on a connection however many requests it carries, and none after it stopped', async (test) => {
    const listeners: number[] = []
    const logged = new Logged(test, (request, response) => {
      listeners.push(request.socket.listenerCount('close'))
      response.end('x')
    })
    const socket = connect(await logged.port, '127.0.0.1')
    test.after(() => socket.destroy())
    socket.resume()
    const head = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
    socket.write(head.repeat(20))
    await logged.wait(20)
    assert.equal(new Set(listeners).size, 1)
    logged.stop()
    logged.stop()
    assert.equal(logged.server.listenerCount('request'), 1)
    socket.write(head)
    while (listeners.length < 21) await pause(5)
    await pause(20)
    assert.equal(listeners.at(-1), (listeners[0] ?? 0) - 1)
    assert.equal(logged.lines.length, 20)
  })

  it('forgets what is under way when it stops', async (test) => {
    let finish = (): void => {}
    const logged = new Logged(test, (_, response) => (finish = () => response.end('x')))
    const answer = logged.get('/')
    await once(logged.server, 'request')
    await pause(5)
    logged.stop()
    finish()
    assert.equal(await answer, 'x')
    await logged.wait(0)
  })

  it('leaves out what it is told to', async (test) => {
    const logged = new Logged(test, (_, response) => response.end('x'), { ignore: ({ url }) => url === '/health' })
    await logged.get('/health')
    await logged.get('/orders')
    assert.equal((await logged.wait(1))[0]?.['url.path'], '/orders')
  })

  it('logs what it could not be told about, and checks its options', async (test) => {
    const logged = new Logged(test, (_, response) => response.end('x'), { ignore: () => assert.fail('broken') })
    assert.equal(await logged.get('/orders'), 'x')
    await logged.wait(1)
    const begin = (options: object) => () => logRequests(logged.server, new AccessLog({ log: () => {} }), options)
    assert.throws(begin({ ignore: '/health' }), { message: "logRequests.ignore must be a function, got '/health'" })
    assert.throws(begin({ ignored: [] }), { code: 'SG_BAD_OPTIONS', message: /^logRequests\.ignored is not an option/ })
  })

  it('logs https and HEAD, whose answer has no body', async (test) => {
    const lines: AccessRecord[] = []
    const server = createSecureServer({ key: privateKey, cert: certificate }, (_, response) => {
      response.setHeader('content-length', 4).end('done')
    })
    const stop = logRequests(server, new AccessLog({ log: (record) => lines.push(record) }))
    test.after(stop)
    const port = await listen(test, server)
    for (const method of ['HEAD', 'GET']) {
      const sent = request({ port, method, host: '127.0.0.1', rejectUnauthorized: false }).end()
      const [answer] = (await once(sent, 'response')) as [IncomingMessage]
      await once(answer.resume(), 'end')
    }
    const giveUp = performance.now() + 5000
    while (lines.length < 2 && performance.now() < giveUp) await pause(5)
    const told = lines.map((line) => [line['http.request.method'], line['url.scheme'], line['http.response.body.size']])
    assert.deepEqual(told, [
      ['HEAD', 'https', undefined],
      ['GET', 'https', 4],
    ])
  })

  it('believes forwarding headers only where told to', async (test) => {
    const headers = { 'x-forwarded-for': '192.0.2.7, 10.0.0.1', 'x-forwarded-proto': 'https' }
    for (const [trustForwarded, client, scheme] of [
      [false, '127.0.0.1', 'http'],
      [true, '192.0.2.7', 'https'],
    ] as const) {
      const logged = new Logged(test, (_, response) => response.end('x'), { trustForwarded })
      await logged.get('/', { headers })
      const [line] = await logged.wait(1)
      assert.deepEqual([line?.['client.address'], line?.['url.scheme']], [client, scheme])
    }
  })
})
