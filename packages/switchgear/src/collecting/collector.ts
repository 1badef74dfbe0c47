// The collector: any OpenTelemetry app sends its spans here, whole traces are decided on, and what is kept can be asked for. It
// owns the receiver, the buffer, the store and the server for questions, and their order at the start and at the end. Invariant:
// what a sender was told is taken has been decided on and, if kept, is in the store when `stop` resolves.
import {
  createReceiver,
  excludeServer,
  openSpanStore,
  type Receiver,
  type ReceiverOptions,
  type SpanData,
  type SpanStore,
  type SpanStoreOptions,
  TailSampler,
  type TailSamplerOptions,
  type TakeResult,
  TraceBuffer,
  type TraceBufferOptions,
} from '@switchgear/telemetry'
import { KeptSpans } from './kept-spans.ts'
import { Questions } from './questions.ts'
import { QuestionServer } from './question-server.ts'
import type { CollectorStatus } from './status.ts'

/** Options of a collector; everything has a default. */
export interface CollectorOptions {
  /** Where traces are received, and the bounds of receiving; see the receiver. Default 127.0.0.1:4318. */
  readonly receiver?: Omit<ReceiverOptions, 'take'> | undefined
  /** What is kept; `'all'`: everything, at once. Default: errors, slow and rare traces, and a tenth of the others. */
  readonly sampling?: (TailSamplerOptions & { readonly buffer?: TraceBufferOptions | undefined }) | 'all' | undefined
  /** Default: 256 MB in a temporary file that vanishes with the process. */
  readonly store?: SpanStoreOptions | undefined
  /** Port of the questions, always on loopback; 0 lets the system choose, `false`: none can be asked. Default 4319. */
  readonly questionPort?: number | false | undefined
}

/** Port of the questions: the next after those of OTLP. */
export const defaultQuestionPort = 4319

/**
 * Makes a collector; it does not listen before `start`. Throws `SG_BAD_OPTIONS`, and what `openSpanStore` throws for a file that
 * cannot be used.
 *
 * @example
 * const collector = createCollector({ store: { path: 'spans.db' } })
 * await collector.start()
 * process.once('SIGTERM', () => collector.stop())
 */
export function createCollector(options: CollectorOptions = {}): Collector {
  return new Collector(options)
}

/** See `createCollector`. */
export class Collector {
  readonly store: SpanStore
  readonly #receiver: Receiver
  readonly #buffer: TraceBuffer | undefined
  readonly #kept: KeptSpans
  readonly #questions: QuestionServer | undefined
  #startedAtMs = 0
  #stopping: Promise<void> | undefined

  constructor({ receiver = {}, sampling = {}, store = {}, questionPort = defaultQuestionPort }: CollectorOptions) {
    this.#receiver = createReceiver({ ...receiver, take: (spans) => this.#take(spans) })
    excludeServer(this.#receiver.server)
    this.#buffer = sampling === 'all' ? undefined : bufferOf(sampling, (spans) => this.#kept.take(spans))
    // Last of what can fail: the store is the only part that holds something before the start.
    this.store = openSpanStore(store)
    this.#kept = new KeptSpans(this.store)
    // Of a store with older spans nobody knows how long they took to come.
    const emptySinceMs = this.store.totals.traces === 0 ? Date.now() : undefined
    if (questionPort !== false) {
      const questions = new Questions(this.store, () => this.status, emptySinceMs)
      this.#questions = new QuestionServer(questionPort, (path, query) => questions.answer(path, query))
    }
  }

  /** Where spans are received; undefined before `start` and after `stop`. */
  get port(): number | undefined {
    return this.#receiver.port
  }

  /** Where questions are answered. */
  get questionPort(): number | undefined {
    return this.#questions?.port
  }

  get status(): CollectorStatus {
    const buffer = this.#buffer
    return {
      version: 1,
      startedAtMs: this.#startedAtMs,
      receiver: this.#receiver.totals,
      sampling: buffer === undefined ? null : { ...buffer.totals, waiting: buffer.waiting },
      store: this.store.totals,
    }
  }

  /** Listens. Rejects with the system's error when an address cannot be had; the collector is stopped then. */
  async start(): Promise<void> {
    this.#startedAtMs = Date.now()
    try {
      await this.#questions?.start()
      // Last: from here on senders are told that their spans are taken.
      await this.#receiver.start()
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Receives nothing more, decides on all that waits, stores what is kept, closes the store. Twice is harmless. */
  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop())
  }

  async #stop(): Promise<void> {
    await this.#receiver.stop()
    this.#buffer?.close()
    this.#kept.flush()
    await this.#questions?.stop()
    this.store.close()
  }

  #take(spans: readonly SpanData[]): TakeResult | void {
    if (this.#buffer !== undefined) return this.#buffer.add(spans)
    const before = this.store.totals.dropped.duplicate
    const { dropped } = this.store.add(spans)
    // A sender that was not sure whether its spans had come has lost nothing when they come again.
    const rejected = dropped - (this.store.totals.dropped.duplicate - before)
    if (rejected > 0) return { rejected, message: 'the store could not keep them: see /api/status for the reasons' }
  }
}

function bufferOf(
  { buffer, ...sampling }: Exclude<CollectorOptions['sampling'], 'all' | undefined>,
  take: (spans: readonly SpanData[]) => void,
): TraceBuffer {
  return new TraceBuffer(new TailSampler(sampling), take, buffer)
}
