// Connections to endpoints over real sockets: how many, in which protocol, with which trust, and what is left of them.
import assert from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createCleartext2, createSecureServer } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { OptionsError } from '@switchgear/core'
import { type Endpoint, endpoint } from '@switchgear/discovery'
import type { Connections } from '../../src/endpoints/connections.ts'
import type { TransportOptions } from '../../src/transport/options.ts'
import { Transport } from '../../src/transport/transport.ts'
import { certificate, privateKey } from './tls-pair.ts'

interface Peer {
  readonly endpoint: Endpoint
  readonly open: ReadonlySet<Socket>
  accepted: number
}

async function listening(t: TestContext, server: Server, address = '127.0.0.1'): Promise<Peer> {
  const open = new Set<Socket>()
  const peer: Peer = { endpoint: await bound(server, address), open, accepted: 0 }
  server.on('connection', (socket: Socket) => {
    peer.accepted++
    open.add(socket)
    socket.on('error', () => undefined).on('close', () => open.delete(socket))
  })
  t.after(() => {
    for (const socket of open) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  return peer
}

async function bound(server: Server, address: string): Promise<Endpoint> {
  await new Promise<void>((resolve) => server.listen(0, address, resolve))
  return endpoint({ address, port: (server.address() as AddressInfo).port }, 'peer')
}

function connections(t: TestContext, peer: Endpoint, options: TransportOptions = {}): Connections {
  const transport = new Transport(options, 'connections', 100)
  const made = transport.connect(peer)
  t.after(async () => {
    transport.close()
    await made.destroy()
  })
  return made
}

async function get({ origin, dispatcher }: Connections): Promise<string> {
  const { body } = await dispatcher.request({ origin, path: '/', method: 'GET' })
  return body.text()
}

const cleartext = () => createHttpServer((request, response) => response.end(request.httpVersion))
const secure2 = () =>
  createSecureServer({ cert: certificate, key: privateKey, allowHTTP1: true }, (request, response) =>
    response.end(request.httpVersion),
  )

describe('connections', () => {
  test('at most as many as allowed, the rest waits its turn', async (t) => {
    const slow = createHttpServer((_request, response) => setTimeout(() => response.end('x'), 20))
    const peer = await listening(t, slow)
    const made = connections(t, peer.endpoint, { maxConnections: 3 })
    await Promise.all(Array.from({ length: 12 }, () => get(made)))
    assert.equal(peer.accepted, 3)
  })

  test('are kept and used again, and are gone after close', async (t) => {
    const peer = await listening(t, cleartext())
    const made = connections(t, peer.endpoint)
    for (let call = 0; call < 5; call++) assert.equal(await get(made), '1.1')
    // A second one where the first was not idle again in the same turn.
    assert.ok(peer.accepted <= 2, `${peer.accepted} connections`)
    await made.close()
    await gone(peer)
  })

  test('close lets what is under way finish, destroy does not', async (t) => {
    const peer = await listening(
      t,
      createHttpServer((_request, response) => setTimeout(() => response.end('late'), 100)),
    )
    const patient = connections(t, peer.endpoint)
    const answer = get(patient)
    await Promise.all([patient.close(), answer.then((text) => assert.equal(text, 'late'))])
    const hasty = connections(t, peer.endpoint)
    const lost = assert.rejects(get(hasty))
    await hasty.destroy()
    await lost
  })

  test('of which none stands are given up in time', async (t) => {
    // It accepts and reads, and never says anything: the handshake of TLS hangs.
    const peer = await listening(
      t,
      createServer((socket) => void socket.resume()),
    )
    const made = connections(t, { ...peer.endpoint, scheme: 'https' }, { connectTimeout: '200ms' })
    const begun = performance.now()
    await assert.rejects(get(made), { code: 'UND_ERR_CONNECT_TIMEOUT' })
    // Undici looks at its time-outs about once a second.
    assert.ok(performance.now() - begun < 5000)
  })

  test('in the making end with the transport', async (t) => {
    const peer = await listening(
      t,
      createServer((socket) => void socket.resume()),
    )
    const transport = new Transport({}, 'connections', 100)
    const made = transport.connect({ ...peer.endpoint, scheme: 'https' })
    const lost = assert.rejects(get(made))
    while (peer.accepted === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    transport.close()
    await made.destroy()
    await lost
    await gone(peer)
  })

  test('a name with two families finds the one that listens', async (t) => {
    const peer = await listening(t, cleartext())
    const made = connections(t, endpoint({ address: 'localhost', port: peer.endpoint.port }, 'peer'))
    assert.equal(await get(made), '1.1')
  })

  test('an IPv6 address', async (t) => {
    const server = cleartext()
    const peer = await listening(t, server, '::1').catch(() => undefined)
    if (peer === undefined) return t.skip('no IPv6 on this machine')
    const made = connections(t, peer.endpoint)
    assert.equal(made.origin.host, `[::1]:${peer.endpoint.port}`)
    assert.equal(await get(made), '1.1')
  })
})

describe('HTTP/2', () => {
  test('is spoken where the peer chooses it, all on one connection', async (t) => {
    const peer = await listening(t, secure2())
    const made = connections(t, { ...peer.endpoint, address: 'localhost' }, { tls: { ca: certificate } })
    const answers = await Promise.all(Array.from({ length: 10 }, () => get(made)))
    assert.deepEqual([new Set(answers), peer.accepted], [new Set(['2.0']), 1])
  })

  test('is not where it is switched off, nor where the peer does not know it', async (t) => {
    const peer = await listening(t, secure2())
    const never = connections(
      t,
      { ...peer.endpoint, address: 'localhost' },
      { tls: { ca: certificate }, http2: 'never' },
    )
    assert.equal(await get(never), '1.1')
    const old = await listening(
      t,
      createHttpsServer({ cert: certificate, key: privateKey }, (request, response) =>
        response.end(request.httpVersion),
      ),
    )
    const made = connections(t, { ...old.endpoint, address: 'localhost' }, { tls: { ca: certificate } })
    assert.equal(await get(made), '1.1')
  })

  test('without TLS by prior knowledge', async (t) => {
    const peer = await listening(
      t,
      createCleartext2((request, response) => response.end(request.httpVersion)),
    )
    const made = connections(t, peer.endpoint, { http2: 'always' })
    assert.equal(await get(made), '2.0')
  })
})

describe('TLS', () => {
  test('a peer that is not trusted is not spoken to', async (t) => {
    let asked = 0
    const server = createHttpsServer({ cert: certificate, key: privateKey }, (_request, response) => {
      asked++
      response.end()
    })
    const peer = await listening(t, server)
    await assert.rejects(get(connections(t, { ...peer.endpoint, address: 'localhost' }, { tls: true })))
    const other = { tls: { ca: certificate, serverName: 'payments.internal' } }
    await assert.rejects(get(connections(t, peer.endpoint, other)), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
    assert.equal(asked, 0)
  })

  test('a second connection resumes the session of the first, also after the first is gone', async (t) => {
    const reused: boolean[] = []
    const server = createHttpsServer({ cert: certificate, key: privateKey }, (_request, response) => {
      response.setHeader('connection', 'close').end()
    })
    server.on('secureConnection', (socket) => reused.push(socket.isSessionReused()))
    const peer = await listening(t, server)
    const made = connections(t, { ...peer.endpoint, address: 'localhost' }, { tls: { ca: certificate } })
    await get(made)
    // The ticket of TLS 1.3 comes after the handshake, and is kept once it is here.
    await new Promise((resolve) => setTimeout(resolve, 100))
    await get(made)
    assert.deepEqual(reused, [false, true])
  })

  test("an endpoint's own scheme wins over the option", () => {
    const plain = new Transport({ tls: true }, 'connections', 100)
    const http = endpoint({ address: '10.0.0.1', port: 80, scheme: 'http' }, 'peer')
    assert.equal(plain.connect(http).origin.href, 'http://10.0.0.1/')
    assert.equal(plain.connect({ ...http, scheme: undefined }).origin.href, 'https://10.0.0.1:80/')
    plain.close()
  })
})

describe('options', () => {
  const wrong: [TransportOptions, RegExp][] = [
    [{ maxConnections: 0 }, /connections\.maxConnections must be/],
    [{ connectTimeout: '0ms' }, /connections\.connectTimeout must be/],
    [{ http2: 'yes' as 'auto' }, /connections\.http2 must be auto, never or always, got 'yes'/],
    [{ maxStreams: 1.5 }, /connections\.maxStreams must be/],
    [{ tls: { cert: certificate } }, /connections\.tls must be given cert and key together/],
    [{ tls: { caFile: 'x' } as object }, /connections\.tls\.caFile/],
    [{ keepalive: 1 } as object, /connections\.keepalive/],
  ]
  for (const [options, message] of wrong) {
    test(`${Object.keys(options).join()}: ${message.source}`, () => {
      assert.throws(
        () => new Transport(options, 'connections', 100),
        (error) => error instanceof OptionsError && message.test(error.message) && !error.message.includes('BEGIN'),
      )
    })
  }
})

async function gone({ open }: Peer): Promise<void> {
  const until = performance.now() + 5000
  while (open.size > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.equal(open.size, 0)
}
