// How room is made: whole traces, the oldest first, in small steps. Invariant: one call removes at most a bounded number of spans,
// unless a single trace has more. Oldest means first to arrive: a sender's wrong clock cannot pin its traces.
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { divide, pageBytes } from './file.ts'
import type { Ledger } from './ledger.ts'
import { traceStride } from './schema.ts'
import type { Texts } from './texts.ts'

/** Spans that one call removes at most, above those that come in. */
const extraSpans = 512

/** Pages given back to the disk by one call, when the file is larger than its cap. */
const shrinkPages = 512

/** Makes room. */
export class Eviction {
  readonly #db: DatabaseSync
  readonly #texts: Texts
  readonly #ledger: Ledger
  readonly #maxShare: number
  /** Pages in use that leave room for what the tables and their indexes need besides the spans. */
  readonly #highWater: number
  readonly #maxPages: number
  readonly #pageCount: StatementSync
  readonly #freePages: StatementSync
  readonly #oldest: StatementSync
  readonly #oldestOf: StatementSync
  readonly #trace: StatementSync
  readonly #visits: StatementSync
  readonly #removals: readonly StatementSync[]

  constructor(db: DatabaseSync, texts: Texts, ledger: Ledger, maxBytes: number, maxShare: number) {
    this.#texts = texts
    this.#ledger = ledger
    this.#maxShare = maxShare
    this.#db = db
    this.#maxPages = divide(maxBytes).pages
    this.#highWater = Math.floor(this.#maxPages * 0.95)
    this.#pageCount = db.prepare('PRAGMA page_count')
    this.#freePages = db.prepare('PRAGMA freelist_count')
    this.#oldest = db.prepare('SELECT min(id) AS id FROM traces')
    this.#oldestOf = db.prepare('SELECT min(id) AS id FROM traces WHERE owner = ?')
    this.#trace = db.prepare('SELECT owner, bytes, spans FROM traces WHERE id = ?')
    this.#visits = db.prepare('SELECT service, spans, bytes FROM visits WHERE trace = ?')
    this.#removals = [
      db.prepare(`DELETE FROM spans WHERE id >= ?1 * ${traceStride} AND id < (?1 + 1) * ${traceStride}`),
      db.prepare('DELETE FROM visits WHERE trace = ?1'),
      db.prepare('DELETE FROM traces WHERE id = ?1'),
    ]
  }

  /** Bytes of the pages in use. */
  get bytes(): number {
    return this.#pages() * pageBytes
  }

  /** The id of the trace that came first; 0 when there is none. */
  get oldestTrace(): number {
    return Number(this.#oldest.get()?.['id'] ?? 0)
  }

  /** Removes traces until `bytes` more fit, or as many spans as one call may; within a transaction. */
  makeRoom(bytes: number, spans: number): void {
    const need = Math.ceil((bytes * 1.25) / pageBytes)
    let left = 2 * spans + extraSpans
    while (left > 0 && this.#pages() + need > this.#highWater) {
      const removed = this.#evictOne()
      if (removed === 0) break
      left -= removed
    }
    if (Number(this.#pageCount.get()?.['page_count']) > this.#maxPages) this.#shrink()
  }

  /** For a file that was made under a larger cap; SQLite takes a lower bound only once the file is as small. */
  #shrink(): void {
    this.#db.exec(`PRAGMA incremental_vacuum(${shrinkPages}); PRAGMA max_page_count = ${this.#maxPages}`)
  }

  #pages(): number {
    const all = Number(this.#pageCount.get()?.['page_count'])
    return all - Number(this.#freePages.get()?.['freelist_count'])
  }

  /** Removes one trace; answers how many spans it had, 0 when there is no trace. */
  #evictOne(): number {
    const hog = this.#ledger.hog(this.#maxShare)
    const hogId = hog === undefined ? undefined : this.#texts.idOf(hog)
    const found = hogId === undefined ? this.#oldest.get() : this.#oldestOf.get(hogId)
    const id = found?.['id']
    if (typeof id !== 'number') return 0
    const { owner, bytes, spans } = this.#trace.get(id) ?? {}
    const ledger = this.#ledger
    for (const visit of this.#visits.iterate(id)) {
      const service = this.#texts.text(visit['service'])
      ledger.count(service, 'spans', -Number(visit['spans']))
      ledger.count(service, 'bytes', -Number(visit['bytes']))
      ledger.count(service, 'evicted', Number(visit['spans']))
    }
    ledger.count(this.#texts.text(owner), 'ownedBytes', -Number(bytes))
    ledger.sum('evictedTraces', 1)
    ledger.sum('evictedSpans', Number(spans))
    ledger.sum('traces', -1)
    ledger.sum('spans', -Number(spans))
    for (const removal of this.#removals) removal.run(id)
    return Number(spans)
  }
}
