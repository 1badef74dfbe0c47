import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test, type TestContext } from 'node:test'
import { VirtualClock } from '@switchgear/core/testing'
import fc from 'fast-check'
import { encodeSpans } from '../../src/otlp/encode-traces.ts'
import { type OtlpExporter, otlpExporter } from '../../src/otlp/exporter.ts'
import type { OtlpOptions } from '../../src/otlp/otlp-options.ts'
import { seed } from './encode-spans.ts'
import { type Answer, inTurn, ok, status, TestCollector, until } from './export-collector.ts'
import { spans } from './export-spans.ts'

const silence: Answer = () => undefined

function exporterTo(t: TestContext, endpoint: string, options: OtlpOptions = {}): OtlpExporter {
  const exporter = otlpExporter({ endpoint, backoff: 1, maxBackoff: 5, ...options })
  t.after(() => exporter.close(AbortSignal.abort()))
  return exporter
}

/** An exporter whose waits happen when the test says so, and the full ones. */
function timed(t: TestContext, collector: TestCollector, options: OtlpOptions = {}) {
  const clock = new VirtualClock()
  const given = { clock, random: () => 0, backoff: '1s', maxBackoff: '30s', ...options }
  return { clock, exporter: exporterTo(t, collector.endpoint, given) }
}

test('waits double from the first to the longest and begin anew after a success', async (t) => {
  const busy = status(502)
  const collector = await TestCollector.start(t, inTurn(busy, busy, busy, ok, busy, ok))
  const { clock, exporter } = timed(t, collector, { maxBackoff: '3s' })
  exporter.take(spans(1))
  exporter.take(spans(1))
  for (const [retries, ms] of [
    [1, 1000],
    [2, 2000],
    [3, 3000],
    [4, 1000],
  ] as const) {
    await until(() => exporter.totals.retries === retries, `retry ${retries}`)
    const { requests } = exporter.totals
    await clock.advance(ms - 1)
    assert.equal(exporter.totals.requests, requests)
    await clock.advance(1)
    assert.equal(exporter.totals.requests, requests + 1)
  }
  await exporter.flush()
  assert.equal(exporter.totals.exported, 2)
  assert.equal(clock.pending, 0)
})

test('chance cuts a wait by up to a half', async (t) => {
  const collector = await TestCollector.start(t, inTurn(status(503), ok))
  const { clock, exporter } = timed(t, collector, { random: () => 0.999_999 })
  exporter.take(spans(1))
  await until(() => exporter.totals.retries === 1, 'the retry')
  await clock.advance(499)
  assert.equal(exporter.totals.requests, 1)
  await clock.advance(2)
  assert.equal(exporter.totals.requests, 2)
  await exporter.flush()
})

for (const [name, header, waitMs] of [
  ['seconds', () => '7', 7000],
  ['a date', (clock: VirtualClock) => new Date(clock.wallNow() + 9000).toUTCString(), 9000],
  ['a date that is over', () => 'Thu, 01 Jan 1970 00:00:00 GMT', 1000],
  ['nonsense', () => 'soon', 1000],
  ['a year, of which five minutes are believed', () => '31536000', 300_000],
] as const) {
  test(`Retry-After: ${name}`, async (t) => {
    const collector = await TestCollector.start(t)
    const { clock, exporter } = timed(t, collector)
    collector.answer = inTurn(status(429, '', { 'retry-after': header(clock) }), ok)
    exporter.take(spans(1))
    await until(() => exporter.totals.retries === 1, 'the retry')
    await clock.advance(waitMs - 1)
    assert.equal(exporter.totals.requests, 1)
    await clock.advance(1)
    assert.equal(exporter.totals.requests, 2)
    await exporter.flush()
  })
}

test('after a batch is given up, the next one waits as well, as long as the collector asked for', async (t) => {
  const collector = await TestCollector.start(t, inTurn(status(503, '', { 'retry-after': '60' }), status(502), ok))
  const { clock, exporter } = timed(t, collector, { maxAttempts: 1 })
  for (let n = 0; n < 3; n++) exporter.take(spans(1))
  await until(() => exporter.totals.dropped.gaveUp === 1, 'the first is given up')
  await clock.advance(59_999)
  assert.equal(exporter.totals.requests, 1)
  await clock.advance(1)
  await until(() => exporter.totals.dropped.gaveUp === 2, 'the second is given up')
  await clock.advance(1999)
  assert.equal(exporter.totals.requests, 2)
  await clock.advance(1)
  await exporter.flush()
  assert.equal(exporter.totals.exported, 1)
  assert.equal(clock.pending, 0)
})

test('a wait that the collector asked for holds for all senders', async (t) => {
  const collector = await TestCollector.start(t, inTurn(status(503, '', { 'retry-after': '5' }), ok))
  const { clock, exporter } = timed(t, collector, { concurrency: 2 })
  exporter.take(spans(1))
  await until(() => exporter.totals.retries === 1, 'the first is told to wait')
  exporter.take(spans(2))
  await clock.advance(4999)
  assert.equal(exporter.totals.requests, 1)
  await clock.advance(1)
  await exporter.flush()
  assert.deepEqual([exporter.totals.exported, exporter.totals.requests], [3, 3])
})

test('final answers: dropped at once, counted, told without secrets', async (t) => {
  const collector = await TestCollector.start(t)
  const problems: string[] = []
  const onProblem = (problem: string): void => void problems.push(problem)
  const secret = 'tok-12345'
  for (const code of [400, 401, 404, 413, 500, 501, 301]) {
    collector.answer = (response, { headers }) =>
      void response
        .writeHead(code, { 'content-type': 'text/plain', location: '/elsewhere' })
        .end(`bad\n ${headers.authorization}`)
    const headers = { authorization: `Bearer ${secret}` }
    const exporter = exporterTo(t, collector.endpoint, { headers, onProblem })
    exporter.take(spans(2))
    await exporter.flush()
    assert.deepEqual([exporter.totals.dropped.refused, exporter.totals.requests], [2, 1], String(code))
  }
  const said = (code: number) => `2 dropped for ${collector.endpoint}: ${code}: bad ***`
  assert.deepEqual(problems, [
    ...[400, 401, 404, 413, 500, 501].map(said),
    `2 dropped for ${collector.endpoint}: 301: redirects are not followed`,
  ])
})

test('the message of a google.rpc.Status is told, in both encodings', async (t) => {
  const wire = Buffer.from([0x08, 3, 0x12, 4, ...Buffer.from('nope')])
  for (const [type, body] of [
    ['application/x-protobuf', wire],
    ['application/json', '{"code":3,"message":"nope"}'],
  ] as const) {
    const collector = await TestCollector.start(t, status(400, body, { 'content-type': type }))
    const exporter = exporterTo(t, collector.endpoint)
    exporter.take(spans(1))
    await exporter.flush()
    assert.match(exporter.totals.lastProblem?.message ?? '', /: 400: nope$/)
  }
})

test('nobody listens: tried again, given up, counted; credentials of the endpoint are not shown', async (t) => {
  const exporter = exporterTo(t, 'http://user:pw123@127.0.0.1:1/v1/traces?key=k1', { maxAttempts: 3 })
  exporter.take(spans(4))
  await exporter.flush()
  const { dropped, requests, retries, lastProblem } = exporter.totals
  assert.deepEqual([dropped.gaveUp, requests, retries], [4, 3, 2])
  assert.match(
    lastProblem?.message ?? '',
    /^4 dropped for http:\/\/\*\*\*@127\.0\.0\.1:1\/v1\/traces: 3 attempts, .*ECONNREFUSED/,
  )
  assert.doesNotMatch(lastProblem?.message ?? '', /pw123|k1/)
})

for (const [name, answer, why] of [
  ['no answer', silence, /no complete answer within 150 ms/],
  [
    'an answer that never ends',
    (response) => void response.writeHead(200).write('x'),
    /no complete answer within 150 ms/,
  ],
  ['a connection that is cut', (response) => void response.destroy(), /socket hang up|ECONNRESET|idle/],
  [
    'an answer that is cut',
    (response) => {
      response.writeHead(200, { 'content-length': 10 }).write('x')
      setTimeout(() => response.destroy(), 20)
    },
    /aborted|ECONNRESET/,
  ],
  ['no HTTP', (response) => void response.socket?.end('SSH-2.0-x\r\n'), /Parse Error/],
  [
    'an upgrade',
    (response) => void response.socket?.end('HTTP/1.1 101 Hi\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
    /closed without an answer/,
  ],
] as const satisfies readonly (readonly [string, Answer, RegExp])[]) {
  test(`${name} is a failure that is tried again`, async (t) => {
    const collector = await TestCollector.start(t, answer)
    const exporter = exporterTo(t, collector.endpoint, { timeout: 150, maxAttempts: 2 })
    exporter.take(spans(1))
    await exporter.flush()
    assert.equal(exporter.totals.dropped.gaveUp, 1)
    assert.equal(collector.received.length, 2)
    assert.match(exporter.totals.lastProblem?.message ?? '', why)
  })
}

test('an answer that is too long is read no further and is final', async (t) => {
  const collector = await TestCollector.start(t, status(200, Buffer.alloc(200_000)))
  const exporter = exporterTo(t, collector.endpoint, { maxResponseBytes: 1000 })
  exporter.take(spans(1))
  await exporter.flush()
  assert.deepEqual([exporter.totals.dropped.refused, exporter.totals.requests], [1, 1])
  assert.match(exporter.totals.lastProblem?.message ?? '', /longer than 1000 bytes/)
})

test('an idle connection that the collector closed costs no wait', async (t) => {
  const collector = await TestCollector.start(t)
  const { exporter } = timed(t, collector)
  exporter.take(spans(1))
  await exporter.flush()
  // The next request is met by a closed connection: the test's clock stands still, so no backoff could end.
  collector.answer = inTurn(ok, (response) => response.socket?.resetAndDestroy(), ok)
  exporter.take(spans(1))
  await exporter.flush()
  assert.equal(exporter.totals.exported, 2)
  assert.deepEqual([exporter.totals.retries, collector.connections], [1, 2])
})

test('a full queue drops the newest, by spans and by bytes', async (t) => {
  for (const [options, kept] of [
    [{ maxQueueSize: 5, maxBatch: 5 }, [2, 2, 1]],
    [{ maxQueueBytes: 2 * encodeSpans(spans(2)).length + 10 }, [2, 2]],
  ] as const) {
    const collector = await TestCollector.start(t, silence)
    const exporter = exporterTo(t, collector.endpoint, options)
    for (const count of [2, 2, 2, 1, 1]) exporter.take(spans(count))
    const { dropped, queued } = exporter.totals
    const all = kept.reduce((sum, count) => sum + count, 0)
    assert.deepEqual([queued, dropped.queueFull], [all, 8 - all])
    await until(() => collector.received.length === 1, 'the first request')
    collector.answer = ok
    // The first one hangs; closing drops it and nothing more may come.
    await exporter.close(AbortSignal.abort())
    exporter.take(spans(1))
    assert.deepEqual([exporter.totals.queued, exporter.totals.dropped.closed], [0, all + 1])
  }
})

test('a request beyond maxRequestBytes is not sent', async (t) => {
  const collector = await TestCollector.start(t)
  const exporter = exporterTo(t, collector.endpoint, { maxRequestBytes: 500 })
  exporter.take(spans(1, 'x'.repeat(600)))
  exporter.take(spans(1))
  await exporter.flush()
  assert.deepEqual([exporter.totals.dropped.tooLarge, exporter.totals.exported], [1, 1])
})

test('flush ends at its signal, at its timeout, and does not wait for what comes later', async (t) => {
  const held: (() => void)[] = []
  const collector = await TestCollector.start(t, (...args) => void held.push(() => ok(...args)))
  const { clock, exporter } = timed(t, collector, { timeout: '10m' })
  const stop = new AbortController()
  exporter.take(spans(1))
  const byTimeout = exporter.flush()
  await clock.advance(29_999)
  const byDelivery = exporter.flush(stop.signal)
  exporter.take(spans(1))
  await clock.advance(1)
  await byTimeout
  assert.equal(exporter.totals.queued, 2)
  assert.equal(getEventListeners(stop.signal, 'abort').length, 1)
  await until(() => held.length === 1, 'the request')
  held[0]?.()
  await byDelivery
  assert.equal(exporter.totals.queued, 1)
  assert.equal(getEventListeners(stop.signal, 'abort').length, 0)
  await until(() => held.length === 2, 'the later one')
  const last = exporter.flush(stop.signal)
  stop.abort()
  await last
  assert.equal(exporter.totals.queued, 1)
  assert.equal(getEventListeners(stop.signal, 'abort').length, 0)
})

test('close tries once more, waits its time, drops the rest and leaves no timer', async (t) => {
  const collector = await TestCollector.start(t, inTurn(status(503), silence))
  const { clock, exporter } = timed(t, collector)
  exporter.take(spans(1))
  exporter.take(spans(2))
  await until(() => exporter.totals.retries === 1, 'the first failure')
  const closed = exporter.close()
  assert.equal(exporter.close(), closed)
  await until(() => collector.received.length === 2, 'the last try, without the backoff')
  await clock.advance(4999)
  assert.equal(exporter.totals.queued, 3)
  await clock.advance(1)
  await closed
  assert.deepEqual([exporter.totals.dropped.closed, exporter.totals.queued, clock.pending], [3, 0, 0])
  await until(() => collector.sockets.size === 0, 'the connection to end')
})

test('close keeps a wait that the collector asked for', async (t) => {
  const collector = await TestCollector.start(t, inTurn(status(503, '', { 'retry-after': '2' }), ok))
  const { clock, exporter } = timed(t, collector)
  exporter.take(spans(1))
  await until(() => exporter.totals.retries === 1, 'the first failure')
  const closed = exporter.close()
  await clock.advance(1999)
  assert.equal(exporter.totals.requests, 1)
  await clock.advance(1)
  await closed
  assert.deepEqual([exporter.totals.exported, clock.pending], [1, 0])
})

test('a problem is told once a minute for each kind, and a throwing listener changes nothing', async (t) => {
  const collector = await TestCollector.start(t, status(400))
  let told = 0
  const { clock, exporter } = timed(t, collector, {
    onProblem: () => {
      told++
      throw new Error('listener')
    },
  })
  for (const [ms, expected] of [
    [0, 1],
    [30_000, 1],
    [30_000, 2],
  ] as const) {
    await clock.advance(ms)
    exporter.take(spans(1))
    await exporter.flush()
    assert.equal(told, expected)
  }
  assert.equal(exporter.totals.dropped.refused, 3)
})

test('a listener that looks at the totals finds every span counted once', async (t) => {
  const collector = await TestCollector.start(t, inTurn(status(400), status(503), status(503)))
  const sums: number[] = []
  const exporter = exporterTo(t, collector.endpoint, {
    maxAttempts: 2,
    onProblem: () => {
      const { exported, dropped, queued } = exporter.totals
      sums.push(exported + queued + Object.values(dropped).reduce((sum, count) => sum + count, 0))
    },
  })
  for (const count of [3, 4]) exporter.take(spans(count))
  await exporter.flush()
  assert.deepEqual(sums, [7, 7, 7], 'refused, retrying, gaveUp')
})

test('whatever the collector does, every span is counted once', async (t) => {
  const codes = fc.constantFrom(200, 200, 200, 204, 301, 400, 413, 429, 500, 502, 503, 504, 0)
  const plan = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.array(codes, { maxLength: 4 })), { maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(plan, fc.constantFrom(1, 2), async (batches, concurrency) => {
      const answers = batches.flatMap(([, list]) => list)
      const collector = await TestCollector.start(
        t,
        inTurn(
          ...answers.map((code) =>
            code === 0 ? (response: { destroy(): unknown }) => void response.destroy() : status(code),
          ),
          ok,
        ),
      )
      const exporter = exporterTo(t, collector.endpoint, {
        concurrency,
        maxAttempts: 3,
        maxQueueSize: 25,
        maxBatch: 25,
      })
      for (const [count] of batches) exporter.take(spans(count))
      await exporter.close()
      const { exported, dropped, queued, queuedBytes, requests } = exporter.totals
      const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0)
      assert.equal(
        exported + lost,
        batches.reduce((sum, [count]) => sum + count, 0),
      )
      assert.deepEqual([queued, queuedBytes], [0, 0])
      assert.equal(requests, collector.received.length)
    }),
    { seed, numRuns: 40 },
  )
})

test('options are checked where they are given', () => {
  for (const [options, message] of [
    [{ endpoint: 'collector:4318' }, 'otlp.endpoint must be a URL with http or https, got collector:4318'],
    [{ endpoint: 'ftp://me:pw@host/?k=1' }, 'otlp.endpoint must be a URL with http or https, got ftp://***@host/'],
    [
      { protocol: 'grpc' },
      'otlp.protocol must be one of http/protobuf, http/json, got grpc; gRPC is not spoken, most collectors take HTTP on port 4318',
    ],
    [{ compression: 'zstd' }, 'otlp.compression must be one of gzip, none, got zstd'],
    [{ timeout: 'soon' }, /^otlp\.timeout must be a duration/],
    [{ backoff: 0 }, /^otlp\.backoff must be a duration of at least 1 ms/],
    [{ maxAttempts: 0 }, 'otlp.maxAttempts must be a whole number >= 1, got 0'],
    [{ maxQueueSize: 1.5 }, 'otlp.maxQueueSize must be a whole number >= 1, got 1.5'],
    [{ concurrency: 9 }, 'otlp.concurrency must be a whole number in [1, 8], got 9'],
    [{ headers: { 'a b': 'secret' } }, "otlp.headers must be headers as HTTP allows them, 'a b' is none"],
    [{ headers: { a: 'sec\nret' } }, "otlp.headers must be headers as HTTP allows them, 'a' is none"],
  ] as const) {
    assert.throws(() => otlpExporter(options as OtlpOptions), { code: 'SG_BAD_OPTIONS', message })
  }
})
