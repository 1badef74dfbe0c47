// Requests that are traced already: by our own data paths, which make a span of their own and put their own `traceparent` on
// the request, or by undici's spans, when undici sends through node:http2. Invariant: a set of claims is bounded; beyond
// that the oldest is forgotten, and its request is traced twice.
const maxClaims = 8192

/** Requests known by their `traceparent`. */
export class ClaimSet {
  readonly #claimed = new Set<string>()

  get size(): number {
    return this.#claimed.size
  }

  add(traceparent: string): void {
    if (this.#claimed.size >= maxClaims) for (const oldest of this.#claimed.values().take(1)) this.delete(oldest)
    this.#claimed.add(traceparent)
  }

  delete(traceparent: string): void {
    this.#claimed.delete(traceparent)
  }

  /** `traceparent` as it stands on a request, whatever that is. */
  has(traceparent: unknown): boolean {
    return this.#claimed.size > 0 && typeof traceparent === 'string' && this.#claimed.has(traceparent)
  }
}

/** What data paths have claimed. */
export const claims: ClaimSet = new ClaimSet()

/**
 * Says that the request with this `traceparent` header is traced already: the instrumentations of node:http, undici and
 * http2 make no span for it and leave its headers alone, however many of them see it (undici sends HTTP/2 through node:http2).
 * Ends when the answer is called, or when 8192 later claims were made.
 *
 * @example
 * const release = claim(traceparent)
 * try { await pool.request({ path, method, headers: { traceparent } }) } finally { release() }
 */
export function claim(traceparent: string): () => void {
  claims.add(traceparent)
  return () => claims.delete(traceparent)
}
