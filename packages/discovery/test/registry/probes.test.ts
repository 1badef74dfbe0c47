// The probes against real sockets: what passes, what does not, and that nothing of them is left.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createHttp2, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import grpc from '@grpc/grpc-js'
import { frame, request, servingStatus } from '../../src/registry/checks/grpc.ts'
import { probe } from '../../src/registry/checks/probes.ts'
import type { HealthCheck } from '../../src/registry/catalog.ts'
import { facts } from './samples.ts'

async function listening(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return (server.address() as AddressInfo).port
}

async function looked(
  check: HealthCheck,
  signal: AbortSignal = AbortSignal.timeout(5000),
): Promise<string | undefined> {
  const { check: all } = facts({ check })
  assert.ok(all)
  try {
    return await probe({ address: '127.0.0.1', tls: false, facts: all }, signal)
  } catch (error) {
    return `threw ${(error as { code?: string }).code ?? (error as Error).name}`
  }
}

describe('the HTTP check', () => {
  const answering = async (t: TestContext, listener: RequestListener): Promise<number> =>
    listening(t, createServer(listener))

  test('any 2xx passes; everything else does not, redirects among it', async (t) => {
    const paths: string[] = []
    const port = await answering(t, (request, response) => {
      paths.push(`${request.method} ${request.url} ${request.headers.host}`)
      const status = Number(request.url?.slice(1))
      response.writeHead(status, { location: '/200' }).end('body')
    })
    for (const status of [200, 204, 299])
      assert.equal(await looked({ kind: 'http', port, path: `/${status}` }), undefined)
    for (const status of [301, 302, 404, 500, 503])
      assert.equal(await looked({ kind: 'http', port, path: `/${status}` }), `status ${status}`)
    assert.equal(paths.length, 8, 'no redirect was followed')
    assert.equal(paths[0], `GET /200 127.0.0.1:${port}`)
  })

  test('a body without end is not read', async (t) => {
    let close: (() => void) | undefined
    const closed = new Promise<void>((resolve) => (close = resolve))
    const port = await answering(t, (_, response) => {
      response.writeHead(200)
      const timer = setInterval(() => response.write('x'.repeat(8192)), 1)
      response.on('close', () => {
        close?.()
        clearInterval(timer)
      })
      response.on('error', () => {})
    })
    assert.equal(await looked({ kind: 'http', port }), undefined)
    await closed
  })

  test('nobody there, silence, and what is no HTTP do not pass', async (t) => {
    const port = await listening(
      t,
      createTcp(() => {}),
    )
    assert.match((await looked({ kind: 'http', port }, AbortSignal.timeout(100))) ?? '', /threw/)
    const garbage = await listening(
      t,
      createTcp((socket) => socket.end('not http\r\n\r\n')),
    )
    assert.match((await looked({ kind: 'http', port: garbage })) ?? '', /threw HTTPParserError/)
    assert.equal(await looked({ kind: 'http', port: 1 }), 'threw ECONNREFUSED')
  })
})

test('the TCP check passes where a connection is accepted', async (t) => {
  const port = await listening(
    t,
    createTcp(() => {}),
  )
  assert.equal(await looked({ kind: 'tcp', port }), undefined)
  assert.equal(await looked({ kind: 'tcp', port: 1 }), 'threw ECONNREFUSED')
})

describe('the gRPC check', () => {
  const serving = (t: TestContext, answer: (stream: ServerHttp2Stream, asked: Buffer) => void): Promise<number> => {
    const server = createHttp2()
    server.on('stream', (stream: ServerHttp2Stream) => {
      const chunks: Buffer[] = []
      stream.on('error', () => {})
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => answer(stream, Buffer.concat(chunks)))
    })
    server.on('session', (session) => session.on('error', () => {}))
    return listening(t, server)
  }
  const say = (stream: ServerHttp2Stream, bytes: Buffer, status = '0'): void => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }))
    stream.end(bytes)
  }

  test('SERVING passes, every other status does not', async (t) => {
    const asked: Buffer[] = []
    let status = 1
    const port = await serving(t, (stream, question) => {
      asked.push(question)
      say(stream, frame(Buffer.from([8, status])))
    })
    assert.equal(await looked({ kind: 'grpc', port, service: 'shop.Orders' }), undefined)
    assert.deepEqual(asked[0], Buffer.from('\0\0\0\0\x0d\x0a\x0bshop.Orders'))
    status = 2
    assert.equal(await looked({ kind: 'grpc', port }), 'NOT_SERVING')
    assert.deepEqual(asked[1], Buffer.from('\0\0\0\0\0'))
    status = 3
    assert.equal(await looked({ kind: 'grpc', port }), 'SERVICE_UNKNOWN')
  })

  test('an error in trailers or head, too much, too little, and no gRPC at all do not pass', async (t) => {
    const cases: [RegExp, (stream: ServerHttp2Stream) => void][] = [
      [/grpc-status 12/, (stream) => stream.respond({ ':status': 200, 'grpc-status': '12' }, { endStream: true })],
      [/grpc-status 5/, (stream) => say(stream, frame(Buffer.from([8, 1])), '5')],
      [/grpc-status missing/, (stream) => stream.respond({ ':status': 200 }, { endStream: true })],
      [/status 404/, (stream) => stream.respond({ ':status': 404 }, { endStream: true })],
      [/threw/, (stream) => say(stream, Buffer.alloc(5000))],
      [/serving status -1/, (stream) => say(stream, Buffer.from([0, 255, 255, 255, 255, 8, 1]))],
      [/UNKNOWN/, (stream) => say(stream, frame(Buffer.alloc(0)))],
    ]
    let current = cases[0]?.[1]
    const port = await serving(t, (stream) => current?.(stream))
    for (const [expected, answer] of cases) {
      current = answer
      assert.match((await looked({ kind: 'grpc', port })) ?? 'passed', expected)
    }
    assert.match((await looked({ kind: 'grpc', port: 1 })) ?? 'passed', /threw ECONNREFUSED/)
    const silent = await listening(
      t,
      createTcp(() => {}),
    )
    assert.match((await looked({ kind: 'grpc', port: silent }, AbortSignal.timeout(100))) ?? 'passed', /threw/)
    const closing = await listening(
      t,
      createTcp((socket) => socket.destroy()),
    )
    assert.match((await looked({ kind: 'grpc', port: closing })) ?? 'passed', /threw/)
  })

  test('speaks with a real gRPC server', async (t) => {
    const server = new grpc.Server()
    const names: string[] = []
    const bytes = (value: Buffer): Buffer => value
    const method = { requestStream: false, responseStream: false, requestSerialize: bytes, requestDeserialize: bytes }
    const path = '/grpc.health.v1.Health/Check'
    server.addService(
      { check: { ...method, path, responseSerialize: bytes, responseDeserialize: bytes } },
      {
        check: (call: { request: Buffer }, answer: (error: object | null, value?: Buffer) => void) => {
          const name = call.request.subarray(2).toString()
          names.push(name)
          if (name === 'none') answer({ code: grpc.status.NOT_FOUND, details: 'unknown service' })
          else answer(null, Buffer.from([8, name === 'ill' ? 2 : 1]))
        },
      },
    )
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      )
    })
    t.after(() => server.forceShutdown())
    assert.equal(await looked({ kind: 'grpc', port }), undefined)
    assert.equal(await looked({ kind: 'grpc', port, service: 'ill' }), 'NOT_SERVING')
    assert.equal(await looked({ kind: 'grpc', port, service: 'none' }), 'grpc-status 5')
    assert.deepEqual(names, ['', 'ill', 'none'])
  })

  test('its two messages: fields that are not known are passed over, and lengths are not believed', () => {
    const read = (...bytes: number[]): number => servingStatus(frame(Buffer.from(bytes)))
    assert.equal(read(8, 1), 1)
    assert.equal(read(0x12, 2, 1, 1, 8, 1), 1)
    assert.equal(read(0x15, 0, 0, 0, 0, 8, 2), 2)
    assert.equal(read(0x11, 0, 0, 0, 0, 0, 0, 0, 0, 8, 3), 3)
    assert.equal(read(8, 0x81, 0), 1)
    for (const bytes of [[0x12, 200, 1], [8], [8, 0x80], [0x0b], [8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]])
      assert.equal(read(...bytes), -1, String(bytes))
    assert.equal(servingStatus(Buffer.from([1, 0, 0, 0, 2, 8, 1])), -1, 'compressed')
    assert.deepEqual(request('x'.repeat(200)).subarray(0, 3), Buffer.from([0x0a, 0xc8, 1]))
  })
})
