import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createSecureServer, request } from 'node:https'
import { createRequire } from 'node:module'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import fastify from 'fastify'
import { excludeServer } from '../../src/instrumentation/http-exclusions.ts'
import { setRoute } from '../../src/instrumentation/http-exchange.ts'
import { instrumentHttp } from '../../src/instrumentation/http-instrumentation.ts'
import { activeContext, rootContext, runIn } from '../../src/trace/context.ts'
import { Tracer } from '../../src/trace/tracer.ts'
import { listen, pause, Recording, serve } from './http-recording.ts'
import { certificate, privateKey } from './tls-pair.ts'

/** What is used of express, which brings no types. */
interface Express {
  (): App
  Router(): App
  json(): unknown
}
interface App extends RequestListener {
  get(path: string, handler: Handler): void
  post(path: string, ...handlers: (Handler | unknown)[]): void
  use(path: string, app: App): void
}
type Handler = (request: IncomingMessage, response: ServerResponse) => void

const express = createRequire(import.meta.url)('express') as Express

const only = { client: false, undici: false, http2: false } as const

describe('routes', () => {
  it('come from express', async (test) => {
    const recording = new Recording(test, only)
    const app = express()
    const orders = express.Router()
    orders.get('/:id', (_, response) => void response.end('ok'))
    const posted: Handler = (_, response) => void response.end(String(activeContext().span !== undefined))
    orders.post('/', express.json(), posted)
    app.use('/orders', orders)
    const port = await listen(test, createServer(app))
    const url = `http://127.0.0.1:${port}`
    await fetch(`${url}/orders/7`).then((answer) => answer.text())
    const answered = fetch(`${url}/orders/`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    })
    assert.equal(await answered.then((answer) => answer.text()), 'true')
    await fetch(`${url}/nowhere`).then((answer) => answer.text())
    const spans = await recording.spans(3)
    assert.deepEqual(
      spans.map(({ name, attributes }) => [name, attributes['http.route']]),
      [
        ['GET /orders/:id', '/orders/:id'],
        ['POST /orders/', '/orders/'],
        ['GET', undefined],
      ],
    )
  })

  it('come from fastify', async (test) => {
    const recording = new Recording(test, only)
    const app = fastify()
    test.after(() => app.close())
    app.get('/orders/:id', async () => {
      await pause(1)
      return 'ok'
    })
    app.post('/orders', () => String(activeContext().span !== undefined))
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    await fetch(`${url}/orders/7`).then((answer) => answer.text())
    const posted = fetch(`${url}/orders`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    })
    assert.equal(await posted.then((answer) => answer.text()), 'true')
    await fetch(`${url}/nowhere`).then((answer) => answer.text())
    const spans = await recording.spans(3)
    assert.deepEqual(
      spans.map(({ name }) => name),
      ['GET /orders/:id', 'POST /orders', 'GET'],
    )
  })

  it('are said below other spans, and not outside of a request', async (test) => {
    const recording = new Recording(test, only)
    const { tracer } = recording
    const said: boolean[] = []
    const port = await serve(test, async (_, response) => {
      const child = tracer.start({ name: 'test' }, 'child', 0, activeContext().span, tracer.clock.now())
      await runIn(activeContext().withSpan(child), async () => {
        await pause(1)
        said.push(setRoute('/deep'))
      })
      response.end()
      await pause(20)
      said.push(setRoute('/late'))
    })
    await fetch(`http://127.0.0.1:${port}/`)
    assert.equal(setRoute('/none'), false)
    const span = await recording.one('server')
    await pause(40)
    assert.equal(span.name, 'GET /deep')
    assert.deepEqual(said, [true, false])
  })

  it('do not take the name that an application gave', async (test) => {
    const recording = new Recording(test, only)
    const port = await serve(test, (_, response) => {
      activeContext().span?.updateName('mine')
      setRoute('/a')
      response.end()
    })
    await fetch(`http://127.0.0.1:${port}/`)
    assert.equal((await recording.one('server')).name, 'mine')
  })
})

describe('an instrumented process', () => {
  it('traces https on both sides', async (test) => {
    const recording = new Recording(test)
    const server = createSecureServer({ key: privateKey, cert: certificate }, async (received, response) => {
      const { span } = activeContext()
      received.on('end', () => response.end(String(span !== undefined && activeContext().span === span)))
      received.resume()
    })
    const port = await listen(test, server)
    const sent = request({ port, host: 'localhost', method: 'POST', path: '/a', ca: certificate })
    sent.write('a')
    await pause(10)
    sent.end('b')
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    assert.equal(await text(response), 'true')
    const spans = await recording.spans(2)
    const served = spans.find(({ kind }) => kind === 'server')
    const client = spans.find(({ kind }) => kind === 'client')
    assert.equal(served?.parentSpanId, client?.spanId)
    assert.equal(served?.attributes['url.scheme'], 'https')
    assert.equal(client?.attributes['url.full'], `https://localhost:${port}/a`)
    assert.equal(client?.attributes['server.address'], 'localhost')
  })

  it('leaves excluded servers out', async (test) => {
    const server = createServer((_, response) => response.end(String(activeContext().suppressed)))
    const late = createServer((_, response) => response.end())
    const recording = new Recording(test, { ...only, excludedServers: [server] })
    excludeServer(late)
    const port = await listen(test, server)
    assert.equal(await fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.text()), 'true')
    await fetch(`http://127.0.0.1:${await listen(test, late)}/`)
    await recording.spans(0)
  })

  it('keeps its own errors to itself', async (test) => {
    const recording = new Recording(test, {
      ...only,
      ignore: ({ path }) => {
        if (path === '/thrown') throw new Error('of ours')
        return false
      },
    })
    const contexts: unknown[] = []
    const port = await serve(test, (_, response) => {
      contexts.push(activeContext().span?.spanContext().spanId)
      response.end()
    })
    for (const path of ['/a', '/thrown', '/thrown']) await fetch(`http://127.0.0.1:${port}${path}`)
    await recording.spans(1)
    assert.equal(recording.undo.totals.errors, 2)
    assert.equal(recording.problems.length, 1)
    assert.deepEqual(contexts.slice(1), [undefined, undefined])
    assert.equal(activeContext(), rootContext)
  })

  it('keeps few sets of attributes and counts the others', async (test) => {
    const recording = new Recording(test, { ...only, maxFacts: 3 })
    const port = await serve(test, (received, response) => {
      setRoute(received.url ?? '')
      response.end()
    })
    for (let index = 0; index < 10; index++) await fetch(`http://127.0.0.1:${port}/${index}`)
    const spans = await recording.spans(10)
    assert.deepEqual(
      spans.map(({ attributes }) => attributes['http.route']),
      Array.from({ length: 10 }, (_, index) => `/${index}`),
    )
    assert.equal(recording.undo.totals.factsOverflows, 7)
  })

  it('says which option is wrong', () => {
    const tracer = new Tracer({ resource: { attributes: {} } })
    const wrong = (options: object, message: RegExp): void =>
      assert.throws(() => instrumentHttp(tracer, options), { message })
    wrong({ maxFacts: 0 }, /http\.maxFacts must be a whole number >= 1, got 0/)
    wrong({ servers: true }, /http\.servers is not an option; known are server, client/)
    wrong({ server: 'yes' }, /http\.server must be true or false, got yes/)
    wrong({ excludedHosts: 'a' }, /http\.excludedHosts must be a list of texts, got a/)
    wrong({ propagation: { incoming: ['x'] } }, /http\.propagation\.incoming\[0\] must be one of/)
  })
})
