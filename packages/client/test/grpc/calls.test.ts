// Calls over gRPC behind the policies of their service: admission, deadlines, cancellation, outcomes, streams, and their ends.
import assert from 'node:assert/strict'
import { Client, credentials, Metadata, status } from '@grpc/grpc-js'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { activeContext, runIn } from '@switchgear/telemetry'
import { grpcOptions, serverDeadline, statusVerdict } from '../../src/grpc/index.ts'
import { until } from '../origin.ts'
import { counting } from '../faces/rig.ts'
import { drain, instance, ordersOf } from './rig.ts'

/** What each status means: the 17 that gRPC has. */
const meanings: Readonly<Record<string, readonly [outcome: string, retryable: boolean]>> = {
  OK: ['success', false],
  CANCELLED: ['ignored', false],
  UNKNOWN: ['failure', true],
  INVALID_ARGUMENT: ['success', false],
  DEADLINE_EXCEEDED: ['failure', true],
  NOT_FOUND: ['success', false],
  ALREADY_EXISTS: ['success', false],
  PERMISSION_DENIED: ['success', false],
  RESOURCE_EXHAUSTED: ['failure', true],
  FAILED_PRECONDITION: ['success', false],
  ABORTED: ['success', false],
  OUT_OF_RANGE: ['success', false],
  UNIMPLEMENTED: ['failure', false],
  INTERNAL: ['failure', true],
  UNAVAILABLE: ['failure', true],
  DATA_LOSS: ['failure', true],
  UNAUTHENTICATED: ['success', false],
}

test('every status means what the table says, to the verdict and to the circuit', async (t) => {
  const names = Object.keys(status).filter((name) => Number.isNaN(Number(name)))
  assert.deepEqual(new Set(names), new Set(Object.keys(meanings)))
  const one = await instance(t, 'one')
  const rig = ordersOf(t)
  rig.roster.tell([one.port])
  const expected = { successes: 0, failures: 0, ignored: 0 }
  for (const [name, [outcome, retryable]] of Object.entries(meanings)) {
    const code = status[name as keyof typeof status] as status
    const verdict = statusVerdict(code)
    assert.deepEqual([verdict.outcome, verdict.retryable], [outcome, retryable], name)
    const { error } = await rig.orders.ask(code === status.OK ? 'hello' : `status ${code}`)
    assert.equal(error?.code ?? status.OK, code)
    expected[outcome === 'success' ? 'successes' : outcome === 'failure' ? 'failures' : 'ignored']++
    assert.deepEqual(rig.counted(), expected, name)
  }
  assert.equal(statusVerdict(99 as status).outcome, 'failure')
  assert.deepEqual([rig.inFlight(), rig.depot.live.size], [0, 0])
})

test('an open circuit refuses with UNAVAILABLE and its code, and nothing is sent', async (t) => {
  const one = await instance(t, 'one')
  const rig = ordersOf(t, [{ circuitBreaker: { consecutiveFailures: 2 } }])
  rig.roster.tell([one.port])
  for (let n = 0; n < 2; n++) await rig.orders.ask('status 13')
  const { error } = await rig.orders.ask('hello')
  assert.equal(error?.code, status.UNAVAILABLE)
  assert.match(error?.details ?? '', /^SG_CIRCUIT_OPEN: /)
  assert.deepEqual(error?.metadata.get('switchgear-code'), ['SG_CIRCUIT_OPEN'])
  const pushbackMs = Number(error?.metadata.get('grpc-retry-pushback-ms')[0])
  assert.ok(pushbackMs > 1000 && pushbackMs <= 60_000, String(pushbackMs))
  const listed = await drain(rig.orders.list('hello'))
  assert.deepEqual(listed, { words: [], code: status.UNAVAILABLE })
  const talk = rig.orders.talk()
  const talked = drain(talk)
  const written = new Promise((resolve) => talk.write('word', resolve))
  assert.equal((await talked).code, status.UNAVAILABLE)
  await written
  talk.end()
  assert.deepEqual([one.asked.length, rig.depot.live.size], [2, 0])
})

test('the deadline is the least of the call`s, the ambient and the pipeline`s, and is sent as grpc-timeout', async (t) => {
  const told: number[] = []
  const one = await instance(t, 'one', (call, done) => {
    // The server knows it from `grpc-timeout` and from nothing else.
    told.push(Number(call.getDeadline()) - Date.now())
    if (call.request !== 'silence') done(null, 'one')
  })
  const rig = ordersOf(t, [{ timeout: '60s' }, { bulkhead: { maxInFlight: 5 } }, counting])
  rig.roster.tell([one.port])
  const within = (ms: number, run: () => Promise<unknown>): Promise<unknown> =>
    runIn(activeContext().withDeadline(performance.now() + ms), run)
  await rig.orders.ask('pipeline')
  await rig.orders.ask('own', { deadline: Date.now() + 20_000 })
  await within(10_000, () => rig.orders.ask('ambient', { deadline: new Date(Date.now() + 20_000) }))
  const [pipeline, own, ambient] = told
  assert.ok(Number(pipeline) > 59_000 && Number(pipeline) <= 60_000, String(pipeline))
  assert.ok(Number(own) > 19_000 && Number(own) <= 20_000, String(own))
  assert.ok(Number(ambient) > 9000 && Number(ambient) <= 10_000, String(ambient))
  const late = await rig.orders.ask('silence', { deadline: Date.now() + 100 })
  assert.equal(late.error?.code, status.DEADLINE_EXCEEDED)
  const { error } = (await within(-1, () => rig.orders.ask('too late'))) as { error: { code: number; details: string } }
  assert.equal(error.code, status.DEADLINE_EXCEEDED)
  assert.match(error.details, /^SG_DEADLINE_EXCEEDED/)
  assert.equal(one.asked.length, 4, 'what is late already is not sent')
  assert.deepEqual(rig.counted(), { successes: 3, failures: 1, ignored: 0 })
  assert.deepEqual([rig.inFlight(), rig.depot.live.size], [0, 0])
})

test('a timeout of the pipeline counts as its own', async (t) => {
  const one = await instance(t, 'one')
  const rig = ordersOf(t, [counting, { timeout: '100ms' }])
  rig.roster.tell([one.port])
  const { error } = await rig.orders.ask('silence')
  assert.equal(error?.code, status.DEADLINE_EXCEEDED)
  const timeout = rig.pipeline.snapshot().policies.find(({ policy }) => policy === 'timeout')
  assert.deepEqual((timeout as { totals?: unknown }).totals, { timeouts: 1, abandoned: 0 })
  assert.equal(rig.counted().failures, 1)
})

test('a cancelled call says nothing about the service, in whatever phase it was', async (t) => {
  const one = await instance(t, 'one')
  const rig = ordersOf(t, [{ bulkhead: { maxInFlight: 1, maxQueue: 5 } }, counting])
  const unknown = rig.orders.list('hello')
  const ended = drain(unknown)
  await sleep(20)
  unknown.cancel()
  assert.equal((await ended).code, status.CANCELLED)
  rig.roster.tell([one.port])
  const holding = rig.orders.list('hold')
  const held = drain(holding)
  await new Promise((resolve) => holding.once('data', resolve))
  const queued = rig.orders.list('hello')
  const gone = drain(queued)
  queued.cancel()
  assert.deepEqual(await gone, { words: [], code: status.CANCELLED })
  const next = rig.orders.ask('hello')
  assert.equal(rig.inFlight(), 1, 'the slot is held until the trailers')
  assert.equal((await held).code, status.OK)
  assert.equal((await next).text, 'one')
  const reading = rig.orders.list('hold')
  const left = drain(reading)
  await new Promise((resolve) => reading.once('data', resolve))
  reading.cancel()
  assert.equal((await left).code, status.CANCELLED)
  assert.deepEqual(rig.counted(), { successes: 2, failures: 0, ignored: 2 })
  assert.deepEqual([rig.inFlight(), rig.depot.live.size], [0, 0])
})

test('streams settle at their trailers and hold their slot until then', async (t) => {
  const one = await instance(t, 'one')
  const rig = ordersOf(t)
  rig.roster.tell([one.port])
  assert.deepEqual(await drain(rig.orders.list('hello')), { words: ['one'], code: status.OK })
  const broken = rig.orders.list('break')
  const end = drain(broken)
  await new Promise((resolve) => broken.once('data', resolve))
  assert.deepEqual([rig.inFlight(), rig.counted().successes], [1, 1])
  assert.equal((await end).code, status.INTERNAL)
  const talk = rig.orders.talk()
  const talked = drain(talk)
  talk.write('a')
  talk.write('b')
  await sleep(30)
  assert.equal(rig.inFlight(), 1)
  talk.end()
  assert.deepEqual(await talked, { words: ['a!', 'b!'], code: status.OK })
  assert.deepEqual(rig.counted(), { successes: 2, failures: 1, ignored: 0 })
  assert.deepEqual([rig.inFlight(), rig.depot.live.size], [0, 0])
})

test('metadata of the caller goes along and is not changed', async (t) => {
  const one = await instance(t, 'one')
  const rig = ordersOf(t)
  rig.roster.tell([one.port])
  const metadata = new Metadata()
  metadata.set('tenant', 'blue')
  metadata.set('traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01')
  const before = metadata.toJSON()
  await rig.orders.ask('one', {}, metadata)
  await rig.orders.ask('two', {}, metadata)
  assert.deepEqual(metadata.toJSON(), before)
  const sent = one.asked.map(({ metadata: got }) => [String(got.get('tenant')[0]), String(got.get('traceparent')[0])])
  assert.deepEqual(
    sent.map(([tenant, parent]) => [tenant, parent?.split('-')[1]]),
    Array.from({ length: 2 }, () => ['blue', '4bf92f3577b34da6a3ce929d0e0e4736']),
  )
  assert.notEqual(sent[0]?.[1], sent[1]?.[1], 'each call has a place of its own in the trace')
})

test('a handler works under the deadline of its call, and so does what it calls', async (t) => {
  const inner = await instance(t, 'inner')
  const behind = ordersOf(t)
  behind.roster.tell([inner.port])
  const outer = await instance(
    t,
    'outer',
    (call, done) => {
      const remaining = activeContext().deadline - performance.now()
      void behind.orders.ask(call.request).then(({ error }) => done(error ?? null, String(remaining)))
    },
    { interceptors: [serverDeadline] },
  )
  const rig = ordersOf(t)
  rig.roster.tell([outer.port])
  const { text } = await rig.orders.ask('hello', { deadline: Date.now() + 5000 })
  assert.ok(Number(text) > 4000 && Number(text) <= 5000, String(text))
  const begun = performance.now()
  const late = await rig.orders.ask('silence', { deadline: Date.now() + 150 })
  assert.equal(late.error?.code, status.DEADLINE_EXCEEDED)
  await until(() => behind.counted().failures === 1, 'the end one hop on')
  assert.ok(performance.now() - begun < 2000)
  assert.ok(Number(inner.asked[1]?.getDeadline()) < Date.now(), 'the last hop knew nothing of it')
  assert.equal(behind.depot.live.size, 0)
  assert.equal((await rig.orders.ask('hello')).text, String(Infinity))
})

test('an unknown service and a foreign target end calls with their reason, and throw nothing', async (t) => {
  const rig = ordersOf(t, undefined, 'switchgear:order')
  const { error } = await rig.orders.ask('hello')
  assert.equal(error?.code, status.UNAVAILABLE)
  assert.match(error?.details ?? '', /^SG_UNKNOWN_SERVICE: .*did you mean 'orders'/)
  const foreign = ordersOf(t, undefined, '127.0.0.1:1')
  assert.match((await foreign.orders.ask('hello')).error?.details ?? '', /^SG_BAD_OPTIONS: /)
  const bare = new Client('switchgear:///orders', credentials.createInsecure())
  t.after(() => bare.close())
  const told = await new Promise<Error | null>((resolve) =>
    bare.makeUnaryRequest('/a/b', Buffer.from, String, '', (failed) => resolve(failed)),
  )
  assert.match(told?.message ?? '', /grpcOptions/)
  assert.deepEqual(Object.keys(grpcOptions(rig.client)).includes('interceptors'), true)
})

test('a client that closes ends its calls with its own code and takes no more', async (t) => {
  const one = await instance(t, 'one')
  const rig = ordersOf(t)
  rig.roster.tell([one.port])
  const waiting = rig.orders.ask('silence')
  const reading = drain(rig.orders.list('hold'))
  await until(() => one.asked.length === 1, 'the call')
  await rig.close()
  const { error } = await waiting
  assert.equal(error?.code, status.UNAVAILABLE)
  assert.match(error?.details ?? '', /^SG_CLIENT_CLOSED/)
  assert.equal((await reading).code, status.UNAVAILABLE)
  assert.match((await rig.orders.ask('hello')).error?.details ?? '', /^SG_CLIENT_CLOSED/)
  assert.deepEqual([rig.inFlight(), rig.depot.live.size, rig.counted().failures], [0, 0, 0])
})
