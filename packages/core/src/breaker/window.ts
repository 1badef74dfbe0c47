// What a ratio looks at: the last so many milliseconds, or the last so many calls. Recording costs the same whatever the
// traffic: running totals, a fixed ring, and nothing is walked but the buckets that time has emptied.
// Invariant: calls >= failures and calls >= slow, always for the window that ends at the last recorded moment.

/** Totals over a window. `record` takes the moment (monotonic ms) at which the call ended. */
export interface Window {
  readonly calls: number
  readonly failures: number
  readonly slow: number
  record(now: number, failed: boolean, slow: boolean): void
  /** Drops what is too old at `now`. */
  age(now: number): void
  clear(): void
}

/** Fixed number of buckets: the window ends exactly now and begins within a tenth of its length. */
const buckets = 10

/** The last `lengthMs` milliseconds, in ten buckets kept in one typed array (after resilience4j's partial aggregations). */
export class TimeWindow implements Window {
  calls = 0
  failures = 0
  slow = 0
  readonly #bucketMs: number
  /** Calls, failures, slow calls of each bucket, side by side. */
  readonly #ring = new Uint32Array(buckets * 3)
  /** Number of the current bucket, counted from the zero of the clock; negative before it. None until the first record. */
  #current = -Infinity
  /** Where the current bucket stands in the ring, and when it ends: most records fall into the same one. */
  #at = 0
  #endsAt = -Infinity

  constructor(lengthMs: number) {
    this.#bucketMs = lengthMs / buckets
  }

  record(now: number, failed: boolean, slow: boolean): void {
    if (now >= this.#endsAt) this.age(now)
    const at = this.#at
    const ring = this.#ring
    ring[at] = (ring[at] as number) + 1
    this.calls++
    if (failed) {
      ring[at + 1] = (ring[at + 1] as number) + 1
      this.failures++
    }
    if (slow) {
      ring[at + 2] = (ring[at + 2] as number) + 1
      this.slow++
    }
  }

  age(now: number): void {
    const bucket = Math.floor(now / this.#bucketMs)
    const passed = bucket - this.#current
    if (passed <= 0) return
    if (passed >= buckets) this.clear()
    else for (let step = 1; step <= passed; step++) this.#empty(placeOf(this.#current + step))
    this.#current = bucket
    this.#at = placeOf(bucket)
    this.#endsAt = (bucket + 1) * this.#bucketMs
  }

  clear(): void {
    this.#ring.fill(0)
    this.calls = this.failures = this.slow = 0
  }

  #empty(at: number): void {
    const ring = this.#ring
    this.calls -= ring[at] as number
    this.failures -= ring[at + 1] as number
    this.slow -= ring[at + 2] as number
    ring[at] = ring[at + 1] = ring[at + 2] = 0
  }
}

/** Where the numbers of a bucket stand in the ring. */
function placeOf(bucket: number): number {
  return (((bucket % buckets) + buckets) % buckets) * 3
}

/** The last `size` calls: one byte each, 1 for failed, 2 for slow. */
export class CountWindow implements Window {
  calls = 0
  failures = 0
  slow = 0
  readonly #ring: Uint8Array
  #next = 0

  constructor(size: number) {
    this.#ring = new Uint8Array(size)
  }

  record(_now: number, failed: boolean, slow: boolean): void {
    const ring = this.#ring
    if (this.calls === ring.length) {
      const oldest = ring[this.#next] as number
      this.failures -= oldest & 1
      this.slow -= oldest >> 1
    } else {
      this.calls++
    }
    ring[this.#next] = (failed ? 1 : 0) | (slow ? 2 : 0)
    this.failures += failed ? 1 : 0
    this.slow += slow ? 1 : 0
    this.#next = this.#next + 1 === ring.length ? 0 : this.#next + 1
  }

  age(): void {}

  clear(): void {
    this.calls = this.failures = this.slow = this.#next = 0
  }
}
