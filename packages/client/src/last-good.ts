// The last good answers of one service by path, for its cached fallback. Invariant: no more entries and bytes than allowed;
// the one unused for longest goes first. It is no HTTP cache: nothing is served from it while the service answers.

/** An answer that was stored whole. */
export interface StoredAnswer {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Uint8Array<ArrayBuffer>
  /** Monotonic milliseconds. */
  readonly storedAt: number
}

/** Bounds of a store. */
export interface LastGoodLimits {
  readonly maxEntries: number
  readonly maxBytes: number
}

/** One answer may take this share of the store, so that one large answer does not push out all others. */
const largestShare = 1 / 4

/** A bounded store of answers. */
export class LastGood {
  /** In the order of use, the latest last. */
  readonly #answers = new Map<string, { readonly answer: StoredAnswer; readonly bytes: number }>()
  readonly #limits: LastGoodLimits
  #bytes = 0

  constructor(limits: LastGoodLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#answers.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The answer last stored under `key`. Asking for it counts as use. */
  get(key: string): StoredAnswer | undefined {
    const found = this.#answers.get(key)
    if (found === undefined) return undefined
    this.#answers.delete(key)
    this.#answers.set(key, found)
    return found.answer
  }

  /** Collects a body as it passes by. Nothing is stored before `finish`, so a broken body replaces nothing. */
  record(key: string, head: Omit<StoredAnswer, 'body'>): Recording {
    return new Recording(this.#limits.maxBytes * largestShare, (body) => this.#store(key, { ...head, body }))
  }

  #store(key: string, answer: StoredAnswer): void {
    this.#remove(key)
    const headers = answer.headers.reduce((total, [name, value]) => total + name.length + value.length, 0)
    const bytes = key.length + headers + answer.body.byteLength
    if (bytes > this.#limits.maxBytes * largestShare) return
    this.#answers.set(key, { answer, bytes })
    this.#bytes += bytes
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= this.#limits.maxEntries && this.#bytes <= this.#limits.maxBytes) return
      this.#remove(oldest)
    }
  }

  #remove(key: string): void {
    this.#bytes -= this.#answers.get(key)?.bytes ?? 0
    this.#answers.delete(key)
  }
}

/** One body on its way to the caller. It lets go of what it has as soon as the body is too large. */
export class Recording {
  readonly #maxBytes: number
  readonly #store: (body: Uint8Array<ArrayBuffer>) => void
  #chunks: Uint8Array[] | undefined = []
  #bytes = 0

  constructor(maxBytes: number, store: (body: Uint8Array<ArrayBuffer>) => void) {
    this.#maxBytes = maxBytes
    this.#store = store
  }

  add(chunk: Uint8Array): void {
    this.#bytes += chunk.byteLength
    if (this.#bytes > this.#maxBytes) this.#chunks = undefined
    // A copy, because a chunk is a view of a larger read buffer that would be kept alive with it. (`slice` of a Buffer is none.)
    else this.#chunks?.push(new Uint8Array(chunk))
  }

  /** The body is complete. */
  finish(): void {
    if (this.#chunks === undefined) return
    const body = new Uint8Array(this.#bytes)
    let offset = 0
    for (const chunk of this.#chunks) {
      body.set(chunk, offset)
      offset += chunk.byteLength
    }
    this.#store(body)
  }
}
