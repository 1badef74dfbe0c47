// Protected servers over real sockets: deadlines, shedding, status paths, and the end.
import assert from 'node:assert/strict'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createServer2 } from 'node:http2'
import { createRequire } from 'node:module'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type AdmittingPipeline, Registry, shed } from '@switchgear/core'
import { activeContext } from '@switchgear/telemetry'
import fastify from 'fastify'
import { Agent, Client, request } from 'undici'
import { type ProtectOptions } from '../../src/protect/options.ts'
import { protect, type Protection } from '../../src/protect/protect.ts'
import { requestSignal } from '../../src/protect/served.ts'

// It brings no types along.
const express = createRequire(import.meta.url)('express') as () => RequestListener & {
  get(path: string, handle: (request: unknown, response: { send(text: string): void }) => void): void
}

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

const agent = (): Agent => {
  const made = new Agent({ keepAliveTimeout: 60_000 })
  open.push(() => made.destroy())
  return made
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function protectedServer(handle: RequestListener, options?: ProtectOptions) {
  const server = createServer(handle)
  const protection = protect(server, options)
  open.push(() => protection.release())
  return { server, protection, url: await listening(server), dispatcher: agent() }
}

type Rig = Awaited<ReturnType<typeof protectedServer>>
const ask = async ({ url, dispatcher }: Pick<Rig, 'url' | 'dispatcher'>, path = '/', headers = {}) => {
  const { statusCode, headers: got, body } = await request(url + path, { dispatcher, headers })
  return { status: statusCode, headers: got, body: await body.text() }
}
const settled = async (protection: Protection): Promise<void> => {
  for (let turn = 0; protection.inFlight > 0 && turn < 200; turn++) await sleep(10)
  assert.equal(protection.inFlight, 0)
}

describe('a deadline', () => {
  test('is the shorter of what the caller says and what the server allows', async () => {
    const seen: number[] = []
    const handle: RequestListener = (_request, response) => {
      seen.push(activeContext().deadline - performance.now())
      response.end()
    }
    const rig = await protectedServer(handle, { timeout: '2s' })
    await ask(rig, '/', { 'x-request-deadline': '500' })
    await ask(rig, '/', { 'x-request-deadline': '60000' })
    await ask(rig, '/', { 'grpc-timeout': '700m' })
    await ask(rig, '/', { 'x-request-deadline': 'soon' })
    await ask(rig)
    const bounds = [500, 2000, 700, 2000, 2000]
    for (const [index, most] of bounds.entries()) {
      assert.ok((seen[index] ?? 0) <= most && (seen[index] ?? 0) > most - 400, `${index}: ${seen[index]}`)
    }
  })

  test('without any there is none, and no timer', async () => {
    let deadline = 0
    const rig = await protectedServer((_request, response) => {
      ;({ deadline } = activeContext())
      response.end()
    })
    await ask(rig)
    assert.equal(deadline, Infinity)
  })

  test('that has passed is answered without work', async () => {
    let worked = 0
    const rig = await protectedServer((_request, response) => {
      worked++
      response.end()
    })
    const { status, body } = await ask(rig, '/', { 'x-request-deadline': '0' })
    assert.deepEqual([status, JSON.parse(body).code, worked], [504, 'SG_DEADLINE_EXCEEDED', 0])
  })

  test('aborts the signal; a handler that listens answers, one that does not is cut and never throws', async () => {
    const rig = await protectedServer(async (incoming, response) => {
      const signal = requestSignal(incoming)
      if (incoming.url === '/listens') {
        await new Promise((resolve) => signal?.addEventListener('abort', resolve))
        response.writeHead(504).end('late')
        return
      }
      await sleep(300)
      response.writeHead(200).end('nobody reads this')
    })
    const headers = { 'x-request-deadline': '100' }
    assert.deepEqual((({ status, body }) => [status, body])(await ask(rig, '/listens', headers)), [504, 'late'])
    await assert.rejects(ask(rig, '/sleeps', headers), { code: 'UND_ERR_SOCKET' })
    await settled(rig.protection)
    await sleep(300)
  })

  test('reaches what the handler starts later', async () => {
    const rig = await protectedServer(async (_request, response) => {
      await sleep(20)
      response.end(String(activeContext().deadline < Infinity))
    })
    assert.equal((await ask(rig, '/', { 'x-request-deadline': '5000' })).body, 'true')
  })
})

describe('a client that leaves', () => {
  test('aborts the signal and says nothing about the server', async () => {
    const registry = new Registry()
    const reasons: unknown[] = []
    const rig = await protectedServer(
      (incoming) => {
        const signal = requestSignal(incoming)
        signal?.addEventListener('abort', () => reasons.push((signal.reason as { code: string }).code))
      },
      { registry },
    )
    const controller = new AbortController()
    const asked = request(rig.url, { dispatcher: rig.dispatcher, signal: controller.signal })
    while (rig.protection.inFlight === 0) await sleep(5)
    controller.abort()
    await assert.rejects(asked)
    await settled(rig.protection)
    assert.deepEqual(reasons, ['SG_CLIENT_LEFT'])
  })
})

describe('what is refused', () => {
  test('by a full bulkhead is 503 with Retry-After, and health is still told', async () => {
    const release: (() => void)[] = []
    const rig = await protectedServer((_request, response) => void release.push(() => response.end('done')), {
      policies: [{ bulkhead: { maxInFlight: 1 } }],
    })
    const first = ask(rig)
    while (rig.protection.inFlight === 0) await sleep(5)
    const second = await ask(rig)
    assert.deepEqual(
      [second.status, second.headers['retry-after'], JSON.parse(second.body).code],
      [503, '1', 'SG_BULKHEAD_FULL'],
    )
    assert.deepEqual([(await ask(rig, '/healthz')).status, (await ask(rig, '/readyz')).status], [200, 200])
    release[0]?.()
    assert.equal((await first).body, 'done')
    await settled(rig.protection)
  })

  test('by shedding are the least important', async () => {
    const registry = new Registry()
    const rig = await protectedServer((_request, response) => response.end('in'), {
      registry,
      priority: ({ url }) => (url === '/important' ? 0 : 3),
    })
    const pipeline = registry.get('server') as AdmittingPipeline
    const gate = pipeline.policies.find(({ name }) => name === 'shed') as ReturnType<typeof shed>
    // As if requests had waited for long, for longer than the interval.
    const until = performance.now() + 2000
    while (gate.refusedFrom > 3 && performance.now() < until) {
      gate.observe(500)
      await sleep(20)
    }
    gate.observe(500)
    assert.deepEqual([(await ask(rig, '/important')).status, (await ask(rig, '/report')).status], [200, 503])
  })

  test('a priority function that throws does not hurt the request', async () => {
    const priority = (): never => {
      throw new Error('broken')
    }
    assert.equal(
      (await ask(await protectedServer((_request, response) => response.end('in'), { priority }))).body,
      'in',
    )
  })
})

describe('readiness', () => {
  test('is what the application says, and false where it cannot say', async () => {
    let ready = (): boolean => true
    const rig = await protectedServer((_request, response) => response.end('app'), { ready: () => ready() })
    const look = async (): Promise<unknown[]> => [(await ask(rig, '/readyz')).status, rig.protection.ready]
    assert.deepEqual(await look(), [200, true])
    ready = () => false
    assert.deepEqual(await look(), [503, false])
    ready = () => {
      throw new Error('no idea')
    }
    assert.deepEqual(await look(), [503, false])
    assert.equal((await ask(rig, '/healthz')).status, 200)
  })

  test('paths can be others or none', async () => {
    const rig = await protectedServer((_request, response) => response.end('app'), {
      healthPath: false,
      readyPath: '/up',
    })
    const bodies = await Promise.all(['/healthz', '/readyz', '/up'].map(async (path) => (await ask(rig, path)).body))
    assert.deepEqual(bodies, ['app', 'app', 'ready\n'])
  })
})

describe('drain', () => {
  test('lets requests finish, then the server is closed', async () => {
    const rig = await protectedServer(async (_request, response) => {
      await sleep(200)
      response.end('finished')
    })
    const asked = ask(rig)
    while (rig.protection.inFlight === 0) await sleep(5)
    const drained = rig.protection.drain()
    assert.equal(rig.protection.ready, false)
    assert.equal(rig.protection.drain(), drained)
    assert.equal((await asked).body, 'finished')
    await drained
    await assert.rejects(ask(rig), { code: 'ECONNREFUSED' })
  })

  test('is not ready but still serves while it is a lame duck, and closes connections then', async () => {
    const rig = await protectedServer((_request, response) => response.end('served'), { lameDuck: '300ms' })
    await ask(rig)
    const drained = rig.protection.drain()
    assert.equal((await ask(rig, '/readyz')).status, 503)
    const { body, headers } = await ask(rig)
    assert.deepEqual([body, headers['connection']], ['served', 'close'])
    await drained
  })

  test('cuts what does not end', async () => {
    const rig = await protectedServer(() => undefined, { drainTimeout: '100ms' })
    const asked = assert.rejects(ask(rig))
    while (rig.protection.inFlight === 0) await sleep(5)
    await rig.protection.drain()
    await asked
  })

  test('ends a connection that has sent nothing', async () => {
    const rig = await protectedServer(() => undefined, { drainTimeout: '100ms' })
    const socket = connect(Number(new URL(rig.url).port), '127.0.0.1')
    await new Promise((resolve) => socket.once('connect', resolve))
    await sleep(50)
    const ended = new Promise((resolve) => socket.once('close', resolve))
    await rig.protection.drain()
    await ended
  })

  test('of HTTP/2: streams finish, sessions end', async () => {
    const server = createServer2(async (_request, response) => {
      await sleep(100)
      response.end('finished')
    })
    const protection = protect(server as unknown as Server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const client = new Client(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
      h2Options: { useH2c: true },
    })
    open.push(() => client.destroy())
    const asked = client.request({ path: '/', method: 'GET' })
    while (protection.inFlight === 0) await sleep(5)
    const drained = protection.drain()
    assert.equal(await (await asked).body.text(), 'finished')
    await drained
  })
})

describe('under a framework', () => {
  test('express and fastify are protected without knowing it', async () => {
    const app = express()
    app.get('/', (_request, response) => void response.send(String(activeContext().deadline < Infinity)))
    const server = createServer(app)
    open.push(() => protection.release())
    const protection = protect(server, { timeout: '5s' })
    assert.equal((await ask({ url: await listening(server), dispatcher: agent() })).body, 'true')

    const fast = fastify()
    fast.get('/', () => String(activeContext().deadline < Infinity))
    const fastProtection = protect(fast.server, { timeout: '5s', name: 'fast' })
    open.push(() => (fastProtection.release(), fast.close()))
    const url = await fast.listen({ port: 0, host: '127.0.0.1' })
    assert.equal((await ask({ url, dispatcher: agent() })).body, 'true')
  })

  test('a release takes everything back', async () => {
    const rig = await protectedServer((_request, response) => response.end('app'))
    assert.equal((await ask(rig, '/healthz')).body, 'ok\n')
    rig.protection.release()
    assert.equal((await ask(rig, '/healthz')).body, 'app')
    assert.equal(Object.hasOwn(rig.server, 'emit') && rig.server.emit !== createServer().emit, false)
    assert.equal(rig.server.listenerCount('session'), 0)
  })
})

describe('options', () => {
  const wrong: [ProtectOptions, RegExp][] = [
    [{ policies: [{ retry: {} }] }, /protect\.policies must be without retry/],
    [{ policies: [{ cache: {} }] as never }, /protect\.policies\[0\] must not be a cache/],
    [{ timeout: '0s' }, /protect\.timeout/],
    [{ readyPath: 'ready' }, /protect\.readyPath must be a path/],
    [{ drain: '1s' } as object, /protect\.drain/],
    [{ ready: true as never }, /protect\.ready/],
  ]
  for (const [options, message] of wrong) {
    test(message.source, () => assert.throws(() => protect(createServer(), options), message))
  }

  test('a server is protected once', () => {
    const server = createServer()
    const protection = protect(server)
    assert.throws(() => protect(server), /already/)
    protection.release()
    protect(server).release()
  })
})

describe('what is given back', () => {
  test('when a client that pipelines leaves: every permit', async () => {
    const rig = await protectedServer((_request, response) => setTimeout(() => response.end('late'), 50))
    const socket = connect(Number(new URL(rig.url).port), '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(20))
    while (rig.protection.inFlight < 20) await sleep(5)
    socket.destroy()
    await settled(rig.protection)
  })

  test('by drain, also what a moment before was cut', async () => {
    const rig = await protectedServer(() => undefined, { drainTimeout: '50ms' })
    const asked = assert.rejects(ask(rig))
    while (rig.protection.inFlight === 0) await sleep(5)
    await rig.protection.drain()
    assert.equal(rig.protection.inFlight, 0)
    await asked
  })

  test('of deadlines that came twice the shorter counts', async () => {
    const rig = await protectedServer((_request, response) =>
      response.end(String(activeContext().deadline - performance.now() <= 400)),
    )
    const { port } = new URL(rig.url)
    const socket = connect(Number(port), '127.0.0.1')
    const deadlines = 'x-request-deadline: 9000\r\nx-request-deadline: 400\r\n'
    socket.write(`GET / HTTP/1.1\r\nHost: a\r\n${deadlines}Connection: close\r\n\r\n`)
    let answer = ''
    for await (const chunk of socket) answer += String(chunk)
    assert.match(answer, /true$/)
  })
})
