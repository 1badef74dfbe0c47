// Questions: each condition, all together, page by page; what is no question is refused; nothing of it becomes SQL.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { VirtualClock } from '@switchgear/core/testing'
import type { SpanQuery } from '../../src/store/query.ts'
import { openSpanStore } from '../../src/store/span-store.ts'
import { epochMicros, request, span, traceIdOf } from './spans.ts'

const store = openSpanStore()
after(() => store.close())
for (let n = 0; n < 1000; n++) store.add(request(n, n * 1000, { failed: n % 100 === 0, ms: 20 + n }))
const strange = `Robert'); DROP TABLE spans;-- "quoted" 100%_\\ ünïcödé \u{1f4a5}`
store.add([
  span({
    trace: 2000,
    id: 1,
    service: strange,
    name: strange,
    attributes: { [strange]: strange, n: 12, half: 0.5, yes: true },
  }),
  span({
    trace: 2001,
    id: 1,
    service: 'rare',
    name: 'publish',
    kind: 'producer',
    attributes: { text: '{"yes":true,"n":12}', n: 120 },
  }),
  span({
    trace: 2001,
    id: 2,
    parent: 1,
    service: 'rare',
    name: 'nested',
    ms: 70,
    status: 'error',
    statusMessage: 'Disk On Fire',
    events: [
      {
        name: 'exception',
        timeMicros: epochMicros,
        attributes: { 'exception.message': 'ENOSPC' },
        droppedAttributes: 0,
      },
    ],
    resource: { attributes: { 'service.name': 'rare', 'k8s.pod.name': 'rare-7', zone: 'a' } },
  }),
])

async function numbers(query: SpanQuery): Promise<number[]> {
  const { traces, timedOut } = await store.find(query)
  assert.equal(timedOut, false)
  return traces.map(({ traceId }) => Number.parseInt(traceId, 16) - 1)
}

test('newest first', async () => {
  assert.deepEqual(await numbers({ limit: 3 }), [999, 998, 997])
})

test('by service', async () => {
  assert.deepEqual(await numbers({ service: 'orders', limit: 2 }), [999, 998])
  assert.deepEqual(await numbers({ service: 'rare' }), [2001])
  assert.deepEqual(await numbers({ service: 'none' }), [])
})

test('by route: the attribute or the name', async () => {
  assert.deepEqual(await numbers({ route: '/orders/{id}', limit: 1 }), [999])
  assert.deepEqual(await numbers({ route: 'publish' }), [2001])
  assert.deepEqual(await numbers({ service: 'gateway', route: 'publish' }), [])
})

test('by duration, of the trace or of the span that is asked for', async () => {
  assert.deepEqual(await numbers({ minDurationNanos: 1018e6 }), [999, 998])
  assert.deepEqual(await numbers({ maxDurationNanos: 21e6, fromMicros: epochMicros + 1 }), [1])
  assert.deepEqual(await numbers({ service: 'gateway', minDurationNanos: 1019e6 }), [999])
  // The span of orders took 4 ms less than the whole.
  assert.deepEqual(await numbers({ service: 'orders', minDurationNanos: 1015e6 }), [999])
  assert.deepEqual(await numbers({ service: 'rare', maxDurationNanos: 5e6 }), [2001])
})

test('by the exact duration of a span, although times since 1970 are rounded', async () => {
  const store = openSpanStore()
  for (let n = 0; n < 100; n++) {
    const { durationNanos } = span({ trace: n, durationNanos: 1_000_000 + n })
    store.add([span({ trace: n, durationNanos, name: `n${n}` })])
    const { traces } = await store.find({
      route: `n${n}`,
      minDurationNanos: durationNanos,
      maxDurationNanos: durationNanos,
    })
    assert.equal(traces.length, 1, `${durationNanos} ns`)
  }
  store.close()
})

test('by error, of the trace or of the span', async () => {
  assert.deepEqual(await numbers({ errorsOnly: true, limit: 4 }), [900, 800, 700, 600])
  assert.deepEqual(await numbers({ errorsOnly: true, route: 'SELECT' }), [])
  assert.deepEqual(await numbers({ errorsOnly: true, service: 'rare', route: 'publish' }), [])
  assert.deepEqual(await numbers({ errorsOnly: true, service: 'rare', route: 'nested' }), [2001])
})

test('by attributes, each with its type, of the span or its resource', async () => {
  assert.deepEqual(await numbers({ attributes: { 'url.path': '/orders/77' } }), [77])
  assert.deepEqual(
    await numbers({ attributes: { 'http.response.status_code': 500, 'url.path': '/orders/300' } }),
    [300],
  )
  assert.deepEqual(await numbers({ attributes: { 'http.response.status_code': '500' } }), [])
  assert.deepEqual(await numbers({ attributes: { n: 12 } }), [2000])
  assert.deepEqual(await numbers({ attributes: { half: 0.5, yes: true } }), [2000])
  assert.deepEqual(await numbers({ attributes: { yes: true } }), [2000])
  assert.deepEqual(await numbers({ attributes: { yes: false } }), [])
  assert.deepEqual(await numbers({ attributes: { 'k8s.pod.name': 'rare-7', zone: 'a' } }), [2001])
  assert.deepEqual(await numbers({ attributes: { zone: 'b' } }), [])
})

test('by time', async () => {
  const from = epochMicros + 500e6
  assert.deepEqual(await numbers({ fromMicros: from, toMicros: from + 3e6 }), [502, 501, 500])
  assert.deepEqual(await numbers({ service: 'orders', fromMicros: from, toMicros: from + 1 }), [500])
  assert.deepEqual(await numbers({ service: 'orders', fromMicros: from + 1, toMicros: from + 1e6 }), [])
})

test('by text: names, attributes, events, messages, in either case', async () => {
  assert.deepEqual(await numbers({ text: 'on fire' }), [2001])
  assert.deepEqual(await numbers({ text: 'enospc' }), [2001])
  assert.deepEqual(await numbers({ text: 'ORDERS/998' }), [998])
  assert.deepEqual(await numbers({ text: 'pubLISH' }), [2001])
  assert.deepEqual(await numbers({ text: 'ünïcödé' }), [2000])
  assert.deepEqual(await numbers({ text: '100%_\\' }), [2000])
  assert.deepEqual(await numbers({ text: '1%00' }), [])
  assert.deepEqual(await numbers({ text: 'orders/99_' }), [])
})

test('by text: what holds the values together is no text', async () => {
  const store = openSpanStore()
  const events = [{ name: 'boom', timeMicros: 4711, attributes: { zone: 'b', left: true }, droppedAttributes: 9 }]
  store.add([span({ name: 'GET', attributes: { n: 1, yes: false, list: ['u', 'v'] }, events, droppedEvents: 77 })])
  const found = async (text: string): Promise<number> => (await store.find({ text })).traces.length
  for (const text of [',', ':', '{', 'micros', 'attributes', '4711', '77', '9'])
    assert.equal(await found(text), 0, text)
  for (const text of ['n', '1', 'FALSE', 'list', 'V', 'boom', 'Zone', 'true']) assert.equal(await found(text), 1, text)
  store.close()
})

test('SQL and JSON in values are values', async () => {
  const all = { service: strange, route: strange, attributes: { [strange]: strange }, text: strange }
  assert.deepEqual(await numbers(all), [2000])
  const hostile = ["' OR 1=1 --", '"; DROP TABLE spans; --', '%', '$.x', '[0]', '\u0000', '")) OR 1=1; --']
  for (const text of hostile) {
    assert.deepEqual(await numbers({ service: text }), [])
    assert.deepEqual(await numbers({ route: text }), [])
    assert.deepEqual(await numbers({ attributes: { [text]: text } }), [])
    assert.deepEqual(await numbers({ attributes: { 'url.path': text } }), [])
  }
  assert.deepEqual(await numbers({ text: "' OR 1=1 --" }), [])
  assert.equal(store.totals.spans, 4003)
})

test('page by page: every trace once, in order', async () => {
  for (const query of [
    {},
    { service: 'orders' },
    { attributes: { 'http.request.method': 'GET' } },
  ] satisfies SpanQuery[]) {
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await store.find({ ...query, limit: 130, cursor })
      seen.push(...page.traces.map(({ traceId }) => traceId))
      cursor = page.cursor
      assert.ok(page.traces.length <= 130)
    } while (cursor !== undefined)
    const all = Array.from({ length: 1000 }, (_, n) => traceIdOf(999 - n))
    assert.deepEqual(
      seen.filter((id) => all.includes(id)),
      all,
    )
    assert.equal(new Set(seen).size, seen.length)
  }
})

test('a search whose time is up answers what it has, and goes on from there', async () => {
  const clock = new VirtualClock()
  const slow = openSpanStore({
    clock: { ...clock, now: () => (tick += 1000), wallNow: () => 0, setTimer: () => ({ cancel() {} }) },
  })
  let tick = 0
  try {
    for (let n = 0; n < 600; n++) slow.add([span({ trace: n, atMs: n, attributes: { first: n === 0 } })])
    let answers = 0
    let cursor: string | undefined
    const found: string[] = []
    do {
      const part = await slow.find({ attributes: { first: true }, cursor })
      answers++
      assert.equal(part.timedOut, part.cursor !== undefined)
      found.push(...part.traces.map(({ traceId }) => traceId))
      cursor = part.cursor
    } while (cursor !== undefined)
    assert.deepEqual(found, [traceIdOf(0)])
    assert.ok(answers > 1)
  } finally {
    slow.close()
  }
})

test('what is no question is refused, and says why', async () => {
  const wrong = (query: object, message: RegExp): Promise<void> =>
    assert.rejects(store.find(query), { code: 'SG_BAD_QUERY', message })
  await wrong({ limit: 0 }, /^limit must be a whole number in \[1, 1000\], got 0$/)
  await wrong({ limit: 1001 }, /got 1001/)
  await wrong({ limit: '5' }, /got '5'/)
  await wrong({ service: '' }, /^service must be a text of 1 to 1024 characters, got ''$/)
  await wrong({ service: { $ne: 1 } }, /got an object/)
  await wrong({ text: 'x'.repeat(300) }, /^text must be/)
  await wrong({ minDurationNanos: -1 }, /^minDurationNanos must be a number >= 0, got -1$/)
  await wrong({ fromMicros: Number.NaN }, /fromMicros/)
  await wrong({ errorsOnly: 'yes' }, /errorsOnly must be true or false/)
  await wrong({ attributes: { a: null } }, /^attributes\.a must be/)
  await wrong({ attributes: { a: ['x'] } }, /^attributes\.a must be/)
  await wrong({ attributes: [] }, /attributes must be an object/)
  await wrong({ attributes: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [n, n])) }, /at most 16/)
  await wrong({ cursor: "1_1' OR 1=1" }, /^cursor must be the cursor of an earlier answer/)
  await wrong({ sevice: 'orders' }, /^sevice is no field of a query; known are service, route,/)
  assert.throws(() => store.trace('abc'), { code: 'SG_BAD_QUERY', message: "traceId must be 32 hex digits, got 'abc'" })
})
