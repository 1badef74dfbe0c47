// One service in a bucket: the last value of each key, then every change. Invariant: what was there at the start is told as a whole,
// once all of it has come; whatever ends the watch (a connection, a server, the bucket) begins it anew by reading. Source: the layout
// of KV buckets in "NATS Architecture and Design", ADR-8: a stream KV_<bucket>, subjects $KV.<bucket>.<key>, KV-Operation headers;
// ADR-48: the markers that a server (2.11 and later) leaves in place of what a limit has removed.
import { SwitchgearError } from '@switchgear/core'
import { DeliverPolicy, jetstream, jetstreamManager, type JsMsg, type PushConsumer } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { discoveryError, reasonOf, sourceFailed } from '../directory-errors.ts'
import { News } from '../polling/news.ts'
import { Poll } from '../polling/poll.ts'
import type { Watcher, Watching } from '../resolver.ts'
import { KeyedEndpoints } from '../sources/keyed-endpoints.ts'
import type { SharedConnection } from './connection.ts'
import { textOf, tokenOf } from './key.ts'
import type { NatsSettings } from './options.ts'

/** Values of KV-Operation and of Nats-Marker-Reason. */
const removals: ReadonlySet<string> = new Set(['DEL', 'PURGE', 'Remove', 'Purge'])

/** The watch of one service. */
export class NatsWatch implements Watching {
  readonly #shared: SharedConnection
  readonly #settings: NatsSettings
  readonly #stream: string
  /** Begins the subject of every key of the service. */
  readonly #subject: string
  readonly #keys: KeyedEndpoints
  readonly #news: News
  readonly #poll: Poll
  /** Keys that were heard of since the start of the reading, or of the last comparison. */
  #touched = new Set<string>()
  #isWhole = false
  #isTelling = false

  constructor(service: string, watcher: Watcher, shared: SharedConnection, settings: NatsSettings) {
    this.#shared = shared
    this.#settings = settings
    this.#stream = `KV_${settings.bucket}`
    this.#subject = `$KV.${settings.bucket}.${tokenOf(service)}.`
    this.#keys = new KeyedEndpoints(`nats: ${service}`, settings.maxEndpoints, settings.onProblem)
    this.#news = new News(watcher)
    const { clock, random } = settings
    const pacing = { clock, random, burst: 3, everyMs: 1000, retryMs: 100, retryMaxMs: 10_000 }
    this.#poll = new Poll(
      (signal, heard) => this.#session(signal, heard),
      (error) => this.#news.failed(error),
      pacing,
    )
  }

  close(): void {
    this.#poll.close()
    this.#news.close()
  }

  /** From a connection to the end of the watch. Rejects where it cannot begin, or where there are too many keys. */
  async #session(signal: AbortSignal, heard: () => void): Promise<void> {
    const connection = await this.#shared.get()
    signal.throwIfAborted()
    const consumer = await this.#consumer(connection)
    const ending = new AbortController()
    const end = AbortSignal.any([signal, ending.signal])
    try {
      await Promise.race([
        aborted(end),
        this.#follow(consumer, end, heard),
        this.#compare(connection, consumer, end),
        connection.closed().then((error) => lost(error ?? new Error('the connection was closed'))),
      ])
    } catch (error) {
      // What had begun well and ended is no failure yet: the next session finds out whether it can begin again.
      if (error instanceof SwitchgearError) throw error
    } finally {
      ending.abort()
      this.#isWhole = false
      // Best effort: the server removes it by itself after five minutes without anybody who listens.
      if (!connection.isClosed()) void consumer.delete().catch(() => undefined)
    }
  }

  async #consumer(connection: NatsConnection): Promise<PushConsumer> {
    const { bucket, timeoutMs } = this.#settings
    try {
      const { consumers } = jetstream(connection, { timeout: timeoutMs })
      const options = { filter_subjects: `${this.#subject}*`, deliver_policy: DeliverPolicy.LastPerSubject }
      return await consumers.getPushConsumer(this.#stream, options)
    } catch (error) {
      // That it is missing says nothing of the instances: it may be about to be made, or was removed by mistake.
      throw discoveryError(sourceFailed, `nats: the bucket ${bucket} cannot be watched: ${reasonOf(error)}`, error)
    }
  }

  async #follow(consumer: PushConsumer, signal: AbortSignal, heard: () => void): Promise<void> {
    const { num_pending: expected } = await consumer.info(true)
    this.#touched = new Set()
    let failure: unknown
    let count = 0
    const callback = (message: JsMsg): void => {
      if (signal.aborted) return
      try {
        this.#take(message)
      } catch (error) {
        failure = error
        void messages.close()
        return
      }
      count++
      if (!this.#isWhole && (count >= expected || message.info.pending === 0)) this.#whole(heard)
      else if (this.#isWhole) this.#tellSoon()
    }
    const messages = await consumer.consume({ callback, abort_on_missing_resource: true })
    try {
      if (expected === 0 && !this.#isWhole) this.#whole(heard)
      const error = await Promise.race([messages.closed(), aborted(signal)])
      throw failure ?? lost(error)
    } finally {
      await messages.close()
    }
  }

  #take({ subject, headers, data }: JsMsg): void {
    if (!subject.startsWith(this.#subject)) return
    const id = textOf(subject.slice(this.#subject.length))
    // By somebody, or by the server on the order of somebody. Any other marker of the server says that the time of a key is over.
    const marker = headers?.get('Nats-Marker-Reason') ?? ''
    const isRemoved = removals.has(headers?.get('KV-Operation') ?? '') || removals.has(marker)
    this.#touched.add(id)
    if (isRemoved) this.#keys.delete(id)
    else if (marker !== '') this.#keys.expire(id)
    else this.#keys.put(id, new TextDecoder().decode(data))
  }

  /** Everything that was there at the start has come: what has not is not there. */
  #whole(heard: () => void): void {
    this.#isWhole = true
    this.#keys.retain(this.#touched)
    heard()
    this.#news.found(this.#keys.snapshot())
  }

  /** Once for all that came together. */
  #tellSoon(): void {
    if (this.#isTelling) return
    this.#isTelling = true
    queueMicrotask(() => {
      this.#isTelling = false
      // In a session that has ended meanwhile it is told by the next one.
      if (this.#isWhole) this.#news.found(this.#keys.snapshot())
    })
  }

  /** Is the consumer still there, and are the keys? Those that expire in a bucket with a lifetime vanish without a word. */
  async #compare(connection: NatsConnection, consumer: PushConsumer, signal: AbortSignal): Promise<never> {
    const { checkMs, timeoutMs } = this.#settings
    const { streams } = await jetstreamManager(connection, { timeout: timeoutMs, checkAPI: false })
    for (;;) {
      await this.#pause(checkMs, signal)
      if (!this.#isWhole) continue
      await consumer.info()
      // Heard of while the answer is under way: it may not know them yet.
      this.#touched = new Set()
      const { state } = await streams.info(this.#stream, { subjects_filter: `${this.#subject}*` })
      signal.throwIfAborted()
      const there = Object.keys(state.subjects ?? {}).map((subject) => textOf(subject.slice(this.#subject.length)))
      const known = new Set([...there, ...this.#touched])
      if ([...this.#keys.ids].every((id) => known.has(id))) continue
      this.#keys.retain(known)
      this.#tellSoon()
    }
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const cut = (): void => {
        timer.cancel()
        reject(signal.reason as Error)
      }
      const timer = this.#settings.clock.setTimer(() => {
        signal.removeEventListener('abort', cut)
        resolve()
      }, ms)
      timer.hold?.(false)
      if (signal.aborted) cut()
      else signal.addEventListener('abort', cut, { once: true })
    })
  }
}

function lost(error: unknown): Error {
  return error instanceof Error ? error : new Error('the watch ended')
}

/** Rejects when `signal` is aborted. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error)
    else signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
}
