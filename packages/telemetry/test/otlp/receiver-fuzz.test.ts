import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { jsonBody, jsonRequest, jsonSpan, protobufBody, seed } from './ingest-requests.ts'
import { post, RawPeer, receive } from './receiver-peer.ts'

const request = jsonRequest(jsonSpan(), jsonSpan({ parentSpanId: '' }), jsonSpan())
const bodies = [protobufBody(request), jsonBody(request), gzipSync(protobufBody(request)), gzipSync(jsonBody(request))]
const types = ['application/x-protobuf', 'application/json']

/** One damage to a body. */
const damage = fc.oneof(
  fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), byte: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), cut: fc.constant(true) }),
  fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), insert: fc.uint8Array({ minLength: 1, maxLength: 40 }) }),
)
type Damage = { at: number; byte?: number; cut?: boolean; insert?: Uint8Array }

function damaged(body: Uint8Array, damages: readonly Damage[]): Buffer {
  let bytes = Buffer.from(body)
  for (const { at, byte, cut, insert } of damages) {
    const index = Math.floor(at * bytes.length)
    if (byte !== undefined && index < bytes.length) bytes[index] = byte
    if (cut === true) bytes = bytes.subarray(0, index)
    if (insert !== undefined) bytes = Buffer.concat([bytes.subarray(0, index), insert, bytes.subarray(index)])
  }
  return bytes
}

test('thousands of damaged bodies: only 200, 400, 413 and 415, and the process is fine', async (t) => {
  const { url, receiver, spans } = await receive(t, { maxBodyBytes: 4096, maxInflatedBytes: 8192 })
  const headers = fc.record({
    'content-type': fc.oneof(
      { weight: 20, arbitrary: fc.constantFrom(...types) },
      { weight: 1, arbitrary: fc.constant('a/b') },
    ),
    gzip: fc.boolean(),
  })
  const which = fc.nat(bodies.length - 1)
  let runs = 0
  await fc.assert(
    fc.asyncProperty(which, fc.array(damage, { maxLength: 3 }), headers, async (index, damages, { gzip, ...type }) => {
      runs++
      const body = damaged(bodies[index] ?? new Uint8Array(0), damages as Damage[])
      const answer = await post(url, body, { ...type, ...(gzip ? { 'content-encoding': 'gzip' } : {}) })
      assert.ok([200, 400, 413, 415].includes(answer.status), String(answer.status))
      spans.length = 0
    }),
    { seed, numRuns: 2000 },
  )
  const { totals } = receiver
  assert.equal(
    Object.values(totals.answers).reduce((sum, count) => sum + count, 0),
    runs,
  )
  assert.ok((totals.answers[200] ?? 0) > 100 && (totals.answers[400] ?? 0) > 100, JSON.stringify(totals.answers))
  assert.equal(totals.inFlightBytes, 0)
  assert.equal((await post(url)).status, 200)
})

test('hundreds of damaged requests, head and all: every connection ends or is answered', async (t) => {
  const { port, url, receiver } = await receive(t, { bodyTimeout: 300, headersTimeout: 300 })
  const body = bodies[0] ?? new Uint8Array(0)
  const fields = `host: localhost\r\ncontent-type: ${types[0]}\r\ncontent-length: ${body.length}\r\n`
  const whole = Buffer.concat([Buffer.from(`POST /v1/traces HTTP/1.1\r\n${fields}\r\n`), body])
  const batches = fc.array(fc.array(damage, { minLength: 1, maxLength: 3 }), { minLength: 25, maxLength: 25 })
  await fc.assert(
    fc.asyncProperty(batches, async (batch) => {
      const peers = batch.map((damages) => new RawPeer(port).write(damaged(whole, damages as Damage[])))
      await Promise.all(peers.map((peer) => peer.answers()))
      for (const peer of peers) peer.socket.destroy()
    }),
    { seed, numRuns: 16, endOnFailure: true },
  )
  assert.equal((await post(url)).status, 200)
  assert.equal(receiver.totals.inFlightBytes, 0)
})
