import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { head, oneSpan, post, RawPeer, receive, until } from './receiver-peer.ts'

const length = { 'content-length': oneSpan.length }

test('408: a body that drips, as the head declared it, in chunks, or zipped', async (t) => {
  const { port, receiver } = await receive(t, { bodyTimeout: 200 })
  const zipped = gzipSync(oneSpan)
  const senders = [
    new RawPeer(port).write(head(length)).write(oneSpan.subarray(0, 10)),
    new RawPeer(port).write(head({ 'transfer-encoding': 'chunked' })).write('5\r\n{"res\r\n'),
    new RawPeer(port).write(head({ 'content-length': zipped.length, 'content-encoding': 'gzip' })),
  ]
  senders[2]?.write(zipped.subarray(0, 20))
  for (const sender of senders) {
    assert.deepEqual(await sender.answers(), [408])
    assert.match(sender.text, /"message":"the body did not arrive within 200 ms"/)
    await sender.closed
  }
  assert.equal(receiver.totals.inFlightBytes, 0)
})

test('408: a head that drips, and a connection that says nothing', async (t) => {
  const { port, receiver } = await receive(t, { headersTimeout: 200 })
  const slow = new RawPeer(port).write('POST /v1/traces HTTP/1.1\r\nhost: local')
  const silent = new RawPeer(port)
  await Promise.all([slow.closed, silent.closed])
  assert.deepEqual(await slow.answers(), [408])
  assert.equal(receiver.totals.requests, 0)
})

test('a keep-alive connection stays between exports, also after an error that left nothing unread', async (t) => {
  const { port, spans } = await receive(t, { headersTimeout: 200 })
  const peer = new RawPeer(port)
  for (let round = 1; round <= 3; round++) {
    peer.write(head({ ...length, 'content-type': 'text/plain' })).write(oneSpan)
    await peer.answers(2 * round - 1)
    peer.write(head(length)).write(oneSpan)
    await peer.answers(2 * round)
    await delay(250)
  }
  assert.deepEqual(await peer.answers(), [415, 200, 415, 200, 415, 200])
  assert.equal(spans.length, 3)
  peer.socket.destroy()
})

test('requests that follow each other without waiting are answered in order', async (t) => {
  const { port, spans } = await receive(t, { take: (some) => delay(5).then(() => void spans.push(...some)) })
  const one = head(length) + Buffer.from(oneSpan).toString('latin1')
  const wrong = head({ 'content-length': 0 }, 'GET /v1/traces HTTP/1.1')
  const peer = new RawPeer(port).write(Buffer.from(`${one}${wrong}${one}${one}${wrong}${one}`, 'latin1'))
  assert.deepEqual(await peer.answers(6), [200, 405, 200, 200, 405, 200])
  assert.equal(spans.length, 4)
  peer.socket.destroy()
})

test('thousands of requests without waiting for an answer are put off, not piled up', async (t) => {
  let release = (): void => undefined
  const gate = new Promise<void>((resolve) => (release = resolve))
  const { port, receiver } = await receive(t, {
    take: () => gate,
    maxBodyBytes: 2048,
    maxInflatedBytes: 2048,
    maxInFlightBytes: 100_000,
  })
  const one = Buffer.concat([Buffer.from(head(length)), oneSpan])
  const peer = new RawPeer(port).write(Buffer.concat(Array.from({ length: 2000 }, () => one)))
  await until(() => (receiver.totals.answers[429] ?? 0) > 0, 'the first is put off')
  assert.ok(receiver.totals.inFlightBytes <= 100_000)
  release()
  const statuses = await peer.answers(2000)
  assert.equal(statuses.length, 2000)
  assert.ok(statuses.every((status) => status === 200 || status === 429))
  assert.equal(receiver.totals.inFlightBytes, 0)
  peer.socket.destroy()
})

test('HTTP/1.0 is answered and closed', async (t) => {
  const { port, spans } = await receive(t)
  const peer = new RawPeer(port).write(head(length, 'POST /v1/traces HTTP/1.0')).write(oneSpan)
  await peer.closed
  assert.match(peer.text, /^HTTP\/1\.1 200 OK[^]*\r\n\r\n\{\}$/)
  assert.equal(spans.length, 1)
})

test('a sender that waits for 100 Continue gets it, or the refusal before it sent anything', async (t) => {
  const { port, spans } = await receive(t, { maxBodyBytes: 4096, maxInflatedBytes: 4096 })
  const peer = new RawPeer(port).write(head({ ...length, expect: '100-continue' }))
  assert.deepEqual(await peer.answers(), [100])
  peer.write(oneSpan)
  assert.deepEqual(await peer.answers(2), [100, 200])
  assert.equal(spans.length, 1)
  peer.socket.destroy()
  const large = new RawPeer(port).write(head({ 'content-length': 5000, expect: '100-continue' }))
  await large.closed
  assert.deepEqual(await large.answers(), [413])
  const odd = new RawPeer(port).write(head({ ...length, expect: 'a miracle' }))
  assert.deepEqual(await odd.answers(), [417])
  odd.socket.destroy()
})

test('an offer to upgrade is not taken up, the request is', async (t) => {
  const { port } = await receive(t)
  const fields = {
    ...length,
    connection: 'Upgrade, HTTP2-Settings',
    upgrade: 'h2c',
    'http2-settings': 'AAMAAABkAAQAAP',
  }
  const peer = new RawPeer(port).write(head(fields)).write(oneSpan)
  assert.deepEqual(await peer.answers(), [200])
  peer.socket.destroy()
})

test('gzip of several members is read whole, and what follows the last one hangs nothing', async (t) => {
  const { url, spans } = await receive(t)
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
  const members = [oneSpan.subarray(0, 100), oneSpan.subarray(100)].map((part) => gzipSync(part))
  assert.equal((await post(url, Buffer.concat(members), headers)).status, 200)
  for (const rest of [Buffer.from('more'), Buffer.alloc(1024 ** 2), Buffer.alloc(1024 ** 2, 'x')]) {
    const { status } = await post(url, Buffer.concat([gzipSync(oneSpan), rest]), headers)
    assert.ok(status === 200 || status === 400, String(status))
  }
  assert.ok(spans.length >= 1)
})

test('bytes that are no request get an answer and the end of the connection', async (t) => {
  const { port, receiver } = await receive(t)
  const cases: readonly (readonly [string, number])[] = [
    ['hello\r\n\r\n', 400],
    ['\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc', 400],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    [head({ 'content-length': '5, 6' }), 400],
    [head({ 'content-length': 5, 'transfer-encoding': 'chunked' }), 400],
    [head({ 'transfer-encoding': 'chunked' }) + 'zz\r\n', 400],
    [head({ filler: 'x'.repeat(20_000) }), 431],
    [`GET /${'x'.repeat(20_000)} HTTP/1.1\r\n`, 431],
  ]
  for (const [bytes, status] of cases) {
    const peer = new RawPeer(port).write(Buffer.from(bytes, 'latin1'))
    assert.deepEqual(await peer.answers(), [status], JSON.stringify(bytes.slice(0, 40)))
    await peer.closed
  }
  assert.equal(receiver.totals.answers[431], 2)
  await until(() => receiver.totals.inFlightBytes === 0, 'the broken body is given back')
})

test('senders that leave, in the head, in the body, before the answer, cost nothing', async (t) => {
  const { port, url, spans, receiver } = await receive(t, { take: () => delay(50) })
  const inHead = new RawPeer(port).write('POST /v1')
  const inBody = new RawPeer(port).write(head(length)).write(oneSpan.subarray(0, 10))
  const zipped = new RawPeer(port)
    .write(head({ ...length, 'content-encoding': 'gzip' }))
    .write(gzipSync('x').subarray(0, 9))
  const early = new RawPeer(port).write(head(length)).write(oneSpan)
  await until(() => receiver.totals.requests === 3, 'three heads are in')
  await until(() => receiver.totals.bytes > 0, 'one body is in')
  for (const peer of [inHead, inBody, zipped, early]) peer.socket.resetAndDestroy()
  await until(() => receiver.totals.abandoned === 2, 'two bodies never came')
  await until(() => receiver.totals.inFlightBytes === 0, 'all is given back')
  assert.equal((await post(url)).status, 200)
  assert.equal(spans.length, 0)
})

test('a half-closed connection is closed from our side too', async (t) => {
  const { port, receiver } = await receive(t)
  const inBody = new RawPeer(port, true).write(head(length)).write(oneSpan.subarray(0, 10))
  const whole = new RawPeer(port, true).write(head(length)).write(oneSpan)
  const nothing = new RawPeer(port, true)
  for (const peer of [inBody, whole, nothing]) {
    peer.socket.once('end', () => peer.socket.end())
    peer.socket.end()
    await peer.closed
  }
  await until(() => receiver.totals.inFlightBytes === 0, 'all is given back')
})

test('who keeps sending after a refusal reads the refusal, and is cut off after the bound', async (t) => {
  const { port } = await receive(t, { maxBodyBytes: '64kb', maxInflatedBytes: '64kb', bodyTimeout: '2s' })
  const peer = new RawPeer(port).write(head({ 'content-length': 10_000_000 }))
  const block = Buffer.alloc(16 * 1024)
  assert.deepEqual(await peer.answers(), [413])
  const start = performance.now()
  while (!peer.socket.closed && performance.now() - start < 8000) {
    peer.write(block)
    await delay(2)
  }
  assert.ok(peer.socket.closed)
  assert.match(peer.text, /the body is larger than 65536 bytes/)
})

test('who stops sending after a refusal is cut off when the time for its body is over', async (t) => {
  const { port } = await receive(t, { bodyTimeout: 200 })
  const peer = new RawPeer(port).write(head({ 'content-length': 1000, 'content-type': 'text/plain' }))
  assert.deepEqual(await peer.answers(), [415])
  await peer.closed
})

test('connections beyond the bound are closed and counted, and there is room when one ends', async (t) => {
  const { port, url, receiver } = await receive(t, { maxConnections: 3 })
  const peers = [new RawPeer(port), new RawPeer(port), new RawPeer(port)]
  await Promise.all(peers.map((peer) => until(() => peer.socket.readyState === 'open', 'open')))
  await delay(20)
  const surplus = new RawPeer(port).write(head(length)).write(oneSpan)
  await surplus.closed
  assert.equal(surplus.text, '')
  assert.equal(receiver.totals.surplusConnections, 1)
  peers[0]?.socket.destroy()
  await delay(50)
  assert.equal((await post(url)).status, 200)
  for (const peer of peers) peer.socket.destroy()
})
