// The agent of node:http on real sockets: where requests go, what is learned of them, and what is left when they are over.
import assert from 'node:assert/strict'
import http, { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { activeContext, runIn } from '@switchgear/telemetry'
import { deadPort, httpOrigin, until } from '../origin.ts'
import { agentOf, counting, read, send, ToldRoster } from './rig.ts'

test('requests spread over the endpoints, keep their Host, and are counted once with their last byte', async (t) => {
  const hosts: (string | undefined)[] = []
  const answer = (request: IncomingMessage, response: http.ServerResponse): void => {
    hosts.push(request.headers.host)
    response.end(`hello ${request.url}`)
  }
  const [one, two] = [await httpOrigin(t, answer), await httpOrigin(t, answer)]
  const rig = agentOf(t, { endpoints: [one.url, two.url], balancer: 'roundRobin' })
  for (let n = 0; n < 6; n++) {
    const { response, closed, errors } = send(rig.agent, { path: `/${n}?q=1` })
    assert.equal(await read(await response), `hello /${n}?q=1`)
    await closed
    assert.deepEqual(errors, [])
  }
  assert.deepEqual(new Set(hosts), new Set(['shop']))
  assert.deepEqual([one.accepted, two.accepted], [1, 1], 'connections are kept per endpoint')
  assert.deepEqual(rig.counted(), { successes: 6, failures: 0 })
  assert.equal(rig.inFlight(), 0)
  assert.deepEqual(
    rig.exchanges.map(({ service, method, status, errorCode }) => [service, method, status, errorCode]),
    Array.from({ length: 6 }, () => ['shop', 'GET', 200, undefined]),
  )
})

test('a host that is no service and a local socket pass untouched to the global agent', async (t) => {
  const other = await httpOrigin(t, (_request, response) => response.end('other'))
  const rig = agentOf(t, { endpoints: ['http://127.0.0.1:1'] })
  const request = http.get(`${other.url}/`, { agent: rig.agent })
  const response = await new Promise<IncomingMessage>((resolve) => request.on('response', resolve))
  assert.equal(await read(response), 'other')
  assert.equal((request as unknown as { agent: unknown }).agent, http.globalAgent)
  assert.equal(Object.hasOwn(request, 'destroy'), false)
  const local = send(rig.agent, { socketPath: '/nowhere/at.all' })
  await local.closed
  assert.equal((local.errors[0] as NodeJS.ErrnoException | undefined)?.code, 'ENOENT')
  assert.deepEqual([rig.exchanges.length, rig.counted().failures], [0, 0])
})

test('discovery decides later whether a host is a service; who gives up meanwhile is told', async (t) => {
  const other = await httpOrigin(t, (_request, response) => response.end('other'))
  let decide: (found: undefined) => void = () => undefined
  const rig = agentOf(
    t,
    { endpoints: ['http://127.0.0.1:1'] },
    { routes: { find: () => new Promise<undefined>((resolve) => (decide = resolve)) } },
  )
  const first = send(rig.agent, { host: '127.0.0.1', port: other.port })
  decide(undefined)
  assert.equal(await read(await first.response), 'other')
  assert.equal(Object.hasOwn(first.request, 'destroy'), false)
  const second = send(rig.agent, { host: '127.0.0.1', port: other.port })
  second.request.destroy(new Error('enough'))
  await second.closed
  decide(undefined)
  await sleep(20)
  assert.deepEqual(
    second.errors.map(({ message }) => message),
    ['enough'],
  )
  assert.equal(other.accepted, 1)
})

test('a failed response reaches its owner as it is, and opens the circuit, which then refuses without a connection', async (t) => {
  const origin = await httpOrigin(t, (_request, response) => response.writeHead(503).end('down'))
  const rig = agentOf(t, { endpoints: [origin.url], policies: [{ circuitBreaker: { consecutiveFailures: 2 } }] })
  for (let n = 0; n < 2; n++) {
    const response = await send(rig.agent).response
    assert.deepEqual([response.statusCode, await read(response)], [503, 'down'])
  }
  const refused = send(rig.agent, { method: 'POST' }, 'a body that is being written')
  await refused.closed
  assert.deepEqual(
    refused.errors.map((error) => (error as { code?: string }).code),
    ['SG_CIRCUIT_OPEN'],
  )
  assert.equal(origin.accepted, 1)
  assert.equal(rig.depot.live.size, 0)
})

test('it waits for the first endpoint, and says why there is none', async (t) => {
  const origin = await httpOrigin(t, (_request, response) => response.end('here'))
  const roster = new ToldRoster()
  const rig = agentOf(t, { presence: { waitFor: '150ms' } }, { directory: roster })
  const vain = send(rig.agent)
  await vain.closed
  assert.deepEqual(
    vain.errors.map((error) => (error as { code?: string }).code),
    ['SG_NO_ENDPOINT'],
  )
  const early = send(rig.agent, { method: 'POST' }, 'written before')
  const ended = send(rig.agent)
  await sleep(20)
  ended.request.destroy()
  await ended.closed
  assert.equal((ended.errors[0] as NodeJS.ErrnoException | undefined)?.code, 'ECONNRESET')
  assert.equal(ended.errors.length, 1)
  roster.tell([origin.port])
  assert.equal(await read(await early.response), 'here')
  await early.closed
  assert.deepEqual([rig.inFlight(), rig.depot.live.size, origin.accepted], [0, 0, 1])
  assert.deepEqual(rig.counted(), { successes: 1, failures: 0 })
})

test('a call waits in the queue of a bulkhead, and can be given up there', async (t) => {
  const held: http.ServerResponse[] = []
  const origin = await httpOrigin(t, (_request, response) => void held.push(response))
  const rig = agentOf(t, {
    endpoints: [origin.url],
    policies: [{ bulkhead: { maxInFlight: 1, maxQueue: 2 } }, counting],
  })
  const [first, second, third] = [send(rig.agent), send(rig.agent), send(rig.agent)]
  await until(() => held.length === 1, 'the first request')
  second.request.destroy(new Error('enough'))
  await second.closed
  assert.deepEqual(
    second.errors.map(({ message }) => message),
    ['enough'],
  )
  held[0]?.end('one')
  assert.equal(await read(await first.response), 'one')
  await until(() => held.length === 2, 'the queued request')
  held[1]?.end('three')
  assert.equal(await read(await third.response), 'three')
  await third.closed
  assert.deepEqual([rig.inFlight(), rig.depot.live.size], [0, 0])
  assert.deepEqual(rig.counted(), { successes: 2, failures: 0 })
})

test('deadlines: the least of header, ambient and total is told and enforced; strangers are told nothing', async (t) => {
  const told: (string | string[] | undefined)[] = []
  const origin = await httpOrigin(t, (request, response) => {
    told.push(request.headers['x-request-deadline'])
    if (request.url === '/fast') response.end()
  })
  const rig = agentOf(t, { endpoints: [origin.url], policies: [{ timeout: '60s' }, counting] })
  const get = async (headers: http.OutgoingHttpHeaders = {}): Promise<void> => {
    const { response } = send(rig.agent, { path: '/fast', headers })
    await read(await response)
  }
  await get()
  await get({ 'x-request-deadline': '5000' })
  await runIn(activeContext().withDeadline(performance.now() + 2000), () => get({ 'X-Request-Deadline': '5000' }))
  const [total, own, ambient] = told.map(Number)
  assert.ok(Number(total) > 59_000 && Number(total) <= 60_000, String(total))
  assert.ok(Number(own) > 4000 && Number(own) <= 5000, String(own))
  assert.ok(Number(ambient) > 1000 && Number(ambient) <= 2000, String(ambient))
  const late = send(rig.agent, { headers: { 'x-request-deadline': '80' } })
  await late.closed
  assert.deepEqual(
    late.errors.map((error) => (error as { code?: string }).code),
    ['SG_DEADLINE_EXCEEDED'],
  )
  const past = runIn(activeContext().withDeadline(performance.now() - 1), () => send(rig.agent))
  await past.closed
  assert.deepEqual(
    past.errors.map((error) => (error as { code?: string }).code),
    ['SG_DEADLINE_EXCEEDED'],
  )
  assert.equal(told.length, 4, 'what is late already is not sent')
  assert.deepEqual(rig.counted(), { successes: 3, failures: 1 })
  const external = agentOf(t, { endpoints: [origin.url], policies: [{ timeout: '60s' }] }, { travels: false })
  await read(await send(external.agent, { path: '/fast', headers: { 'x-request-deadline': '7' } }).response)
  assert.equal(told.at(-1), '7')
})

test('the timeout of a try holds until the head, the total one until the last byte', async (t) => {
  const origin = await httpOrigin(t, (request, response) => {
    if (request.url === '/silent') return
    response.write('begun')
    setTimeout(() => response.end(' and done'), request.url === '/slow' ? 250 : 5000).unref()
  })
  const policies = [{ timeout: '700ms' }, { retry: {} }, counting, { timeout: '150ms' }] as const
  const rig = agentOf(t, { endpoints: [origin.url], policies })
  const silent = send(rig.agent, { path: '/silent' })
  await silent.closed
  const slow = send(rig.agent, { path: '/slow' })
  assert.equal(await read(await slow.response), 'begun and done')
  const endless = send(rig.agent, { path: '/endless' })
  await assert.rejects(read(await endless.response), { code: 'SG_TIMEOUT' })
  await endless.closed
  assert.deepEqual(
    [silent, slow, endless].map(({ errors }) => errors.map((error) => (error as { code?: string }).code)),
    [['SG_TIMEOUT'], [], []],
  )
  // The endless one was a success that became a failure.
  assert.deepEqual(rig.counted(), { successes: 2, failures: 2 })
  assert.deepEqual(
    rig.exchanges.map(({ errorCode }) => errorCode),
    ['SG_TIMEOUT', undefined, 'SG_TIMEOUT'],
  )
})

test('an endpoint that nobody listens at fails as Node says it, and is known as unreachable', async (t) => {
  const port = await deadPort(t)
  const rig = agentOf(t, { endpoints: [`http://127.0.0.1:${port}`] })
  const { errors, closed } = send(rig.agent)
  await closed
  assert.deepEqual(
    errors.map((error) => (error as NodeJS.ErrnoException).code),
    ['ECONNREFUSED'],
  )
  assert.equal(rig.exchanges[0]?.errorCode, 'SG_UNREACHABLE')
  assert.deepEqual([rig.counted().failures, rig.inFlight()], [1, 0])
})

test('an endpoint with TLS is not spoken to in the clear; one with IPv6 is', async (t) => {
  const encrypted = agentOf(t, { endpoints: ['https://127.0.0.1:443'] })
  const { errors, closed } = send(encrypted.agent)
  await closed
  assert.deepEqual(
    errors.map((error) => (error as { code?: string }).code),
    ['SG_BAD_OPTIONS'],
  )
  const server = createServer((_request, response) => response.end('six')).listen(0, '::1')
  t.after(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve).once('error', resolve))
  if (!server.listening) return t.skip('this machine has no IPv6')
  const six = agentOf(t, { endpoints: [`http://[::1]:${(server.address() as AddressInfo).port}`] })
  assert.equal(await read(await send(six.agent).response), 'six')
})

test('a thousand requests leave no listener, timer, permit or count', async (t) => {
  let count = 0
  const origin = await httpOrigin(t, (request, response) => {
    const kind = ++count % 5
    if (kind === 0) return void request.socket.destroy()
    if (kind === 1) return void response.writeHead(500).end('no')
    if (kind === 2) return void response.writeHead(204).end()
    response.end('yes')
  })
  const policies = [{ bulkhead: { maxInFlight: 20 } }, { timeout: '5s' }, counting] as const
  const rig = agentOf(t, { endpoints: [origin.url], policies, ejection: false })
  const last: http.ClientRequest[] = []
  let ends = 0
  for (let n = 0; n < 100; n++) {
    const sent = Array.from({ length: 10 }, (_, index) =>
      send(rig.agent, { method: index % 2 === 0 ? 'GET' : 'POST' }, index % 2 === 0 ? undefined : 'body'),
    )
    for (const { request, response } of sent) {
      void response.then((one) => one.resume())
      last.push(request)
    }
    await Promise.all(sent.map(({ closed }) => closed.then(() => ends++)))
  }
  assert.equal(ends, 1000)
  await until(() => rig.depot.live.size === 0, 'the end of all calls')
  assert.equal(rig.inFlight(), 0)
  assert.deepEqual(
    rig.views.map(({ inFlight }) => inFlight),
    [0],
  )
  const { successes, failures } = rig.counted()
  assert.equal(successes + failures, 1000)
  assert.equal(failures, 400)
  const idle = Object.values(rig.agent.freeSockets).flat()
  for (const socket of idle) assert.ok((socket?.listenerCount('timeout') ?? 0) <= 2, 'listeners stay at a kept socket')
  rig.agent.destroy()
  await until(() => origin.open.size === 0, 'the end of all connections')
})
