// Four services that call each other and send their spans to one collector: a receiver, a buffer that decides on whole traces, a store.
// The services are ended by SIGTERM at random and started again, some with a handler of their own. SWITCHGEAR_SEED and
// SWITCHGEAR_RUNS: see `long-run.ts`. The spans of every request that was answered arrive; of each kept trace the store has all spans
// that were sent, of each dropped one none.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { seededRandom } from '@switchgear/core/testing'
import { createReceiver, type Receiver } from '../../src/otlp/receiver.ts'
import { TailSampler } from '../../src/sampling/tail-sampler.ts'
import { TraceBuffer } from '../../src/sampling/trace-buffer.ts'
import { openSpanStore } from '../../src/store/span-store.ts'
import type { SpanData } from '../../src/trace/span-data.ts'
import { diceOf, scaled, seed } from '../long-run.ts'

const program = fileURLToPath(new URL('hopping-service.ts', import.meta.url))
const register = new URL('../../src/register.ts', import.meta.url).href

/** How long a process may take to start or to end, and a request to be answered. */
const patienceMs = 30_000

/** A service that is started again whenever it was ended. */
class Service {
  readonly #name: string
  readonly #manner: string
  readonly #endpoint: string
  #child: ChildProcess | undefined
  port: number | undefined
  /** How often it got SIGTERM. */
  signals = 0

  constructor(name: string, manner: string, endpoint: string) {
    this.#name = name
    this.#manner = manner
    this.#endpoint = endpoint
  }

  async start(): Promise<void> {
    const env = {
      ...process.env,
      OTEL_SERVICE_NAME: this.#name,
      OTEL_EXPORTER_OTLP_ENDPOINT: this.#endpoint,
      OTEL_BSP_SCHEDULE_DELAY: '300',
      NODE_TEST_CONTEXT: undefined,
    }
    const args = ['--conditions=@switchgear/source', '--import', register, program, this.#manner]
    this.#child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
    const { stdout } = this.#child
    assert.ok(stdout !== null)
    const [line] = (await once(stdout, 'data', { signal: AbortSignal.timeout(patienceMs) })) as [Buffer]
    this.port = Number(String(line))
  }

  /** For when the test fails. */
  kill(): void {
    this.#child?.kill('SIGKILL')
  }

  /** SIGTERM; answers after how many milliseconds the process was gone. */
  async end(): Promise<number> {
    const child = this.#child
    assert.ok(child !== undefined && child.exitCode === null && child.signalCode === null, 'it did not end by itself')
    this.port = undefined
    const begun = performance.now()
    const exited = once(child, 'exit', { signal: AbortSignal.timeout(patienceMs) })
    this.signals++
    child.kill('SIGTERM')
    const [code, signal] = (await exited) as [number | null, string | null]
    assert.deepEqual([code, signal], this.#manner === 'nothing' ? [null, 'SIGTERM'] : [0, null])
    return performance.now() - begun
  }
}

/** What came in, by trace and span. A span may come twice: at its end a process sends what it does not know to be delivered. */
class Received {
  readonly traces = new Map<string, Map<string, SpanData>>()

  add(spans: readonly SpanData[]): void {
    for (const span of spans) {
      const trace = this.traces.get(span.traceId) ?? new Map<string, SpanData>()
      this.traces.set(span.traceId, trace)
      trace.set(span.spanId, span)
    }
  }
}

/** Ids of the answered requests, and how many services each went through. */
async function drive(
  services: readonly Service[],
  seconds: number,
  answered: Map<string, number>,
  from: number,
): Promise<number> {
  const dice = diceOf(seededRandom(from))
  const end = performance.now() + seconds * 1000
  let failed = 0
  while (performance.now() < end) {
    const path = Array.from({ length: 1 + dice.below(4) }, () => dice.pick(services))
    const hops = path.map(({ port }) => port)
    const signals = path.map((service) => service.signals)
    if (hops.includes(undefined)) {
      await sleep(5)
      continue
    }
    const traceId = Array.from({ length: 32 }, () => (1 + dice.below(15)).toString(16)).join('')
    const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-03` }
    try {
      const answer = await fetch(`http://127.0.0.1:${hops[0]}/hop/${hops.slice(1).join('/')}`, {
        headers,
        signal: AbortSignal.timeout(patienceMs),
      })
      const text = await answer.text()
      // A process that was told to end has stopped tracing, though it may still answer.
      if (path.some((service, n) => service.signals !== signals[n])) continue
      if (answer.status === 200 && Number(text) === hops.length) answered.set(traceId, hops.length)
      else failed++
    } catch {
      // The service was ended in the midst of it.
      failed++
    }
    await sleep(dice.below(10))
  }
  return failed
}

describe(`services that are ended by SIGTERM, with seed ${seed}`, () => {
  it('lose no span of an answered request; traces are kept or dropped whole', async (t) => {
    const dice = diceOf(seededRandom(seed))
    const received = new Received()
    const store = openSpanStore()
    const sampler = new TailSampler({ ratio: 0.5, rareBelow: 0, minSamples: 1000, bytesPerSecond: '1gb' })
    // Several kept traces at a time would be one batch; here each is added as it is decided.
    const buffer = new TraceBuffer(sampler, (spans) => void store.add(spans), {
      maxWait: '3s',
      grace: '200ms',
      endsAtEntry: true,
      maxDecisions: 200_000,
    })
    const receiver: Receiver = createReceiver({
      port: 0,
      take: (spans) => {
        received.add(spans)
        buffer.add(spans)
      },
    })
    await receiver.start()
    const services = ['nothing', 'nothing', 'exit', 'close'].map(
      (manner, n) => new Service(`service-${n}`, manner, `http://127.0.0.1:${receiver.port ?? 0}`),
    )
    t.after(() => {
      for (const service of services) service.kill()
      return receiver.stop()
    })
    await Promise.all(services.map((service) => service.start()))
    const answered = new Map<string, number>()
    const seconds = scaled(45, 4)
    const drivers = Array.from({ length: 6 }, (_, n) => drive(services, seconds, answered, seed + 1 + n))
    const endings: number[] = []
    const until = performance.now() + (seconds - 1) * 1000
    while (performance.now() < until) {
      await sleep(200 + dice.below(1200))
      const service = dice.pick(services)
      endings.push(await service.end())
      await service.start()
    }
    const failed = (await Promise.all(drivers)).reduce((sum, count) => sum + count, 0)
    endings.push(...(await Promise.all(services.map((service) => service.end()))))
    buffer.close()

    let missing = 0
    for (const [traceId, hops] of answered) {
      const spans = [...(received.traces.get(traceId)?.values() ?? [])]
      // A server span each, and a client span of each but the last.
      const found = ['server', 'client'].map((kind) => spans.filter((span) => span.kind === kind).length)
      if (found[0] === hops && found[1] === hops - 1) continue
      missing++
      t.diagnostic(`${traceId}: ${hops} services, ${found[0]} server and ${found[1]} client spans`)
    }
    const counts = { kept: 0, dropped: 0, keptSpans: 0, late: buffer.totals.late }
    for (const [traceId, sent] of received.traces) {
      const stored = store.spans(traceId).map(({ spanId }) => spanId)
      if (stored.length === 0) counts.dropped++
      else {
        counts.kept++
        counts.keptSpans += stored.length
        assert.deepEqual(new Set(stored), new Set(sent.keys()), `${traceId} is kept in part`)
      }
      const isRandom = Number.parseInt(traceId.slice(18), 16) >= 2 ** 55
      assert.ok(stored.length > 0 || !isRandom, `${traceId} is kept by its random bits`)
    }
    const sum = (of: Readonly<Record<string, number>>): number =>
      Object.values(of).reduce((all, count) => all + count, 0)
    const decided = [sum(buffer.totals.kept), sum(buffer.totals.dropped)]
    const { totals } = store
    const slowest = Math.round(Math.max(...endings))
    t.diagnostic(
      JSON.stringify({
        seconds,
        answered: answered.size,
        failed,
        missing,
        endings: endings.length,
        slowestEndMs: slowest,
        ...counts,
        receiver: receiver.totals.answers,
      }),
    )
    await receiver.stop()
    store.close()
    assert.equal(missing, 0)
    assert.deepEqual(decided, [counts.kept, counts.dropped], 'each trace is decided once')
    assert.ok(answered.size > 50 && counts.kept > 0 && counts.dropped > 0 && endings.length >= 5)
    assert.deepEqual(
      [totals.dropped.invalid, totals.dropped.failed, totals.evicted.spans, buffer.totals.takeErrors],
      [0, 0, 0, 0],
    )
  })
})
