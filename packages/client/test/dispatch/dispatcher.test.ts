// The dispatcher as clients of undici meet it: what is a service and what is not, both ways of back-pressure and abort, and all that
// belongs to a request beside its body.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PolicySpec } from '@switchgear/core'
import { type Dispatcher, errors, interceptors } from 'undici'
import { clientOf, deadPort, httpOrigin, until } from '../origin.ts'

const policies: PolicySpec[] = [
  { bulkhead: { maxInFlight: 4 } },
  { timeout: '10s' },
  { retry: { maxAttempts: 3, delay: 1, jitter: 0 } },
  { circuitBreaker: { consecutiveFailures: 100 } },
  { timeout: '5s' },
]
const get = { origin: 'http://shop', method: 'GET', path: '/' } as const

describe('which requests are for a service', () => {
  it('those to its name, to its name with a port of its endpoints, and no other', async (t) => {
    const origin = await httpOrigin(t, (request, response) => response.end(request.headers.host))
    const stranger = await httpOrigin(t, (_request, response) => response.end('stranger'))
    const { client, policy } = clientOf(t, { endpoints: [origin.url], policies })
    const ask = async (to: string): Promise<string> => {
      const { body } = await client.dispatcher.request({ ...get, origin: to })
      return body.text()
    }
    for (const to of ['http://shop', 'http://Shop/', `http://shop:${origin.port}`]) await ask(to)
    assert.equal(await ask('http://shop'), 'shop')
    assert.equal(await ask(`http://shop:${origin.port}`), `shop:${origin.port}`)
    assert.equal(policy('bulkhead').totals.admitted, 5)
    assert.equal(await ask(stranger.url), 'stranger')
    for (const to of ['http://shop:1', 'https://shop', 'http://shopp.invalid']) await assert.rejects(ask(to), to)
    assert.equal(policy('bulkhead').totals.admitted, 5)
  })

  it('hands on what is not, with the very options and handler', async (t) => {
    const { client } = clientOf(t, { endpoints: ['http://127.0.0.1:1'] })
    const seen: unknown[][] = []
    const { setGlobalDispatcher, getGlobalDispatcher } = await import('undici')
    const before = getGlobalDispatcher()
    setGlobalDispatcher({ dispatch: (...given: unknown[]) => (seen.push(given), false) } as unknown as Dispatcher)
    const { dispatcher } = client
    setGlobalDispatcher(before)
    const [options, handler] = [{ ...get, origin: 'http://elsewhere.invalid' }, { onConnect: () => undefined }]
    assert.equal(dispatcher.dispatch(options, handler as never), false)
    assert.equal(seen[0]?.[0], options)
    assert.equal(seen[0]?.[1], handler)
  })

  it('those to a host under external, without a word of deadlines', async (t) => {
    const seen: unknown[] = []
    const origin = await httpOrigin(t, (request, response) => {
      seen.push([request.headers.host, request.headers['x-request-deadline']])
      response.writeHead(503).end()
    })
    const external = { 'api.example.com': { endpoints: [origin.url], policies: [{ timeout: '2s' }] } }
    const { client } = clientOf(t, { endpoints: ['http://127.0.0.1:1'] }, { external })
    const headers = { 'x-request-deadline': '9' }
    const { statusCode, body } = await client.dispatcher.request({ ...get, origin: 'http://api.example.com', headers })
    await body.dump()
    assert.equal(statusCode, 503)
    assert.deepEqual(seen, [['api.example.com', '9']])
    assert.ok(client.registry.get('api.example.com') !== undefined)
  })
})

describe('a request through the dispatcher', () => {
  it('is tried again elsewhere, with its body from the first byte, and told once', async (t) => {
    const bodies: string[] = []
    const bad = await httpOrigin(t, (request, response) => {
      void text(request).then((body) => (bodies.push(body), response.writeHead(503).end('no')))
    })
    const good = await httpOrigin(t, (request, response) => {
      void text(request).then((body) => (bodies.push(body), response.end('yes')))
    })
    const { client } = clientOf(t, { endpoints: [bad.url, good.url], policies, balancer: 'roundRobin' })
    async function* pieces(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('one ')
      yield Buffer.from('two')
    }
    for (let call = 0; call < 4; call++) {
      const body = pieces() as unknown as Dispatcher.DispatchOptions['body']
      const response = await client.dispatcher.request({ ...get, method: 'PUT', body: body as never })
      assert.equal(await response.body.text(), 'yes')
    }
    assert.ok(bodies.length >= 5)
    assert.deepEqual(new Set(bodies), new Set(['one two']))
  })

  it('gets informational responses, trailers and raw headers', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' })
      response.writeHead(200, { trailer: 'x-sum', 'X-Mixed': 'Case' }).write('body')
      response.addTrailers({ 'x-sum': '42' })
      response.end()
    })
    const { client } = clientOf(t, { endpoints: [origin.url], policies })
    const infos: number[] = []
    const onInfo = ({ statusCode }: { statusCode: number }): void => void infos.push(statusCode)
    const response = await client.dispatcher.request({ ...get, onInfo, responseHeaders: 'raw' })
    assert.equal(await response.body.text(), 'body')
    assert.deepEqual(infos, [103])
    assert.equal(response.trailers['x-sum'], '42')
    assert.ok((response.headers as unknown as string[]).includes('X-Mixed'))
  })

  it('answers HEAD, 204 and 304 without a body, and works with stream, pipeline and interceptors', async (t) => {
    const origin = await httpOrigin(t, (request, response) => {
      if (request.url === '/moved') response.writeHead(302, { location: '/' }).end()
      else if (request.url === '/') request.pipe(response)
      else response.writeHead(Number(request.url?.slice(1))).end()
    })
    const { client, snapshot } = clientOf(t, { endpoints: [origin.url], policies })
    const { dispatcher } = client
    const status = async (method: 'GET' | 'HEAD', path: string): Promise<unknown[]> => {
      const { statusCode, body } = await dispatcher.request({ ...get, method, path })
      return [statusCode, await body.text()]
    }
    assert.deepEqual(await status('HEAD', '/200'), [200, ''])
    assert.deepEqual(await status('GET', '/204'), [204, ''])
    assert.deepEqual(await status('GET', '/304'), [304, ''])
    const piped = dispatcher.pipeline({ ...get, method: 'PUT' }, ({ body }) => body).end('piped')
    assert.equal(await text(piped), 'piped')
    const composed = dispatcher.compose(interceptors.redirect({ maxRedirections: 1 }))
    assert.equal((await composed.request({ ...get, path: '/moved' })).statusCode, 200)
    await until(() => snapshot().calls?.inFlight === 0, 'all calls to end')
  })

  it('that is wrong is no failure of the service', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.end())
    const { client, policy } = clientOf(t, { endpoints: [origin.url], policies })
    const wrong: object[] = [
      { path: 'no slash' },
      { headers: { 'a b': 'c' } },
      { headers: ['odd'] },
      { headers: { expect: '100-continue' } },
      { method: 'PUT', body: 42 },
      { method: 'PUT', body: 'four', headers: { 'content-length': '5' } },
    ]
    for (const options of wrong) {
      await assert.rejects(
        client.dispatcher.request({ ...get, ...options }),
        errors.UndiciError,
        JSON.stringify(options),
      )
    }
    assert.equal(policy('circuitBreaker').totals.failures, 0)
    assert.equal(policy('bulkhead').inFlight, 0)
  })

  it('fails with the error of the wire, or with what a policy says', async (t) => {
    const port = await deadPort(t)
    const breaker: PolicySpec[] = [{ circuitBreaker: { consecutiveFailures: 1 } }]
    const { client } = clientOf(t, { endpoints: [`http://127.0.0.1:${port}`], policies: breaker })
    await assert.rejects(client.dispatcher.request(get), { code: 'ECONNREFUSED' })
    await assert.rejects(client.dispatcher.request(get), { code: 'SG_CIRCUIT_OPEN' })
  })

  it('may be answered by the fallback', async (t) => {
    const port = await deadPort(t)
    const fallback = { name: 'spare', status: 203, headers: { 'x-a': 'b' }, body: 'instead' }
    const { client } = clientOf(t, { endpoints: [`http://127.0.0.1:${port}`], policies, fallback })
    const { statusCode, headers, body } = await client.dispatcher.request(get)
    assert.deepEqual([statusCode, headers['switchgear-fallback'], headers['x-a']], [203, 'spare', 'b'])
    assert.equal(await body.text(), 'instead')
  })
})

describe('back-pressure through the dispatcher', () => {
  it('holds a response that nobody reads', async (t) => {
    let written = 0
    const origin = await httpOrigin(t, (_request, response) => {
      const write = (): void => {
        while (written < 600)
          if ((written++, !response.write(Buffer.alloc(65_536)))) return void response.once('drain', write)
        response.end()
      }
      write()
    })
    const { client, policy } = clientOf(t, { endpoints: [origin.url], policies })
    const { body } = await client.dispatcher.request(get)
    await sleep(200)
    assert.ok(written < 300, `${written} of 600 chunks were sent`)
    assert.equal(policy('bulkhead').inFlight, 1)
    let bytes = 0
    for await (const chunk of body) bytes += (chunk as Buffer).length
    assert.equal(bytes, 600 * 65_536)
    assert.equal(policy('bulkhead').inFlight, 0)
  })

  it('holds a request that the service does not read', async (t) => {
    let asked: Socket | undefined
    const origin = await httpOrigin(t, (request, response) => {
      asked = request.socket
      request.pause()
      setTimeout(() => request.resume().on('end', () => response.end()), 250)
    })
    const { client } = clientOf(t, { endpoints: [origin.url], policies })
    let given = 0
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (; given < 600; given++) yield Buffer.alloc(65_536)
    }
    const answer = client.dispatcher.request({ ...get, method: 'PUT', body: endless() as never })
    await until(() => asked !== undefined, 'the request')
    await sleep(150)
    assert.ok(given < 300, `${given} of 600 chunks were taken`)
    await (await answer).body.dump()
    assert.equal(given, 600)
  })
})

describe('an abort through the dispatcher', () => {
  const reason = new Error('enough')
  const phases: Record<string, { readonly path: string; readonly policies: PolicySpec[]; readonly arrived: boolean }> =
    {
      'while it waits in a queue': {
        path: '/hang',
        policies: [{ bulkhead: { maxInFlight: 1, maxQueue: 2 } }],
        arrived: false,
      },
      'while it waits for a head': { path: '/hang', policies, arrived: true },
      'while it waits for the next try': {
        path: '/503',
        policies: policies.with(2, { retry: { delay: 5000 } }),
        arrived: true,
      },
      'while its body comes': { path: '/body', policies, arrived: true },
    }
  for (const [phase, { path, policies: some, arrived }] of Object.entries(phases)) {
    it(`${phase} ends everything`, async (t) => {
      const origin = await httpOrigin(t, (request, response) => {
        if (request.url === '/503') response.writeHead(503).end()
        if (request.url === '/body') response.write('begun')
      })
      const { client, policy, snapshot } = clientOf(t, { endpoints: [origin.url], policies: some })
      const first = new AbortController()
      const blocking = arrived ? undefined : client.dispatcher.request({ ...get, path: '/hang', signal: first.signal })
      const controller = new AbortController()
      const ended = client.dispatcher
        .request({ ...get, path, signal: controller.signal })
        .then(({ body }) => body.text())
        .then(
          () => assert.fail('it was answered'),
          (error: unknown) => error,
        )
      if (arrived) await until(() => origin.accepted === 1, 'the request')
      else await until(() => policy('bulkhead').queued === 1, 'the queue')
      await sleep(60)
      controller.abort(reason)
      assert.equal(await ended, reason)
      first.abort()
      await blocking?.catch(() => undefined)
      await until(() => snapshot().calls?.inFlight === 0, 'the call to end')
      if (path !== '/503') await until(() => origin.open.size === 0, 'the connection to be closed')
    })
  }
})

describe('an upgrade', () => {
  it('goes to an endpoint, past the policies', async (t) => {
    const server = createServer().on('upgrade', (_request, socket: Socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n')
      socket.pipe(socket)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const endpoints = [`http://127.0.0.1:${(server.address() as AddressInfo).port}`]
    const { client, policy } = clientOf(t, { endpoints, policies })
    const upgrade = { origin: 'http://shop', path: '/', protocol: 'echo' } as Dispatcher.UpgradeOptions
    const { socket } = await client.dispatcher.upgrade(upgrade)
    socket.write('hello')
    assert.equal(String(await new Promise((resolve) => socket.once('data', resolve))), 'hello')
    socket.destroy()
    assert.equal(policy('bulkhead').totals.admitted, 0)
  })
})

describe('a handler', () => {
  it('of undici 6 is told in its own words', async (t) => {
    const origin = await httpOrigin(t, (_request, response) =>
      response.writeHead(200, 'Fine', { 'x-a': 'b' }).end('body'),
    )
    const { client } = clientOf(t, { endpoints: [origin.url], policies })
    const told: unknown[] = []
    await new Promise<void>((resolve, reject) => {
      const old = {
        onConnect: () => void told.push('connect'),
        onResponseStarted: () => void told.push('started'),
        onHeaders: (status: number, fields: Buffer[], _resume: unknown, statusText: string) => {
          told.push(status, fields.every(Buffer.isBuffer), fields.map(String).includes('x-a'), statusText)
          return true
        },
        onData: (chunk: Buffer) => (told.push(String(chunk)), true),
        onComplete: (trailers: Buffer[]) => (told.push(trailers), resolve()),
        onError: reject,
      }
      client.dispatcher.dispatch(get, old as never)
    })
    assert.deepEqual(told, ['connect', 'started', 200, true, true, 'Fine', 'body', []])
  })

  it('that throws ends its own call and nothing else', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.end('body'))
    const { client, policy, snapshot } = clientOf(t, { endpoints: [origin.url], policies })
    for (const where of ['onRequestStart', 'onResponseStart', 'onResponseData', 'onResponseEnd']) {
      const broken = new Error(where)
      const error = await new Promise((resolve) => {
        const handler: Record<string, (...given: never[]) => void> = {
          onRequestStart: () => undefined,
          onResponseStart: () => undefined,
          onResponseData: () => undefined,
          onResponseEnd: () => undefined,
          onResponseError: (_controller: unknown, told: unknown) => resolve(told),
        }
        handler[where] = () => {
          throw broken
        }
        client.dispatcher.dispatch(get, handler as never)
      })
      assert.equal(error, broken)
    }
    await until(() => snapshot().calls?.inFlight === 0, 'all calls to end')
    assert.equal(policy('circuitBreaker').totals.failures, 0)
  })

  it('hears of the end of its client', async (t) => {
    const origin = await httpOrigin(t, () => undefined)
    const { client } = clientOf(t, { endpoints: [origin.url], policies })
    const { dispatcher } = client
    const running = assert.rejects(dispatcher.request(get), { code: 'SG_CLIENT_CLOSED' })
    await until(() => origin.accepted === 1, 'the request')
    await dispatcher.close()
    await running
    await assert.rejects(dispatcher.request(get), { code: 'SG_CLIENT_CLOSED' })
  })
})
