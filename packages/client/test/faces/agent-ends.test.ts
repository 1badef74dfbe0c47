// How requests of node:http end badly: given up in every phase, broken in every phase, upgraded, closed with their agent. Each time
// its owner hears of it once, the right one is to blame, and nothing is held.
import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { closedError } from '../../src/errors.ts'
import { httpOrigin, rawOrigin, until } from '../origin.ts'
import { agentOf, read, type Rig, send, type Told } from './rig.ts'

const codes = ({ errors }: Told): unknown[] => errors.map((error) => (error as { code?: string }).code)

function clean(rig: Rig): void {
  assert.deepEqual([rig.inFlight(), rig.depot.live.size], [0, 0])
  assert.deepEqual(new Set(rig.views.map(({ inFlight }) => inFlight)), new Set([0]))
}

/** Answers by the path. */
function byPath(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === '/silent') return
  if (request.url === '/half') return void response.writeHead(200, { 'content-length': '100' }).write('half')
  response.end('whole')
}

test('given up before it is sent, before its head and in its body: nobody is to blame', async (t) => {
  const origin = await httpOrigin(t, byPath)
  const rig = agentOf(t, { endpoints: [origin.url] })
  const controller = new AbortController()
  controller.abort()
  const dead = send(rig.agent, { signal: controller.signal })
  await dead.closed
  assert.deepEqual(codes(dead), ['ABORT_ERR'])
  const atOnce = send(rig.agent)
  atOnce.request.destroy(new Error('at once'))
  await atOnce.closed
  assert.deepEqual(
    atOnce.errors.map(({ message }) => message),
    ['at once'],
  )
  const waiting = send(rig.agent, { path: '/silent' })
  await sleep(60)
  waiting.request.destroy()
  await waiting.closed
  assert.deepEqual(codes(waiting), ['ECONNRESET'])
  const aborting = new AbortController()
  const reading = send(rig.agent, { path: '/half', signal: aborting.signal })
  const broken = read(await reading.response)
  aborting.abort()
  await assert.rejects(broken)
  await reading.closed
  const left = send(rig.agent, { path: '/half' })
  ;(await left.response).destroy()
  await left.closed
  const old = send(rig.agent, { path: '/silent' })
  await sleep(20)
  ;(old.request as unknown as { abort(): void }).abort()
  await old.closed
  await sleep(20)
  // Two heads had come before their owners left.
  assert.deepEqual(rig.counted(), { successes: 2, failures: 0 })
  clean(rig)
})

test('broken before the head, in the body, and against the grammar: the service is to blame, once', async (t) => {
  let kind = ''
  const origin = await rawOrigin(t, (socket) =>
    socket.once('data', () => {
      if (kind === 'close') socket.end()
      else if (kind === 'reset') socket.resetAndDestroy()
      else if (kind === 'grammar') socket.write('SSH-2.0-OpenSSH\r\n\r\n')
      else socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n')
      if (kind === 'body-close') setTimeout(() => socket.end(), 20)
      if (kind === 'body-reset') setTimeout(() => socket.resetAndDestroy(), 20)
      if (kind === 'body-grammar') setTimeout(() => socket.write('no chunk\r\n'), 20)
    }),
  )
  const rig = agentOf(t, { endpoints: [origin.url], ejection: false })
  let failures = 0
  for (kind of ['close', 'reset', 'grammar']) {
    const one = send(rig.agent)
    await one.closed
    assert.equal(one.errors.length, 1, kind)
    assert.equal(rig.counted().failures, ++failures, kind)
    const expected = kind === 'grammar' ? 'SG_BAD_RESPONSE' : 'SG_CONNECTION_LOST'
    assert.equal(rig.exchanges.at(-1)?.errorCode, expected, kind)
  }
  for (kind of ['body-close', 'body-reset', 'body-grammar']) {
    const one = send(rig.agent)
    await assert.rejects(read(await one.response), kind)
    await one.closed
    await until(() => rig.depot.live.size === 0, kind)
    assert.equal(rig.counted().failures, ++failures, kind)
    assert.equal(rig.exchanges.at(-1)?.errorCode, 'SG_RESPONSE_CUT', kind)
  }
  clean(rig)
})

test('a kept connection that is closed under a new request is a failure of that one, and only of that', async (t) => {
  let asked = 0
  const origin = await httpOrigin(t, (request, response) => {
    if (++asked === 2) return void request.socket.destroy()
    response.end('ok')
  })
  const rig = agentOf(t, { endpoints: [origin.url] })
  await read(await send(rig.agent).response)
  await sleep(20)
  const second = send(rig.agent)
  await second.closed
  assert.deepEqual([codes(second), second.request.reusedSocket], [['ECONNRESET'], true])
  assert.equal(await read(await send(rig.agent).response), 'ok')
  assert.deepEqual(rig.counted(), { successes: 2, failures: 1 })
  await until(() => rig.depot.live.size === 0, 'the end')
  clean(rig)
})

test('without a listener for the response, and with HEAD and 204, connections are used again', async (t) => {
  const origin = await httpOrigin(t, (request, response) => {
    if (request.url === '/204') response.writeHead(204).end()
    else response.writeHead(200, { 'content-length': '3' }).end(request.method === 'HEAD' ? '' : 'abc')
  })
  const rig = agentOf(t, { endpoints: [origin.url] })
  const bare = async (options: object): Promise<void> => {
    const { request } = await import('node:http')
    const one = request({ agent: rig.agent, host: 'shop', ...options })
    one.end()
    await new Promise((resolve) => one.on('close', resolve))
  }
  await bare({ path: '/' })
  await bare({ path: '/', method: 'HEAD' })
  await bare({ path: '/204' })
  const head = await send(rig.agent, { method: 'HEAD' }).response
  await sleep(10)
  // Nothing of it is held although nobody has read it.
  clean(rig)
  head.resume()
  assert.deepEqual([origin.accepted, rig.counted().successes], [1, 4])
})

test('headers as a list, Expect and a timeout of the owner work as they do without us', async (t) => {
  const seen: IncomingMessage[] = []
  const origin = await httpOrigin(t, (request, response) => {
    seen.push(request)
    if (request.url === '/silent') return
    request.resume().on('end', () => response.end('ok'))
  })
  const rig = agentOf(t, { endpoints: [origin.url], policies: [{ bulkhead: { maxInFlight: 5 } }, { timeout: '9s' }] })
  const list = send(rig.agent, { headers: ['Host', 'shop', 'X-One', '1'] as unknown as Record<string, string> })
  assert.equal(await read(await list.response), 'ok')
  assert.deepEqual([seen[0]?.headers['x-one'], seen[0]?.headers['x-request-deadline']], ['1', undefined])
  const http = await import('node:http')
  const expecting = http.request({
    agent: rig.agent,
    host: 'shop',
    method: 'PUT',
    headers: { expect: '100-continue', 'content-length': '4' },
  })
  const response = new Promise<IncomingMessage>((resolve) => expecting.on('response', resolve))
  await new Promise<void>((resolve) => expecting.on('continue', resolve).flushHeaders())
  expecting.end('body')
  assert.equal(await read(await response), 'ok')
  const impatient = send(rig.agent, { path: '/silent', timeout: 60 })
  impatient.request.on('timeout', () => impatient.request.destroy(new Error('too slow for me')))
  await impatient.closed
  assert.deepEqual(
    impatient.errors.map(({ message }) => message),
    ['too slow for me'],
  )
  assert.deepEqual([rig.inFlight(), rig.depot.live.size], [0, 0])
})

async function upgrading(t: TestContext): Promise<Rig> {
  const origin = await httpOrigin(t, (_request, response) => response.writeHead(426).end())
  const server = await rawOrigin(t, (socket) =>
    socket.once('data', (data: Buffer) => {
      const isConnect = data.toString().startsWith('CONNECT')
      socket.write(
        isConnect
          ? 'HTTP/1.1 200 OK\r\n\r\n'
          : 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n',
      )
      socket.pipe(socket)
    }),
  )
  void origin
  return agentOf(t, { endpoints: [server.url] })
}

test('what becomes another protocol leaves the policies with its handshake, and its connection works', async (t) => {
  const rig = await upgrading(t)
  for (const event of ['upgrade', 'connect'] as const) {
    const options =
      event === 'connect'
        ? { method: 'CONNECT', path: 'db:5432' }
        : { headers: { connection: 'upgrade', upgrade: 'echo' } }
    const one = send(rig.agent, options)
    const socket = await new Promise<Duplex>((resolve) => one.request.on(event, (_response, duplex) => resolve(duplex)))
    clean(rig)
    socket.write('ping')
    const [echo] = await new Promise<unknown[]>((resolve) => socket.once('data', (...data) => resolve(data)))
    assert.equal(String(echo), 'ping')
    socket.destroy()
    assert.deepEqual(one.errors, [])
  }
  assert.deepEqual(rig.counted(), { successes: 2, failures: 0 })
  // Nobody listens for it: Node closes the connection.
  const deaf = send(rig.agent, { headers: { connection: 'upgrade', upgrade: 'echo' } })
  await deaf.closed
  await sleep(10)
  clean(rig)
  assert.equal(rig.counted().failures, 0)
})

test('agent.destroy ends what is under way, to nobody`s blame; the agent works on', async (t) => {
  const origin = await httpOrigin(t, byPath)
  const rig = agentOf(t, { endpoints: [origin.url] })
  const [silent, half] = [send(rig.agent, { path: '/silent' }), send(rig.agent, { path: '/half' })]
  const text = read(await half.response)
  await sleep(30)
  rig.agent.destroy()
  await assert.rejects(text)
  await Promise.all([silent.closed, half.closed])
  assert.deepEqual(codes(silent), ['ECONNRESET'])
  await until(() => rig.depot.live.size === 0, 'the end')
  assert.deepEqual(rig.counted(), { successes: 1, failures: 0 })
  assert.equal(await read(await send(rig.agent).response), 'whole')
  await sleep(10)
  clean(rig)
})

test('a client that closes ends its requests with its own error, and takes no more', async (t) => {
  const origin = await httpOrigin(t, byPath)
  const rig = agentOf(t, { endpoints: [origin.url] })
  const [silent, half] = [send(rig.agent, { path: '/silent' }), send(rig.agent, { path: '/half' })]
  const text = read(await half.response)
  await sleep(30)
  rig.depot.closed = true
  for (const call of rig.depot.live) call.stop(closedError('shop'))
  await assert.rejects(text, { code: 'SG_CLIENT_CLOSED' })
  const late = send(rig.agent)
  await Promise.all([silent.closed, late.closed])
  assert.deepEqual([codes(silent), codes(late), codes(half)], [['SG_CLIENT_CLOSED'], ['SG_CLIENT_CLOSED'], []])
  clean(rig)
  assert.deepEqual(rig.counted(), { successes: 1, failures: 0 })
})

test('a reader who is too slow for the deadline is not the fault of the service', async (t) => {
  const origin = await httpOrigin(t, (_request, response) => response.end(Buffer.alloc(2_000_000)))
  const policies = [{ bulkhead: { maxInFlight: 5 } }, { timeout: '200ms' }, { circuitBreaker: {} }] as const
  const rig = agentOf(t, { endpoints: [origin.url], policies })
  const one = send(rig.agent)
  const response = await one.response
  const error = await new Promise<Error>((resolve) => response.on('error', resolve))
  assert.equal((error as { code?: string }).code, 'SG_TIMEOUT')
  assert.deepEqual(rig.counted(), { successes: 1, failures: 0 })
  await one.closed
  clean(rig)
})
