import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { Agent, get, type IncomingMessage, request } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, it, type TestContext } from 'node:test'
import { propagation } from '@opentelemetry/api'
import { claim } from '../../src/instrumentation/http-claims.ts'
import type { HttpClientDurations } from '../../src/metrics/http-durations.ts'
import { activeContext, rootContext, runIn, suppress } from '../../src/trace/context.ts'
import { listen, pause, Recording, serve } from './http-recording.ts'

const only = { server: false, undici: false, http2: false } as const

/** Answers with what it was sent: the headers as JSON. */
function echo(test: TestContext): Promise<number> {
  return serve(test, (received, response) => {
    response.statusCode = Number(received.headers['x-status'] ?? 200)
    response.end(JSON.stringify(received.headers))
  })
}

async function answer(sent: ReturnType<typeof request>): Promise<{ response: IncomingMessage; body: string }> {
  sent.end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return { response, body: await text(response) }
}

describe('a span of a request of node:http', () => {
  it('says what the conventions ask for, and goes on in the headers', async (test) => {
    const recording = new Recording(test, { ...only, captureRequestHeaders: ['x-shop'] })
    const port = await echo(test)
    const parent = recording.tracer.start({ name: 'test' }, 'parent', 0, undefined, recording.tracer.clock.now())
    const baggage = propagation.createBaggage({ user: { value: '7' } })
    const { body } = await runIn(rootContext.withSpan(parent).withBaggage(baggage), () =>
      answer(request(`http://name:secret@127.0.0.1:${port}/a?b=1&sig=secret`, { headers: { 'x-shop': 'north' } })),
    )
    const span = await recording.one('client')
    const headers = JSON.parse(body) as Record<string, string>
    assert.equal(headers['traceparent'], `00-${span.traceId}-${span.spanId}-03`)
    assert.equal(headers['baggage'], 'user=7')
    assert.equal(span.parentSpanId, parent.spanIdHex())
    assert.equal(span.name, 'GET')
    assert.equal(span.status, 'unset')
    assert.deepEqual(span.attributes, {
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'server.address': '127.0.0.1',
      'server.port': port,
      'network.peer.address': '127.0.0.1',
      'network.peer.port': port,
      'network.protocol.version': '1.1',
      'url.full': `http://127.0.0.1:${port}/a?b=1&sig=REDACTED`,
      'http.request.header.x-shop': ['north'],
    })
    assert.equal(JSON.stringify(span).includes('secret'), false)
  })

  it('is one for each request of a connection that is kept', async (test) => {
    const recording = new Recording(test, only)
    const port = await echo(test)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    test.after(() => agent.destroy())
    const traces: unknown[] = []
    for (let index = 0; index < 5; index++) {
      const { body } = await answer(request({ port, host: '127.0.0.1', path: `/${index}`, agent }))
      traces.push((JSON.parse(body) as Record<string, string>)['traceparent']?.slice(3, 35))
    }
    const spans = await recording.spans(5)
    assert.deepEqual(
      spans.map(({ traceId }) => traceId),
      traces,
    )
    assert.deepEqual(
      spans.map(({ attributes }) => String(attributes['url.full']).slice(-2)),
      ['/0', '/1', '/2', '/3', '/4'],
    )
  })

  it('fails with statuses of 400 and more', async (test) => {
    const recording = new Recording(test, only)
    const port = await echo(test)
    await answer(request({ port, host: '127.0.0.1', headers: { 'x-status': '404' } }))
    const span = await recording.one('client')
    assert.equal(span.status, 'error')
    assert.equal(span.attributes['error.type'], '404')
  })

  it('fails with the code of the error, and not because the caller gave up', async (test) => {
    const recording = new Recording(test, only)
    const closed = createTcpServer((socket) => socket.destroy())
    const port = await listen(test, closed)
    const hung = await serve(test, () => {})
    const broken = await serve(test, (_, response) => {
      response.write('begin')
      setTimeout(() => response.destroy(), 10)
    })
    await assert.rejects(answer(request({ port, host: '127.0.0.1' })))
    const refused = request({ port: 1, host: '127.0.0.1' })
    await assert.rejects(answer(refused))
    await assert.rejects(answer(request({ port: broken, host: '127.0.0.1' })))
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 20)
    await assert.rejects(answer(request({ port: hung, host: '127.0.0.1', signal: controller.signal })))
    const spans = await recording.spans(4)
    assert.deepEqual(
      spans.map(({ status, attributes }) => [
        status,
        attributes['error.type'],
        attributes['http.response.status_code'],
      ]),
      [
        ['error', 'ECONNRESET', undefined],
        ['error', 'ECONNREFUSED', undefined],
        ['error', 'ECONNRESET', 200],
        ['unset', undefined, undefined],
      ],
    )
  })

  it('leaves alone what the application has set itself', async (test) => {
    const recording = new Recording(test, only)
    const port = await echo(test)
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const { body } = await answer(request({ port, host: '127.0.0.1', headers: { traceparent } }))
    assert.equal((JSON.parse(body) as Record<string, string>)['traceparent'], traceparent)
    const list = ['Host', 'a.example', 'X-A', '1']
    await answer(request({ port, host: '127.0.0.1', headers: list }))
    const spans = await recording.spans(2)
    assert.ok(spans.every(({ status }) => status === 'unset'))
    assert.deepEqual(recording.problems, [])
  })

  it('is not made where nothing is traced, for claimed requests and for hosts that are left out', async (test) => {
    const port = await echo(test)
    const recording = new Recording(test, {
      ...only,
      excludedHosts: [`localhost:${port}`],
      ignore: ({ side, path }) => side === 'client' && path === '/ignored',
    })
    const quiet = await runIn(suppress(activeContext()), () => answer(request({ port, host: '127.0.0.1' })))
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const release = claim(traceparent)
    const claimed = await answer(request({ port, host: '127.0.0.1', headers: { traceparent } }))
    release()
    const excluded = await answer(request({ port, host: '127.0.0.1', headers: { host: `localhost:${port}` } }))
    const ignored = await answer(request({ port, host: '127.0.0.1', path: '/ignored' }))
    for (const { body } of [quiet, excluded, ignored]) assert.equal(body.includes('traceparent'), false)
    assert.ok(claimed.body.includes(traceparent))
    await recording.spans(0)
    await answer(request({ port, host: '127.0.0.1', headers: { traceparent } }))
    await recording.spans(1)
  })

  it('is not recorded when the sampler does not want it, but goes on and is measured', async (test) => {
    const measured: unknown[][] = []
    const clientDurations = {
      peer: (...peer: unknown[]) => ({
        observe: (...args: unknown[]) => measured.push([...peer, ...args.slice(0, 3)]),
      }),
    } as unknown as HttpClientDurations
    const none = { description: 'none', decide: () => ({ sampled: false }) }
    const recording = new Recording(test, { ...only, clientDurations }, none)
    const port = await echo(test)
    const { body } = await answer(request({ port, host: '127.0.0.1', method: 'POST', headers: { 'x-status': '500' } }))
    assert.match((JSON.parse(body) as Record<string, string>)['traceparent'] ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-02$/)
    await recording.spans(0)
    assert.deepEqual(measured, [['', 'http', '127.0.0.1', port, 'POST', 500, '500']])
  })
})

const channels = [
  'http.server.request.start',
  'http.server.response.finish',
  'http.client.request.created',
  'http.client.response.finish',
  'http.client.request.error',
  'undici:request:create',
  'undici:client:sendHeaders',
  'undici:request:headers',
  'undici:request:trailers',
  'undici:request:error',
  'http2.server.stream.created',
  'http2.server.stream.close',
  'http2.client.stream.created',
  'http2.client.stream.finish',
  'http2.client.stream.error',
  'tracing:fastify.request.handler:start',
]

describe('the undo', () => {
  it('leaves nothing behind, also for a request under way', async (test) => {
    const recording = new Recording(test)
    const port = await serve(test, async (_, response) => {
      await pause(30)
      response.end()
    })
    const sent = get({ port, host: '127.0.0.1' })
    await pause(10)
    for (const name of channels) assert.equal(channel(name).hasSubscribers, true, name)
    recording.undo()
    recording.undo()
    await answer(sent)
    await answer(request({ port, host: '127.0.0.1' }))
    await recording.spans(1)
    for (const name of channels) assert.equal(channel(name).hasSubscribers, false, name)
    assert.equal(recording.undo.totals.errors, 0)
  })
})
