// What goes into a store comes out of it: spans, traces, summaries, counts; and what cannot be kept is refused and counted.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openSpanStore, type SpanStore } from '../../src/store/span-store.ts'
import type { SpanData } from '../../src/trace/span-data.ts'
import { seed } from './random-trace.ts'
import { request, span, spanIdOf, traceIdOf } from './spans.ts'

function withStore<T>(run: (store: SpanStore) => T, options: Parameters<typeof openSpanStore>[0] = {}): T {
  const store = openSpanStore(options)
  const done = (): void => store.close()
  let result: T
  try {
    result = run(store)
  } catch (error) {
    done()
    throw error
  }
  if (result instanceof Promise) return result.finally(done) as T
  done()
  return result
}

const full: SpanData = span({
  id: 5,
  parent: 4,
  traceState: 'vendor=1',
  flags: 0x301,
  startMicros: 1_767_225_600_000_000.25,
  durationNanos: 1_234_567_891,
  status: 'error',
  statusMessage: 'it broke: "quoted" \\ \u0000 \u{1f4a5}',
  attributes: {
    text: 'ünï\u0000\ud800 "x"',
    list: ['a', 'b'],
    numbers: [1, 2.5, Number.NaN],
    not: Number.NaN,
    far: -Infinity,
    yes: true,
    lists: ['NaN'],
    ['__proto__']: 'polluted',
  },
  events: [
    {
      name: 'exception',
      timeMicros: 1_767_225_600_000_001.75,
      attributes: { 'exception.type': 'E' },
      droppedAttributes: 2,
    },
  ],
  links: [
    {
      traceId: traceIdOf(3),
      spanId: spanIdOf(3),
      traceState: 'a=b',
      flags: 1,
      attributes: { x: 1 },
      droppedAttributes: 0,
    },
  ],
  droppedAttributes: 1,
  droppedEvents: 2,
  droppedLinks: 3,
  resource: { attributes: { 'service.name': 'bestellungen-ü', pid: 12 } },
  scope: { name: 'lib', version: '2', schemaUrl: 'https://example.com/schema' },
})

test('a span comes out as it went in', () => {
  withStore((store) => {
    const others = [span({ scope: { name: '' } }), span({ id: 1, name: '12', status: 'ok', flags: 0 })]
    assert.deepEqual(store.add([full, ...others]), { stored: 3, dropped: 0 })
    assert.deepEqual(store.spans(traceIdOf(0)), [full, ...others])
    assert.deepEqual(store.spans(traceIdOf(0).toUpperCase()).length, 3)
    assert.deepEqual(store.spans(traceIdOf(1)), [])
    assert.equal(store.trace(traceIdOf(1)), undefined)
    assert.equal(store.criticalPath(traceIdOf(1)), undefined)
    assert.equal(store.compare(traceIdOf(0), traceIdOf(1)), undefined)
  })
})

test('random attributes and names come out as they went in', () => {
  const value = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.double(),
    fc.boolean(),
    fc.array(fc.double(), { maxLength: 3 }),
    fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 }),
  )
  const attributes = fc.dictionary(fc.string({ unit: 'grapheme' }), value, { maxKeys: 6, noNullPrototype: true })
  // A lone surrogate or a NUL in a name is replaced: SQLite's texts have neither.
  const name = fc.string({ unit: 'grapheme' }).map((text) => text.toWellFormed().replaceAll('\0', ''))
  withStore((store) => {
    let trace = 0
    fc.assert(
      fc.property(attributes, attributes, name, (own, resource, text) => {
        trace++
        const zeroed = (of: typeof own): typeof own => JSON.parse(JSON.stringify(of, zero), back)
        const kept = span({ trace, name: text, attributes: zeroed(own), resource: { attributes: zeroed(resource) } })
        store.add([kept])
        assert.deepEqual(store.spans(traceIdOf(trace)), [kept])
      }),
      { seed, numRuns: 300 },
    )
  })
  // JSON has no -0, nor does OTLP's JSON; nobody measures one.
  function zero(_: string, one: unknown): unknown {
    return typeof one === 'number' ? { double: String(one === 0 ? 0 : one) } : one
  }
  function back(_: string, one: unknown): unknown {
    const isDouble = typeof one === 'object' && one !== null && Object.keys(one).join() === 'double'
    return isDouble ? Number((one as { double: string }).double) : one
  }
})

test('a trace that comes in parts, and twice', () => {
  withStore((store) => {
    const [a, b, c, d] = request(1)
    assert.ok(a && b && c && d)
    store.add([d])
    store.add([c, b])
    assert.deepEqual(store.add([b, a, a]), { stored: 1, dropped: 2 })
    const { totals } = store
    assert.deepEqual([totals.stored, totals.spans, totals.traces, totals.dropped.duplicate], [4, 4, 1, 2])
    const view = store.trace(traceIdOf(1))
    assert.deepEqual(
      view?.nodes.map((node) => node.span),
      [a, b, c, d],
    )
    assert.equal(store.criticalPath(traceIdOf(1))?.durationNanos, 20e6)
    assert.deepEqual(
      store.services().map(({ name, spans }) => [name, spans]),
      [
        ['gateway', 2],
        ['orders', 2],
      ],
    )
  })
})

test('a client and its server may share an id, as in B3', () => {
  withStore((store) => {
    store.add([span({ kind: 'client' }), span({ kind: 'server' })])
    assert.equal(store.totals.spans, 2)
  })
})

test('the summary of a trace', async () => {
  await withStore(async (store) => {
    const [root, ...rest] = request(1, 0, { failed: true })
    assert.ok(root)
    store.add(rest)
    const early = (await store.find()).traces[0]
    // As long as the root has not come, the earliest span stands for it.
    assert.deepEqual([early?.rootService, early?.rootName, early?.samplingReason], ['gateway', 'GET', undefined])
    store.add([{ ...root, attributes: { ...root.attributes, 'switchgear.sampling.reason': 'error' } }])
    assert.deepEqual((await store.find()).traces, [
      {
        traceId: traceIdOf(1),
        rootService: 'gateway',
        rootName: 'GET /orders/{id}',
        startMicros: root.startMicros,
        durationNanos: 20e6,
        spans: 4,
        errors: 3,
        services: [
          { name: 'gateway', spans: 2, errors: 2 },
          { name: 'orders', spans: 2, errors: 1 },
        ],
        samplingReason: 'error',
      },
    ])
  })
})

test('what is no span, what is too large, and what is too much is refused and counted', () => {
  const options = { maxSpanBytes: '2kb', maxTraceSpans: 10 }
  withStore((store) => {
    const broken = [
      span({ spanId: 'xyz' }),
      span({ traceId: '' }),
      span({ durationNanos: -1 }),
      span({ startMicros: Number.NaN }),
      span({ attributes: { big: 1n as unknown as number } }),
      span({ kind: 'other' as 'server' }),
      null as unknown as SpanData,
    ]
    assert.deepEqual(store.add(broken), { stored: 0, dropped: 7 })
    assert.deepEqual(store.add([span({ attributes: { long: 'x'.repeat(3000) } })]), { stored: 0, dropped: 1 })
    const many = Array.from({ length: 13 }, (_, id) => span({ trace: 9, id }))
    assert.deepEqual(store.add(many), { stored: 10, dropped: 3 })
    const { dropped, services } = store.totals
    assert.deepEqual([dropped.invalid, dropped.tooLarge, dropped.traceFull], [7, 1, 3])
    assert.deepEqual([services['orders']?.dropped, services['orders']?.stored], [4, 10])
  }, options)
})

test('what is no span costs no other span of its batch', () => {
  withStore((store) => {
    const oddities: object[] = [
      { resource: undefined },
      { resource: {} },
      { resource: { attributes: null } },
      { scope: undefined },
      { scope: { name: 1 } },
      { name: undefined },
      { name: 5 },
      { spanId: 'ABCDEF0123456789' },
      { spanId: '0123456789abcdefxy' },
      { parentSpanId: '' },
    ]
    for (const [id, oddity] of oddities.entries()) {
      const { stored, dropped } = store.add([span({ id }), { ...span({ id: 100 }), ...oddity }])
      assert.deepEqual([stored, dropped], [1, 1], JSON.stringify(oddity))
    }
    assert.deepEqual([store.totals.dropped.invalid, store.totals.spans], [oddities.length, oddities.length])
  })
})

test('services beyond the bound are refused and counted', () => {
  withStore((store) => {
    store.add(Array.from({ length: 1005 }, (_, trace) => span({ trace, service: `s${trace}` })))
    assert.deepEqual([store.totals.dropped.tooManyServices, store.services().length], [5, 1000])
    assert.equal(Object.keys(store.totals.services).length, 1000)
  })
})

test('more names than are shared are kept all the same', async () => {
  await withStore(async (store) => {
    for (let first = 0; first < 21_000; first += 500) {
      store.add(Array.from({ length: 500 }, (_, n) => span({ trace: first + n, name: `${first + n}` })))
    }
    for (const name of ['3', '20999']) {
      const { traces } = await store.find({ route: name })
      assert.deepEqual(
        traces.map((trace) => trace.rootName),
        [name],
      )
    }
    assert.equal((await store.find({ text: '20999' })).traces.length, 1)
  })
})

test('a trace of 10 000 spans', async () => {
  await withStore(async (store) => {
    const spans = Array.from({ length: 10_000 }, (_, id) => {
      const parent = id === 0 ? undefined : id - 1
      return span({ id, parent, ms: 20_000 - id, service: `s${id % 7}`, attributes: { n: id } })
    })
    for (let n = 0; n < spans.length; n += 500) store.add(spans.slice(n, n + 500))
    assert.equal(store.totals.stored, 10_000)
    assert.equal(store.trace(traceIdOf(0))?.nodes.at(-1)?.depth, 9999)
    assert.equal(store.criticalPath(traceIdOf(0))?.durationNanos, 20_000e6)
    assert.equal((await store.find({ attributes: { n: 9999 } })).traces[0]?.spans, 10_000)
    assert.equal((await store.edges()).spans, 10_000)
  })
})

test('a closed store refuses spans quietly and questions clearly', async () => {
  const store = openSpanStore()
  store.add(Array.from({ length: 600 }, (_, trace) => span({ trace })))
  const search = store.find({ text: 'nothing' })
  store.close()
  store.close()
  await assert.rejects(search, { code: 'SG_STORE_CLOSED' })
  assert.deepEqual(store.add([span()]), { stored: 0, dropped: 1 })
  assert.deepEqual([store.totals.dropped.closed, store.totals.stored], [1, 600])
  await assert.rejects(store.find(), { code: 'SG_STORE_CLOSED' })
  await assert.rejects(store.edges(), { code: 'SG_STORE_CLOSED' })
  assert.throws(() => store.trace(traceIdOf(0)), { code: 'SG_STORE_CLOSED' })
})

test('options are checked', () => {
  const wrong = (options: object, message: RegExp): void =>
    assert.throws(() => openSpanStore(options), { code: 'SG_BAD_OPTIONS', message })
  wrong({ maxBytes: '1mb' }, /^store\.maxBytes must be a size in \[8388608, 1099511627776\] bytes, .* got '1mb'$/)
  wrong({ maxBytes: '1 gigabyte' }, /got '1 gigabyte'/)
  wrong({ maxShare: 0 }, /^store\.maxShare must be in \(0, 1\], got 0$/)
  wrong({ keep: true }, /^store\.keep must be false where no path is given, got true$/)
  wrong({ path: '' }, /^store\.path must be the name of a file, got ''$/)
  wrong({ maxTraceSpans: 20_000 }, /maxTraceSpans must be a whole number in \[1, 10000\]/)
  wrong({ maxSpanBytes: 3 }, /maxSpanBytes/)
  wrong({ searchTimeout: 0 }, /store\.searchTimeout must be a duration/)
  wrong({ onProblem: 3 }, /onProblem must be a function/)
  wrong({ maxByte: 3 }, /store\.maxByte is not an option; known are path,/)
})
