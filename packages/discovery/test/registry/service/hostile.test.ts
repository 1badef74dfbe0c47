import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as elapse } from 'node:timers/promises'
import { ask, ordersToken, rig, until } from './rig.ts'

const head = (more = ''): string =>
  `PUT /v1/services/orders/instances/a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${ordersToken}\r\n` +
  `Content-Type: application/json\r\n${more}`

interface Talk {
  readonly socket: Socket
  text: string
  isClosed: boolean
}

function dial(t: TestContext, port: number): Promise<Talk> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(talk))
    const talk: Talk = { socket, text: '', isClosed: false }
    socket.on('data', (chunk: Buffer) => (talk.text += chunk.toString('latin1')))
    socket.on('error', reject).on('close', () => (talk.isClosed = true))
    t.after(() => socket.destroy())
  })
}

const statusOf = ({ text }: Talk): number => Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0)

describe('a hostile peer', { concurrency: true }, () => {
  it('sends bodies that are too large: announced, and without a length', async (t) => {
    const { catalog, port } = await rig(t, { maxBody: '2kb' })
    for (const [framing, payload] of [
      ['Content-Length: 3000\r\n\r\n', 'x'.repeat(3000)],
      ['Transfer-Encoding: chunked\r\n\r\n', `bb8\r\n${'x'.repeat(3000)}\r\n0\r\n\r\n`],
    ] as const) {
      const talk = await dial(t, port)
      talk.socket.write(head(framing) + payload)
      await until(() => statusOf(talk) !== 0, 'an answer')
      assert.equal(statusOf(talk), 413, talk.text)
    }
    const endless = await dial(t, port)
    endless.socket.on('error', () => undefined)
    endless.socket.write(head('Content-Length: 100000000\r\n\r\n'))
    const pour = setInterval(() => endless.socket.write('x'.repeat(65_536)), 5)
    t.after(() => clearInterval(pour))
    await until(() => endless.isClosed, 'the end of an endless body')
    clearInterval(pour)
    assert.equal(catalog.registrations.length, 0)
  })

  it('sends a body slowly, or not at all, or leaves in the midst of it', async (t) => {
    const { catalog, port, registry } = await rig(t, { bodyTimeout: 150 })
    const slow = await dial(t, port)
    slow.socket.write(head('Content-Length: 100\r\n\r\n{'))
    const drip = setInterval(() => slow.socket.write(' '), 30)
    t.after(() => clearInterval(drip))
    await until(() => slow.isClosed, 'the end of a slow one')
    clearInterval(drip)
    assert.equal(statusOf(slow), 408)
    const refused = await dial(t, port)
    // Refused by its head already; the body that never comes is waited for no longer than any other.
    refused.socket.write('PUT /v1/none HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n')
    await until(() => refused.isClosed, 'the end of a refused one')
    assert.equal(statusOf(refused), 404)
    const gone = await dial(t, port)
    gone.socket.write(head('Content-Length: 100\r\n\r\n{'))
    await elapse(30)
    gone.socket.destroy()
    assert.equal((await ask(port, 'GET', '/v1/services')).status, 200)
    assert.equal(catalog.registrations.length, 0)
    await registry.stop()
  })

  it('sends a head slowly, or one that is too large, or bytes that are no HTTP', async (t) => {
    const { port } = await rig(t, { headersTimeout: 200 })
    const slow = await dial(t, port)
    slow.socket.write('GET /v1/services HTTP/1.1\r\nHost: localhost\r\n')
    await until(() => slow.isClosed, 'the end of a slow head')
    assert.equal(statusOf(slow), 408)
    const large = await dial(t, port)
    large.socket.on('error', () => undefined)
    large.socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)
    await until(() => large.isClosed, 'the end of a large head')
    assert.equal(statusOf(large), 431)
    for (const bytes of [
      '\0\0\0\0\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      '\x16\x03\x01\x02\x00',
    ]) {
      const talk = await dial(t, port)
      talk.socket.on('error', () => undefined)
      talk.socket.write(bytes, 'latin1')
      await until(() => talk.isClosed, `the end after ${JSON.stringify(bytes)}`)
      assert.ok([0, 400, 408].includes(statusOf(talk)), talk.text)
    }
    assert.equal((await ask(port, 'GET', '/v1/services')).status, 200)
  })

  it('sends no Host, two of them, or a request for somebody else', async (t) => {
    const { port } = await rig(t)
    for (const [request, status] of [
      ['GET /v1/services HTTP/1.1\r\n\r\n', 421],
      ['GET /v1/services HTTP/1.0\r\n\r\n', 421],
      ['GET /v1/services HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n', 421],
      ['GET /v1/services HTTP/1.1\r\nHost: localhost, evil\r\n\r\n', 421],
      ['GET http://localhost/v1/services HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
      ['GET /v1/services HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil\r\n\r\n', 403],
    ] as const) {
      const talk = await dial(t, port)
      talk.socket.write(request)
      await until(() => statusOf(talk) !== 0, 'an answer')
      assert.equal(statusOf(talk), status, request)
    }
    const proxy = await dial(t, port)
    proxy.socket.on('error', () => undefined)
    proxy.socket.write('CONNECT evil:80 HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await until(() => proxy.isClosed, 'no tunnel')
    assert.ok(!proxy.text.includes(' 200 '))
  })

  it('finds no more than so many connections and watches', async (t) => {
    const { port, registry } = await rig(t, { maxConnections: 4, maxWatchers: 2 })
    const watch = 'GET /v1/services/orders/watch HTTP/1.1\r\nHost: localhost\r\n\r\n'
    const talks: Talk[] = []
    for (const expected of [200, 200, 503]) {
      const talk = await dial(t, port)
      talks.push(talk)
      talk.socket.write(watch)
      await until(() => statusOf(talk) !== 0, 'an answer')
      assert.equal(statusOf(talk), expected)
    }
    assert.match(talks[2]?.text ?? '', /SG_REGISTRY_BUSY/)
    assert.equal(registry.handler.watchers, 2)
    await dial(t, port)
    const surplus = await dial(t, port)
    surplus.socket.on('error', () => undefined)
    await until(() => surplus.isClosed, 'the fifth connection is closed')
    talks[0]?.socket.destroy()
    await until(() => registry.handler.watchers === 1, 'a watcher that left is forgotten')
  })

  it('asks for many watches on one connection, and gets one', async (t) => {
    const { catalog, port, registry } = await rig(t)
    const talk = await dial(t, port)
    talk.socket.write('GET /v1/services/orders/watch HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(50))
    await until(() => talk.text.includes('event: view'), 'the first')
    await elapse(50)
    assert.deepEqual([registry.handler.watchers, catalog.listening], [1, 1])
    talk.socket.destroy()
    await until(() => registry.handler.watchers === 0, 'it is over')
  })

  it('does not read: it is dropped, nothing is queued for it, and the others hear everything', async (t) => {
    const { catalog, port, registry } = await rig(t, { heartbeat: 100, stallTimeout: 400 })
    const deaf = await dial(t, port)
    deaf.socket.on('error', () => undefined)
    deaf.socket.pause()
    deaf.socket.write('GET /v1/services/orders/watch HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const reader = await dial(t, port)
    reader.socket.write('GET /v1/services/orders/watch HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await until(() => registry.handler.watchers === 2, 'both watch')
    const metadata = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`key-${at}`, 'v'.repeat(250)]))
    let changes = 0
    const end = performance.now() + 8000
    while (registry.handler.watchers === 2 && performance.now() < end) {
      for (let at = 0; at < 20; at++, changes++)
        catalog.register({ service: 'orders', id: `i${at}`, endpoint: { address: '10.0.0.1', port: 80, metadata } })
      await elapse(20)
    }
    assert.equal(registry.handler.watchers, 1, 'the one that does not read is dropped')
    await until(() => reader.text.includes(`"index":${changes}`), 'the other has heard the last change')
    assert.equal(catalog.listening, 1)
  })
})

it('an error of the books is told to whoever runs the registry, and to nobody else', async (t) => {
  const errors: unknown[] = []
  const { catalog, port } = await rig(t, { onError: (error) => errors.push(error) })
  catalog.view = () => {
    throw new Error('the disk of /var/lib/secret is full')
  }
  const reply = await ask(port, 'GET', '/v1/services/orders')
  assert.equal(reply.status, 500)
  assert.doesNotMatch(reply.text, /disk|secret/)
  assert.equal(errors.length, 1)
  assert.equal((await ask(port, 'GET', '/v1/services')).status, 200)
})
