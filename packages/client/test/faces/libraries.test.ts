// Code that people have: got and axios over the agent, axios' fetch adapter over an installed client, and the instrumentation of
// node:http, which makes the spans of requests that go through the agent.
import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { context, trace } from '@opentelemetry/api'
import { type SpanData, startTelemetry } from '@switchgear/telemetry'
import axios, { type AxiosError } from 'axios'
import got, { type RequestError } from 'got'
import { createClient } from '../../src/index.ts'
import { httpOrigin, until } from '../origin.ts'
import { agentOf, counting, read, send } from './rig.ts'

const policies = [{ bulkhead: { maxInFlight: 50 } }, { timeout: '400ms' }, counting] as const

test('got gets answers, failures, refusals, deadlines and broken bodies through the agent', async (t) => {
  const origin = await httpOrigin(t, (request, response) => {
    if (request.url === '/silent') return
    if (request.url === '/503') return void response.writeHead(503).end('down')
    if (request.url === '/moved') return void response.writeHead(302, { location: 'http://shop/after' }).end()
    if (request.url === '/half') {
      response.writeHead(200, { 'content-length': '100' }).write('half')
      return void setTimeout(() => request.socket.destroy(), 20)
    }
    let body = ''
    request.on('data', (data: Buffer) => (body += data.toString()))
    request.on('end', () => response.end(JSON.stringify({ method: request.method, url: request.url, body })))
  })
  const rig = agentOf(t, { endpoints: [origin.url], policies })
  const shop = got.extend({ agent: { http: rig.agent }, retry: { limit: 0 }, prefixUrl: 'http://shop' })
  assert.deepEqual(await shop.post('charge', { body: 'five' }).json(), { method: 'POST', url: '/charge', body: 'five' })
  assert.deepEqual(await shop.get('moved').json(), { method: 'GET', url: '/after', body: '' })
  await assert.rejects(shop.get('503'), { code: 'ERR_NON_2XX_3XX_RESPONSE' })
  await assert.rejects(shop.get('silent'), (error: RequestError) => error.code === 'SG_TIMEOUT')
  await assert.rejects(shop.get('half'), { name: 'ReadError' })
  await assert.rejects(shop.get('silent', { timeout: { request: 50 } }), { name: 'TimeoutError' })
  await assert.rejects(shop.get('silent', { signal: AbortSignal.timeout(50) }))
  await until(() => rig.depot.live.size === 0, 'the end of all calls')
  assert.equal(rig.inFlight(), 0)
  // Moved is two; half is a success that became a failure.
  assert.deepEqual(rig.counted(), { successes: 4, failures: 3 })
  rig.depot.closed = true
  await assert.rejects(shop.get('after'), (error: RequestError) => error.code === 'SG_CLIENT_CLOSED')
})

test('axios gets answers, failures, refusals, deadlines and broken bodies through the agent', async (t) => {
  const origin = await httpOrigin(t, (request, response) => {
    if (request.url === '/silent') return
    if (request.url === '/503') return void response.writeHead(503).end('down')
    if (request.url !== '/half') return void response.end('ok')
    response.writeHead(200, { 'content-length': '100' }).write('half')
    setTimeout(() => request.socket.destroy(), 20)
  })
  const rig = agentOf(t, { endpoints: [origin.url], policies })
  const shop = axios.create({ httpAgent: rig.agent, baseURL: 'http://shop', proxy: false })
  assert.equal((await shop.post<string>('/charge', { amount: 5 })).data, 'ok')
  await assert.rejects(shop.get('/503'), (error: AxiosError) => error.response?.status === 503)
  await assert.rejects(shop.get('/silent'), (error: AxiosError) => error.code === 'SG_TIMEOUT')
  await assert.rejects(shop.get('/half'))
  await assert.rejects(shop.get('/silent', { timeout: 50 }), { code: 'ECONNABORTED' })
  await assert.rejects(shop.get('/silent', { signal: AbortSignal.timeout(50) }), { code: 'ERR_CANCELED' })
  await until(() => rig.depot.live.size === 0, 'the end of all calls')
  assert.equal(rig.inFlight(), 0)
  assert.deepEqual(rig.counted(), { successes: 2, failures: 3 })
})

test('axios with the fetch adapter goes through an installed client, and so is retried', async (t) => {
  let asked = 0
  const origin = await httpOrigin(t, (_request, response) => {
    if (++asked === 1) response.writeHead(503).end('down')
    else response.end('up again')
  })
  const client = createClient({ services: { shop: { endpoints: [origin.url] } } })
  t.after(() => client.close())
  const uninstall = client.install()
  t.after(uninstall)
  const { data } = await axios.create({ adapter: 'fetch', baseURL: 'http://shop' }).get<string>('/')
  assert.deepEqual([data, asked], ['up again', 2])
})

test('a request through the agent has the one span that the instrumentation makes, and its trace goes on', async (t) => {
  const spans: SpanData[] = []
  const consumer = {
    name: 'list',
    consume: (block: { size: number; data(n: number): SpanData }) => {
      for (let n = 0; n < block.size; n++) spans.push(block.data(n))
    },
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
  const telemetry = startTelemetry({
    service: 'test',
    environment: {},
    traces: { export: false, consumers: [consumer] },
    http: { server: false },
    onProblem: (message) => assert.fail(message),
  })
  t.after(() => telemetry.close())
  const seen: IncomingMessage[] = []
  const origin = await httpOrigin(t, (request, response) => {
    seen.push(request)
    response.end('ok')
  })
  const rig = agentOf(t, { endpoints: [origin.url], policies: [{ circuitBreaker: { consecutiveFailures: 1 } }] })
  const span = trace.getTracer('app').startSpan('job')
  const { response, closed } = context.with(trace.setSpan(context.active(), span), () =>
    send(rig.agent, { path: '/charge' }),
  )
  await read(await response)
  await closed
  rig.pipeline.policies.forEach((policy) => (policy as { isolate?: (why: string) => void }).isolate?.('a drill'))
  const refused = send(rig.agent)
  await refused.closed
  span.end()
  await telemetry.flush()
  const calls = spans.filter(({ name }) => name === 'GET')
  assert.deepEqual(
    calls.map(({ status, attributes }) => [status, attributes['server.address'], attributes['error.type']]),
    [
      ['unset', 'shop', undefined],
      ['error', 'shop', 'SG_CIRCUIT_ISOLATED'],
    ],
  )
  assert.equal(seen[0]?.headers['traceparent']?.toString().split('-')[2], calls[0]?.spanId)
  assert.equal(calls[0]?.parentSpanId, span.spanContext().spanId)
})
