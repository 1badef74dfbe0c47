// How many bytes are in flight over all requests. Each request has a claim that grows with what is kept of it, so that the
// memory of slow or many senders is bounded as a whole. Invariant: what a claim took goes back exactly once.

/** Bytes that requests may hold together. */
export class Budget {
  readonly #most: number
  #used = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Bytes held now. */
  get used(): number {
    return this.#used
  }

  /** A claim of `bytes`; undefined when there is no room. */
  claim(bytes: number): Claim | undefined {
    return this.#take(bytes) ? new Claim((more) => this.#take(more), bytes) : undefined
  }

  #take(bytes: number): boolean {
    if (bytes > 0 && this.#used + bytes > this.#most) return false
    this.#used += bytes
    return true
  }
}

/** What one request holds. */
export class Claim {
  readonly #take: (bytes: number) => boolean
  #held: number

  constructor(take: (bytes: number) => boolean, held: number) {
    this.#take = take
    this.#held = held
  }

  /** Whether there was room for `bytes` more. */
  grow(bytes: number): boolean {
    const fits = this.#take(bytes)
    if (fits) this.#held += bytes
    return fits
  }

  /** Gives all back. Harmless when repeated; bound, to be the end of a promise. */
  readonly release = (): void => {
    this.#take(-this.#held)
    this.#held = 0
  }
}
