// The ends that a process under load can come to: of what was kept until then, nothing is lost. Spans are delivered by intervals
// of a minute here, so that it is the end and nothing else that delivers them.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { receive } from '../otlp/receiver-peer.ts'
import { type App, type Ended, startApp, until } from './processes.ts'

/** Trace ids of requests that were answered, to the last byte, until the signal was sent, and after that. */
interface Answered {
  readonly before: string[]
  readonly after: string[]
}

const agent = new Agent({ keepAlive: true, maxSockets: 8 })
const lanes = 8

/** Resolves with the status; rejects when the connection ends before the answer does. */
function ask(url: string, traceId: string): Promise<number> {
  const headers = traceId === '' ? {} : { traceparent: `00-${traceId}-00f067aa0ba902b7-01` }
  return new Promise((resolve, reject) => {
    get(url, { agent, headers }, (response) => {
      response.on('error', reject)
      response.resume().on('end', () => resolve(response.statusCode ?? 0))
    }).on('error', reject)
  })
}

/** Keeps the app busy until it no longer answers; `end` is called once it has answered so many. */
async function load(app: App, count: number, end: () => unknown): Promise<Answered> {
  const answered: Answered = { before: [], after: [] }
  let ending = false
  const lane = async (number: number): Promise<void> => {
    for (let n = 1; ; n++) {
      const traceId = `${(number + 1).toString(16).padStart(16, '0')}${n.toString(16).padStart(16, '0')}`
      try {
        if ((await ask(`${app.url}/work`, traceId)) !== 200) return
      } catch {
        return // It has gone away, which is what this is about.
      }
      answered[ending ? 'after' : 'before'].push(traceId)
      if (ending || answered.before.length < count) continue
      ending = true
      end()
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)))
  return answered
}

/** Runs an app to its end; answers how it ended and which traces were lost, in part or as a whole. */
async function run(t: TestContext, ending: string, end: (app: App) => unknown, count = 400) {
  const { port, spans } = await receive(t)
  const app = await startApp(t, 'ending.mjs', port, { ENDING: ending, OTEL_BSP_SCHEDULE_DELAY: '60000' })
  const answered = await load(app, count, () => end(app))
  let ended: Ended | undefined
  void app.ended.then((how) => (ended = how))
  await until(() => ended !== undefined, 'the app ends')
  // What a socket still holds is received.
  await sleep(200)
  const seen = new Map<string, Set<string>>()
  const ids = new Set<string>()
  for (const { traceId, spanId, name, kind } of spans) {
    ids.add(spanId)
    seen.set(traceId, (seen.get(traceId) ?? new Set()).add(kind === 'server' ? 'server' : name))
  }
  const missing = (traceId: string): boolean => (seen.get(traceId)?.size ?? 0) < 3
  const lost = { before: answered.before.filter(missing), after: answered.after.filter(missing) }
  t.diagnostic(
    `${answered.before.length} answered before, ${answered.after.length} after; ${ids.size} spans received, ` +
      `${spans.length - ids.size} of them twice; lost: ${lost.before.length} before, ${lost.after.length} after`,
  )
  return { ended, lost, answered, complaints: app.complaints() }
}

const bySignal = ({ child }: App): unknown => child.kill('SIGTERM')
const byRequest = ({ url }: App): unknown => ask(`${url}/end`, '')

test('a signal that nobody handles: everything until then is delivered, and the process dies of it', async (t) => {
  const { ended, lost } = await run(t, 'none', bySignal)
  assert.deepEqual(lost.before, [])
  assert.deepEqual(ended, { code: null, signal: 'SIGTERM' })
})

for (const signal of ['SIGINT', 'SIGHUP'] as const) {
  test(`${signal} is no other signal`, async (t) => {
    const { ended, lost } = await run(t, 'none', ({ child }) => child.kill(signal), 40)
    assert.deepEqual(lost.before, [])
    assert.deepEqual(ended, { code: null, signal })
  })
}

test('a signal upon which the app stops serving: also what it still answers', async (t) => {
  const { ended, lost, complaints } = await run(t, 'signal, closed', bySignal)
  assert.deepEqual(lost, { before: [], after: [] }, complaints)
  assert.deepEqual(ended, { code: 0, signal: null })
})

for (const ending of ['signal, exited', 'signal, exited later']) {
  test(`a signal upon which the app calls process.exit (${ending})`, async (t) => {
    const { ended, lost } = await run(t, ending, bySignal)
    assert.deepEqual(lost, { before: [], after: [] })
    assert.deepEqual(ended, { code: 0, signal: null })
  })
}

test('a signal that the app handles and then raises again: the process dies of it', async (t) => {
  const { ended, lost } = await run(t, 'signal, raised again', bySignal)
  assert.deepEqual(lost, { before: [], after: [] })
  assert.deepEqual(ended, { code: null, signal: 'SIGTERM' })
})

test('the natural end', async (t) => {
  const { ended, lost } = await run(t, 'closed', byRequest)
  assert.deepEqual(lost, { before: [], after: [] })
  assert.deepEqual(ended, { code: 0, signal: null })
})

test('process.exit out of nowhere keeps its code', async (t) => {
  const { ended, lost } = await run(t, 'exited', byRequest)
  assert.deepEqual(lost, { before: [], after: [] })
  assert.deepEqual(ended, { code: 3, signal: null })
})

for (const [ending, message] of [
  ['crashed', 'the app has crashed'],
  ['rejected', 'the app has forgotten a promise'],
] as const) {
  test(`an exception that nobody catches, ${ending}: it is told, and the process fails as it would have`, async (t) => {
    const { ended, lost, complaints } = await run(t, ending, byRequest)
    assert.deepEqual(lost, { before: [], after: [] })
    assert.deepEqual(ended, { code: 1, signal: null })
    assert.match(complaints, new RegExp(message))
  })
}

for (const ending of ['natural', 'exited']) {
  test(`a worker thread (${ending}), which the register has been loaded into as well`, async (t) => {
    const { port, spans } = await receive(t)
    const app = await startApp(t, 'worker-end.mjs', port, { ENDING: ending, OTEL_BSP_SCHEDULE_DELAY: '60000' })
    assert.deepEqual(await app.ended, { code: 0, signal: null }, app.complaints())
    assert.deepEqual(spans.map(({ name }) => name).toSorted(), ['main', 'work'])
  })
}

/** A collector that takes everything and says nothing; answers its port. */
async function silentCollector(t: TestContext): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => sockets.add(socket.on('error', () => undefined).resume()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return (server.address() as AddressInfo).port
}

describe('a collector that does not answer holds up no end for long', { concurrency: 2 }, () => {
  for (const [ending, end, how] of [
    ['none', bySignal, { code: null, signal: 'SIGTERM' }],
    ['signal, closed', bySignal, { code: 0, signal: null }],
    ['signal, exited', bySignal, { code: 0, signal: null }],
    ['closed', byRequest, { code: 0, signal: null }],
  ] as const) {
    test(ending, async (t) => {
      const app = await startApp(t, 'ending.mjs', await silentCollector(t), { ENDING: ending })
      assert.equal((await fetch(`${app.url}/work`)).status, 200)
      const begun = performance.now()
      void end(app)
      assert.deepEqual(await app.ended, how, app.complaints())
      const tookMs = performance.now() - begun
      t.diagnostic(`${Math.round(tookMs)} ms`)
      assert.ok(tookMs < 9000, `it took ${tookMs} ms; ten seconds are what an orchestrator waits`)
    })
  }

  test('and none at all for who sends the signal again', async (t) => {
    const app = await startApp(t, 'ending.mjs', await silentCollector(t), { ENDING: 'none' })
    assert.equal((await fetch(`${app.url}/work`)).status, 200)
    const begun = performance.now()
    bySignal(app)
    await sleep(300)
    bySignal(app)
    assert.deepEqual(await app.ended, { code: null, signal: 'SIGTERM' }, app.complaints())
    const tookMs = performance.now() - begun
    assert.ok(tookMs < 4000, `it took ${tookMs} ms`)
  })
})

test('where a process may start no other, what is left is lost without a word and without another exit code', async (t) => {
  const { port } = await receive(t)
  const net = process.allowedNodeEnvironmentFlags.has('--allow-net') ? ' --allow-net' : ''
  const NODE_OPTIONS = `--permission --allow-fs-read=*${net}`
  const more = { ENDING: 'signal, exited', OTEL_BSP_SCHEDULE_DELAY: '60000', NODE_OPTIONS }
  const app = await startApp(t, 'ending.mjs', port, more)
  assert.equal(await ask(`${app.url}/work`, ''), 200)
  bySignal(app)
  assert.deepEqual(await app.ended, { code: 0, signal: null }, app.complaints())
  assert.doesNotMatch(app.complaints(), /restricted/)
})
