import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import protobuf from 'protobufjs'
import { jsonBody, jsonRequest, jsonSpan, protobufBody } from './ingest-requests.ts'
import { oneSpan, post, RawPeer, receive, until } from './receiver-peer.ts'

const rpc = protobuf.parse(`syntax = "proto3"; package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message BadRequest { message FieldViolation { string field = 1; string description = 2; }
    repeated FieldViolation field_violations = 1; }`).root
const Status = rpc.lookupType('google.rpc.Status')
const BadRequest = rpc.lookupType('google.rpc.BadRequest')

interface StatusBody {
  readonly code: number
  readonly message: string
  readonly details?: readonly { readonly typeUrl: string; readonly value: Uint8Array }[]
}

const json = { 'content-type': 'application/json' }
const proto = { 'content-type': 'application/x-protobuf' }
const jsonStatus = (body: Buffer): StatusBody => JSON.parse(body.toString()) as StatusBody
const protoStatus = (body: Buffer): StatusBody => Status.toObject(Status.decode(body), { arrays: false }) as StatusBody

test('400: what cannot be decoded, with a Status in the format of the request', async (t) => {
  const { url, spans } = await receive(t)
  const garbage = await post(url, Buffer.from('garbage'), proto)
  assert.equal(garbage.status, 400)
  assert.equal(garbage.headers.get('content-type'), 'application/x-protobuf')
  assert.equal(protoStatus(garbage.body).code, 3)
  assert.match(protoStatus(garbage.body).message, /^the body is no ExportTraceServiceRequest: /)
  const text = await post(url, Buffer.from('{"resourceSpans":[{"scopeSpans":5}]}'))
  assert.equal(text.status, 400)
  assert.equal(text.headers.get('content-type'), 'application/json')
  const message = 'resourceSpans[0].scopeSpans must be a list'
  assert.deepEqual(JSON.parse(text.body.toString()), {
    code: 3,
    message,
    details: [
      {
        '@type': 'type.googleapis.com/google.rpc.BadRequest',
        fieldViolations: [{ field: 'resourceSpans[0].scopeSpans', description: message }],
      },
    ],
  })
  const noGzip = await post(url, oneSpan, { ...json, 'content-encoding': 'gzip' })
  assert.equal(noGzip.status, 400)
  const cut = await post(url, gzipSync(oneSpan).subarray(0, 60), { ...json, 'content-encoding': 'gzip' })
  assert.equal(cut.status, 400)
  assert.match(jsonStatus(cut.body).message, /not gzip/)
  assert.equal(spans.length, 0)
})

test('a protobuf Status carries its details as the official definitions have them', async () => {
  const { refused } = await import('../../src/otlp/receiver-answer.ts')
  const { Refusal } = await import('../../src/otlp/receiver-refusal.ts')
  const status = protoStatus(Buffer.from(refused('protobuf', new Refusal(400, 'a.b is bad', {}, 'a.b')).body))
  assert.equal(status.details?.[0]?.typeUrl, 'type.googleapis.com/google.rpc.BadRequest')
  const value = status.details?.[0]?.value ?? new Uint8Array(0)
  const expected = { fieldViolations: [{ field: 'a.b', description: 'a.b is bad' }] }
  assert.deepEqual(BadRequest.toObject(BadRequest.decode(value)), expected)
})

test('404 and 405: other paths and methods; metrics and logs are answered with advice', async (t) => {
  const { url, port } = await receive(t)
  assert.equal((await post(url.replace('/v1/traces', '/'))).status, 404)
  assert.equal((await post(`${url}/`)).status, 404)
  assert.equal((await post(`${url}?tenant=1`)).status, 200)
  for (const [signal, setting] of [
    ['metrics', 'OTEL_METRICS_EXPORTER=none'],
    ['logs', 'OTEL_LOGS_EXPORTER=none'],
  ] as const) {
    const answer = await post(url.replace('traces', signal), Buffer.from([1]), proto)
    assert.equal(answer.status, 404)
    assert.ok(protoStatus(answer.body).message.includes(setting))
  }
  for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS', 'HEAD']) {
    const answer = await fetch(url, { method })
    assert.equal(answer.status, 405, method)
    assert.equal(answer.headers.get('allow'), 'POST')
    assert.equal(answer.headers.get('access-control-allow-origin'), null)
    await answer.arrayBuffer()
  }
  const tunnel = await new RawPeer(port).write('CONNECT example.com:80 HTTP/1.1\r\nhost: localhost\r\n\r\n').answers()
  assert.deepEqual(tunnel, [405])
})

test('a stock metrics exporter gives up at once and keeps its connection', async (t) => {
  const { port, receiver } = await receive(t)
  let connections = 0
  receiver.server.on('connection', () => connections++)
  const exporter = new OTLPMetricExporter({ url: `http://127.0.0.1:${port}/v1/metrics`, timeoutMillis: 8000 })
  const metrics = { resource: resourceFromAttributes({}), scopeMetrics: [] }
  for (let round = 0; round < 3; round++) {
    const result = await new Promise<{ error?: Error }>((resolve) =>
      exporter.export(metrics as never, resolve as never),
    )
    assert.ok(result.error)
  }
  await exporter.shutdown()
  assert.deepEqual(receiver.totals.answers, { 404: 3 }, 'no retry')
  assert.equal(connections, 1)
})

test('415: other content types, among them all that a web page may send unasked, and other encodings', async (t) => {
  const { url, spans } = await receive(t)
  const types = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/protobuf',
    'application/json; charset=latin1',
    'application/json, text/plain',
    'constructor',
    '',
  ]
  for (const type of types) {
    const answer = await post(url, oneSpan, type === '' ? {} : { 'content-type': type })
    assert.equal(answer.status, 415, type)
    assert.match(jsonStatus(answer.body).message, /application\/x-protobuf or application\/json/)
  }
  for (const encoding of ['br', 'deflate', 'gzip, gzip', 'zstd']) {
    const answer = await post(url, oneSpan, { ...json, 'content-encoding': encoding })
    assert.equal(answer.status, 415, encoding)
    assert.equal(answer.headers.get('accept-encoding'), 'gzip, identity')
  }
  assert.equal((await post(url, oneSpan, { ...json, 'content-encoding': 'identity' })).status, 200)
  assert.equal(spans.length, 1)
})

test('421 and 403: a Host that nobody announced, and web pages from elsewhere', async (t) => {
  const { port, receiver } = await receive(t, { allowedHosts: ['traces.internal', '::2'] })
  const send = (fields: Readonly<Record<string, string>>): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = { ...json, ...fields }
      httpRequest({ port, host: '127.0.0.1', method: 'POST', path: '/v1/traces', headers }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0))
      })
        .on('error', reject)
        .end(oneSpan)
    })
  const served = [
    'localhost',
    'LOCALHOST:4318',
    '127.0.0.1',
    `127.0.0.1:${port}`,
    '[::1]:4318',
    'traces.internal',
    '[::2]',
  ]
  for (const host of served) assert.equal(await send({ host }), 200, host)
  const foreign = ['evil.example', 'localhost.evil.example', '127.0.0.1.nip.io:80', 'localhost@evil', '[::1', '::1']
  for (const host of foreign) assert.equal(await send({ host }), 421, host)
  for (const origin of ['http://evil.example', 'null', 'http://localhost:3000', 'https://localhost:4318', '']) {
    assert.equal(await send({ host: 'localhost:4318', origin }), 403, origin)
  }
  assert.equal(await send({ host: 'localhost:4318', origin: 'http://localhost:4318' }), 200)
  for (const none of ['', 'host:\r\n', 'host: \r\n']) {
    const raw = new RawPeer(port).write(`POST /v1/traces HTTP/1.1\r\n${none}content-length: 0\r\n\r\n`)
    assert.deepEqual(await raw.answers(), [421], none)
    raw.socket.destroy()
  }
  assert.equal(receiver.totals.answers[403], 5)
})

test('413: too long as declared, as sent in chunks, and inflated', async (t) => {
  const { url, receiver } = await receive(t, {
    maxBodyBytes: '64kb',
    maxInflatedBytes: '256kb',
    maxInFlightBytes: '1mb',
  })
  const big = Buffer.alloc(65 * 1024, 0x20)
  const declared = await post(url, big)
  assert.equal(declared.status, 413)
  assert.equal(declared.headers.get('connection'), 'close')
  assert.equal(jsonStatus(declared.body).code, 8)
  assert.match(jsonStatus(declared.body).message, /the body is larger than 65536 bytes/)
  const chunks = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let n = 0; n < 70; n++) controller.enqueue(Buffer.alloc(1024, 0x20))
      controller.close()
    },
  })
  const streamed = await fetch(url, { method: 'POST', headers: proto, body: chunks, duplex: 'half' } as RequestInit)
  assert.equal(streamed.status, 413)
  assert.match(protoStatus(Buffer.from(await streamed.arrayBuffer())).message, /the body is larger/)
  const inflates = await post(url, gzipSync(Buffer.alloc(257 * 1024)), { ...proto, 'content-encoding': 'gzip' })
  assert.equal(inflates.status, 413)
  assert.match(protoStatus(inflates.body).message, /the inflated body is larger than 262144 bytes/)
  assert.equal(receiver.totals.inFlightBytes, 0)
})

test('413: a bomb of gigabytes is cut at the bound, without holding more than that', async (t) => {
  const { url, receiver } = await receive(t)
  // Members of gzip may follow each other: 3.7 MB that inflate to 3.7 GB.
  const member = gzipSync(Buffer.alloc(32 * 1024 * 1024), { level: 9 })
  const bomb = Buffer.concat(Array.from({ length: Math.floor((3.7 * 1024 ** 2) / member.length) }, () => member))
  const before = process.memoryUsage.rss()
  let most = 0
  const timer = setInterval(() => (most = Math.max(most, process.memoryUsage.rss() - before)), 5)
  const answer = await post(url, bomb, { ...proto, 'content-encoding': 'gzip' })
  clearInterval(timer)
  assert.equal(answer.status, 413)
  assert.equal(receiver.totals.inFlightBytes, 0)
  assert.ok(most < 200 * 1024 ** 2, `${Math.round(most / 1024 ** 2)} MB more`)
})

test('429 with Retry-After when too much is in flight, and room again afterwards', async (t) => {
  let release = (): void => undefined
  const gate = new Promise<void>((resolve) => (release = resolve))
  const { url, receiver } = await receive(t, {
    take: () => gate,
    maxBodyBytes: '100kb',
    maxInflatedBytes: '100kb',
    maxInFlightBytes: '200kb',
  })
  const body = jsonBody({ ...jsonRequest(jsonSpan()), padding: 'x'.repeat(90 * 1024) })
  const first = [post(url, body), post(url, body)]
  await until(() => receiver.totals.inFlightBytes > 180 * 1024, 'two bodies are held')
  const third = await post(url, body)
  assert.equal(third.status, 429)
  assert.equal(third.headers.get('retry-after'), '1')
  assert.equal(jsonStatus(third.body).code, 8)
  release()
  assert.deepEqual(await Promise.all(first.map(async (answer) => (await answer).status)), [200, 200])
  assert.equal((await post(url, body)).status, 200)
  assert.equal(receiver.totals.inFlightBytes, 0)
})

test('429: requests are counted with what each costs besides its body', async (t) => {
  const { url, receiver } = await receive(t, {
    take: () => delay(300),
    maxBodyBytes: 2048,
    maxInflatedBytes: 2048,
    maxInFlightBytes: 20_000,
  })
  const statuses = await Promise.all(Array.from({ length: 12 }, async () => (await post(url)).status))
  assert.ok(statuses.includes(200) && statuses.includes(429), statuses.join())
  assert.equal(statuses.filter((status) => status === 200).length + (receiver.totals.answers[429] ?? 0), 12)
})

test('503 with Retry-After when the taker throws, rejects, or takes too long', async (t) => {
  const errors: unknown[] = []
  let mode = 0
  let release = (): void => undefined
  const { url, receiver } = await receive(t, {
    take: () => {
      if (mode === 0) throw new Error('secret: disk full')
      if (mode === 1) return Promise.reject(new Error('closed'))
      return new Promise<void>((resolve) => (release = resolve))
    },
    takeTimeout: 100,
    onError: (error) => {
      errors.push(error)
      throw new Error('a listener that throws')
    },
  })
  for (mode = 0; mode < 3; mode++) {
    const answer = await post(url, protobufBody(jsonRequest(jsonSpan())), proto)
    assert.equal(answer.status, 503)
    assert.equal(answer.headers.get('retry-after'), '1')
    assert.deepEqual(protoStatus(answer.body), { code: 14, message: 'the spans could not be taken now' })
  }
  assert.deepEqual(
    errors.map((error) => (error as Error).message),
    ['secret: disk full', 'closed', 'take did not finish within 100 ms'],
  )
  assert.ok(receiver.totals.inFlightBytes > 0, 'what hangs still holds its memory')
  release()
  await until(() => receiver.totals.inFlightBytes === 0, 'all is given back')
  assert.equal(receiver.totals.spans, 0)
})

test('stop: what is under way is answered, new requests are not taken, and the end comes at the deadline', async (t) => {
  let release = (): void => undefined
  const { url, port, receiver } = await receive(t, {
    take: () => new Promise<void>((resolve) => (release = resolve)),
    drainTimeout: '10s',
  })
  const underway = post(url)
  await until(() => receiver.totals.inFlightBytes > 0, 'the request is in')
  const busy = new RawPeer(port).write(
    'POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n',
  )
  busy.write(`content-length: ${oneSpan.length}\r\n\r\n`)
  await until(() => receiver.totals.requests === 2, 'the head of the second is in')
  const idle = new RawPeer(port)
  await until(() => idle.socket.readyState === 'open', 'an idle connection')
  await delay(20)
  const stopped = receiver.stop()
  await idle.closed
  const late =
    'POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 0\r\n\r\n'
  release()
  busy.write(oneSpan)
  assert.equal((await underway).headers.get('connection'), 'close')
  await until(() => receiver.totals.inFlightBytes > 4096, 'the second is being taken')
  busy.write(late)
  await until(() => receiver.totals.answers[503] === 1, 'a third is refused')
  release()
  await busy.closed
  assert.deepEqual(await busy.answers(), [200], 'the connection ends with the answer to what was taken')
  await stopped
  await assert.rejects(post(url))
  assert.equal(receiver.stop(), receiver.stop())
})

test('stop cuts off a taker that never answers at the deadline', async (t) => {
  const { url, receiver } = await receive(t, { take: () => new Promise(() => undefined), drainTimeout: 100 })
  const sent = post(url)
  const failed = assert.rejects(sent)
  await until(() => receiver.totals.inFlightBytes > 0, 'the request is in')
  const start = performance.now()
  await receiver.stop()
  assert.ok(performance.now() - start < 5000)
  await failed
})
