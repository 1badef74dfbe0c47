// What a terminal shows of kept traces, and how it is asked for.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { type Collector, createCollector } from '../src/collecting/collector.ts'
import { run } from '../src/index.ts'
import { barOf } from '../src/tracing/bar.ts'
import { edgeTable } from '../src/tracing/edge-table.ts'
import { eventText } from '../src/tracing/span-event.ts'
import { fitted, took } from '../src/tracing/text.ts'
import { moment, traceTable } from '../src/tracing/trace-table.ts'
import { golden } from './golden.ts'
import { recorder } from './recorder.ts'
import { beganMs, checkout, send, span, traceIdOf } from './traced-spans.ts'

let collector: Collector
before(async () => {
  collector = createCollector({ receiver: { port: 0 }, questionPort: 0, sampling: 'all' })
  await collector.start()
  const lonely = span({ trace: 3, id: 8, parent: 7, service: 'mail', name: 'send', ms: 0.04, atMs: 5000 })
  await send(collector.port ?? 0, [...checkout(1), ...checkout(2, 50), lonely])
})
after(() => collector.stop())

async function said(...args: string[]): Promise<{ code: number; out: string; errors: string }> {
  const terminal = recorder()
  const code = await run(['traces', '--url', `http://127.0.0.1:${collector.questionPort}`, ...args], terminal)
  return { code, out: terminal.out.join('\n'), errors: terminal.errors.join('\n') }
}

/** Times of day differ from run to run. */
function timeless(text: string): string {
  return text.replaceAll(/(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d/g, '<time>')
}

test('a list, the newest first, within 80 columns', async () => {
  const { code, out, errors } = await said()
  assert.deepEqual([code, errors], [0, ''])
  golden('traces.txt', timeless(out))
  assert.ok(out.split('\n').every((line) => line.length <= 80))
})

test('a tree: times, errors, what policies did, the critical path; the first digits of the id are enough', async () => {
  const { code, out, errors } = await said('0001')
  assert.deepEqual([code, errors], [0, ''])
  golden('trace.txt', timeless(out))
  assert.ok(out.split('\n').every((line) => line.length <= 80))
})

test('a span whose parent is missing says so', async () => {
  const { out } = await said(traceIdOf(3))
  assert.match(out, /^1 span missing: what hung on them is shown as a root$/m)
  assert.match(out, /^ {2}· its parent is missing$/m)
  assert.match(out, /^ {2}send +mail +40 µs +100 % +█+$/m)
})

test('two traces side by side, and the calls between services', async () => {
  golden('traces-compared.txt', (await said('0001', '--compare', '0002')).out)
  const { out } = await said('--edges')
  assert.match(out, /^shop +orders +2 +[\d.,]+k? +0 % +48 ms +98 ms +98 ms$/m)
  const times = { p50Nanos: 41_000, p95Nanos: 12_000_000, p99Nanos: 1_200_000_000 }
  const edges = [
    { caller: 'shop', callee: 'orders', calleeKind: 'service', kept: 3, requests: 30, errors: 3, ...times },
    { caller: undefined, callee: 'shop', calleeKind: 'service', kept: 9, requests: 9, errors: 0, ...times },
    { caller: 'orders', callee: 'postgresql', calleeKind: 'database', kept: 9, requests: 9, errors: 0, ...times },
  ] as const
  const answer = { edges, traces: 9, spans: 21, complete: false, overflow: 2, seconds: 10 }
  golden('edges.txt', edgeTable(answer, recorder()).join('\n'))
})

test('filters are passed on, and JSON is the answer as it came', async () => {
  const list = async (...args: string[]): Promise<string[]> => {
    const { out } = await said(...args, '--json')
    const { version, traces } = JSON.parse(out) as { version: number; traces: { traceId: string }[] }
    assert.equal(version, 1)
    return traces.map(({ traceId }) => traceId).toSorted()
  }
  const ids = [1, 2].map(traceIdOf)
  assert.deepEqual(await list('--service', 'orders'), ids)
  assert.deepEqual(await list('--errors', '--since', '10m'), ids)
  assert.deepEqual(await list('--attribute', 'error.type="503"', '--attribute', 'service.name=shop'), ids)
  assert.deepEqual(await list('--min', '120ms'), [traceIdOf(2)])
  assert.deepEqual(await list('--max', '1ms'), [traceIdOf(3)])
  assert.deepEqual(await list('--text', 'BREAKER', '--route', 'orders'), ids)
  assert.equal((await list('--limit', '1')).length, 1)
  const view = JSON.parse((await said('0001', '--json')).out) as { traceId: string; nodes: unknown[] }
  assert.deepEqual([view.traceId, view.nodes.length], [traceIdOf(1), 5])
  assert.equal((await said('--service', 'nobody')).out, 'no such trace is kept')
})

test('what is mistyped is exit code 2, a collector that is not there 1; each in one line', async () => {
  const stranger = createServer((_request, response) => response.end('<html>')).listen(0, '127.0.0.1')
  await once(stranger, 'listening')
  const { port } = stranger.address() as AddressInfo
  const cases: [string[], number, RegExp][] = [
    [['xyz'], 2, /named by 4 to 32 hex digits, got 'xyz'/],
    [['ffff'], 2, /no trace that is kept begins with ffff/],
    [['000'], 2, /4 to 32 hex digits/],
    [['--compare', '0001'], 2, /name it first/],
    [['0001', '--edges'], 2, /leave out the id/],
    [['--attribute', 'x'], 2, /attribute must be key=value/],
    [['--limit', '5000'], 2, /limit must be a whole number in \[1, 1000\]/],
    [['--min', 'long'], 2, /such as '100ms'/],
    [['--url', 'nowhere'], 2, /--url must be http/],
    [[traceIdOf(9)], 1, /no trace 0009a+ is kept/],
    [['--url', `http://127.0.0.1:${port}`], 1, /is no collector: it answers 200/],
    [['--url', 'http://127.0.0.1:9'], 1, /no collector answers at .*: start `switchgear collect`/],
  ]
  for (const [args, expected, message] of cases) {
    const { code, out, errors } = await said(...args)
    assert.deepEqual([code, out], [expected, ''], args.join(' '))
    assert.match(errors, message)
    assert.doesNotMatch(errors, /\n/)
  }
  stranger.close()
  stranger.closeAllConnections()
})

test('an id that begins several traces names them', async () => {
  const { port = 0 } = collector
  const twin = { ...span({ trace: 4, id: 1 }), traceId: `0004b${'0'.repeat(27)}` }
  await send(port, [span({ trace: 4, id: 1 }), twin])
  const { code, errors } = await said('0004')
  assert.equal(code, 2)
  assert.match(errors, /^error: 2 traces begin with 0004: 0004/)
  assert.equal((await said('0004b')).code, 0)
})

test('a bar is never empty, never too wide, and solid where its span decided', () => {
  const bar = (from: number, to: number, decided: [number, number][] = []): string =>
    barOf(
      { startNanos: from, endNanos: to },
      decided.map(([startNanos, endNanos]) => ({ startNanos, endNanos })),
      100,
      10,
    )
  assert.equal(bar(0, 100), '░░░░░░░░░░')
  assert.equal(bar(20, 80, [[40, 80]]), '  ░░████')
  assert.equal(bar(50, 50), '     ░')
  assert.equal(bar(100, 100), '         ░')
  assert.equal(bar(20, 21, [[20, 21]]), '  █')
  assert.equal(barOf({ startNanos: 0, endNanos: 0 }, [], 0, 3), '░')
  assert.equal(barOf({ startNanos: 0, endNanos: 1 }, [], 1, 0), '')
})

test('an event says what happened, and whoever named it cannot move the cursor', () => {
  const event = (name: string, attributes: Record<string, string | number | boolean>): string =>
    eventText({ name, attributes, timeMicros: 0, droppedAttributes: 0 })
  assert.equal(
    event('switchgear.retry', { 'switchgear.policy': 'r', 'switchgear.attempt': 2, 'switchgear.delay_ms': 52 }),
    'retry by r: attempt 2, waits 52 ms',
  )
  assert.equal(
    event('switchgear.rejected', {
      'switchgear.policy': 'b',
      'error.type': 'SG_CIRCUIT_OPEN',
      'switchgear.circuit.state': 'open',
    }),
    'rejected by b: SG_CIRCUIT_OPEN, circuit open',
  )
  assert.equal(
    event('switchgear.queued', { 'switchgear.policy': 'q', 'switchgear.waited_ms': 7, 'switchgear.admitted': false }),
    'queued by q: waited 7 ms, not admitted',
  )
  assert.equal(event('exception', { 'exception.type': 'TypeError', 'exception.message': 'a\nb' }), 'TypeError: a b')
  assert.equal(event('\u001B[31mred', { 'switchgear.policy': 'x' }), ' [31mred: policy x')
  assert.equal(fitted('\u001B]0;title\u0007', 20), ' ]0;title ')
})

test('a narrow terminal still has names, and rows of another day have their date', () => {
  const look = { width: 40, paint: (_: string, text: string): string => text }
  const trace = {
    traceId: traceIdOf(1),
    rootService: 'shop',
    rootName: 'GET /a/very/long/route/{id}',
    startMicros: 1_767_225_600_000_000,
    durationNanos: 1e9,
    spans: 3,
    errors: 0,
    services: [],
    samplingReason: undefined,
  }
  const [, row = ''] = traceTable({ traces: [trace], timedOut: false, cursor: undefined }, look, beganMs)
  assert.match(row, /^0001aaaa {2}20\d\d-\d\d-\d\d \d\d:\d\d:\d\d .* shop {2}GET \/a\/ve…$/)
  assert.match(moment(beganMs, beganMs), /^\d\d:\d\d:\d\d$/)
  const empty = { edges: [], traces: 0, spans: 0, complete: true, overflow: 0, seconds: null }
  assert.deepEqual(edgeTable(empty, look), ['no calls are kept'])
  assert.deepEqual(
    [took(0), took(41_000), took(999_400), took(999_600), took(1.5e9)],
    ['0 s', '41 µs', '999 µs', '1 ms', '1.5 s'],
  )
})
