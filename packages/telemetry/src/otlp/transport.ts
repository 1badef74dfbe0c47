// The queue in front of a collector: encoded requests wait here, are sent in order, tried again, given up, counted. Invariant:
// what waits and is under way is within `maxQueueSize` and `maxQueueBytes`; when there is no room the newest is dropped, so
// that an outage keeps its beginning. It must not be traced, and no timer of it keeps the process alive but that of a
// caller who waits. Rules of retry: "OTLP/HTTP" in the OTLP specification.
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import { rootContext, runIn, suppress } from '../trace/context.ts'
import type { Verdict } from './answer.ts'
import { Collector, type Envelope } from './collector.ts'
import type { CompleteOptions } from './otlp-options.ts'
import { type DropReason, type OtlpTotals, TransportTotals } from './transport-totals.ts'

const gzip = promisify(zlib.gzip)
/** Spans are mostly ids, which do not compress: level 6 is 7 % smaller than level 1 and costs half as much again. */
const gzipOptions = { level: 1 }

/** An encoded request; `count` spans or points are in it. */
interface Batch {
  readonly body: Uint8Array
  readonly count: number
}

/** Somebody who waits until all of `batches` have left. */
interface Waiter {
  readonly batches: Set<Batch>
  readonly end: () => void
}

/** Requests that wait or are under way, and where they go. */
export interface Unsent extends Envelope {
  readonly bodies: readonly Uint8Array[]
  /** Whether anything was ever delivered. */
  readonly wasReached: boolean
}

/** Sends encoded requests to one collector. */
export class OtlpTransport {
  readonly #options: CompleteOptions
  readonly #collector: Collector
  readonly #counts: TransportTotals
  readonly #queue: Batch[] = []
  /** In the queue or being sent. */
  readonly #outstanding = new Set<Batch>()
  readonly #waiters = new Set<Waiter>()
  /** Ends of pauses; the value says whether `close` may cut it short. */
  readonly #pauses = new Map<() => void, boolean>()
  readonly #senders = new Set<Promise<void>>()
  #sending = 0
  /** Failures in a row, over requests: a collector that is down does not get a fresh start with each. */
  #failures = 0
  /** The collector asked to be left alone until then, whoever was told. Monotonic milliseconds. */
  #quietUntilMs = 0
  #stopped = false
  /** There is no time left in which somebody may come who is not there. */
  #hurried = false
  /** The last request found nobody. */
  #isDeserted = false
  #closing: Promise<void> | undefined

  constructor(options: CompleteOptions) {
    this.#options = options
    this.#collector = new Collector(options)
    this.#counts = new TransportTotals(options.clock, options.onProblem)
  }

  get totals(): OtlpTotals {
    return this.#counts.snapshot()
  }

  /** Takes an encoded request, or drops and counts it. Never throws. */
  offer(body: Uint8Array, count: number): void {
    const reason = this.#refusal(body, count)
    if (reason !== undefined) {
      this.drop(reason, count, `${count} dropped for ${this.#collector.address}: ${reasons[reason]}`)
      return
    }
    const batch = { body, count }
    this.#queue.push(batch)
    this.#outstanding.add(batch)
    this.#counts.queued += count
    this.#counts.queuedBytes += body.length
    if (this.#sending >= this.#options.concurrency) return
    this.#sending++
    // Not in the context of whoever ended the last span: no baggage, no deadline, and no spans of our own requests.
    const sender = runIn(suppress(rootContext), () => this.#send())
    this.#senders.add(sender)
    void sender.finally(() => this.#senders.delete(sender))
  }

  /** Counts what never became a request. */
  drop(reason: DropReason, count: number, message: string): void {
    this.#counts.drop(reason, count, message)
  }

  /** What is neither delivered nor dropped, as it would be sent: for whoever cannot wait for it any longer. */
  get unsent(): Unsent {
    // Who has just found that nobody is there need not find it again.
    const bodies = this.#isDeserted ? [] : [...this.#outstanding].map(({ body }) => body)
    return { ...this.#collector.envelope, bodies, wasReached: this.#counts.exported > 0 }
  }

  /** From now on each request is tried at once, and once only where nobody answers. */
  hurry(): void {
    this.#hurried = true
    for (const [end, mayCut] of this.#pauses) if (mayCut) end()
  }

  /** Resolves when all that is queued now has left, or at `signal`, or after `flushTimeout`. */
  flush(signal?: AbortSignal): Promise<void> {
    return this.#left(this.#options.flushTimeoutMs, signal)
  }

  /** Takes nothing more, waits at most `closeTimeout`, drops the rest, ends the connections. */
  close(signal?: AbortSignal): Promise<void> {
    this.#closing ??= this.#close(signal)
    return this.#closing
  }

  async #close(signal: AbortSignal | undefined): Promise<void> {
    // One last try now instead of after a long backoff; a wait that the collector asked for is kept.
    this.hurry()
    await this.#left(this.#options.closeTimeoutMs, signal)
    this.#stopped = true
    for (const end of this.#pauses.keys()) end()
    this.#collector.close()
    for (const batch of this.#queue.splice(0)) this.#dropped(batch, 'closed', reasons.closed)
    await Promise.all(this.#senders)
  }

  #refusal(body: Uint8Array, count: number): DropReason | undefined {
    const { maxRequestBytes, maxQueueSize, maxQueueBytes } = this.#options
    const { queued, queuedBytes } = this.#counts
    if (this.#closing !== undefined) return 'closed'
    if (body.length > maxRequestBytes) return 'tooLarge'
    return queued + count > maxQueueSize || queuedBytes + body.length > maxQueueBytes ? 'queueFull' : undefined
  }

  async #send(): Promise<void> {
    for (let batch = this.#queue.shift(); batch !== undefined; batch = this.#queue.shift()) await this.#deliver(batch)
    // In the same turn as the look into the empty queue: whoever offers next must not believe that somebody still looks.
    this.#sending--
  }

  async #deliver(batch: Batch): Promise<void> {
    const { maxAttempts } = this.#options
    const body = await this.#compressed(batch.body)
    let mayRepeatAtOnce = true
    for (let attempt = 1; ; attempt++) {
      const quietMs = this.#quietUntilMs - this.#options.clock.now()
      if (quietMs > 0 && !this.#stopped) await this.#sleep(quietMs, false)
      if (this.#stopped) return this.#dropped(batch, 'closed', reasons.closed)
      this.#counts.requests++
      this.#counts.bytes += body.length
      const verdict = await this.#collector.post(body, body !== batch.body)
      this.#isDeserted = verdict.kind === 'again' && verdict.atOnce === false
      if (verdict.kind === 'delivered') return this.#delivered(batch, verdict.rejected, verdict.message)
      if (verdict.kind === 'refused') return this.#dropped(batch, 'refused', verdict.message)
      if (this.#stopped) return this.#dropped(batch, 'closed', reasons.closed)
      if (attempt >= maxAttempts) {
        this.#dropped(batch, 'gaveUp', `${attempt} attempts, ${verdict.message}`)
        this.#failures++
        // The next one waits as well: it would only be lost to the same outage.
        return this.#pause(verdict)
      }
      this.#counts.retries++
      if (verdict.atOnce === true && mayRepeatAtOnce) {
        mayRepeatAtOnce = false
        continue
      }
      if (this.#hurried && verdict.atOnce !== undefined) return this.#dropped(batch, 'closed', verdict.message)
      this.#failures++
      this.#counts.problem('retrying', `${this.#collector.address} will be tried again: ${verdict.message}`)
      await this.#pause(verdict)
    }
  }

  /** The body as it is sent; the same one when it is not to be compressed or cannot be. */
  async #compressed(body: Uint8Array): Promise<Uint8Array> {
    if (!this.#options.gzip) return body
    try {
      return await gzip(body, gzipOptions)
    } catch {
      // zlib found no memory. Sent as it is, it arrives all the same.
      return body
    }
  }

  #pause({ waitMs }: Verdict & { readonly kind: 'again' }): Promise<void> {
    const { backoffMs, maxBackoffMs, random, clock } = this.#options
    // Exponential, with half of it by chance, so that the processes of a fleet do not come back together.
    const backoff = Math.min(maxBackoffMs, backoffMs * 2 ** Math.min(30, this.#failures - 1)) * (1 - random() / 2)
    if (waitMs !== undefined) this.#quietUntilMs = Math.max(this.#quietUntilMs, clock.now() + waitMs)
    return this.#sleep(Math.max(backoff, waitMs ?? 0), waitMs === undefined)
  }

  #sleep(ms: number, mayCut: boolean): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        this.#pauses.delete(end)
        resolve()
      }
      const timer = this.#options.clock.setTimer(end, ms)
      timer.hold?.(false)
      this.#pauses.set(end, mayCut)
    })
  }

  #delivered(batch: Batch, rejected: number, message: string): void {
    const lost = Math.min(rejected, batch.count)
    this.#failures = 0
    this.#leave(batch)
    this.#counts.exported += batch.count - lost
    if (lost > 0)
      this.drop('rejected', lost, `${this.#collector.address} rejected ${lost} of ${batch.count}: ${message}`)
    else if (message !== '') this.#counts.problem('answer', `${this.#collector.address} says: ${message}`)
  }

  #dropped(batch: Batch, reason: DropReason, message: string): void {
    this.#leave(batch)
    this.drop(reason, batch.count, `${batch.count} dropped for ${this.#collector.address}: ${message}`)
  }

  /** Before it is counted as anything else: a problem is told at once, to a listener who may look at the totals. */
  #leave(batch: Batch): void {
    this.#outstanding.delete(batch)
    this.#counts.queued -= batch.count
    this.#counts.queuedBytes -= batch.body.length
    for (const { batches, end } of this.#waiters) if (batches.delete(batch) && batches.size === 0) end()
  }

  #left(ms: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#outstanding.size === 0 || signal?.aborted === true) return Promise.resolve()
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        signal?.removeEventListener('abort', end)
        this.#waiters.delete(waiter)
        resolve()
      }
      const waiter: Waiter = { batches: new Set(this.#outstanding), end }
      const timer = this.#options.clock.setTimer(end, ms)
      signal?.addEventListener('abort', end)
      this.#waiters.add(waiter)
    })
  }
}

const reasons: Readonly<Record<DropReason, string>> = {
  queueFull: 'the queue is full',
  tooLarge: 'larger than a request may be',
  unencodable: 'it cannot be encoded',
  refused: 'refused',
  rejected: 'rejected',
  gaveUp: 'all attempts failed',
  closed: 'the exporter was closed',
}
