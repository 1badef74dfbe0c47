// The embedded span store: the last spans of a system in one SQLite file, to be asked for with nothing else installed.
// Invariant: all files together stay below `maxBytes`; spans come in synchronously and never by throwing; what is not kept is
// counted with its reason.
import type { SpanData } from '../trace/span-data.ts'
import { type Comparison, compareTraces } from './comparison.ts'
import { criticalPath, type CriticalPath } from './critical-path.ts'
import { encode, type EncodedSpan, serviceOf } from './encoding.ts'
import { Engine } from './engine.ts'
import { saysCorrupt, sqliteCode, storeError } from './errors.ts'
import { removeFiles, setAside, tell } from './file.ts'
import { serviceGraph, type ServiceGraph } from './graph.ts'
import { type DropReason, Ledger, type StoreTotals } from './ledger.ts'
import { type Settings, settingsOf, type SpanStoreOptions } from './options.ts'
import { checkQuery, checkRange, checkTraceId, type FoundTraces, type SpanQuery, type TimeRange } from './query.ts'
import { search, type SearchBase } from './search.ts'
import { aligned, type TraceView, viewOf } from './trace-view.ts'

/** Spans and bytes of one transaction at most. */
const batchSpans = 512
const batchBytes = 256 * 1024

/** Time between two tries while the disk is full. */
const retryMs = 1000

/** What became of spans that came in. */
export interface AddResult {
  readonly stored: number
  /** Refused, with the reasons in `totals`; duplicates among them. */
  readonly dropped: number
}

/** A service of which spans are kept. */
export interface StoredService {
  readonly name: string
  readonly spans: number
  readonly bytes: number
}

/**
 * Opens a span store. Throws `SG_BAD_OPTIONS`, `SG_STORE_LOCKED` (a file belongs to one store at a time), `SG_STORE_VERSION`,
 * `SG_STORE_FOREIGN` or `SG_STORE_FAILED`. A damaged file is set aside and told to `onProblem`.
 *
 * @example
 * const store = openSpanStore({ path: 'spans.db', maxBytes: '64mb' })
 * store.add(spans)
 * const { traces } = await store.find({ service: 'orders', errorsOnly: true })
 */
export function openSpanStore(options: SpanStoreOptions = {}): SpanStore {
  return new SpanStore(settingsOf(options))
}

/** See `openSpanStore`. Of a store that was closed, only `totals` and `close` still answer; questions give `SG_STORE_CLOSED`. */
export class SpanStore {
  readonly #settings: Settings
  readonly #ledger: Ledger = new Ledger()
  #engine: Engine | undefined
  #closed = false
  /** Why the last write failed; undefined when it did not. */
  #trouble: 'full' | 'failed' | undefined = undefined
  /** Until then nothing is written, so that a disk that is full does not cost every request a try. Monotonic. */
  #retryAtMs = 0
  #lastBytes = 0

  constructor(settings: Settings) {
    this.#settings = settings
    this.#engine = new Engine(settings, this.#ledger)
  }

  /**
   * Keeps spans, in any order and of any traces; batches of 512 are best, larger ones are split. It makes room first. It never
   * throws. Synchronous: 512 usual spans take a few milliseconds.
   */
  add(spans: readonly SpanData[]): AddResult {
    let stored = 0
    let batch: EncodedSpan[] = []
    let bytes = 0
    for (const span of spans) {
      const encoded = this.#admit(span)
      if (encoded === undefined) continue
      batch.push(encoded)
      bytes += encoded.bytes
      if (batch.length < batchSpans && bytes < batchBytes) continue
      stored += this.#write(batch, bytes)
      batch = []
      bytes = 0
    }
    if (batch.length > 0) stored += this.#write(batch, bytes)
    return { stored, dropped: spans.length - stored }
  }

  /** Finds traces, the newest first. Rejects with `SG_BAD_QUERY`, `SG_STORE_CLOSED` or `SG_STORE_FAILED`. */
  async find(query: SpanQuery = {}): Promise<FoundTraces> {
    const checked = checkQuery(query)
    return this.#asked((base) => search(base, checked))
  }

  /** A whole trace, undefined when it is not (or no longer) there. Throws as `find` rejects. */
  trace(traceId: string): TraceView | undefined {
    const spans = this.spans(traceId)
    return spans.length === 0 ? undefined : viewOf(traceId.toLowerCase(), spans)
  }

  /** The spans of a trace in the order of their arrival; none when it is not there. Throws as `find` rejects. */
  spans(traceId: string): SpanData[] {
    const checked = checkTraceId(traceId)
    return this.#read(({ reader }) => {
      const id = reader.idOf(checked)
      return id === undefined ? [] : reader.spans(id, checked)
    })
  }

  /** Services of which spans are kept, by name. */
  services(): StoredService[] {
    const all = Object.entries(this.totals.services).filter(([, { spans }]) => spans > 0)
    const services = all.map(([name, { spans, bytes }]) => ({ name, spans, bytes }))
    return services.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Rate, errors and durations of the calls between services, of the kept spans. Rejects as `find` does. */
  async edges(range: TimeRange = {}): Promise<ServiceGraph> {
    const checked = checkRange(range)
    return this.#asked((base) => serviceGraph(base, checked))
  }

  /** Which spans decided how long a trace took; undefined when it is not there. Throws as `find` rejects. */
  criticalPath(traceId: string): CriticalPath | undefined {
    return criticalPath(aligned(this.spans(traceId)))
  }

  /** Two traces side by side; undefined when one of them is not there. Throws as `find` rejects. */
  compare(traceA: string, traceB: string): Comparison | undefined {
    const [a, b] = [this.spans(traceA), this.spans(traceB)]
    return a.length === 0 || b.length === 0 ? undefined : compareTraces(aligned(a), aligned(b))
  }

  /** What came in, what is kept, what was removed and what was refused. */
  get totals(): StoreTotals {
    if (this.#engine !== undefined) this.#lastBytes = this.#engine.eviction.bytes
    return this.#ledger.totals(this.#lastBytes, this.#settings.maxBytes)
  }

  /** Closes the file; removes it unless it is to be kept. Twice is harmless. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#engine?.close()
    this.#engine = undefined
    const { path, keep } = this.#settings
    if (path !== undefined && !keep) removeFiles(path)
  }

  #admit(span: SpanData): EncodedSpan | undefined {
    const encoded = encode(span)
    if (encoded === undefined) {
      this.#ledger.drop('invalid', undefined)
      return undefined
    }
    const service = serviceOf(span.resource.attributes)
    if (!this.#ledger.admits(service)) this.#ledger.drop('tooManyServices', undefined)
    else if (encoded.bytes > this.#settings.maxSpanBytes) this.#ledger.drop('tooLarge', service)
    else return encoded
    return undefined
  }

  #write(batch: readonly EncodedSpan[], bytes: number): number {
    const engine = this.#engine
    if (engine === undefined) return this.#refuse(batch, this.#closed ? 'closed' : 'failed')
    if (this.#trouble !== undefined && this.#settings.clock.now() < this.#retryAtMs)
      return this.#refuse(batch, this.#trouble)
    try {
      const stored = engine.writeOrMakeRoom(batch, bytes)
      this.#trouble = undefined
      return stored
    } catch (error) {
      const reason = sqliteCode(error) === 13 ? 'full' : 'failed'
      if (saysCorrupt(error)) this.#startAnew(error)
      else this.#inTrouble(reason, error)
      return this.#refuse(batch, reason)
    }
  }

  #inTrouble(reason: 'full' | 'failed', error: unknown): void {
    const { clock, onProblem } = this.#settings
    this.#retryAtMs = clock.now() + retryMs
    if (this.#trouble === reason) return
    this.#trouble = reason
    const said = error instanceof Error ? error.message : String(error)
    const full = 'there is no room on the disk for more spans; they are dropped and counted'
    const failed = `spans cannot be written, and are dropped and counted: ${said}`
    tell(
      onProblem,
      reason === 'full' ? storeError('SG_STORE_FULL', full, error) : storeError('SG_STORE_FAILED', failed, error),
    )
  }

  #refuse(batch: readonly EncodedSpan[], reason: DropReason): 0 {
    for (const { span } of batch) this.#ledger.drop(reason, serviceOf(span.resource.attributes))
    return 0
  }

  /** Puts a damaged file aside and begins an empty one; without one, spans are dropped and counted until the end. */
  #startAnew(cause: unknown): void {
    const { path, clock, onProblem } = this.#settings
    try {
      this.#engine?.close()
      this.#engine = undefined
      if (path !== undefined) tell(onProblem, setAside(path, clock.wallNow(), cause))
      else tell(onProblem, storeError('SG_STORE_CORRUPT', 'the temporary span store was damaged and begun anew', cause))
      this.#engine = new Engine(this.#settings, this.#ledger)
    } catch (error) {
      tell(onProblem, storeError('SG_STORE_FAILED', 'the span store could not be begun anew; spans are dropped', error))
    }
  }

  #open(): Engine {
    if (this.#closed) throw storeError('SG_STORE_CLOSED', 'the span store was closed')
    if (this.#engine === undefined) throw storeError('SG_STORE_FAILED', 'the span store has no file')
    return this.#engine
  }

  #read<T>(ask: (engine: Engine) => T): T {
    const engine = this.#open()
    try {
      return ask(engine)
    } catch (error) {
      throw this.#askedInVain(error)
    }
  }

  async #asked<T>(ask: (base: SearchBase) => Promise<T>): Promise<T> {
    const engine = this.#open()
    const { clock, searchMs } = this.#settings
    const alive = (): void => {
      if (this.#open() !== engine) throw storeError('SG_STORE_FAILED', 'the span store was begun anew meanwhile')
    }
    try {
      return await ask({ db: engine.db, texts: engine.texts, reader: engine.reader, clock, searchMs, alive })
    } catch (error) {
      throw this.#askedInVain(error)
    }
  }

  #askedInVain(error: unknown): unknown {
    if (sqliteCode(error) === undefined) return error
    if (saysCorrupt(error)) this.#startAnew(error)
    const said = error instanceof Error ? error.message : String(error)
    return storeError('SG_STORE_FAILED', `the span store could not be read: ${said}`, error)
  }
}
