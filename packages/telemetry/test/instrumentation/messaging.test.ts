// Spans of messages: who publishes, who processes, and how the trace gets from one to the other.
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { context, propagation, trace } from '@opentelemetry/api'
import { type SpanData, startTelemetry, type Telemetry } from '../../src/index.ts'
import { type MessageHeaders, processing, processingBatch, publishing } from '../../src/instrumentation/messaging.ts'

let telemetry: Telemetry | undefined
const spans: SpanData[] = []
afterEach(async () => {
  await telemetry?.close()
  telemetry = undefined
  spans.length = 0
})

function start(): Telemetry {
  const consumer = {
    name: 'list',
    consume: (block: { size: number; data(n: number): SpanData }) => {
      for (let n = 0; n < block.size; n++) spans.push(block.data(n))
    },
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
  return (telemetry = startTelemetry({
    environment: {},
    http: false,
    traces: { export: false, consumers: [consumer] },
  }))
}

const facts = { system: 'nats', destination: 'orders.eu.paid', template: 'orders.{region}.paid' }

test('a message carries its trace and baggage to whoever processes it', async () => {
  const { flush } = start()
  const bus: { headers: MessageHeaders }[] = []
  const baggage = propagation.createBaggage({ tenant: { value: 'blue' } })
  await context.with(propagation.setBaggage(context.active(), baggage), () =>
    publishing({ ...facts, messageId: 'm1', bodySize: 7 }, (headers) => Promise.resolve(bus.push({ headers }))),
  )
  const [message] = bus
  let tenant: string | undefined
  const answer = await processing({ ...facts, consumerGroup: 'mail' }, message?.headers ?? {}, () => {
    tenant = propagation.getActiveBaggage()?.getEntry('tenant')?.value
    trace.getTracer('app').startSpan('mail').end()
    return Promise.resolve('sent')
  })
  assert.deepEqual([answer, tenant], ['sent', 'blue'])
  await flush.call(telemetry)
  const named = (name: string) => spans.find((span) => span.name === name)
  const [published, processed] = [named('publish orders.{region}.paid'), named('process orders.{region}.paid')]
  assert.deepEqual([published?.kind, processed?.kind], ['producer', 'consumer'])
  assert.equal(processed?.parentSpanId, published?.spanId)
  assert.equal(named('mail')?.parentSpanId, processed?.spanId)
  assert.deepEqual(published?.attributes, {
    'messaging.system': 'nats',
    'messaging.operation.name': 'publish',
    'messaging.operation.type': 'send',
    'messaging.destination.name': 'orders.eu.paid',
    'messaging.destination.template': 'orders.{region}.paid',
    'messaging.message.id': 'm1',
    'messaging.message.body.size': 7,
  })
})

test('a batch links to each of its messages; a handler that fails is an error, and its own', async () => {
  start()
  const sent: MessageHeaders[] = []
  for (let n = 0; n < 3; n++) await publishing(facts, (headers) => Promise.resolve(sent.push(headers)))
  await assert.rejects(
    processingBatch(facts, [...sent, {}], () => Promise.reject(new TypeError('no'))),
    { message: 'no' },
  )
  await telemetry?.flush()
  const batch = spans.find(({ kind }) => kind === 'consumer')
  const published = spans.filter(({ kind }) => kind === 'producer')
  assert.equal(batch?.parentSpanId, undefined)
  assert.equal(batch?.attributes['messaging.batch.message_count'], 4)
  assert.deepEqual(
    batch?.links.map(({ spanId }) => spanId),
    published.map(({ spanId }) => spanId),
  )
  assert.deepEqual([batch?.status, batch?.attributes['error.type']], ['error', 'TypeError'])
})

test('headers are found in any case', async () => {
  start()
  const headers = { Traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', TraceState: 'a=b' }
  await processing(facts, headers, () => Promise.resolve())
  await processingBatch(facts, [headers], () => Promise.resolve())
  await telemetry?.flush()
  const [one, batch] = spans
  assert.deepEqual([one?.parentSpanId, one?.traceState], ['00f067aa0ba902b7', 'a=b'])
  assert.equal(batch?.links[0]?.spanId, '00f067aa0ba902b7')
})

test('what throws at once rejects, with telemetry and without', async () => {
  const fails = (): never => {
    throw new TypeError('no')
  }
  for (const begin of [() => undefined, start]) {
    begin()
    await assert.rejects(publishing(facts, fails), { message: 'no' })
    await assert.rejects(processing(facts, {}, fails), { message: 'no' })
    await assert.rejects(processingBatch(facts, [{}], fails), { message: 'no' })
  }
})

test('without telemetry messages go as they are', async () => {
  let given: MessageHeaders | undefined
  await publishing(facts, (headers) => Promise.resolve((given = headers)))
  assert.deepEqual(given, {})
  assert.equal(await processing(facts, {}, () => Promise.resolve(1)), 1)
})
