// A span as users of the OpenTelemetry API and as instrumentations write to it.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createTraceState, isSpanContextValid, SpanStatusCode } from '@opentelemetry/api'

import { AttributeSet } from '../../src/trace/attribute-set.ts'
import { TracerProvider } from '../../src/trace/provider.ts'
import { Traced } from './traced.ts'

test('a span ends with name, kind, ids, times and scope', async () => {
  const traced = new Traced()
  const span = traced.start('charge')
  await traced.clock.advance(12.5)
  span.end()
  const data = await traced.only()
  assert.equal(data.name, 'charge')
  assert.equal(data.kind, 'internal')
  assert.equal(data.status, 'unset')
  assert.equal(data.traceId, span.traceIdHex())
  assert.equal(data.spanId, span.spanIdHex())
  assert.match(data.traceId, /^[0-9a-f]{32}$/)
  assert.match(data.spanId, /^[0-9a-f]{16}$/)
  assert.equal(data.parentSpanId, undefined)
  assert.equal(data.startMicros, (1_767_225_600_000 + 1000) * 1000)
  assert.equal(data.durationNanos, 12_500_000)
  assert.deepEqual([data.scope, data.resource.attributes], [{ name: 'test' }, { 'service.name': 'test' }])
})

test('its span context is valid, sampled, random and always the same object', () => {
  const span = new Traced().start()
  const context = span.spanContext()
  assert.ok(isSpanContextValid(context))
  assert.equal(context.traceFlags, 3)
  assert.equal(context.traceState, undefined)
  assert.equal(context.isRemote, undefined)
  assert.equal(span.spanContext(), context)
})

test('it ends once, and what comes after its end is ignored', async () => {
  const traced = new Traced()
  const span = traced.start('before').setAttribute('a', 1)
  await traced.clock.advance(5)
  span.end()
  assert.equal(span.isRecording(), false)
  await traced.clock.advance(5)
  span.end()
  span.finish(traced.clock.now())
  span
    .setAttribute('b', 2)
    .setAttributes({ c: 3 })
    .updateName('after')
    .setStatus({ code: SpanStatusCode.ERROR, message: 'late' })
    .addEvent('late')
    .addLink({ context: traced.start().spanContext() })
    .recordException(new Error('late'))
  span.set('d', 4)
  span.event('late', undefined, 0)
  span.fail('late')
  const data = await traced.only()
  assert.equal(data.durationNanos, 5_000_000)
  assert.deepEqual([data.name, data.status, data.attributes, data.events], ['before', 'unset', { a: 1 }, []])
  assert.equal(span.name, 'before')
  assert.equal(span.status, 0)
})

test('an end before the start is taken as the start', async () => {
  const traced = new Traced()
  traced.start().finish(900)
  assert.equal((await traced.only()).durationNanos, 0)
})

test('its own attributes win over shared ones, the last value over the one before', async () => {
  const traced = new Traced()
  const span = traced.start()
  span.shared = new AttributeSet({ 'http.request.method': 'GET', a: 'shared', b: 'shared' })
  span.sharedMore = new AttributeSet({ b: 'more', c: 'more' })
  span.setAttributes({ a: 'own', d: [1, 2] }).setAttribute('d', [3])
  span.set('e', true)
  span.set('e', false)
  span.end()
  const { attributes } = await traced.only()
  assert.deepEqual(attributes, { 'http.request.method': 'GET', a: 'own', b: 'more', c: 'more', d: [3], e: false })
})

test('only texts, numbers, booleans and lists of one of them are attributes; the rest is counted', async () => {
  const traced = new Traced()
  const span = traced.start()
  const list = ['x', null, undefined, 'y']
  span.setAttributes({ text: '', zero: 0, not: false, list, numbers: [null, 2], flags: [true, null], empty: [] })
  list[0] = 'changed'
  const refused: unknown[] = [null, {}, [1, '2'], [{}], [null], () => 1, Symbol('s'), 1n, new Map()]
  for (const [index, value] of refused.entries()) span.setAttribute(`refused${index}`, value)
  span.setAttribute('', 'no key')
  span.setAttribute('notGiven', undefined)
  // @ts-expect-error a key must be a text; JavaScript does not know.
  span.setAttribute(5, 'x')
  span.end()
  const data = await traced.only()
  assert.deepEqual(data.attributes, {
    text: '',
    zero: 0,
    not: false,
    list: ['x', '', '', 'y'],
    numbers: [0, 2],
    flags: [true, false],
    empty: [],
  })
  assert.equal(data.droppedAttributes, refused.length + 2)
})

test('attributes beyond the limit are dropped and counted; known ones still change', async () => {
  const traced = new Traced()
  const span = traced.start()
  for (let n = 0; n < 130; n++) span.setAttribute(`key${n}`, n)
  span.set('key130', 130)
  span.setAttribute('key5', 'changed')
  span.end()
  const data = await traced.only()
  assert.equal(Object.keys(data.attributes).length, 128)
  assert.equal(data.attributes.key5, 'changed')
  assert.equal(data.attributes.key128, undefined)
  assert.equal(data.droppedAttributes, 3)
})

test('long texts are cut, also in lists, and never through the middle of a character', async () => {
  const traced = new Traced({ limits: { attributeValueLength: 4 } })
  const span = traced.start().setAttributes({ a: 'abcdef', b: 'abc😀', c: ['12345', '1234'], d: '😀😀😀', e: 12_345 })
  span.addEvent('e', { long: 'abcdef' }).end()
  const data = await traced.only()
  assert.deepEqual(data.attributes, { a: 'abcd', b: 'abc', c: ['1234', '1234'], d: '😀😀', e: 12_345 })
  assert.deepEqual(data.events[0]?.attributes, { long: 'abcd' })
  const none = new Traced({ limits: { attributeValueLength: 0 } })
  none.start().setAttribute('a', 'b').end()
  assert.deepEqual((await none.only()).attributes, { a: '' })
})

test('the length of texts is bounded for instrumentations too', async () => {
  const traced = new Traced({ limits: { attributeValueLength: 4 } })
  const span = traced.start()
  span.set('a', '12345')
  span.set('a', 'abcdef')
  span.set('b', ['12345'])
  span.set('c', 12_345)
  span.event('d', { e: '12345' }, 1000)
  span.shared = new AttributeSet({ f: '12345' }, traced.tracer.limits.attributeValueLength)
  span.finish(1001)
  const data = await traced.only()
  assert.deepEqual(data.attributes, { a: 'abcd', b: ['1234'], c: 12_345, f: '1234' })
  assert.deepEqual(data.events[0]?.attributes, { e: '1234' })
})

test('limits of 0 keep nothing and count everything', async () => {
  const limits = { attributeCount: 0, eventCount: 0, linkCount: 0, attributePerEventCount: 0, attributePerLinkCount: 0 }
  const traced = new Traced({ limits })
  const span = traced.start().setAttribute('a', 1).addEvent('b').addLink({ context: traced.start().spanContext() })
  span.end()
  const data = await traced.only()
  assert.deepEqual([data.attributes, data.events, data.links], [{}, [], []])
  assert.deepEqual([data.droppedAttributes, data.droppedEvents, data.droppedLinks], [1, 1, 1])
})

test('the newest events and the first links are kept, each with its own limit of attributes', async () => {
  const traced = new Traced({
    limits: { eventCount: 2, linkCount: 2, attributePerEventCount: 1, attributePerLinkCount: 2 },
  })
  const linked = ['a', 'b', 'c'].map((name) => traced.start(name).spanContext())
  const span = traced.start()
  for (const name of ['one', 'two', 'three']) span.addEvent(name, { a: 1, b: 2, none: undefined })
  span.addLinks(linked.map((context) => ({ context, attributes: { a: 1, b: {}, c: 3, d: 4 } })))
  span.end()
  const data = await traced.only()
  assert.deepEqual(
    data.events.map(({ name, attributes, droppedAttributes }) => [name, attributes, droppedAttributes]),
    [
      ['two', { a: 1 }, 1],
      ['three', { a: 1 }, 1],
    ],
  )
  assert.deepEqual(
    data.links.map(({ spanId, attributes, droppedAttributes }) => [spanId, attributes, droppedAttributes]),
    linked.slice(0, 2).map(({ spanId }) => [spanId, { a: 1, c: 3 }, 2]),
  )
  assert.deepEqual([data.droppedEvents, data.droppedLinks], [1, 1])
})

test('a link keeps trace state and flags; one without a valid id is counted as dropped', async () => {
  const traced = new Traced()
  const traceId = '0AF7651916CD43DD8448EB211C80319C'
  const span = traced.start()
  span.addLink({ context: { traceId, spanId: 'B7AD6B7169203331', traceFlags: 1, isRemote: true } })
  span.addLink({ context: { traceId: '0'.repeat(32), spanId: 'b7ad6b7169203331', traceFlags: 1 } })
  span.end()
  const data = await traced.only()
  assert.deepEqual(data.links, [
    {
      traceId: traceId.toLowerCase(),
      spanId: 'b7ad6b7169203331',
      traceState: '',
      flags: 0x301,
      attributes: {},
      droppedAttributes: 0,
    },
  ])
  assert.equal(data.droppedLinks, 1)
})

test('a link with ids of zeros is kept where it says something else', async () => {
  const traced = new Traced()
  const span = traced.start()
  const zeros = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 }
  span.addLink({ context: zeros, attributes: { why: 'unknown' } })
  span.addLink({ context: { ...zeros, spanId: 'b7ad6b7169203331', traceState: createTraceState('a=b') } })
  span.addLink({ context: zeros, attributes: {} })
  span.addLink({ context: { ...zeros, traceId: 'x' }, attributes: { why: 'malformed' } })
  span.end()
  const { links, droppedLinks } = await traced.only()
  assert.deepEqual(
    links.map(({ traceId, spanId, traceState, attributes }) => [traceId, spanId, traceState, attributes]),
    [
      [zeros.traceId, zeros.spanId, '', { why: 'unknown' }],
      [zeros.traceId, 'b7ad6b7169203331', 'a=b', {}],
    ],
  )
  assert.equal(droppedLinks, 2)
})

test('status: unset is ignored, the last error counts, ok is final, only errors have a message', async () => {
  const traced = new Traced()
  const { UNSET, OK, ERROR } = SpanStatusCode
  const end = async (...statuses: { code: SpanStatusCode; message?: string }[]): Promise<unknown[]> => {
    const span = traced.start()
    for (const status of statuses) span.setStatus(status)
    span.end()
    const data = (await traced.spans()).at(-1)
    return [data?.status, data?.statusMessage]
  }
  assert.deepEqual(await end({ code: UNSET, message: 'm' }), ['unset', ''])
  assert.deepEqual(await end({ code: ERROR, message: 'm' }, { code: UNSET }), ['error', 'm'])
  assert.deepEqual(await end({ code: ERROR, message: 'm' }, { code: ERROR, message: 'n' }), ['error', 'n'])
  assert.deepEqual(await end({ code: ERROR, message: 'm' }, { code: ERROR }), ['error', ''])
  assert.deepEqual(await end({ code: ERROR, message: 'm' }, { code: OK, message: 'n' }), ['ok', ''])
  assert.deepEqual(await end({ code: OK }, { code: ERROR, message: 'm' }), ['ok', ''])
  assert.deepEqual(await end({ code: 7 as SpanStatusCode, message: 'm' }), ['unset', ''])
})

test('fail sets status, error.type and message, but not against an application that said ok', async () => {
  const traced = new Traced()
  const failing = traced.start()
  failing.fail('503', 'Service Unavailable')
  failing.end()
  const fine = traced.start().setStatus({ code: SpanStatusCode.OK })
  fine.fail('503')
  fine.end()
  const [first, second] = await traced.spans()
  assert.deepEqual(
    [first?.status, first?.statusMessage, first?.attributes],
    ['error', 'Service Unavailable', { 'error.type': '503' }],
  )
  assert.deepEqual([second?.status, second?.attributes], ['ok', {}])
})

test('an exception becomes an event with type, message and stack, whatever was thrown', async () => {
  const traced = new Traced()
  const span = traced.start()
  const error = new RangeError('too far')
  span.recordException(error)
  span.recordException(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))
  span.recordException('just text')
  span.recordException({ name: 'Odd' })
  span.recordException(null as unknown as string)
  span.recordException({
    get message() {
      return 7 as unknown as string
    },
  })
  span.end()
  const { events, status } = await traced.only()
  assert.ok(events.every(({ name }) => name === 'exception'))
  assert.deepEqual(events[0]?.attributes, {
    'exception.type': 'RangeError',
    'exception.message': 'too far',
    'exception.stacktrace': error.stack,
  })
  assert.equal(events[1]?.attributes['exception.type'], 'ECONNREFUSED')
  assert.deepEqual(events[2]?.attributes, { 'exception.message': 'just text' })
  assert.deepEqual(events[3]?.attributes, { 'exception.type': 'Odd' })
  assert.deepEqual(events[4]?.attributes, { 'exception.message': 'null' })
  assert.deepEqual(events[5]?.attributes, {})
  assert.equal(status, 'unset')
})

test('nothing that JavaScript may pass makes a span throw', async () => {
  const traced = new Traced()
  const span = traced.start()
  const thrown = new Proxy({}, { get: () => assert.fail('a getter that throws') })
  const odd = [undefined, null, 0, 'text', [], {}, Symbol('s')] as never[]
  for (const value of odd) {
    span.setAttribute(value, value).setAttributes(value).setStatus(value).updateName(value)
    span.addEvent(value, value, value).addLink(value).addLink({ context: value })
    span.recordException(value, value)
  }
  span.addLinks(undefined as never).recordException(thrown as never)
  span.end('soon' as never)
  const data = await traced.only()
  assert.equal(data.events.length, 2 * odd.length + 1)
  assert.equal(data.droppedLinks, 2 * odd.length)
  assert.equal(data.durationNanos, 0)
})

test('nor does anything odder, whether to a span or at its start', async () => {
  const traced = new Traced()
  const api = new TracerProvider(traced.tracer).getTracer('odd')
  const ids = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 }
  const throws = { toString: () => assert.fail('a text that throws') }
  const getters = Object.defineProperty({}, 'a', { enumerable: true, get: () => assert.fail('a getter that throws') })
  const named = [Object.create(null), throws, [Symbol('s')], getters, [1n, 2n], [Symbol('a'), 1]] as never[]
  const linked = [
    { context: { ...ids, traceState: 'a=b' } },
    { context: { ...ids, traceFlags: 1n } },
    { context: throws },
  ] as never[]
  for (const value of [...named, ...linked]) {
    const span = api.startSpan(value, { attributes: value, links: value, startTime: value, kind: value }, null as never)
    span.setAttribute('k', value).setAttributes(value).updateName(value).addEvent(value, value, value)
    span.addLink(value).addLinks(value).recordException(value, value)
    span.end(value)
  }
  const span = api.startSpan('linked').addLinks(linked)
  span.end()
  const spans = await traced.spans()
  assert.equal(spans.length, named.length + linked.length + 1)
  assert.ok(spans.every(({ name, durationNanos }) => typeof name === 'string' && durationNanos === 0))
  assert.deepEqual(
    spans.at(-1)?.links.map(({ traceState, flags }) => [traceState, flags]),
    [
      ['a=b', 0x101],
      ['', 0x100],
    ],
  )
})

test('every form of time of the API is understood', async () => {
  const traced = new Traced()
  const epoch = 1_767_225_600_000
  const at = (ms: number): number => (epoch + ms) * 1000
  const span = traced.start()
  span
    .addEvent('monotonic', 1001)
    .addEvent('epoch', epoch + 1002)
    .addEvent('date', new Date(epoch + 1003))
    .addEvent('hrtime', [epoch / 1000 + 1, 4_250_000])
    .addEvent('third argument', { a: 1 }, 1005)
    .addEvent('third wins', 1, 1006)
    .addEvent('now')
    .addEvent('not a time', Number.NaN)
  span.recordException('exception', new Date(epoch + 1007))
  span.event('ours', undefined, 1008)
  span.end(new Date(epoch + 1020))
  const data = await traced.only()
  assert.deepEqual(
    data.events.map(({ timeMicros }) => timeMicros),
    [1001, 1002, 1003, 1004.25, 1005, 1006, 1000, 1000, 1007, 1008].map(at),
  )
  assert.equal(data.durationNanos, 20_000_000)
})

test('a wall clock that is set while a span runs does not part it from its events', async () => {
  const traced = new Traced()
  const span = traced.start().addEvent('early')
  traced.clock.wallOffset += 3_600_000
  await traced.clock.advance(10)
  span.addEvent('late').end()
  const data = await traced.only()
  assert.deepEqual(
    data.events.map(({ timeMicros }) => timeMicros - data.startMicros),
    [0, 10_000],
  )
  assert.equal(data.startMicros, (1_767_225_600_000 + 3_600_000 + 1000) * 1000)
})

test('a span that is not sampled has ids, and all calls on it do nothing', async () => {
  const traced = new Traced({ sampler: { description: 'never', decide: () => ({ sampled: false }) } })
  const span = traced.start()
  assert.equal(span.recording, false)
  assert.equal(span.isRecording(), false)
  assert.equal(span.spanContext().traceFlags, 2)
  assert.ok(isSpanContextValid(span.spanContext()))
  span.setAttribute('a', 1).addEvent('b').updateName('c').setStatus({ code: SpanStatusCode.ERROR })
  span.set('a', 1)
  span.fail('x')
  span.recordException('x')
  span.shared = new AttributeSet({ a: 1 })
  span.end()
  assert.deepEqual([span.own, span.details, span.name, span.status], [undefined, undefined, 'work', 0])
  assert.deepEqual(await traced.spans(), [])
})
