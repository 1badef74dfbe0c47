// Both faces over TLS and HTTP/2, against real servers: names, trust, streams, and what a broken stream means.
import assert from 'node:assert/strict'
import { createSecureServer, type Http2SecureServer } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type Server } from 'node:net'
import { test, type TestContext } from 'node:test'
import { request } from 'undici'
import { type Client, createClient, type ServiceOptions } from '../../src/index.ts'
import { certificate, privateKey } from './tls-pair.ts'

const pair = { cert: certificate, key: privateKey }

async function listening(t: TestContext, server: Server | Http2SecureServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

function clientOf(t: TestContext, port: number, host = 'localhost', more: ServiceOptions = {}): Client {
  const connections = { tls: { ca: certificate }, ...more.connections }
  const client = createClient({ services: { shop: { endpoints: [`https://${host}:${port}`], ...more, connections } } })
  t.after(() => client.close())
  return client
}

const servers = {
  'HTTP/1.1': () =>
    createHttpsServer(pair, (request, response) => {
      response.setHeader('x-host', request.headers.host ?? '')
      request.pipe(response.setHeader('x-version', request.httpVersion))
    }),
  'HTTP/2': () =>
    createSecureServer({ ...pair, allowHTTP1: true }, (request, response) => {
      response.setHeader('x-host', request.headers.host ?? request.authority)
      response.setHeader('x-version', request.httpVersion)
      request.pipe(response)
    }),
}

for (const [version, serve] of Object.entries(servers)) {
  const number = version === 'HTTP/2' ? '2.0' : '1.1'

  test(`${version} over TLS through both faces, many at once, with bodies`, async (t) => {
    const port = await listening(t, serve())
    const client = clientOf(t, port)
    const body = 'x'.repeat(200_000)
    const each = Array.from({ length: 20 }, async (_, index) => {
      const response = await client.service('shop').fetch('/', { method: 'PUT', body: `${index}${body}` })
      assert.deepEqual([response.status, response.headers.get('x-version')], [200, number])
      assert.equal(await response.text(), `${index}${body}`)
      const raw = await request('https://shop/', { method: 'PUT', body: `${index}`, dispatcher: client.dispatcher })
      assert.deepEqual([raw.statusCode, raw.headers['x-version'], raw.headers['x-host']], [200, number, 'shop'])
      assert.equal(await raw.body.text(), `${index}`)
    })
    await Promise.all(each)
    assert.equal(client.service('shop').endpoints[0]?.inFlight, 0)
  })

  test(`${version}: a name in a certificate that the operator gave wins over every other`, async (t) => {
    const port = await listening(t, serve())
    const client = clientOf(t, port, '127.0.0.1', {
      connections: { tls: { ca: certificate, serverName: 'localhost' } },
    })
    assert.equal((await client.service('shop').fetch('/')).status, 200)
    const raw = await request('https://shop/', { dispatcher: client.dispatcher })
    assert.equal(raw.statusCode, 200)
    await raw.body.dump()
    const wrong = clientOf(t, port, '127.0.0.1', {
      policies: [],
      connections: { tls: { ca: certificate, serverName: 'payments.internal' } },
    })
    await assert.rejects(wrong.service('shop').fetch('/'), { code: 'SG_UNREACHABLE' })
    await assert.rejects(request('https://shop/', { dispatcher: wrong.dispatcher }))
  })
}

test('HTTP/2: a stream that the server resets is one failure, and the connection serves on', async (t) => {
  let asked = 0
  const server = createSecureServer(pair, (_request, response) => {
    if (++asked === 1) response.stream.close(2)
    else response.end('fine')
  })
  const port = await listening(t, server)
  const client = clientOf(t, port)
  const response = await client.service('shop').fetch('/')
  assert.deepEqual([await response.text(), asked], ['fine', 2])
})
