// One connection's worth of sharing: everything that the bucket holds is heard, then every change; what the books know better
// is written. Invariant: a write is by compare-and-set on the revision that was joined into it, so that no news of another
// registry is ever written over. Whoever is in doubt ends the session; the next one hears everything anew.
import type { Random } from '@switchgear/core'
import { garbled } from '../errors.ts'
import { type CatalogRecord, join, keyOf } from '../record.ts'
import { decodeRecord, encodeRecord } from '../wire.ts'
import { type Bucket, bucketKey, markKey, mostValueBytes, wholeKey } from './bucket.ts'
import type { PeersBooks } from './peers.ts'

/** Writes under way at once. */
const mostWrites = 32
/** Keys of which it is known what stands in the bucket; those beyond cost a read when they are written. */
const mostSeen = 100_000
/** Keys that nobody can read, which are told of; those beyond are left out in silence. */
const mostGarbled = 20

interface Seen {
  readonly revision: number
  readonly record: CatalogRecord
}

/** See the head of this file. */
export class Session {
  readonly #bucket: Bucket
  readonly #books: PeersBooks
  readonly #seen: Map<string, Seen> = new Map()
  readonly #dirty: Set<string> = new Set()
  readonly #garbled: Set<string> = new Set()
  readonly #random: Random
  readonly #failed: (error: unknown) => void
  #writes = 0
  #open = true
  #synced = false
  #awaited: { readonly mark: string; readonly heard: () => void } | undefined
  #marks = 0
  /** Whether a registry that knew all has vouched for the bucket. */
  #whole = false
  #stop: (() => void) | undefined

  /** `failed` hears, once or more, that it cannot go on. */
  constructor(bucket: Bucket, books: PeersBooks, random: Random, failed: (error: unknown) => void) {
    this.#bucket = bucket
    this.#books = books
    this.#random = random
    this.#failed = failed
  }

  /** Whether everything that was there at the start has been heard. */
  get synced(): boolean {
    return this.#synced
  }

  /** Whether nothing waits and nothing is being written. */
  get idle(): boolean {
    return this.#dirty.size === 0 && this.#writes === 0
  }

  /** Hears everything until it ends or fails; tells `synced` when all that was there has been heard. */
  async run(): Promise<void> {
    const { entries, stop } = await this.#bucket.watch()
    this.#stop = stop
    try {
      // What comes back of our own mark has everything before it behind it.
      this.echo()
        .then(() => this.#sync())
        .catch(this.#failed)
      for await (const entry of entries) {
        if (!this.#open) return
        const { key, revision, operation } = entry
        if (key === wholeKey) this.#whole = operation === 'PUT'
        else if (key.startsWith('m.')) this.#mark(key, operation === 'PUT' ? entry.string() : '')
        else if (operation !== 'PUT') this.#removed(key)
        else this.#take(key, revision, entry.value)
      }
    } finally {
      stop()
    }
  }

  /** Writes a mark and resolves when the watch brings it; the way there and back then works. */
  async echo(): Promise<void> {
    const { name } = this.#books
    const mark = `${name} ${++this.#marks} ${this.#random()}`
    const heard = new Promise<void>((resolve) => {
      this.#awaited = { mark, heard: resolve }
    })
    await this.#bucket.mark(markKey(name), mark)
    await heard
  }

  /** The record of a key has news. */
  spread(key: string): void {
    this.#dirty.add(key)
    this.#pump()
  }

  /** Removes from the bucket what has gone long ago and stands there as it is known here. */
  forget(key: string): void {
    const seen = this.#seen.get(key)
    if (seen === undefined || !this.#synced) return
    this.#seen.delete(key)
    this.#bucket.remove(bucketKey(seen.record), seen.revision).catch(this.#failed)
  }

  /** Says for later registries that all is in the bucket, once this one knows all and has written it. */
  vouch(): void {
    if (this.#whole || !this.#open || !this.#synced || !this.idle || !this.#books.whole()) return
    this.#whole = true
    this.#bucket.mark(wholeKey, this.#books.name).catch(this.#failed)
  }

  /** Takes our own mark out of the bucket, so that registries whose names are random leave nothing behind. */
  async farewell(): Promise<void> {
    await this.#bucket.remove(markKey(this.#books.name))
  }

  /** Nothing is heard or written any more. */
  close(): void {
    this.#open = false
    this.#dirty.clear()
    this.#stop?.()
  }

  #mark(key: string, mark: string): void {
    if (key !== markKey(this.#books.name) || mark !== this.#awaited?.mark) return
    this.#awaited.heard()
    this.#awaited = undefined
  }

  #removed(key: string): void {
    for (const [own, { record }] of this.#seen) {
      if (bucketKey(record) !== key) continue
      this.#seen.delete(own)
      return
    }
  }

  #sync(): void {
    if (!this.#open) return
    this.#synced = true
    this.#books.synced(!this.#whole)
    const { name } = this.#books
    for (const record of this.#books.records()) {
      const key = keyOf(record)
      // What the bucket does not have, and this registry has only heard of, is for those to tell who hear it themselves.
      if (this.#seen.has(key) || Object.hasOwn(record.beats, name)) this.#dirty.add(key)
    }
    this.#pump()
    this.vouch()
  }

  #take(key: string, revision: number, value: Uint8Array): void {
    let record: CatalogRecord
    try {
      if (value.length > mostValueBytes) throw new Error(`it has ${value.length} bytes`)
      record = decodeRecord(Buffer.from(value).toString())
      if (bucketKey(record) !== key) throw new Error('it is of another instance')
    } catch (error) {
      this.#unreadable(key, error)
      return
    }
    const own = keyOf(record)
    if (this.#seen.size < mostSeen || this.#seen.has(own)) this.#seen.set(own, { revision, record })
    this.#books.heard(record)
    // It may have been written without knowing what is known here.
    if (this.#synced && this.#better(own) !== undefined) this.spread(own)
  }

  #unreadable(key: string, cause: unknown): void {
    if (this.#garbled.size >= mostGarbled || this.#garbled.has(key)) return
    this.#garbled.add(key)
    this.#books.problem(garbled(`the value of ${key}`, cause))
  }

  /** What should stand in the bucket in place of what does; undefined when that is as good. */
  #better(key: string): CatalogRecord | undefined {
    const record = this.#books.recordOf(key)
    const there = this.#seen.get(key)?.record
    if (record === undefined || there === undefined) return record
    const joined = join(there, record)
    return joined === there ? undefined : joined
  }

  #pump(): void {
    while (this.#open && this.#synced && this.#writes < mostWrites) {
      const next = this.#dirty.values().next()
      if (next.done) return
      this.#dirty.delete(next.value)
      this.#writes++
      this.#write(next.value)
        .catch((error: unknown) => {
          // It is still to be written, by the next session.
          this.#failed(error)
        })
        .finally(() => {
          this.#writes--
          this.#pump()
          this.vouch()
        })
    }
  }

  async #write(key: string): Promise<void> {
    const record = this.#better(key)
    if (record === undefined) return
    const seen = this.#seen.get(key)
    const value = encodeRecord(record)
    if (Buffer.byteLength(value) > mostValueBytes) {
      this.#unreadable(bucketKey(record), new Error(`it would have more than ${mostValueBytes} bytes`))
      return
    }
    const written = await this.#bucket.write(bucketKey(record), value, seen?.revision ?? 0)
    if (written !== undefined) {
      // The watch may have brought a later one already.
      if (this.#seen.size < mostSeen && (this.#seen.get(key)?.revision ?? 0) < written)
        this.#seen.set(key, { revision: written, record })
      return
    }
    const there = await this.#bucket.read(bucketKey(record))
    if (there === undefined) this.#seen.delete(key)
    else this.#take(bucketKey(record), there.revision, there.value)
    // A value that nobody can read is left to those who can.
    if (!this.#garbled.has(bucketKey(record))) this.#dirty.add(key)
  }
}
