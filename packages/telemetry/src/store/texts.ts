// The texts that many rows share: services, span names, scopes, resources. Rows hold a small id instead.
// Invariant: at most `maxTexts` are kept. A text is removed only when every trace that used it is gone; while there is no room, a
// row holds the text itself behind a '='.
import type { DatabaseSync } from 'node:sqlite'

/** Texts kept at most. */
export const maxTexts = 20_000
/** Longer ones are not shared. */
const maxLength = 16_384
/** Texts looked at for removal at a time, when there is no room. */
const sweepSize = 1000

interface Shared {
  readonly id: number
  readonly value: string
  /** The newest trace that used it. */
  usedBy: number
}

/** What a row holds for a text: an id, or '=' and the text. */
export type TextRef = number | string

/** The texts of a store. */
export class Texts {
  readonly #byValue: Map<string, Shared> = new Map()
  readonly #byId: Map<number, Shared> = new Map()
  readonly #insert: ReturnType<DatabaseSync['prepare']>
  readonly #remove: ReturnType<DatabaseSync['prepare']>
  /** Made since the last commit. */
  #fresh: Shared[] = []
  /** Removed since the last commit. */
  #removed: Shared[] = []
  #nextId = 1
  /** No sweep before a trace with this id is written: a sweep that found nothing is not repeated for every span. */
  #nextSweep = 0

  /** Reads what is there. What a text was last used by is not kept, so all count as used by the newest trace. */
  constructor(db: DatabaseSync, newestTrace: number) {
    this.#insert = db.prepare('INSERT INTO texts(id, value) VALUES (?, ?)')
    this.#remove = db.prepare('DELETE FROM texts WHERE id = ?')
    for (const row of db.prepare('SELECT id, value FROM texts').iterate()) {
      this.#keep({ id: Number(row['id']), value: String(row['value']), usedBy: newestTrace })
    }
  }

  get size(): number {
    return this.#byValue.size
  }

  /** What a row of trace `trace` holds for `text`; within a transaction. `oldestTrace` is the oldest that is still kept. */
  intern(text: string, trace: number, oldestTrace: number): TextRef {
    const value = storable(text)
    const known = this.#byValue.get(value)
    if (known !== undefined) {
      if (known.usedBy < trace) known.usedBy = trace
      return known.id
    }
    if (value.length > maxLength) return `=${value}`
    if (this.#byValue.size >= maxTexts) this.#sweep(trace, oldestTrace)
    if (this.#byValue.size >= maxTexts) return `=${value}`
    return this.#add(value, trace).id
  }

  /** As `intern`, always an id: for services, whose number the ledger bounds. */
  internAlways(text: string, trace: number): number {
    const value = storable(text)
    const known = this.#byValue.get(value) ?? this.#add(value, trace)
    if (known.usedBy < trace) known.usedBy = trace
    return known.id
  }

  /** The id of a text, undefined when no row holds it as an id. */
  idOf(text: string): number | undefined {
    return this.#byValue.get(storable(text))?.id
  }

  /** The text that a column stands for. */
  text(ref: unknown): string {
    return typeof ref === 'number' ? (this.#byId.get(ref)?.value ?? '') : String(ref ?? '=').slice(1)
  }

  /** Ids of the texts for which `holds`. */
  idsWhere(holds: (text: string) => boolean): number[] {
    const ids: number[] = []
    for (const { id, value } of this.#byValue.values()) if (holds(value)) ids.push(id)
    return ids
  }

  /** What was made since the last commit is now in the file. */
  committed(): void {
    this.#fresh = []
    this.#removed = []
  }

  /** What was made since the last commit is not in the file, and what was removed is: traces that were evicted are back as well. */
  rolledBack(): void {
    for (const { id, value } of this.#fresh) {
      this.#byValue.delete(value)
      this.#byId.delete(id)
    }
    for (const shared of this.#removed) this.#keep(shared)
    this.committed()
  }

  #add(value: string, trace: number): Shared {
    const shared: Shared = { id: this.#nextId, value, usedBy: trace }
    this.#insert.run(shared.id, value)
    this.#fresh.push(shared)
    this.#keep(shared)
    return shared
  }

  #keep(shared: Shared): void {
    this.#byValue.set(shared.value, shared)
    this.#byId.set(shared.id, shared)
    this.#nextId = Math.max(this.#nextId, shared.id + 1)
  }

  /** Removes some that no kept trace can use. */
  #sweep(trace: number, oldestTrace: number): void {
    if (trace < this.#nextSweep) return
    this.#nextSweep = trace + 64
    let looked = 0
    for (const shared of this.#byValue.values()) {
      if (looked++ === sweepSize) break
      this.#byValue.delete(shared.value)
      if (shared.usedBy < oldestTrace) {
        this.#byId.delete(shared.id)
        this.#remove.run(shared.id)
        this.#removed.push(shared)
      } else this.#byValue.set(shared.value, shared) // To the end, so that the next sweep looks at others.
    }
  }
}

/** SQLite ends a text at a NUL when Node 22 reads it, and has no lone surrogates. */
export function storable(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\uFFFD').toWellFormed() : text.toWellFormed()
}
