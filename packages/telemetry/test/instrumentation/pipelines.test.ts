// Guarded calls as a tracer sees them, on the virtual clock: which spans there are, what hangs below what, and which event
// of which policy stands where.
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import {
  bulkhead,
  cache,
  circuitBreaker,
  fallback,
  hedge,
  pipeline,
  retry,
  SwitchgearError,
  timeout,
} from '@switchgear/core'
import { seededRandom, VirtualClock } from '@switchgear/core/testing'
import { CallDurations } from '../../src/instrumentation/call-durations.ts'
import { instrumentPipelines } from '../../src/instrumentation/pipelines.ts'
import { Scrape } from '../../src/metrics/family.ts'
import { MetricRegistry } from '../../src/metrics/registry.ts'
import { alwaysOff } from '../../src/sampling/head.ts'
import { activeContext, rootContext, runIn, suppress } from '../../src/trace/context.ts'
import type { HeadSampler } from '../../src/trace/sampler.ts'
import type { SpanData } from '../../src/trace/span-data.ts'
import { Tracer } from '../../src/trace/tracer.ts'

let end: (() => void) | undefined
afterEach(() => end?.())

function rig(sampler?: HeadSampler) {
  const clock = new VirtualClock()
  const spans: SpanData[] = []
  const tracer = new Tracer({ resource: { attributes: { 'service.name': 'test' } }, clock, sampler })
  tracer.addConsumer({
    name: 'list',
    consume: (block) => void spans.push(...Array.from({ length: block.size }, (_, n) => block.data(n))),
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
  })
  const metrics = new MetricRegistry({ clock })
  end = instrumentPipelines(tracer, { durations: new CallDurations(metrics) })
  const finished = async (): Promise<SpanData[]> => {
    await tracer.flush()
    return spans.toSorted((a, b) => a.startMicros - b.startMicros || Number(b.durationNanos) - Number(a.durationNanos))
  }
  return { clock, tracer, metrics, finished, options: { name: 'payments', clock, random: seededRandom(1) } }
}

const eventsOf = (span: SpanData | undefined): string[] =>
  span?.events.map(({ name, attributes }) => `${name} ${String(attributes['switchgear.policy'])}`) ?? []

function durations(metrics: MetricRegistry): Record<string, number> {
  const family = metrics.families().find(({ name }) => name === 'switchgear_call_duration_seconds')
  assert.ok(family !== undefined && 'bounds' in family)
  const series = [...family.series(new Scrape())]
  return Object.fromEntries(
    series.map(({ labels, counts }) => [labels.join(' '), Array.from(counts).reduce((sum, one) => sum + one, 0)]),
  )
}

test('a call is a span, below the active one, and what it calls hangs below it', async () => {
  const { tracer, finished, options } = rig()
  const scope = { name: 'app' }
  const payments = pipeline(options, circuitBreaker(), timeout('1s'))
  const outer = tracer.start(scope, 'request', 1, undefined, 0)
  await runIn(rootContext.withSpan(outer), () =>
    payments.execute(async () => {
      await Promise.resolve()
      tracer.start(scope, 'query', 2, activeContext().span, 0).finish(0)
    }),
  )
  outer.finish(0)
  const spans = await finished()
  const named = (name: string) => spans.find((span) => span.name === name)
  assert.equal(spans.length, 3)
  assert.equal(named('payments')?.parentSpanId, named('request')?.spanId)
  assert.equal(named('query')?.parentSpanId, named('payments')?.spanId)
  assert.equal(named('payments')?.attributes['switchgear.pipeline'], 'payments')
  assert.equal(named('payments')?.status, 'unset')
})

test('attempts, waits and timeouts of a retry stand in the trace with their times', async () => {
  const { clock, finished, metrics, options } = rig()
  const backoff = { backoff: 'constant', delay: 50, jitter: 0 } as const
  const payments = pipeline(options, retry(backoff), circuitBreaker(), timeout('100ms'))
  const call = payments.execute(({ attempt }) => (attempt === 1 ? new Promise(() => undefined) : 'paid'))
  await clock.advance(100)
  await clock.advance(50)
  assert.equal(await call, 'paid')
  const [whole, first, second] = await finished()
  assert.deepEqual(eventsOf(whole), ['switchgear.timeout timeout', 'switchgear.retry retry'])
  const again = whole?.events[1]
  assert.deepEqual(again?.attributes, {
    'switchgear.policy': 'retry',
    'switchgear.attempt': 1,
    'switchgear.delay_ms': 50,
    'error.type': 'SG_TIMEOUT',
  })
  assert.deepEqual(
    [first, second].map((span) => [
      span?.name,
      span?.parentSpanId === whole?.spanId,
      span?.durationNanos,
      span?.attributes['switchgear.attempt'],
      span?.attributes['switchgear.attempt.cause'],
      span?.attributes['error.type'],
    ]),
    [
      ['payments attempt', true, 100e6, 1, undefined, 'SG_TIMEOUT'],
      ['payments attempt', true, 0, 2, 'retry', undefined],
    ],
  )
  assert.equal(whole?.durationNanos, 150e6)
  assert.deepEqual(durations(metrics), { 'payments success': 1 })
})

test('a refusal names its policy, code and circuit; a fallback makes the call a success', async () => {
  const { finished, metrics, options } = rig()
  const breaker = circuitBreaker({ consecutiveFailures: 1, name: 'charges' })
  const guarded = pipeline(options, breaker)
  await assert.rejects(guarded.execute(() => Promise.reject(new TypeError('secret 1234'))))
  await assert.rejects(
    guarded.execute(() => 'unreached'),
    { code: 'SG_CIRCUIT_OPEN' },
  )
  const served = pipeline(options, fallback({ value: 'later' }), breaker)
  assert.equal(await served.execute(() => 'unreached'), 'later')
  const [failed, refused, replaced] = await finished()
  assert.equal(failed?.attributes['error.type'], 'TypeError')
  assert.equal(failed?.statusMessage, '')
  assert.equal(failed?.attributes['switchgear.outcome'], 'failure')
  assert.deepEqual(eventsOf(failed), ['switchgear.transition charges'])
  assert.equal(failed?.events[0]?.attributes['switchgear.circuit.state'], 'open')
  assert.deepEqual(refused?.events[0]?.attributes, {
    'switchgear.policy': 'charges',
    'error.type': 'SG_CIRCUIT_OPEN',
    'switchgear.circuit.state': 'open',
  })
  assert.equal(refused?.status, 'error')
  assert.equal(refused?.attributes['error.type'], 'SG_CIRCUIT_OPEN')
  assert.deepEqual(eventsOf(replaced), ['switchgear.rejected charges', 'switchgear.fallback fallback'])
  assert.equal(replaced?.status, 'unset')
  assert.ok(!JSON.stringify([failed, refused, replaced]).includes('1234'), 'a foreign message in the trace')
  assert.deepEqual(durations(metrics), { 'payments failure': 1, 'payments refused': 1, 'payments success': 1 })
})

test('a hedge is a second attempt beside the first, and which one won is told', async () => {
  const { clock, finished, options } = rig()
  const raced = pipeline(options, hedge({ delay: 20 }))
  const call = raced.execute(({ attempt }) => (attempt === 1 ? new Promise(() => undefined) : 'second'))
  await clock.advance(20)
  assert.equal(await call, 'second')
  const spans = await finished()
  const whole = spans.find(({ name }) => name === 'payments')
  const attempts = spans.filter(({ name }) => name === 'payments attempt')
  assert.deepEqual(eventsOf(whole), ['switchgear.hedge hedge', 'switchgear.hedge_won hedge'])
  assert.deepEqual(
    attempts.map(({ attributes }) => [
      attributes['switchgear.attempt'],
      attributes['switchgear.attempt.cause'],
      attributes['switchgear.outcome'],
    ]),
    [
      [1, undefined, 'ignored'],
      [2, 'hedge', undefined],
    ],
  )
})

test('a wait in a queue is an event with how long it was, in the span of who waited', async () => {
  const { clock, finished, options } = rig()
  const narrow = pipeline(options, bulkhead({ maxInFlight: 1, maxQueue: 1 }))
  const gate = Promise.withResolvers<string>()
  const first = narrow.execute(() => gate.promise)
  const second = narrow.execute(() => 'second')
  await clock.advance(40)
  gate.resolve('first')
  await Promise.all([first, second])
  const spans = await finished()
  const waited = spans.find(({ events }) => events.length > 0)
  assert.equal(spans.length, 2)
  assert.deepEqual(waited?.events[0]?.attributes, {
    'switchgear.policy': 'bulkhead',
    'switchgear.waited_ms': 40,
    'switchgear.admitted': true,
  })
})

test('the key of a cache, which may be anything, stays out of the trace', async () => {
  const { finished, options } = rig()
  const read = pipeline(options, cache({ key: () => 'card 4711' }))
  await read.execute(() => 1)
  await read.execute(() => 2)
  const spans = await finished()
  assert.deepEqual(
    spans.flatMap(({ events }) => events.map(({ attributes }) => attributes['switchgear.cache.result'])),
    ['miss', 'hit'],
  )
  assert.ok(!JSON.stringify(spans).includes('4711'))
})

test('what is not sampled is measured, and nothing below it is recorded either', async () => {
  const { tracer, finished, metrics, options } = rig(alwaysOff)
  const payments = pipeline(options, retry(), circuitBreaker())
  let inside: unknown
  await payments.execute(async () => {
    await Promise.resolve()
    inside = activeContext().span?.isRecording()
    tracer.start({ name: 'app' }, 'query', 2, activeContext().span, 0).finish(0)
  })
  assert.equal(inside, false)
  assert.deepEqual(await finished(), [])
  assert.deepEqual(durations(metrics), { 'payments success': 1 })
})

test('a suppressed context stays untraced, and its calls are measured', async () => {
  const { finished, metrics, options } = rig()
  const payments = pipeline(options, retry())
  await runIn(suppress(rootContext), () => payments.execute(() => 1))
  assert.deepEqual(await finished(), [])
  assert.deepEqual(durations(metrics), { 'payments success': 1 })
})

test('who drives a pipeline from outside gets its events into its own span, and its durations counted', async () => {
  const { clock, tracer, finished, metrics, options } = rig()
  const payments = pipeline(options, bulkhead({ maxInFlight: 1 }), retry(), circuitBreaker())
  const own = tracer.start({ name: 'proxy' }, 'GET /pay', 1, undefined, 0)
  const permit = payments.admit({ scope: own })
  assert.ok(permit.kind === 'permit')
  const attempt = permit.attempt()
  assert.ok(attempt.kind === 'attempt')
  const refused = payments.admit({ scope: own })
  assert.ok(refused.kind === 'rejection')
  await clock.advance(30)
  attempt.settle('failure', new SwitchgearError('SG_TIMEOUT', 'late'))
  attempt.exit()
  permit.exit()
  own.finish(30)
  const [span] = await finished()
  assert.deepEqual(eventsOf(span), ['switchgear.rejected bulkhead', 'switchgear.retry retry'])
  assert.deepEqual(durations(metrics), { 'payments refused': 1, 'payments ignored': 1 })
})

test('there is one instrumentation of pipelines at a time, and afterwards there is none', async () => {
  const { tracer, finished, options } = rig()
  assert.throws(() => instrumentPipelines(tracer), { code: 'SG_BAD_OPTIONS' })
  end?.()
  await pipeline(options, retry()).execute(() => 1)
  assert.deepEqual(await finished(), [])
})
