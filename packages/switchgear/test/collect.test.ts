// The collector: what it takes, what it keeps, what can be asked, and that nothing kept is lost at its end.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Collector, type CollectorOptions, createCollector } from '../src/collecting/collector.ts'
import { KeptSpans } from '../src/collecting/kept-spans.ts'
import { attributeOf } from '../src/collecting/questions.ts'
import type { CollectorStatus } from '../src/collecting/status.ts'
import { run } from '../src/index.ts'
import { Child, ran } from './child.ts'
import { recorder } from './recorder.ts'
import { beganMs, checkout, send, span, traceIdOf } from './traced-spans.ts'

let folder: string
before(async () => void (folder = await mkdtemp(join(tmpdir(), 'switchgear-collect-'))))
after(() => rm(folder, { recursive: true }))

async function collecting(options: CollectorOptions, use: (collector: Collector) => Promise<void>): Promise<void> {
  const collector = createCollector({ receiver: { port: 0 }, questionPort: 0, ...options })
  await collector.start()
  try {
    await use(collector)
  } finally {
    await collector.stop()
  }
}

interface Answer {
  readonly status: number
  readonly body: Record<string, unknown> & { readonly error?: { readonly code: string; readonly message: string } }
}

async function ask({ questionPort }: Collector, path: string): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${questionPort}${path}`)
  return { status: response.status, body: (await response.json()) as Answer['body'] }
}

function idsOf({ body }: Answer): string[] {
  return (body['traces'] as { traceId: string }[]).map(({ traceId }) => traceId).toSorted()
}

test('what was taken is decided and stored when it stops: errors are kept, and all the others left out', async () => {
  const path = join(folder, 'drain.db')
  const sampling = { ratio: 0, rareBelow: 0 }
  const collector = createCollector({ receiver: { port: 0 }, questionPort: false, sampling, store: { path } })
  await collector.start()
  const plain = span({ trace: 2, id: 1 })
  await send(collector.port ?? 0, [...checkout(1), plain, span({ trace: 3, id: 2, parent: 1 })])
  assert.deepEqual([collector.status.store.traces, collector.status.sampling?.waiting.traces], [0, 3])
  await Promise.all([collector.stop(), collector.stop()])
  const { sampling: decided, store, receiver } = collector.status
  assert.deepEqual([decided?.kept.error, decided?.dropped.probability, decided?.waiting.traces], [1, 2, 0])
  assert.deepEqual([receiver.spans, store.stored], [7, 5])
  assert.equal(collector.port, undefined)
  await collecting({ store: { path } }, async (again) => {
    assert.deepEqual(idsOf(await ask(again, '/api/traces')), [traceIdOf(1)])
    assert.equal((await ask(again, `/api/traces/${traceIdOf(2)}`)).status, 404)
  })
})

test('a port that is taken: the start rejects, and nothing is left open', async () => {
  const path = join(folder, 'taken.db')
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as { port: number }
  const collector = createCollector({ receiver: { port }, questionPort: 0, store: { path } })
  await assert.rejects(collector.start(), { code: 'EADDRINUSE' })
  assert.equal(collector.questionPort, undefined)
  // The file belongs to one store at a time: this one has let it go.
  createCollector({ store: { path } }).store.close()
  other.close()
})

test('everything is kept at once where that is wanted, and a span that comes twice is no loss', async () => {
  await collecting({ sampling: 'all' }, async (collector) => {
    const port = collector.port ?? 0
    await send(port, checkout(1))
    await send(port, checkout(1))
    const { body } = await ask(collector, '/api/status')
    const { store, sampling, receiver } = body as unknown as CollectorStatus
    assert.deepEqual([store.stored, store.dropped.duplicate, receiver.rejectedSpans], [5, 5, 0])
    assert.equal(sampling, null)
  })
})

test('spans that the store cannot keep are told to their sender', async () => {
  await collecting({ sampling: 'all', store: { maxSpanBytes: '1kb' } }, async (collector) => {
    const large = span({ trace: 1, id: 1, attributes: { text: 'x'.repeat(2000) } })
    await assert.rejects(send(collector.port ?? 0, [large]), /0 of 1 were taken: .*rejected 1 of 1/)
  })
})

test('questions: filters, a trace, its critical path, a comparison, services, edges', async () => {
  await collecting({ sampling: 'all' }, async (collector) => {
    const plain = span({
      trace: 3,
      id: 9,
      service: 'mail',
      atMs: -3_600_000,
      attributes: { tries: 2, note: '2', ok: true },
    })
    await send(collector.port ?? 0, [...checkout(1), ...checkout(2, 50), plain])
    const found: [string, number[]][] = [
      ['', [1, 2, 3]],
      ['?service=orders', [1, 2]],
      ['?errors=true', [1, 2]],
      ['?min=120ms', [2]],
      ['?max=20ms', [3]],
      ['?since=10m', [1, 2]],
      [`?to=${(beganMs - 1000) * 1000}`, [3]],
      ['?attribute=tries%3D2', [3]],
      ['?attribute=note%3D2', []],
      ['?attribute=note%3D%222%22&attribute=ok%3Dtrue', [3]],
      ['?text=orders-breaker', [1, 2]],
      ['?service=shop&route=/none', []],
    ]
    for (const [query, traces] of found) {
      assert.deepEqual(idsOf(await ask(collector, `/api/traces${query}`)), traces.map(traceIdOf), query)
    }
    const first = await ask(collector, '/api/traces?limit=2')
    const rest = await ask(collector, `/api/traces?limit=2&cursor=${String(first.body['cursor'])}`)
    assert.deepEqual([...idsOf(first), ...idsOf(rest)].toSorted(), [1, 2, 3].map(traceIdOf))
    const [one, path, both, services, edges] = await Promise.all(
      [
        `/api/traces/${traceIdOf(1)}`,
        `/api/traces/${traceIdOf(1)}/critical-path`,
        `/api/compare?a=${traceIdOf(1)}&b=${traceIdOf(2)}`,
        '/api/services',
        '/api/edges?since=10m',
      ].map((path) => ask(collector, path)),
    )
    assert.equal((one?.body['nodes'] as unknown[] | undefined)?.length, 5)
    assert.equal(path?.body['durationNanos'], 100_000_000)
    assert.equal(both?.body['durationDifferenceNanos'], 50_000_000)
    assert.deepEqual(
      (services?.body['services'] as { name: string }[] | undefined)?.map(({ name }) => name),
      ['mail', 'orders', 'shop'],
    )
    const calls = edges?.body['edges'] as { caller?: string; callee: string; requests: number }[]
    assert.ok(calls.some(({ caller, callee, requests }) => caller === 'shop' && callee === 'orders' && requests === 2))
    assert.ok(Number(edges?.body['seconds']) > 0)
  })
})

test('questions that cannot be are refused with what was wrong', async () => {
  await collecting({}, async (collector) => {
    const wrong: [string, number, RegExp][] = [
      ['/api/traces?servic=x', 400, /did you mean service\?/],
      ['/api/traces?min=long', 400, /min must be a time like '100ms'/],
      ['/api/traces?limit=0', 400, /limit must be a whole number/],
      ['/api/traces?errors=1', 400, /errors must be true or false/],
      ['/api/traces?attribute=x', 400, /key=value/],
      ['/api/traces?since=1m&from=1', 400, /since must be left out beside from/],
      ['/api/traces?from=yesterday', 400, /microseconds since the epoch/],
      ['/api/traces/xyz', 400, /traceId must be 32 hex digits/],
      [`/api/traces/${traceIdOf(1)}`, 404, /is kept/],
      [`/api/traces/${traceIdOf(1)}/more`, 404, /nothing here/],
      [`/api/compare?a=${traceIdOf(1)}`, 400, /b must be given/],
      [`/api/compare?a=${traceIdOf(1)}&b=${traceIdOf(2)}`, 404, /not kept/],
      ['/api/status?x=1', 400, /no parameter/],
      ['/', 404, /nothing here/],
    ]
    for (const [path, status, message] of wrong) {
      const answer = await ask(collector, path)
      assert.equal(answer.status, status, path)
      assert.match(answer.body.error?.message ?? '', message, path)
    }
  })
})

test('a web page cannot ask: foreign names and origins are refused, nothing is written, no CORS', async () => {
  await collecting({}, async ({ questionPort: port }) => {
    const status = (headers: Record<string, string>, method = 'GET'): Promise<number> =>
      new Promise((resolve, reject) => {
        const sent = request({ host: '127.0.0.1', port, path: '/api/status', method, headers }, (response) => {
          assert.equal(response.headers['access-control-allow-origin'], undefined)
          resolve(response.resume().statusCode ?? 0)
        })
        sent.on('error', reject).end()
      })
    const own = `127.0.0.1:${port}`
    assert.equal(await status({ host: 'evil.example' }), 421)
    assert.equal(await status({ host: `evil.example:${port}` }), 421)
    assert.equal(await status({ host: own, origin: 'http://evil.example' }), 403)
    assert.equal(await status({ host: own, origin: 'null' }), 403)
    assert.equal(await status({ host: own, 'sec-fetch-site': 'cross-site' }), 403)
    assert.equal(await status({ host: own }, 'POST'), 405)
    assert.equal(await status({ host: own }, 'OPTIONS'), 405)
    assert.equal(await status({ host: own, origin: `http://${own}` }), 200)
    assert.equal(await status({ host: 'localhost' }), 200)
    assert.equal(await status({ host: own }, 'HEAD'), 200)
  })
})

test('options are checked when it is made', () => {
  assert.throws(() => createCollector({ sampling: { ratio: 2 } }), /tailSampler\.ratio must be in \[0, 1\], got 2/)
  assert.throws(() => createCollector({ receiver: { port: -1 } }), /receiver\.port/)
  assert.throws(() => createCollector({ store: { maxBytes: '1kb' } }), /store\.maxBytes/)
})

test('an attribute is a number, true or false where it reads like one, and a text in quotes', () => {
  assert.deepEqual(attributeOf('a.b=503'), ['a.b', 503])
  assert.deepEqual(attributeOf('a=-1.5'), ['a', -1.5])
  assert.deepEqual(attributeOf('a=false'), ['a', false])
  assert.deepEqual(attributeOf('a="503"'), ['a', '503'])
  assert.deepEqual(attributeOf('a=b=c'), ['a', 'b=c'])
})

test('kept traces of one turn are stored together, and a batch that is full at once', async () => {
  const batches: number[] = []
  const kept = new KeptSpans({ add: (spans) => ({ stored: batches.push(spans.length), dropped: 0 }) })
  kept.take([span({ trace: 1, id: 1 })])
  kept.take([span({ trace: 2, id: 1 })])
  assert.deepEqual(batches, [])
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(batches, [2])
  for (let trace = 0; trace < 600; trace++) kept.take([span({ trace, id: 1 })])
  assert.deepEqual(batches, [2, 512])
  kept.flush()
  kept.flush()
  assert.deepEqual(batches, [2, 512, 88])
})

test('the command keeps what it took over SIGTERM and a new start', async () => {
  const file = join(folder, 'command.db')
  const collect = ['collect', '--port', '0', '--query-port', '0', '--store', file, '--max-bytes', '16mb', '--json']
  const first = new Child(collect)
  const ready = JSON.parse(await first.firstLine()) as { event: string; port: number; queryPort: number }
  assert.equal(ready.event, 'ready')
  await send(ready.port, [...checkout(1), ...checkout(2)])
  assert.equal(await first.stop(), 0)
  const [, last = ''] = first.stdout.trimEnd().split('\n')
  const { event, store } = JSON.parse(last) as { event: string; store: { stored: number } }
  assert.deepEqual([event, store.stored, first.stderr], ['stopped', 10, ''])

  const second = new Child(collect)
  const { queryPort } = JSON.parse(await second.firstLine()) as { queryPort: number }
  const asked = await ran(['traces', '--url', `http://127.0.0.1:${queryPort}`, '--json'])
  assert.deepEqual([asked.code, asked.stderr], [0, ''])
  const { traces } = JSON.parse(asked.stdout) as { traces: { traceId: string; samplingReason: string }[] }
  assert.deepEqual(traces.map(({ traceId }) => traceId).toSorted(), [1, 2].map(traceIdOf))
  assert.ok(traces.every(({ samplingReason }) => samplingReason === 'error'))
  assert.equal(await second.stop(), 0)
})

test('the command says in one line where it listens and what it keeps, and what came of it', async () => {
  const child = new Child(['collect', '--port', '0', '--no-query', '--ratio', '0.5'])
  const line = await child.firstLine()
  const kept = 'keeping errors, slow and rare traces and 50.0 % of the others, until this ends, at most 256mb'
  assert.match(line, new RegExp(`^receiving at http://127\\.0\\.0\\.1:\\d+/v1/traces; ${kept}$`))
  assert.equal(await child.stop(), 0)
  assert.match(child.stdout, /\nreceived 0 spans: 0 kept, 0 left out by sampling\n$/)
})

test('what cannot be is told in one line', async () => {
  const wrong: [string[], RegExp][] = [
    [['--all', '--ratio', '0.5'], /--all keeps every trace/],
    [['--no-keep'], /--no-keep needs --store/],
    [['--ratio', '2'], /number in \[0, 1\]/],
    [['--port', '70000'], /port in \[0, 65535\]/],
    [['--max-bytes', 'much'], /size such as '256mb'/],
  ]
  for (const [args, message] of wrong) {
    const terminal = recorder()
    assert.equal(await run(['collect', ...args], terminal), 2)
    assert.deepEqual(terminal.out, [])
    assert.match(terminal.errors.join('\n'), message)
  }
})
