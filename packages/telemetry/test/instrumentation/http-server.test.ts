import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import type { HttpServerDurations } from '../../src/metrics/http-durations.ts'
import { setRoute } from '../../src/instrumentation/http-exchange.ts'
import { activeContext } from '../../src/trace/context.ts'
import { Span } from '../../src/trace/span.ts'
import { pause, Recording, serve } from './http-recording.ts'

const scope = { name: 'test' }
const only = { client: false, undici: false, http2: false } as const
const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

/** Writes bytes and reads until the peer closes or `until` was seen. */
async function exchange(port: number, request: string, until: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.setEncoding('utf8')
  socket.write(request)
  let heard = ''
  for await (const part of socket) if ((heard += String(part)).includes(until)) break
  socket.destroy()
  return heard
}

describe('a span of a served request', () => {
  it('says what the conventions ask for', async (test) => {
    const recording = new Recording(test, only)
    const port = await serve(test, (_, response) => {
      setRoute('/orders/:id')
      response.statusCode = 201
      response.end('done')
    })
    await fetch(`http://127.0.0.1:${port}/orders/7?color=blue&sig=secret&Signature=x`, {
      headers: { traceparent: parent, tracestate: 'a=b', 'user-agent': 'tester' },
    }).then((answer) => answer.text())
    const span = await recording.one('server')
    assert.equal(span.name, 'GET /orders/:id')
    assert.equal(span.status, 'unset')
    assert.equal(span.traceId, '4bf92f3577b34da6a3ce929d0e0e4736')
    assert.equal(span.parentSpanId, '00f067aa0ba902b7')
    assert.equal(span.traceState, 'a=b')
    assert.equal(span.flags & 0x300, 0x300)
    assert.ok(span.durationNanos > 0)
    const { 'network.peer.port': peerPort, ...attributes } = span.attributes
    assert.equal(typeof peerPort, 'number')
    assert.deepEqual(attributes, {
      'http.request.method': 'GET',
      'http.response.status_code': 201,
      'http.route': '/orders/:id',
      'url.scheme': 'http',
      'url.path': '/orders/7',
      'url.query': 'color=blue&sig=REDACTED&Signature=REDACTED',
      'server.address': '127.0.0.1',
      'server.port': port,
      'client.address': '127.0.0.1',
      'network.peer.address': '127.0.0.1',
      'network.protocol.version': '1.1',
      'user_agent.original': 'tester',
    })
    assert.equal(span.scope.name, '@switchgear/telemetry/http')
  })

  it('tells failures of the server from those of the caller', async (test) => {
    const recording = new Recording(test, only)
    const port = await serve(test, (request, response) => {
      response.statusCode = Number(request.url?.slice(1))
      response.end()
    })
    for (const status of [404, 503]) await fetch(`http://127.0.0.1:${port}/${status}`).then((answer) => answer.text())
    const [missing, broken] = await recording.spans(2)
    assert.equal(missing?.status, 'unset')
    assert.equal(missing?.attributes['error.type'], undefined)
    assert.equal(broken?.status, 'error')
    assert.equal(broken?.statusMessage, '')
    assert.equal(broken?.attributes['error.type'], '503')
    assert.equal(broken?.name, 'GET')
  })

  it('does not take the methods of strangers for its own', async (test) => {
    const recording = new Recording(test, only)
    const port = await serve(test, (_, response) => response.end('x'))
    await exchange(port, 'PROPFIND / HTTP/1.1\r\nHost: a.example:81\r\nConnection: close\r\n\r\n', 'x')
    const span = await recording.one('server')
    assert.equal(span.name, 'HTTP')
    assert.equal(span.attributes['http.request.method'], '_OTHER')
    assert.equal(span.attributes['http.request.method_original'], 'PROPFIND')
    assert.equal(span.attributes['server.address'], 'a.example')
    assert.equal(span.attributes['server.port'], 81)
  })

  it('says of itself what differs from the first request of its connection', async (test) => {
    const recording = new Recording(test, only)
    const port = await serve(test, (_, response) => response.end('end'))
    const head = (host: string, agent: string): string => `GET / HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: ${agent}\r\n`
    await exchange(port, `${head('a', 'one')}\r\n${head('[::1]:8', 'two')}Connection: close\r\n\r\n`, 'never')
    const [first, second] = await recording.spans(2)
    assert.equal(first?.attributes['server.address'], 'a')
    assert.equal(first?.attributes['user_agent.original'], 'one')
    assert.equal(second?.attributes['server.address'], '::1')
    assert.equal(second?.attributes['server.port'], 8)
    assert.equal(second?.attributes['user_agent.original'], 'two')
  })

  it('ends with the last byte, not with the head', async (test) => {
    const recording = new Recording(test, only)
    const port = await serve(test, async (_, response) => {
      response.write('begin')
      await pause(60)
      response.end('end')
    })
    await fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.text())
    assert.ok((await recording.one('server')).durationNanos >= 50e6)
  })

  it('ends when the caller goes away', async (test) => {
    const recording = new Recording(test, only)
    let arrived = (): void => {}
    const underWay = new Promise<void>((resolve) => (arrived = resolve))
    const port = await serve(test, (request, response) => {
      if (request.url === '/begun') response.write('x')
      arrived()
    })
    const socket = connect(port, '127.0.0.1')
    socket.write('GET /quiet HTTP/1.1\r\nHost: a\r\n\r\n')
    await underWay
    socket.destroy()
    await recording.spans(1)
    await assert.rejects(
      fetch(`http://127.0.0.1:${port}/begun`, { signal: AbortSignal.timeout(80) }).then(text as never),
    )
    const [quiet, begun] = await recording.spans(2)
    for (const span of [quiet, begun]) {
      assert.equal(span?.status, 'error')
      assert.equal(span?.attributes['error.type'], 'aborted')
    }
    assert.equal(quiet?.attributes['http.response.status_code'], undefined)
    assert.equal(begun?.attributes['http.response.status_code'], 200)
  })

  it('begins a trace of its own that links to a caller that is not trusted', async (test) => {
    const recording = new Recording(test, { ...only, trustIncoming: false })
    let baggage: unknown = 'none yet'
    const port = await serve(test, (_, response) => {
      baggage = activeContext().baggage
      response.end()
    })
    await fetch(`http://127.0.0.1:${port}/`, { headers: { traceparent: parent, baggage: 'a=b' } })
    const span = await recording.one('server')
    assert.notEqual(span.traceId, '4bf92f3577b34da6a3ce929d0e0e4736')
    assert.equal(span.parentSpanId, undefined)
    assert.equal(span.links[0]?.traceId, '4bf92f3577b34da6a3ce929d0e0e4736')
    assert.equal(span.links[0]?.spanId, '00f067aa0ba902b7')
    assert.equal(baggage, undefined)
  })

  it('keeps headers it was asked for, and no secrets', async (test) => {
    const recording = new Recording(test, {
      ...only,
      captureRequestHeaders: ['X-Shop', 'Authorization'],
      captureResponseHeaders: ['etag', 'set-cookie', 'absent'],
    })
    const port = await serve(test, (_, response) => {
      response.setHeader('ETag', '"1"').setHeader('Set-Cookie', ['a=1', 'b=2'])
      response.end()
    })
    await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-shop': 'north', authorization: 'Bearer secret' } })
    const { attributes } = await recording.one('server')
    assert.deepEqual(attributes['http.request.header.x-shop'], ['north'])
    assert.deepEqual(attributes['http.request.header.authorization'], ['REDACTED'])
    assert.deepEqual(attributes['http.response.header.etag'], ['"1"'])
    assert.deepEqual(attributes['http.response.header.set-cookie'], ['REDACTED', 'REDACTED'])
    assert.equal('http.response.header.absent' in attributes, false)
    assert.equal(JSON.stringify(attributes).includes('secret'), false)
  })

  it('believes a proxy only where it was told to', async (test) => {
    const recording = new Recording(test, { ...only, trustForwarded: true })
    const port = await serve(test, (_, response) => response.end())
    await fetch(`http://127.0.0.1:${port}/`, {
      headers: { 'x-forwarded-for': '203.0.113.9, 10.0.0.1', 'x-forwarded-proto': 'https' },
    })
    const { attributes } = await recording.one('server')
    assert.equal(attributes['client.address'], '203.0.113.9')
    assert.equal(attributes['url.scheme'], 'https')
    assert.equal(attributes['network.peer.address'], '127.0.0.1')
  })

  it('adds what a hook reads from the headers to the context', async (test) => {
    const recording = new Recording(test, {
      ...only,
      enrich: (context, headers) => context.withTenant(String(headers['x-tenant'])),
    })
    const tenants: unknown[] = []
    const port = await serve(test, async (_, response) => {
      await pause(1)
      tenants.push(activeContext().tenant)
      response.end()
    })
    await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-tenant': 'north' } })
    await recording.spans(1)
    assert.deepEqual(tenants, ['north'])
  })
})

describe('the context of a served request', () => {
  it('holds through timers, bodies and keep-alive, for many connections at once', async (test) => {
    const recording = new Recording(test, only)
    const { tracer } = recording
    const port = await serve(test, async (request, response) => {
      const ours = activeContext().span
      const child = (name: string): void => {
        const span = tracer.start(scope, `${name} ${request.url}`, 0, activeContext().span, tracer.clock.now())
        span.finish(tracer.clock.now())
      }
      child('at once')
      request.once('end', () => child('event'))
      await text(request)
      child('body')
      await pause(Math.random() * 8)
      child('timer')
      setRoute(`/r${Number(request.url?.slice(1)) % 7}`)
      assert.equal(activeContext().span, ours)
      response.end('ok')
    })
    const client = async (from: number): Promise<void> => {
      for (let index = from; index < from + 20; index++) {
        const init = index % 2 === 0 ? {} : { method: 'POST', body: 'x'.repeat((index * 997) % 40_000) }
        assert.equal(await fetch(`http://127.0.0.1:${port}/${index}`, init).then((answer) => answer.text()), 'ok')
      }
    }
    await Promise.all(Array.from({ length: 50 }, (_, index) => client(index * 20)))
    const spans = await recording.spans(5000)
    const requests = new Map(spans.filter(({ kind }) => kind === 'server').map((span) => [span.spanId, span]))
    assert.equal(requests.size, 1000)
    assert.equal(new Set([...requests.values()].map(({ traceId }) => traceId)).size, 1000)
    for (const span of spans) {
      if (span.kind === 'server') {
        const path = String(span.attributes['url.path'])
        assert.equal(span.attributes['http.route'], `/r${Number(path.slice(1)) % 7}`)
        continue
      }
      const above = requests.get(span.parentSpanId ?? '')
      assert.equal(span.name.endsWith(` ${String(above?.attributes['url.path'])}`), true, span.name)
      assert.equal(span.traceId, above?.traceId)
    }
    assert.deepEqual(recording.problems, [])
  })

  it('holds for requests that come in one packet and are answered in the other order', async (test) => {
    const recording = new Recording(test, only)
    const seen: string[] = []
    const port = await serve(test, async (request, response) => {
      const before = activeContext().span
      await pause(request.url === '/1' ? 40 : 5)
      seen.push(`${request.url} ${before === activeContext().span && before instanceof Span}`)
      setRoute(`${request.url}`)
      response.end(`<${request.url}>`)
    })
    const requests = [1, 2, 3].map((index) => `GET /${index} HTTP/1.1\r\nHost: a\r\n\r\n`)
    const heard = await exchange(port, requests.join(''), '</3>')
    assert.deepEqual(heard.match(/<.*?>/g), ['</1>', '</2>', '</3>'])
    const spans = await recording.spans(3)
    assert.deepEqual(
      spans.map(({ name }) => name),
      ['GET /1', 'GET /2', 'GET /3'],
    )
    assert.deepEqual(seen.toSorted(), ['/1 true', '/2 true', '/3 true'])
    // All three wait for the first answer, because the connection does.
    for (const { durationNanos } of spans) assert.ok(durationNanos > 30e6)
  })

  it('reaches callbacks of a body that comes packet by packet', async (test) => {
    const recording = new Recording(test, only)
    const contexts: boolean[] = []
    const port = await serve(test, (request, response) => {
      const { span } = activeContext()
      const look = (): void => void contexts.push(activeContext().span === span && span !== undefined)
      request.on('data', look)
      request.on('end', () => {
        look()
        response.end('ok')
      })
    })
    const socket: Socket = connect(port, '127.0.0.1')
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n')
    for (const part of ['a', 'b', 'cd']) {
      await pause(15)
      socket.write(part)
    }
    await once(socket, 'data')
    socket.destroy()
    await recording.spans(1)
    assert.deepEqual(contexts, [true, true, true, true])
  })
})

describe('the context of an aborted request', () => {
  it('is that of its own listeners', async (test) => {
    const recording = new Recording(test, only)
    const heard: string[] = []
    const port = await serve(test, (request, response) => {
      const { span } = activeContext()
      const look = (name: string): void => void heard.push(`${name} ${span === activeContext().span}`)
      request.on('error', () => {})
      request.on('close', () => look('request'))
      response.on('close', () => look('response'))
      setTimeout(() => socket.destroy(), 5)
    })
    const socket = connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await recording.spans(1)
    assert.deepEqual(heard.toSorted(), ['request true', 'response true'])
  })
})

describe('requests that are left out', () => {
  it('leave no span, and nor does what they cause', async (test) => {
    const recording = new Recording(test, { http2: false, ignore: ({ path }) => path === '/healthz' })
    const other = await serve(test, (_, response) => response.end())
    const port = await serve(test, async (request, response) => {
      if (request.url === '/healthz') await fetch(`http://127.0.0.1:${other}/cause`)
      response.end(String(activeContext().suppressed))
    })
    const ask = async (path: string): Promise<string> => {
      const socket = connect(port, '127.0.0.1')
      socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
      return text(socket)
    }
    assert.match(await ask('/healthz'), /true$/)
    assert.match(await ask('/orders'), /false$/)
    // What was caused is another server's request here, which begins a trace of its own.
    const spans = await recording.spans(2)
    assert.deepEqual(
      spans.map(({ kind, attributes }) => `${kind} ${String(attributes['url.path'])}`),
      ['server /cause', 'server /orders'],
    )
    assert.equal(spans[0]?.parentSpanId, undefined)
  })

  it('are still measured when the sampler does not want them', async (test) => {
    const measured: unknown[][] = []
    let underWay = 0
    const gauge = { add: (amount: number) => (underWay += amount) }
    const serverDurations = {
      observe: (...args: unknown[]) => measured.push(args.slice(0, 4)),
      active: () => gauge,
    } as unknown as HttpServerDurations
    const none = { description: 'none', decide: () => ({ sampled: false }) }
    const recording = new Recording(test, { ...only, serverDurations }, none)
    const port = await serve(test, (_, response) => {
      setRoute('/a')
      response.statusCode = 500
      response.end(String(underWay))
    })
    assert.equal(await fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.text()), '1')
    await recording.spans(0)
    assert.deepEqual(measured, [['GET', '/a', 500, '500']])
    assert.equal(underWay, 0)
    assert.equal(recording.tracer.totals.unsampled, 1)
  })
})

describe('a caller that forbids to record', () => {
  it('is obeyed, and so do those who are called', async (test) => {
    const recording = new Recording(test, only)
    const flags: unknown[] = []
    const port = await serve(test, (_, response) => {
      flags.push(activeContext().span?.spanContext().traceFlags)
      response.end()
    })
    await fetch(`http://127.0.0.1:${port}/`, { headers: { b3: '0' } })
    await fetch(`http://127.0.0.1:${port}/`, { headers: { traceparent: parent.replace(/01$/, '00') } })
    await recording.spans(0)
    assert.deepEqual(flags, [0, 0])
  })
})
