// The OpenTelemetry API in front of our tracer: providers, tracers, active spans and who is registered.
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'

import {
  context,
  createContextKey,
  diag,
  DiagLogLevel,
  propagation,
  ROOT_CONTEXT,
  type Span as ApiSpan,
  SpanKind,
  type TextMapPropagator,
  trace,
} from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { suppressTracing, W3CTraceContextPropagator } from '@opentelemetry/core'
import { TracerProvider as StockProvider } from '@opentelemetry/sdk-trace'

import { activeContext, rootContext, runIn, suppress } from '../../src/trace/context.ts'
import { TracerProvider } from '../../src/trace/provider.ts'
import { type Registration, registerGlobally } from '../../src/trace/registration.ts'
import { Span } from '../../src/trace/span.ts'
import { kinds } from '../../src/trace/span-block.ts'
import { Traced } from './traced.ts'

const propagator: TextMapPropagator = new W3CTraceContextPropagator()

afterEach(() => {
  trace.disable()
  context.disable()
  propagation.disable()
  diag.disable()
})

function registered(options: ConstructorParameters<typeof Traced>[0] = {}): Traced & { registration: Registration } {
  const traced = new Traced(options)
  const registration = registerGlobally(traced.tracer, propagator)
  assert.deepEqual([registration.ok, registration.problems], [true, []])
  return Object.assign(traced, { registration })
}

test('a tracer is the same for the same name, version and schema', async () => {
  const traced = new Traced()
  const provider = new TracerProvider(traced.tracer)
  const tracer = provider.getTracer('lib', '1.0.0', { schemaUrl: 'https://example.com/1' })
  assert.equal(provider.getTracer('lib', '1.0.0', { schemaUrl: 'https://example.com/1' }), tracer)
  assert.notEqual(provider.getTracer('lib', '1.0.1', { schemaUrl: 'https://example.com/1' }), tracer)
  assert.notEqual(provider.getTracer('lib', '1.0.0'), tracer)
  tracer.startSpan('x').end()
  const { scope } = await traced.only()
  assert.deepEqual(scope, { name: 'lib', version: '1.0.0', schemaUrl: 'https://example.com/1' })
})

test('tracers are kept up to a bound, and made anew beyond it', () => {
  const provider = new TracerProvider(new Traced().tracer)
  for (let n = 0; n < 1000; n++) provider.getTracer(`lib ${n}`)
  assert.equal(provider.getTracer('lib 999'), provider.getTracer('lib 999'))
  const beyond = provider.getTracer('one more')
  assert.notEqual(provider.getTracer('one more'), beyond)
  assert.ok(beyond.startSpan('works').isRecording())
})

test('the kinds of the API are our kinds', async () => {
  const traced = new Traced()
  const tracer = new TracerProvider(traced.tracer).getTracer('lib')
  for (const kind of [SpanKind.INTERNAL, SpanKind.SERVER, SpanKind.CLIENT, SpanKind.PRODUCER, SpanKind.CONSUMER, 9])
    tracer.startSpan('x', { kind }).end()
  assert.deepEqual(
    (await traced.spans()).map(({ kind }) => kind),
    [...kinds, 'internal'],
  )
})

test('a span starts with the options it was given', async () => {
  const traced = registered()
  const linked = trace.getTracer('lib').startSpan('linked').spanContext()
  const startTime = new Date(1_767_225_600_000 + 500)
  const options = { attributes: { a: 1, none: null }, links: [{ context: linked, attributes: { b: 2 } }], startTime }
  trace.getTracer('lib').startSpan('x', options).end()
  const data = await traced.only()
  assert.deepEqual([data.attributes, data.droppedAttributes], [{ a: 1 }, 1])
  assert.deepEqual([data.links[0]?.spanId, data.links[0]?.attributes], [linked.spanId, { b: 2 }])
  assert.equal(data.startMicros, startTime.getTime() * 1000)
  assert.equal(data.durationNanos, 500_000_000)
})

test('active spans nest, across await and through every overload', async () => {
  const traced = registered()
  const tracer = trace.getTracer('lib')
  const answer = await tracer.startActiveSpan('outer', async (outer) => {
    await undefined
    assert.equal(trace.getActiveSpan(), outer)
    tracer.startActiveSpan('middle', { kind: SpanKind.CLIENT }, (middle) => {
      assert.equal(activeContext().span, middle)
      tracer.startActiveSpan('inner', {}, context.active(), (inner) => inner.end())
      middle.end()
    })
    tracer.startSpan('sibling').end()
    tracer.startSpan('root', { root: true }).end()
    outer.end()
    return 'answer'
  })
  assert.equal(answer, 'answer')
  const spans = new Map((await traced.spans()).map((span) => [span.name, span]))
  const above = (name: string): string | undefined => spans.get(name)?.parentSpanId
  assert.equal(above('inner'), spans.get('middle')?.spanId)
  assert.equal(above('middle'), spans.get('outer')?.spanId)
  assert.equal(above('sibling'), spans.get('outer')?.spanId)
  assert.deepEqual([above('outer'), above('root')], [undefined, undefined])
  assert.notEqual(spans.get('root')?.traceId, spans.get('outer')?.traceId)
  assert.equal(trace.getActiveSpan(), undefined)
})

test('an active span keeps deadline, tenant and values of others', () => {
  registered()
  const key = createContextKey('a key of somebody else')
  const given = rootContext.withDeadline(77).withTenant('blue').setValue(key, 'kept')
  trace.getTracer('lib').startActiveSpan('x', {}, given, () => {
    const { deadline, tenant } = activeContext()
    assert.deepEqual([deadline, tenant, context.active().getValue(key)], [77, 'blue', 'kept'])
  })
})

test('our spans nest below those of others and theirs below ours', async () => {
  const traced = registered()
  const stock = new StockProvider({}).getTracer('stock')
  const theirs = stock.startSpan('theirs')
  context.with(trace.setSpan(ROOT_CONTEXT, theirs), () => {
    const ours = trace.getTracer('lib').startSpan('ours')
    const below = stock.startSpan('below', {}, trace.setSpan(context.active(), ours))
    assert.equal(below.spanContext().traceId, theirs.spanContext().traceId)
    ours.end()
  })
  const data = await traced.only()
  assert.equal(data.traceId, theirs.spanContext().traceId)
  assert.equal(data.parentSpanId, theirs.spanContext().spanId)
})

test('where tracing is suppressed nothing is recorded', async () => {
  const traced = registered()
  const tracer = trace.getTracer('lib')
  const spans: ApiSpan[] = [
    tracer.startSpan('x', {}, suppressTracing(ROOT_CONTEXT)),
    tracer.startSpan('x', {}, suppressTracing(context.active())),
    runIn(suppress(activeContext()), () => tracer.startActiveSpan('x', (span) => span)),
  ]
  for (const span of spans) {
    assert.equal(span.isRecording(), false)
    assert.equal(trace.isSpanContextValid(span.spanContext()), false)
    span.end()
  }
  assert.deepEqual(await traced.spans(), [])
})

test('what is injected is the active span, through the registered propagator', () => {
  registered()
  trace.getTracer('lib').startActiveSpan('x', (span) => {
    const headers: Record<string, string> = {}
    propagation.inject(context.active(), headers)
    assert.equal(headers.traceparent, `00-${span.spanContext().traceId}-${span.spanContext().spanId}-03`)
    const extracted = propagation.extract(ROOT_CONTEXT, headers)
    const server = trace.getTracer('lib').startSpan('server', {}, extracted)
    assert.ok(server instanceof Span)
    assert.deepEqual([server.traceIdHex(), server.flags], [span.spanContext().traceId, 0x303])
  })
})

test('a tracer that was asked for before the registration records after it', async () => {
  const early = trace.getTracer('early')
  early.startSpan('lost').end()
  const traced = registered()
  early.startSpan('kept').end()
  assert.equal((await traced.only()).name, 'kept')
})

test('whoever registers after us is refused, and we stay', async () => {
  const traced = registered()
  const errors: string[] = []
  const log = (message: string): void => void errors.push(message)
  const logger = { error: log, warn: log, info() {}, debug() {}, verbose() {} }
  diag.setLogger(logger, DiagLogLevel.ERROR)
  assert.equal(trace.setGlobalTracerProvider(new StockProvider({})), false)
  assert.match(errors.join('\n'), /duplicate registration of API: trace/)
  trace.getTracer('lib').startSpan('ours').end()
  assert.equal((await traced.spans()).length, 1)
  assert.deepEqual(traced.registration.check(), [])
})

test('whoever was before us is named, nothing of theirs is replaced, and the API logs no error', () => {
  const errors: string[] = []
  const log = (message: string): void => void errors.push(message)
  diag.setLogger({ error: log, warn: log, info() {}, debug() {}, verbose() {} }, DiagLogLevel.ERROR)
  const theirs = new StockProvider({})
  trace.setGlobalTracerProvider(theirs)
  const registration = registerGlobally(new Traced().tracer, propagator)
  assert.equal(registration.ok, false)
  assert.deepEqual(registration.problems, ['The tracer provider is not ours: TracerProvider was registered first.'])
  registration.undo()
  assert.ok(trace.getTracer('lib').startSpan('x').isRecording())
  assert.equal(context.setGlobalContextManager(new AsyncLocalStorageContextManager()), true, 'was left free')
  assert.deepEqual(errors, [])
})

test("somebody else's context manager or propagator stays, the rest becomes ours", () => {
  const manager = new AsyncLocalStorageContextManager()
  context.setGlobalContextManager(manager)
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  const registration = registerGlobally(new Traced().tracer, propagator)
  assert.deepEqual(registration.problems, [
    'The context manager is not ours: AsyncLocalStorageContextManager was registered first.',
    'The propagator is not ours: W3CTraceContextPropagator was registered first.',
  ])
  assert.ok(trace.getTracer('lib').startSpan('x') instanceof Span)
  registration.undo()
  assert.equal(trace.getTracer('lib').startSpan('x').isRecording(), false)
  context.with(ROOT_CONTEXT.setValue(createContextKey('k'), 1), () =>
    assert.equal(context.active().getValue(createContextKey('k')), 1),
  )
})

test('another version of the API that was there first is named', () => {
  const key = Symbol.for('opentelemetry.js.api.1')
  const global = globalThis as { [key]?: unknown }
  const before = global[key]
  global[key] = { version: '1.4.1' }
  try {
    const registration = registerGlobally(new Traced().tracer, propagator)
    assert.equal(registration.ok, false)
    assert.match(registration.problems.join(), /version 1\.4\.1/)
  } finally {
    global[key] = before
  }
})

test('undo frees the API, twice does no harm, and it leaves alone who came after', () => {
  const { registration } = registered()
  registration.undo()
  assert.equal(trace.getTracer('lib').startSpan('x').isRecording(), false)
  assert.equal(context.active(), ROOT_CONTEXT)
  assert.deepEqual(propagation.fields(), [])
  assert.equal(registration.check().length, 1)
  const next = registered()
  registration.undo()
  assert.deepEqual(next.registration.check(), [])
  assert.ok(trace.getTracer('lib').startSpan('x').isRecording())
})
