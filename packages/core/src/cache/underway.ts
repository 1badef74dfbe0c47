// What is being fetched, by key, so that a `clear` reaches what will be of before it, and no other key's.
// Invariant: it holds a key only while something of it is being fetched.

/** All that is being fetched of one key since it was cleared last. */
export interface Batch {
  /** How many fetch. */
  size: number
  /** The key was cleared meanwhile: nothing of this is stored. */
  cleared: boolean
}

/** Batches by key. */
export class Underway {
  readonly #byKey = new Map<string, Batch>()

  get size(): number {
    return this.#byKey.size
  }

  /** Somebody begins to fetch; `end` with the same batch when that is over. */
  begin(key: string): Batch {
    const batch = this.#byKey.get(key) ?? { size: 0, cleared: false }
    if (batch.size++ === 0) this.#byKey.set(key, batch)
    return batch
  }

  end(key: string, batch: Batch): void {
    // A batch that was cleared is no longer held, and another one may stand in its place.
    if (--batch.size === 0 && !batch.cleared) this.#byKey.delete(key)
  }

  /** Of one key, or of all. */
  clear(key?: string): void {
    if (key !== undefined) this.#clear(key, this.#byKey.get(key))
    else for (const [each, batch] of this.#byKey) this.#clear(each, batch)
  }

  #clear(key: string, batch: Batch | undefined): void {
    if (batch !== undefined) batch.cleared = true
    this.#byKey.delete(key)
  }
}
