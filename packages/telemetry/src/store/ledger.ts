// What the store has taken, keeps, has removed and has refused, in all and by service. Invariant: what happens in a transaction
// counts when it is committed and leaves no trace when it is rolled back; what is dropped counts at once.
import type { DatabaseSync } from 'node:sqlite'
import type { Texts } from './texts.ts'

/** Why a span was not kept. */
export type DropReason =
  /** An id, a time or a value that no finished span has. */
  | 'invalid'
  /** Larger than `maxSpanBytes`. */
  | 'tooLarge'
  /** Its trace has `maxTraceSpans` already. */
  | 'traceFull'
  /** The store has it already. It is counted apart from losses. */
  | 'duplicate'
  /** More services than the store keeps apart. */
  | 'tooManyServices'
  /** No room on the disk. */
  | 'full'
  /** The file could not be written, or was damaged. */
  | 'failed'
  /** The store was closed. */
  | 'closed'

/** What is known of one service. */
export interface ServiceTotals {
  /** Spans taken since the store was opened. */
  readonly stored: number
  /** Spans removed since then to make room. */
  readonly evicted: number
  /** Spans refused since then. */
  readonly dropped: number
  /** Spans kept now. */
  readonly spans: number
  /** About what these take, in bytes. */
  readonly bytes: number
  /** About what the traces take that count for its quota: those in which it has the most bytes. */
  readonly ownedBytes: number
}

/** What the store has done since it was opened, and what it keeps. */
export interface StoreTotals {
  readonly stored: number
  readonly evicted: { readonly traces: number; readonly spans: number }
  readonly dropped: Readonly<Record<DropReason, number>>
  /** Spans and traces kept now. */
  readonly spans: number
  readonly traces: number
  /** Bytes of the file's pages in use; all files together stay below `maxBytes`. */
  readonly bytes: number
  readonly maxBytes: number
  readonly services: Readonly<Record<string, ServiceTotals>>
}

/** Services kept apart at most. */
export const maxServices = 1000

type Field = keyof ServiceTotals
type Tally = { -readonly [F in Field]: number } & { readonly name: string }
type Sum = 'stored' | 'evictedTraces' | 'evictedSpans' | 'spans' | 'traces'

/** The counters of a store. */
export class Ledger {
  readonly sums: Record<Sum, number> = { stored: 0, evictedTraces: 0, evictedSpans: 0, spans: 0, traces: 0 }
  readonly dropped: Record<DropReason, number> = {
    invalid: 0,
    tooLarge: 0,
    traceFull: 0,
    duplicate: 0,
    tooManyServices: 0,
    full: 0,
    failed: 0,
    closed: 0,
  }
  readonly #services: Map<string, Tally> = new Map()
  /** Services of spans that are on their way into the file; they must not be forgotten. */
  readonly #admitted: Set<string> = new Set()
  /** Takes back what was counted since the last commit. */
  #undo: (() => void)[] = []

  /** Counts what a file holds. Counters of what has happened go on. */
  load(db: DatabaseSync, texts: Texts): void {
    Object.assign(this.sums, { spans: 0, traces: 0 })
    for (const tally of this.#services.values()) Object.assign(tally, { spans: 0, bytes: 0, ownedBytes: 0 })
    const visits = 'SELECT service, sum(spans) AS spans, sum(bytes) AS bytes FROM visits GROUP BY service'
    for (const row of db.prepare(visits).iterate()) {
      const tally = this.#tally(texts.text(row['service']))
      tally.spans += Number(row['spans'])
      tally.bytes += Number(row['bytes'])
      this.sums.spans += Number(row['spans'])
    }
    const owners = 'SELECT owner, count(*) AS traces, sum(bytes) AS bytes FROM traces GROUP BY owner'
    for (const row of db.prepare(owners).iterate()) {
      this.#tally(texts.text(row['owner'])).ownedBytes += Number(row['bytes'])
      this.sums.traces += Number(row['traces'])
    }
  }

  /** Whether spans of a service can be counted; makes room by forgetting one that has none. */
  admits(service: string): boolean {
    const known = this.#services.has(service)
    if (!known && this.#services.size >= maxServices && !this.#forgetOne()) return false
    this.#admitted.add(service)
    if (!known) this.#tally(service)
    return true
  }

  /** Within a transaction. */
  sum(name: Sum, by: number): void {
    this.sums[name] += by
    this.#undo.push(() => (this.sums[name] -= by))
  }

  /** Within a transaction. */
  count(service: string, field: Field, by: number): void {
    const tally = this.#tally(service)
    tally[field] += by
    this.#undo.push(() => (tally[field] -= by))
  }

  committed(): void {
    this.#admitted.clear()
    this.#undo = []
  }

  rolledBack(): void {
    for (const undo of this.#undo.toReversed()) undo()
    this.committed()
  }

  /** At once. */
  drop(reason: DropReason, service: string | undefined, by: number = 1): void {
    this.dropped[reason] += by
    const tally = service === undefined ? undefined : this.#services.get(service)
    if (tally !== undefined) tally.dropped += by
  }

  /** The service whose traces take the most, when that is more than `share` of all and there are others. */
  hog(share: number): string | undefined {
    let all = 0
    let most: Tally | undefined
    for (const tally of this.#services.values()) {
      all += tally.ownedBytes
      if (most === undefined || tally.ownedBytes > most.ownedBytes) most = tally
    }
    return most !== undefined && most.ownedBytes > share * all && most.ownedBytes < all ? most.name : undefined
  }

  /** Within a transaction. */
  dropWithin(reason: DropReason, service: string): void {
    this.drop(reason, service)
    this.#undo.push(() => this.drop(reason, service, -1))
  }

  totals(bytes: number, maxBytes: number): StoreTotals {
    const { stored, evictedTraces, evictedSpans, spans, traces } = this.sums
    // No prototype: a service may be called __proto__.
    const services: Record<string, ServiceTotals> = Object.create(null)
    for (const { name, ...numbers } of this.#services.values()) services[name] = numbers
    const evicted = { traces: evictedTraces, spans: evictedSpans }
    return { stored, evicted, dropped: { ...this.dropped }, spans, traces, bytes, maxBytes, services }
  }

  #forgetOne(): boolean {
    for (const [name, { spans }] of this.#services) {
      if (spans === 0 && !this.#admitted.has(name)) return this.#services.delete(name)
    }
    return false
  }

  #tally(name: string): Tally {
    let tally = this.#services.get(name)
    if (tally === undefined) {
      tally = { name, stored: 0, evicted: 0, dropped: 0, spans: 0, bytes: 0, ownedBytes: 0 }
      this.#services.set(name, tally)
    }
    return tally
  }
}
