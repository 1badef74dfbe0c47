import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { createSecureServer } from 'node:http2'
import { describe, it, type TestContext } from 'node:test'
import { Agent, Client, Pool, fetch as undiciFetch, request, RetryAgent } from 'undici'
import { claim } from '../../src/instrumentation/http-claims.ts'
import { activeContext, rootContext, runIn, suppress } from '../../src/trace/context.ts'
import type { Span } from '../../src/trace/span.ts'
import { listen, pause, Recording, serve } from './http-recording.ts'
import { certificate, privateKey } from './tls-pair.ts'

const only = { server: false, client: false } as const
const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

function echo(test: TestContext, waitMs = 0): Promise<number> {
  return serve(test, async (received, response) => {
    if (waitMs > 0) await pause(waitMs)
    response.statusCode = Number(received.headers['x-status'] ?? 200)
    response.end(JSON.stringify(received.headers))
  })
}

function below(recording: Recording): Span {
  const { tracer } = recording
  return tracer.start({ name: 'test' }, 'parent', 0, undefined, tracer.clock.now())
}

describe('a span of a request of undici', () => {
  for (const [name, fetching] of [
    ['fetch of Node', fetch],
    ['fetch of undici', undiciFetch as unknown as typeof fetch],
  ] as const) {
    it(`says what the conventions ask for, with ${name}`, async (test) => {
      const recording = new Recording(test, only)
      const port = await echo(test)
      const parent = below(recording)
      const headers = await runIn(rootContext.withSpan(parent), () =>
        fetching(`http://127.0.0.1:${port}/a?sig=secret&b=1`, { method: 'PUT', body: 'x' }).then(
          (answer) => answer.json() as Promise<Record<string, string>>,
        ),
      )
      const span = await recording.one('client')
      assert.equal(span.parentSpanId, parent.spanIdHex())
      assert.equal(headers['traceparent'], `00-${span.traceId}-${span.spanId}-03`)
      assert.equal(span.name, 'PUT')
      assert.deepEqual(span.attributes, {
        'http.request.method': 'PUT',
        'http.response.status_code': 200,
        'server.address': '127.0.0.1',
        'server.port': port,
        'network.peer.address': '127.0.0.1',
        'network.peer.port': port,
        'network.protocol.version': '1.1',
        'url.full': `http://127.0.0.1:${port}/a?sig=REDACTED&b=1`,
      })
    })
  }

  it('is one for each of many over a pool with few connections, below its own caller', async (test) => {
    const recording = new Recording(test, only)
    const port = await echo(test, 2)
    const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 2, pipelining: 1 })
    test.after(() => pool.close())
    const call = async (): Promise<[string, string]> => {
      const parent = below(recording)
      const { body } = await runIn(rootContext.withSpan(parent), () => pool.request({ path: '/', method: 'GET' }))
      const headers = (await body.json()) as Record<string, string>
      return [parent.spanIdHex(), headers['traceparent']?.slice(36, 52) ?? '']
    }
    const calls = new Map((await Promise.all(Array.from({ length: 60 }, call))).map(([parent, sent]) => [sent, parent]))
    for (const span of await recording.spans(60)) assert.equal(span.parentSpanId, calls.get(span.spanId))
    assert.equal(calls.size, 60)
  })

  it('is one for each try', async (test) => {
    const recording = new Recording(test, only)
    let tries = 0
    const port = await serve(test, (_, response) => {
      response.statusCode = ++tries < 3 ? 503 : 200
      response.end()
    })
    const agent = new RetryAgent(new Agent(), { minTimeout: 1, maxRetries: 3 })
    test.after(() => agent.close())
    const { body } = await request(`http://127.0.0.1:${port}/`, { dispatcher: agent })
    await body.dump()
    const spans = await recording.spans(3)
    assert.deepEqual(
      spans.map(({ status, attributes }) => [status, attributes['error.type']]),
      [
        ['error', '503'],
        ['error', '503'],
        ['unset', undefined],
      ],
    )
  })

  it('ends with the last byte of the body', async (test) => {
    const recording = new Recording(test, only)
    const port = await serve(test, async (_, response) => {
      response.write('begin')
      await pause(60)
      response.end('end')
    })
    const client = new Client(`http://127.0.0.1:${port}`)
    test.after(() => client.close())
    const { body } = await client.request({ path: '/', method: 'GET' })
    await body.text()
    assert.ok((await recording.one('client')).durationNanos > 50e6)
  })

  it('fails with the code of the error, and not because the caller gave up', async (test) => {
    const recording = new Recording(test, only)
    const hung = await serve(test, (_, response) => {
      response.write('x')
    })
    const broken = await serve(test, (_, response) => {
      response.write('begin')
      setTimeout(() => response.destroy(), 10)
    })
    await assert.rejects(request('http://127.0.0.1:1/'))
    await assert.rejects(fetch(`http://127.0.0.1:${broken}/`).then((answer) => answer.text()))
    const late = request(`http://127.0.0.1:${hung}/`, { bodyTimeout: 20 }).then(({ body }) => body.text())
    await assert.rejects(late)
    const given = request(`http://127.0.0.1:${hung}/`).then(({ body }) => body.destroy().on('error', () => {}))
    await given
    await assert.rejects(
      fetch(`http://127.0.0.1:${hung}/`, { signal: AbortSignal.timeout(30) }).then((answer) => answer.text()),
    )
    const spans = await recording.spans(5)
    assert.deepEqual(
      spans.map(({ status, attributes }) => [status, attributes['error.type']]),
      [
        ['error', 'ECONNREFUSED'],
        ['error', 'UND_ERR_SOCKET'],
        ['error', 'UND_ERR_BODY_TIMEOUT'],
        ['unset', undefined],
        ['error', 'TimeoutError'],
      ],
    )
  })

  it('leaves alone what the application has set itself, and makes none for claimed or quiet requests', async (test) => {
    const recording = new Recording(test, only)
    const port = await echo(test)
    const url = `http://127.0.0.1:${port}/`
    const ask = async (headers: Record<string, string>): Promise<Record<string, string>> =>
      (await (await fetch(url, { headers })).json()) as Record<string, string>
    const release = claim(traceparent)
    assert.equal((await ask({ traceparent }))['traceparent'], traceparent)
    assert.equal((await runIn(suppress(activeContext()), () => ask({})))['traceparent'], undefined)
    await recording.spans(0)
    release()
    assert.equal((await ask({ traceparent }))['traceparent'], traceparent)
    await recording.spans(1)
  })

  it('is one, not two, when undici sends HTTP/2', async (test) => {
    const recording = new Recording(test, only)
    const server = createSecureServer({ key: privateKey, cert: certificate }, (received, response) => {
      response.end(JSON.stringify(received.headers))
    })
    const port = await listen(test, server)
    const client = new Client(`https://127.0.0.1:${port}`, { allowH2: true, connect: { rejectUnauthorized: false } })
    const { body } = await client.request({ path: '/h2', method: 'GET' })
    const headers = (await body.json()) as Record<string, string>
    await client.close()
    const spans = await recording.spans(2)
    const [served, sent] = ['server', 'client'].map((kind) => spans.find((span) => span.kind === kind))
    assert.equal(sent?.scope.name, '@switchgear/telemetry/undici')
    assert.equal(sent?.attributes['network.protocol.version'], '2')
    assert.equal(headers['traceparent'], `00-${sent?.traceId}-${sent?.spanId}-03`)
    assert.equal(served?.parentSpanId, sent?.spanId)
  })

  it('joins two services', async (test) => {
    const recording = new Recording(test)
    const back = await echo(test)
    const front = createServer(async (_, response) => {
      const { body } = await request(`http://127.0.0.1:${back}/back`)
      response.end(await body.text())
    })
    const port = await listen(test, front)
    const { body, trailers } = await request(`http://127.0.0.1:${port}/front`)
    await body.dump()
    assert.deepEqual(trailers, {})
    const spans = await recording.spans(4)
    assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1)
    const chain: string[] = []
    for (let above: string | undefined = undefined; chain.length < 4;) {
      const next = spans.find(({ parentSpanId }) => parentSpanId === above)
      chain.push(
        `${next?.kind} ${String(next?.attributes['url.path'] ?? next?.attributes['url.full'])
          .split('/')
          .pop()}`,
      )
      above = next?.spanId
    }
    assert.deepEqual(chain, ['client front', 'server front', 'client back', 'server back'])
  })
})
