// Work that leaves the turn it was begun in, by each of the ways that programs have: it stays in its own context. Every test has
// two pieces of work under way at a time, because one alone would also pass if there were only one context for all.
import assert from 'node:assert/strict'
import { AsyncResource } from 'node:async_hooks'
import { EventEmitter, once } from 'node:events'
import { access, readFile } from 'node:fs'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { PassThrough, Readable, Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { after, before, test } from 'node:test'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { createGzip, gzip } from 'node:zlib'
import { context, propagation, trace } from '@opentelemetry/api'
import { Span } from '../../src/trace/span.ts'
import type { SpanData } from '../../src/trace/span-data.ts'
import type { Telemetry } from '../../src/start/telemetry.ts'
import { recordingTelemetry } from '../conformance/table.ts'

let telemetry: Telemetry
let spans: SpanData[]
before(() => {
  const started = recordingTelemetry()
  telemetry = started.telemetry
  spans = started.spans
})
after(() => telemetry.close())

/** Whose work is running. */
function owner(): string | undefined {
  const span = trace.getActiveSpan()
  return span instanceof Span ? span.name : undefined
}

/** Runs work for two owners at once; it answers whose work it found itself to be, each time that it looked. */
async function forTwo(looks: number, work: (owner: string) => Promise<readonly (string | undefined)[]>): Promise<void> {
  const tracer = trace.getTracer('test')
  const run = (name: string) =>
    tracer.startActiveSpan(name, async (span) => {
      const seen = await work(name)
      span.end()
      return seen
    })
  const [left, right] = await Promise.all([run('left'), run('right')])
  assert.deepEqual(
    [left, right],
    ['left', 'right'].map((name) => Array.from({ length: looks }, () => name)),
  )
  assert.equal(owner(), undefined)
}

test('a worker thread continues the trace that its message carries', { timeout: 30_000 }, async (t) => {
  const worker = new Worker(path.join(import.meta.dirname, 'fixtures/worker.mjs'))
  t.after(() => worker.terminate())
  const messages: { done?: string; spans?: SpanData[] }[] = []
  worker.on('message', (message) => messages.push(message))
  const tracer = trace.getTracer('test')
  const ids = new Map<string, { traceId: string; spanId: string }>()
  for (const job of ['left', 'right']) {
    const baggage = propagation.createBaggage({ tenant: { value: job } })
    context.with(propagation.setBaggage(context.active(), baggage), () =>
      tracer.startActiveSpan(`send ${job}`, (span) => {
        const headers: Record<string, string> = {}
        propagation.inject(context.active(), headers)
        ids.set(job, span.spanContext())
        worker.postMessage({ job, headers })
        span.end()
      }),
    )
  }
  while (messages.filter(({ done }) => done !== undefined).length < 2) await once(worker, 'message')
  worker.postMessage({})
  await once(worker, 'exit')
  const worked = messages.flatMap((message) => message.spans ?? [])
  assert.equal(worked.length, 4)
  for (const [job, sent] of ids) {
    const work = worked.find(({ name }) => name === `work ${job}`)
    const part = worked.find(({ name }) => name === `part of ${job}`)
    assert.deepEqual([work?.traceId, work?.parentSpanId], [sent.traceId, sent.spanId])
    assert.deepEqual([part?.traceId, part?.parentSpanId], [sent.traceId, work?.spanId])
    assert.equal(work?.attributes['tenant'], job)
  }
})

test('a queue that an interval drains runs each job in the context it was bound to', async (t) => {
  const jobs: (() => void)[] = []
  const drain = setInterval(() => jobs.shift()?.(), 2)
  t.after(() => clearInterval(drain))
  await forTwo(4, async () => {
    const seen: (string | undefined)[] = []
    for (let job = 0; job < 3; job++) {
      jobs.push(context.bind(context.active(), () => void seen.push(owner())))
    }
    // Unbound it is run by nobody.
    const { promise, resolve } = Promise.withResolvers<string | undefined>()
    jobs.push(() => resolve(owner()))
    assert.equal(await promise, undefined)
    return [...seen, owner()]
  })
})

test('timers and turns of all kinds', async () => {
  await forTwo(8, async () => {
    const seen: (string | undefined)[] = []
    const look = (): void => void seen.push(owner())
    await sleep(3).then(look)
    await turn().then(look)
    await new Promise<void>((resolve) => setTimeout(() => resolve(look()), 3))
    await new Promise<void>((resolve) => setImmediate(() => resolve(look())))
    await new Promise<void>((resolve) => queueMicrotask(() => resolve(look())))
    await new Promise<void>((resolve) => process.nextTick(() => resolve(look())))
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        look()
        if (seen.length < 8) return
        clearInterval(timer)
        resolve()
      }, 1)
    })
    return seen
  })
})

test('streams: every chunk through a pipeline of them', async () => {
  await forTwo(13, async (name) => {
    const seen: (string | undefined)[] = []
    async function* chunks() {
      for (let chunk = 0; chunk < 4; chunk++) {
        await sleep(1)
        seen.push(owner())
        yield `${name} ${chunk}\n`
      }
    }
    const counting = new Transform({
      transform(chunk, _encoding, done) {
        seen.push(owner())
        setImmediate(() => done(null, chunk))
      },
      flush(done) {
        seen.push(owner())
        done()
      },
    })
    const counted = new Writable({
      write(_chunk, _encoding, done) {
        seen.push(owner())
        done()
      },
    })
    await pipeline(Readable.from(chunks()), counting, new PassThrough(), counted)
    return seen
  })
})

test('streams: work of the thread pool, and listeners that are called when it is done', async () => {
  await forTwo(2, async (name) => {
    const zip = createGzip()
    const seen: (string | undefined)[] = []
    zip.once('data', () => seen.push(owner()))
    const ended = new Promise<void>((resolve) => zip.on('end', () => resolve(void seen.push(owner()))))
    zip.end(name.repeat(10_000))
    await ended
    return seen
  })
})

test('an EventEmitter: a listener runs for whoever emits, or where the emitter was bound', async () => {
  const shared = new EventEmitter()
  const heard: (string | undefined)[] = []
  shared.on('work', () => heard.push(owner()))
  await forTwo(3, async (name) => {
    await turn()
    shared.emit('work')
    assert.equal(heard.at(-1), name)
    const own = context.bind(context.active(), new EventEmitter())
    const seen: (string | undefined)[] = []
    own.once('work', () => seen.push(owner()))
    own.on('work', () => seen.push(owner()))
    // Who emits is somebody else: as with a connection that many share.
    context.with(trace.deleteSpan(context.active()), () => own.emit('work'))
    return [...seen, owner()]
  })
  assert.deepEqual(heard.toSorted(), ['left', 'right'])
})

/** A pool of one worker, as database drivers have them: a task that waits is run by whatever ends the one before. */
class Pool {
  readonly #waiting: (() => void)[] = []
  #busy = false

  run(task: string, callback: (error: null, done: string) => void): void {
    const resource = new AsyncResource('PoolTask')
    const work = (): void => {
      this.#busy = true
      access(import.meta.filename, () => {
        this.#busy = false
        this.#waiting.shift()?.()
        resource.runInAsyncScope(callback, null, null, `${task} done`)
        resource.emitDestroy()
      })
    }
    if (this.#busy) this.#waiting.push(work)
    else work()
  }
}

test('a pool whose tasks are AsyncResources', async () => {
  const pool = new Pool()
  await forTwo(3, async (name) => {
    const look = () =>
      new Promise<string | undefined>((resolve, reject) => {
        pool.run(name, (_error, done) => (done === `${name} done` ? resolve(owner()) : reject(new Error(done))))
      })
    return Promise.all([look(), look(), look()])
  })
})

test('callbacks made promises', async () => {
  const pool = new Pool()
  const run = promisify(pool.run.bind(pool))
  const [zipped, read] = [promisify(gzip), promisify(readFile)]
  await forTwo(3, async (name) => {
    const seen: (string | undefined)[] = []
    await zipped(name.repeat(1000))
    seen.push(owner())
    await read(import.meta.filename)
    seen.push(owner())
    assert.equal(await run(name), `${name} done`)
    seen.push(owner())
    return seen
  })
})

test('what a request sends in pieces, on one connection that others use before and after', async (t) => {
  const looked: (readonly [path: string | undefined, owners: (string | undefined)[]])[] = []
  const tracer = trace.getTracer('test')
  const server = createServer((incoming, response) => {
    const seen: (string | undefined)[] = []
    looked.push([incoming.url, seen])
    const look = (): void => {
      const span = tracer.startSpan(`look ${incoming.url}`)
      seen.push(span instanceof Span ? span.traceIdHex() : undefined)
      span.end()
    }
    incoming.on('data', look)
    incoming.on('end', () => {
      look()
      response.end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const { Agent } = await import('node:http')
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  const ids = ['a', 'b', 'c'].map((digit) => digit.repeat(32))
  await Promise.all(
    ids.map(async (traceId) => {
      const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` }
      const sent = request({ port, host: '127.0.0.1', path: `/${traceId[0]}`, method: 'POST', agent, headers })
      const answered = once(sent, 'response')
      for (let piece = 0; piece < 3; piece++) {
        sent.write('piece')
        await sleep(5)
      }
      sent.end()
      const [response] = await answered
      await once(response.resume(), 'end')
    }),
  )
  assert.deepEqual(looked.map(([where]) => where).toSorted(), ['/a', '/b', '/c'])
  for (const [where, owners] of looked) {
    assert.ok(owners.length >= 2)
    assert.deepEqual([...new Set(owners)], [where?.slice(1).repeat(32)])
  }
  await telemetry.flush()
  assert.equal(spans.filter(({ kind }) => kind === 'server').length, 3)
})
