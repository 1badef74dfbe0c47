// How channels of grpc-js find the instances of a service: spread, come and go, die, are not there yet; and that all of it ends.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { connectivityState, credentials, experimental, status } from '@grpc/grpc-js'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { context, trace } from '@opentelemetry/api'
import { endpoint } from '@switchgear/discovery'
import { type SpanData, startTelemetry } from '@switchgear/telemetry'
import { grpcOptions } from '../../src/grpc/index.ts'
import { deadPort, until } from '../origin.ts'
import { type Answer, instance, Orders, ordersOf } from './rig.ts'

async function counts(orders: Orders, calls: number): Promise<Record<string, number>> {
  const seen: Record<string, number> = {}
  for (let n = 0; n < calls; n++) {
    const { text, error } = await orders.ask('who')
    const name = text ?? `error ${error?.details}`
    seen[name] = (seen[name] ?? 0) + 1
  }
  return seen
}

test('calls spread over the instances, which come and go', async (t) => {
  const [a, b, c] = [await instance(t, 'a'), await instance(t, 'b'), await instance(t, 'c')]
  const rig = ordersOf(t)
  rig.roster.tell([a.port, b.port])
  await until(() => rig.roster.listeners.size >= 1, 'a subscription')
  await rig.orders.ask('warm')
  await sleep(50)
  assert.deepEqual(await counts(rig.orders, 10), { a: 5, b: 5 })
  rig.roster.tell([b.port, c.port])
  await sleep(100)
  const later = await counts(rig.orders, 10)
  assert.deepEqual(later, { b: 5, c: 5 })
})

test('draining, unready and weight 0 get calls only where there is nobody else', async (t) => {
  const [a, b, c] = [await instance(t, 'a'), await instance(t, 'b'), await instance(t, 'c')]
  const rig = ordersOf(t)
  const at = (port: number, more: object): ReturnType<typeof endpoint> =>
    endpoint({ address: '127.0.0.1', port, ...more }, 'told')
  rig.roster.tell([at(a.port, { weight: 0 }), at(b.port, {}), at(c.port, { readiness: 'draining' })])
  assert.deepEqual(await counts(rig.orders, 4), { b: 4 })
  rig.roster.tell([at(a.port, { weight: 0 }), at(c.port, { readiness: 'draining' })])
  await sleep(100)
  assert.deepEqual(await counts(rig.orders, 4), { a: 4 })
  rig.roster.tell([at(b.port, { readiness: 'unready' }), at(c.port, { readiness: 'draining' })])
  await sleep(100)
  assert.deepEqual(await counts(rig.orders, 4), { c: 4 })
})

test('an instance that dies is left, with no call lost but those it had', async (t) => {
  const [a, b] = [await instance(t, 'a'), await instance(t, 'b')]
  const rig = ordersOf(t)
  rig.roster.tell([a.port, b.port, await deadPort(t)])
  await rig.orders.ask('warm')
  await sleep(50)
  const held = [rig.orders.ask('silence'), rig.orders.ask('silence')]
  await until(() => a.asked.length + b.asked.length === 3, 'both calls')
  a.kill()
  await sleep(100)
  assert.deepEqual(await counts(rig.orders, 20), { b: 20 })
  b.kill()
  const ended: Answer[] = await Promise.all(held)
  // A server of grpc-js that is stopped by force cancels its calls.
  for (const { error } of ended) assert.ok(error?.code === status.UNAVAILABLE || error?.code === status.CANCELLED)
})

test('an instance that was not there is used once it is, without news about it', async (t) => {
  const port = await deadPort(t)
  const rig = ordersOf(t, undefined, 'switchgear:///orders', { 'grpc.initial_reconnect_backoff_ms': 100 })
  rig.roster.tell([port])
  assert.equal((await rig.orders.ask('who')).error?.code, status.UNAVAILABLE)
  await instance(t, 'late', undefined, {}, port)
  await until(() => rig.orders.getChannel().getConnectivityState(true) === connectivityState.READY, 'a connection')
  assert.equal((await rig.orders.ask('who')).text, 'late')
})

test('while nothing is known calls wait, until their deadlines', async (t) => {
  const a = await instance(t, 'a')
  const rig = ordersOf(t)
  const vain = rig.orders.ask('who', { deadline: Date.now() + 200 })
  const patient = rig.orders.ask('who', { deadline: Date.now() + 10_000 })
  assert.equal((await vain).error?.code, status.DEADLINE_EXCEEDED)
  rig.roster.tell([a.port])
  assert.equal((await patient).text, 'a')
})

test('where discovery says that there is none, or why it does not know, calls fail with that; and it heals', async (t) => {
  const a = await instance(t, 'a')
  const rig = ordersOf(t)
  rig.roster.tell([], { state: 'waiting', error: new Error('the registry is down') })
  const failed = await rig.orders.ask('who')
  assert.equal(failed.error?.code, status.UNAVAILABLE)
  assert.match(failed.error?.details ?? '', /no endpoint of orders is known: the registry is down/)
  rig.roster.tell([a.port], { error: undefined })
  await sleep(50)
  assert.equal((await rig.orders.ask('who')).text, 'a')
  // As everywhere, the last that was known is kept: it gives an answer, or a real error of connecting.
  rig.roster.tell([])
  await sleep(50)
  assert.equal((await rig.orders.ask('who')).text, 'a')
  a.kill()
  await sleep(50)
  assert.match((await rig.orders.ask('who')).error?.details ?? '', /ECONNREFUSED|No connection established/)
  const b = await instance(t, 'b')
  rig.roster.tell([b.port])
  await sleep(50)
  assert.equal((await rig.orders.ask('who')).text, 'b')
  const none = ordersOf(t)
  none.roster.tell([])
  assert.match((await none.orders.ask('who')).error?.details ?? '', /known: discovery says that there is none/)
})

test('the resolver tells later, once per turn, nothing after its end, and holds nothing then', async (t) => {
  const rig = ordersOf(t)
  rig.roster.tell([1, endpoint({ address: '::1', port: 2 }, 'told')])
  const told: string[] = []
  const uri = { scheme: 'switchgear', authority: '', path: 'orders' }
  const resolver = experimental.createResolver(
    uri,
    (list) => {
      told.push(list.ok ? list.value.map(experimental.endpointToString).join(' ') : list.error.details)
      return true
    },
    grpcOptions(rig.client),
  )
  const [before] = [rig.roster.listeners.size]
  for (let n = 0; n < 100; n++) resolver.updateResolution()
  assert.deepEqual(told, [])
  await sleep(20)
  assert.equal(told.length, 1)
  assert.match(told[0] ?? '', /127\.0\.0\.1:1.*\[?::1\]?:2/)
  assert.equal(rig.roster.listeners.size, before + 1)
  for (let port = 1; port < 50; port++) rig.roster.tell([port])
  await sleep(20)
  assert.equal(told.length, 2, 'a storm of news is told once')
  rig.roster.tell([7])
  resolver.destroy()
  rig.roster.tell([8])
  await sleep(20)
  assert.deepEqual([told.length, rig.roster.listeners.size], [2, before])
  resolver.updateResolution()
  await sleep(20)
  assert.match(told.at(-1) ?? '', /127\.0\.0\.1:8/)
  resolver.updateResolution()
  resolver.destroy()
  resolver.destroy()
  await sleep(20)
  assert.deepEqual([told.length, rig.roster.listeners.size], [3, before])
})

test('instances that cannot be reached are asked for as often as there is news, and not more', async (t) => {
  const rig = ordersOf(t)
  let answers = 0
  const ports = [await deadPort(t), await deadPort(t)]
  rig.roster.tell(ports)
  const { view } = rig.roster
  // The entries are looked through for each answer.
  Object.defineProperty(rig.roster, 'view', { get: () => (answers++, view) })
  const calls = Array.from({ length: 20 }, () => rig.orders.ask('who', { deadline: Date.now() + 1500 }))
  for (const { error } of await Promise.all(calls)) assert.equal(error?.code, status.UNAVAILABLE)
  await sleep(500)
  assert.ok(answers < 40, `${answers} answers`)
})

test('two channels of one service are told apart by nothing that would cost connections', async (t) => {
  const a = await instance(t, 'a')
  const rig = ordersOf(t)
  const second = new Orders('switchgear:///orders', credentials.createInsecure(), grpcOptions(rig.client))
  t.after(() => second.close())
  rig.roster.tell([a.port])
  await rig.orders.ask('one')
  await second.ask('two')
  const [one, two] = a.asked.map((call) => call.getPeer())
  assert.equal(one, two)
  second.close()
  await until(() => rig.roster.listeners.size === 2, 'the end of a subscription')
})

test('one trace goes through client and server', async (t) => {
  const spans: SpanData[] = []
  const consumer = {
    name: 'list',
    consume: (block: { size: number; data(n: number): SpanData }) => {
      for (let n = 0; n < block.size; n++) spans.push(block.data(n))
    },
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
  const telemetry = startTelemetry({
    service: 'test',
    environment: {},
    traces: { export: false, consumers: [consumer] },
    onProblem: (message) => assert.fail(message),
  })
  t.after(() => telemetry.close())
  const one = await instance(t, 'one')
  const rig = ordersOf(t)
  rig.roster.tell([one.port])
  const job = trace.getTracer('app').startSpan('job')
  await context.with(trace.setSpan(context.active(), job), () => rig.orders.ask('status 13'))
  job.end()
  await sleep(50)
  await telemetry.flush()
  const ours = spans.filter(({ traceId }) => traceId === job.spanContext().traceId)
  const call = ours.find(({ name }) => name === 'orders')
  const sent = ours.find(({ kind }) => kind === 'client')
  const server = ours.find(({ kind }) => kind === 'server')
  assert.equal(call?.parentSpanId, job.spanContext().spanId)
  assert.equal(sent?.parentSpanId, call?.spanId)
  assert.equal(server?.parentSpanId, sent?.spanId)
  assert.deepEqual([call?.status, sent?.status, sent?.attributes['error.type']], ['error', 'error', 'INTERNAL'])
  assert.equal(ours.length, 4, ours.map(({ name, kind }) => `${kind} ${name}`).join())
})

test('a process ends by itself once clients and servers are closed', async () => {
  const words = ['--conditions=@switchgear/source', join(import.meta.dirname, 'ending-process.ts')]
  const { stdout } = await promisify(execFile)(process.execPath, words, { timeout: 15_000 })
  const { answer, leftMs } = JSON.parse(stdout) as { answer: string; leftMs: number }
  assert.equal(answer, 'one')
  assert.ok(leftMs < 3000, `${leftMs} ms`)
})
