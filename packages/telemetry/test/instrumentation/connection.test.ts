// What all requests of a connection say of its two ends.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { connectionAttributes } from '../../src/instrumentation/connection.ts'
import { Recording } from './http-recording.ts'

test('long texts of a client are cut where texts are bounded', () => {
  const facts = { scheme: 'https', version: '2', host: 'orders.example:80', userAgent: 'x'.repeat(1000) } as const
  const { attributes } = connectionAttributes(new Socket(), facts, 8)
  assert.deepEqual(attributes, {
    'url.scheme': 'https',
    'network.protocol.version': '2',
    'server.address': 'orders.e',
    'server.port': 80,
    'user_agent.original': 'xxxxxxxx',
  })
})

test('a client that comes by IPv4 to a server of both versions is told by its IPv4 address', async (test: TestContext) => {
  const recording = new Recording(test, { undici: false, http2: false, client: false })
  const server = createServer((_, response) => void response.end())
  const listening = Promise.withResolvers<boolean>()
  server.once('error', () => listening.resolve(false))
  server.listen(0, '::ffff:127.0.0.1', () => listening.resolve(true))
  test.after(() => server.close())
  if (!(await listening.promise)) return test.skip('this machine has no IPv6')
  const { port } = server.address() as AddressInfo
  await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } }).then((answer) => answer.text())
  const { attributes } = await recording.one('server')
  assert.equal(attributes['client.address'], '127.0.0.1')
  assert.equal(attributes['network.peer.address'], '127.0.0.1')
})

test('the instrumentation says what it hides, for whoever makes spans besides', (test: TestContext) => {
  const recording = new Recording(test, { sensitiveParameters: ['order'] })
  assert.equal(recording.undo.redaction.query('order=1&token=2'), 'order=REDACTED&token=2')
})
