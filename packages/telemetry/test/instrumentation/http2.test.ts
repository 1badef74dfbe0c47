import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Stream, connect, constants, createServer, type ServerHttp2Stream } from 'node:http2'
import { text } from 'node:stream/consumers'
import { describe, it, type TestContext } from 'node:test'
import {
  type ClientUnaryCall,
  credentials,
  type handleUnaryCall,
  makeGenericClientConstructor,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
  status as grpcStatus,
} from '@grpc/grpc-js'
import { excludeServer } from '../../src/instrumentation/http-exclusions.ts'
import { setRoute } from '../../src/instrumentation/http-exchange.ts'
import { activeContext, rootContext, runIn } from '../../src/trace/context.ts'
import { Span } from '../../src/trace/span.ts'
import { listen, pause, Recording } from './http-recording.ts'

const only = { server: false, client: false, undici: false } as const
const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

function session(test: TestContext, port: number): ReturnType<typeof connect> {
  const opened = connect(`http://127.0.0.1:${port}`)
  test.after(() => opened.close())
  return opened
}

async function body(stream: ClientHttp2Stream): Promise<string> {
  const heard = await text(stream)
  if (!stream.closed) await once(stream, 'close')
  return heard
}

describe('spans of streams of node:http2', () => {
  it('say what the conventions ask for, on both sides', async (test) => {
    const recording = new Recording(test, only)
    const server = createServer()
    server.on('stream', (stream: ServerHttp2Stream) => {
      setRoute('/a/:id')
      stream.respond({ ':status': 404 })
      stream.end('none')
    })
    const port = await listen(test, server)
    const sent = session(test, port).request({ ':path': '/a/1?sig=secret', traceparent, 'user-agent': 'tester' })
    assert.equal(await body(sent), 'none')
    const spans = await recording.spans(2)
    const served = spans.find(({ kind }) => kind === 'server')
    const client = spans.find(({ kind }) => kind === 'client')
    const { 'network.peer.port': peerPort, ...attributes } = served?.attributes ?? {}
    assert.equal(typeof peerPort, 'number')
    assert.deepEqual(attributes, {
      'http.request.method': 'GET',
      'http.response.status_code': 404,
      'http.route': '/a/:id',
      'url.scheme': 'http',
      'url.path': '/a/1',
      'url.query': 'sig=REDACTED',
      'server.address': '127.0.0.1',
      'server.port': port,
      'client.address': '127.0.0.1',
      'network.peer.address': '127.0.0.1',
      'network.protocol.version': '2',
      'user_agent.original': 'tester',
    })
    assert.equal(served?.name, 'GET /a/:id')
    assert.equal(served?.status, 'unset')
    assert.equal(served?.parentSpanId, '00f067aa0ba902b7')
    assert.equal(client?.name, 'GET')
    assert.equal(client?.attributes['url.full'], `http://127.0.0.1:${port}/a/1?sig=REDACTED`)
    assert.equal(client?.attributes['error.type'], '404')
    assert.equal(client?.attributes['network.protocol.version'], '2')
  })

  it('hold their context in the events of the stream, many at once', async (test) => {
    const recording = new Recording(test, only)
    const wrong: string[] = []
    const server = createServer((request, response) => {
      const { span } = activeContext()
      const look = (event: string): void => {
        if (!(span instanceof Span) || activeContext().span !== span) wrong.push(event)
      }
      request.on('data', () => look('data'))
      request.on('end', async () => {
        look('end')
        await pause(Math.random() * 5)
        look('timer')
        response.end(span?.spanContext().spanId ?? '')
      })
      response.on('finish', () => look('finish'))
    })
    const opened = session(test, await listen(test, server))
    const ask = async (): Promise<string> => {
      const stream = opened.request({ ':method': 'POST', ':path': '/' })
      stream.write('a')
      await pause(2)
      stream.end('b')
      return body(stream)
    }
    const ids = new Set(await Promise.all(Array.from({ length: 40 }, ask)))
    const served = (await recording.spans(80)).filter(({ kind }) => kind === 'server')
    assert.deepEqual(new Set(served.map(({ spanId }) => spanId)), ids)
    assert.equal(ids.size, 40)
    assert.deepEqual(wrong, [])
    assert.equal(activeContext(), rootContext)
  })

  it('tell who ended a stream', async (test) => {
    const recording = new Recording(test, only)
    const server = createServer()
    server.on('stream', (stream: ServerHttp2Stream, headers) => {
      stream.on('error', () => {})
      if (headers[':path'] === '/refused') stream.close(constants.NGHTTP2_REFUSED_STREAM)
      else stream.respond({ ':status': 200 })
    })
    const opened = session(test, await listen(test, server))
    const refused = opened.request({ ':path': '/refused' })
    await assert.rejects(text(refused))
    const left = opened.request({ ':path': '/left' })
    await once(left, 'response')
    left.close(constants.NGHTTP2_CANCEL)
    const spans = await recording.spans(4)
    const errors = (kind: string): unknown[] =>
      spans.filter((span) => span.kind === kind).map(({ attributes }) => attributes['error.type'])
    assert.deepEqual(errors('server'), ['NGHTTP2_REFUSED_STREAM', 'aborted'])
    assert.deepEqual(errors('client'), ['NGHTTP2_REFUSED_STREAM', undefined])
  })

  it('are not made for servers that were left out', async (test) => {
    const recording = new Recording(test, only)
    let quiet: unknown
    const server = createServer((_, response) => {
      quiet = activeContext().suppressed
      response.end()
    })
    excludeServer(server)
    await body(session(test, await listen(test, server)).request({ ':path': '/' }))
    await recording.spans(1)
    assert.equal(quiet, true)
  })
})

type Unary = handleUnaryCall<string, string>
const bytes = (value: string): Buffer => Buffer.from(value)
const method = {
  requestStream: false,
  responseStream: false,
  requestSerialize: bytes,
  requestDeserialize: String,
  responseSerialize: bytes,
  responseDeserialize: String,
} as const
const service = { Take: { ...method, path: '/shop.Orders/Take' }, Other: { ...method, path: '/shop.Orders/Other' } }

type Call = (argument: string, metadata: Metadata, done: (error: ServiceError | null) => void) => ClientUnaryCall

/** A gRPC server with one method, and its client. */
async function grpc(
  test: TestContext,
  take: Unary,
): Promise<{ port: number; call(name: 'Take' | 'Other'): Promise<unknown> }> {
  const server = new Server()
  server.addService({ Take: service.Take }, { Take: take })
  const port = await new Promise<number>((resolve, reject) => {
    const done = (error: Error | null, bound: number): void => (error === null ? resolve(bound) : reject(error))
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), done)
  })
  const client = new (makeGenericClientConstructor(service, 'Orders'))(
    `127.0.0.1:${port}`,
    credentials.createInsecure(),
  )
  test.after(() => {
    client.close()
    server.forceShutdown()
  })
  const metadata = new Metadata()
  metadata.set('traceparent', traceparent)
  const call = (name: 'Take' | 'Other'): Promise<unknown> =>
    new Promise((resolve) => {
      const run = client[name] as unknown as Call
      run.call(client, 'x', metadata, (error) => resolve(error?.code ?? 0))
    })
  return { port, call }
}

describe('spans of gRPC calls', () => {
  it('name the method and the status, and hold their context', async (test) => {
    const recording = new Recording(test, only)
    const seen: unknown[] = []
    const { port, call } = await grpc(test, (_, done) => {
      seen.push(activeContext().span?.spanContext().spanId)
      setTimeout(() => done(null, 'y'), 5)
    })
    const { tracer } = recording
    const parent = tracer.start({ name: 'test' }, 'parent', 0, undefined, tracer.clock.now())
    assert.equal(await runIn(rootContext.withSpan(parent), () => call('Take')), 0)
    const spans = await recording.spans(2)
    const served = spans.find(({ kind }) => kind === 'server')
    const sent = spans.find(({ kind }) => kind === 'client')
    for (const span of [served, sent]) {
      assert.equal(span?.name, 'shop.Orders/Take')
      assert.equal(span?.status, 'unset')
      assert.equal(span?.attributes['rpc.system.name'], 'grpc')
      assert.equal(span?.attributes['rpc.method'], 'shop.Orders/Take')
      assert.equal(span?.attributes['rpc.status_code'], 'OK')
      assert.equal(span?.attributes['server.port'], port)
    }
    assert.deepEqual(seen, [served?.spanId])
    assert.equal(served?.parentSpanId, '00f067aa0ba902b7')
    assert.equal(sent?.parentSpanId, parent.spanIdHex())
  })

  it('are errors on the side that failed', async (test) => {
    const recording = new Recording(test, only)
    let code: number = grpcStatus.NOT_FOUND
    const { call } = await grpc(test, (_, done) => done({ code, details: 'no' }))
    assert.equal(await call('Take'), grpcStatus.NOT_FOUND)
    code = grpcStatus.UNAVAILABLE
    assert.equal(await call('Take'), grpcStatus.UNAVAILABLE)
    assert.equal(await call('Other'), grpcStatus.UNIMPLEMENTED)
    const spans = await recording.spans(6)
    const told = (kind: string): unknown[] =>
      spans
        .filter((span) => span.kind === kind)
        .map(({ name, attributes }) => [name, attributes['rpc.status_code'], attributes['error.type']])
    assert.deepEqual(told('server'), [
      ['shop.Orders/Take', 'NOT_FOUND', undefined],
      ['shop.Orders/Take', 'UNAVAILABLE', 'UNAVAILABLE'],
      ['grpc', 'UNIMPLEMENTED', 'UNIMPLEMENTED'],
    ])
    assert.deepEqual(told('client'), [
      ['shop.Orders/Take', 'NOT_FOUND', 'NOT_FOUND'],
      ['shop.Orders/Take', 'UNAVAILABLE', 'UNAVAILABLE'],
      ['grpc', 'UNIMPLEMENTED', 'UNIMPLEMENTED'],
    ])
    assert.ok(
      spans.every(
        ({ attributes }) => attributes['rpc.method_original'] === undefined || attributes['rpc.method'] === '_OTHER',
      ),
    )
  })
})
