// What a cache holds: values by key, the least recently used forgotten first. A map keeps the order of insertion, so taking
// an entry out and putting it back makes it the youngest, and everything is O(1).
// Invariant: never more than `maxEntries`.

/** One stored value; times are monotonic milliseconds. */
export interface Entry {
  readonly value: unknown
  /** When the call that brought it began. */
  readonly begunAt: number
  /** When it was stored, from which its age counts. */
  readonly storedAt: number
}

/** A bounded map of entries. */
export class Entries {
  readonly #byKey = new Map<string, Entry>()
  #maxEntries = 1
  evicted = 0

  get size(): number {
    return this.#byKey.size
  }

  get maxEntries(): number {
    return this.#maxEntries
  }

  set maxEntries(maxEntries: number) {
    this.#maxEntries = maxEntries
    this.#evict()
  }

  get(key: string): Entry | undefined {
    return this.#byKey.get(key)
  }

  /** It was used, so it is forgotten last. */
  touch(key: string, entry: Entry): void {
    this.#byKey.delete(key)
    this.#byKey.set(key, entry)
  }

  set(key: string, entry: Entry): void {
    this.touch(key, entry)
    this.#evict()
  }

  delete(key: string): void {
    this.#byKey.delete(key)
  }

  clear(): void {
    this.#byKey.clear()
  }

  #evict(): void {
    for (const key of this.#byKey.keys()) {
      if (this.#byKey.size <= this.#maxEntries) return
      this.#byKey.delete(key)
      this.evicted++
    }
  }
}
