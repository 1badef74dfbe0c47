// Columns: what goes in comes out, and how many bytes of it stay.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import fc from 'fast-check'

import { AttributeSet } from '../../src/trace/attribute-set.ts'
import { blockSpans, hex, kinds, SpanBlock, type SpanRow, statuses } from '../../src/trace/span-block.ts'
import type { Attributes, AttributeValue, SpanData } from '../../src/trace/span-data.ts'
import { resource, scope } from './traced.ts'

const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

const key = fc.string({ minLength: 1, maxLength: 6 }).filter((text) => text !== '__proto__')
const value: fc.Arbitrary<AttributeValue> = fc.oneof(
  fc.string(),
  fc.double({ noNaN: true }),
  fc.boolean(),
  fc.array(fc.string()),
  fc.array(fc.integer()),
)
const attributes = fc.dictionary(key, value, { maxKeys: 5, noNullPrototype: true })
const set = fc.option(
  attributes.map((each) => new AttributeSet(each)),
  { nil: undefined },
)
const details = fc.record({
  traceState: fc.string(),
  statusMessage: fc.string(),
  events: fc.array(fc.record({ name: fc.string(), timeMicros: fc.nat(), attributes, droppedAttributes: fc.nat() }), {
    maxLength: 2,
  }),
  links: fc.constant([]),
  droppedAttributes: fc.nat(),
  droppedEvents: fc.nat(),
  droppedLinks: fc.nat(),
})
const row: fc.Arbitrary<SpanRow> = fc.record({
  traceA: fc.integer(),
  traceB: fc.integer(),
  traceC: fc.integer(),
  traceD: fc.integer(),
  spanA: fc.integer(),
  spanB: fc.integer(),
  parentA: fc.constantFrom(0, 1, -1),
  parentB: fc.constantFrom(0, 7, -(2 ** 31)),
  flags: fc.nat(0x3ff),
  kind: fc.nat(4),
  status: fc.nat(2),
  name: fc.string(),
  scope: fc.constant(scope),
  startMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
  endMs: fc.double({ min: 1e9, max: 1.001e9, noNaN: true }),
  shared: set,
  sharedMore: set,
  own: fc.option(
    attributes.map((each) => Object.entries(each).flat(1) as (string | AttributeValue)[]),
    { nil: undefined },
  ),
  details: fc.option(details, { nil: undefined }),
})

function expected(span: SpanRow, epochMs: number): SpanData {
  const own: Record<string, AttributeValue> = {}
  for (let index = 0; index < (span.own?.length ?? 0); index += 2)
    own[String(span.own?.[index])] = span.own?.[index + 1] ?? ''
  return {
    traceId: hex([span.traceA, span.traceB, span.traceC, span.traceD]),
    spanId: hex([span.spanA, span.spanB]),
    parentSpanId: span.parentA === 0 && span.parentB === 0 ? undefined : hex([span.parentA, span.parentB]),
    flags: span.flags,
    name: span.name,
    kind: kinds[span.kind] ?? 'internal',
    status: statuses[span.status] ?? 'unset',
    startMicros: (epochMs + span.startMs) * 1000,
    durationNanos: Math.round((span.endMs - span.startMs) * 1e6),
    attributes: { ...span.shared?.attributes, ...span.sharedMore?.attributes, ...own } as Attributes,
    resource,
    scope,
    traceState: '',
    statusMessage: '',
    events: [],
    links: [],
    droppedAttributes: 0,
    droppedEvents: 0,
    droppedLinks: 0,
    ...span.details,
  }
}

test('spans come out of a block as they went in, also of a block that is used again', () => {
  const block = new SpanBlock(resource)
  fc.assert(
    fc.property(fc.array(row, { maxLength: 40 }), fc.nat(1e6), (rows, epochMs) => {
      block.reset(epochMs)
      for (const each of rows) block.add(each)
      assert.equal(block.size, rows.length)
      for (const [n, each] of rows.entries()) assert.deepEqual(block.data(n), expected(each, epochMs))
    }),
    { seed, numRuns: 60 },
  )
})

test('own attributes beyond the room that is kept find room, and are gone after a reset', () => {
  const block = new SpanBlock(resource)
  const own = Array.from({ length: 256 }, (_, index) => (index % 2 === 0 ? `key${index}` : `value ${index}`))
  while (!block.isFull) block.add(sample(block.size, own))
  assert.equal(Object.keys(block.attributes(blockSpans - 1)).length, 128 + 2)
  block.reset(0)
  assert.equal(block.size, 0)
  assert.ok(block.own.every((part) => part === ''))
  block.add(sample(0, undefined))
  assert.deepEqual(block.attributes(0), { method: 'GET', address: '127.0.0.1' })
})

const shared = new AttributeSet({ method: 'GET' })
const sharedMore = new AttributeSet({ address: '127.0.0.1' })

function sample(n: number, own: SpanRow['own']): SpanRow {
  return {
    traceA: n,
    traceB: -n,
    traceC: 2 ** 31 - 1,
    traceD: 5,
    spanA: 1,
    spanB: 2,
    parentA: 0,
    parentB: 0,
    flags: 3,
    kind: 1,
    status: 0,
    name: 'GET /orders/:id',
    scope,
    startMs: n + 0.5,
    endMs: n + 0.75,
    shared,
    sharedMore,
    own,
    details: undefined,
  }
}

test('a kept span takes few bytes: its columns, one attribute of its own and that short path', (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const used = (): number => {
    collect()
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const fill = (count: number): SpanBlock[] =>
    Array.from({ length: count }, () => {
      const block = new SpanBlock(resource)
      // Decoded from bytes, as the path of a request is: a text of its own, not a shared constant.
      while (!block.isFull)
        block.add(sample(block.size, ['url.path', Buffer.from(`/o/${1000 + block.size}`).toString('latin1')]))
      return block
    })
  fill(4)
  const before = used()
  const blocks = fill(48)
  const perSpan = (used() - before) / (48 * blockSpans)
  assert.equal(blocks.length, 48)
  t.diagnostic(`${perSpan.toFixed(1)} bytes`)
  // The budget. Less than the columns themselves would mean that the measurement is broken.
  assert.ok(perSpan > 90 && perSpan <= 130, `${perSpan.toFixed(1)} bytes`)
})
