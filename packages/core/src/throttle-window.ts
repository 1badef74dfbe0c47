// What became of the requests of the last so many milliseconds: how many there were, and how many were accepted. Ten
// buckets in one typed array, so that the cost of a request does not depend on their number. Invariant: requests >=
// accepts >= 0, for the window that ends at the last moment it was asked about.

/** Fixed number of buckets: the window ends exactly now and begins within a tenth of its length. */
const buckets = 10

/** Requests and accepts over a sliding window. */
export class ThrottleWindow {
  requests = 0
  accepts = 0
  readonly #bucketMs: number
  /** Requests and accepts of each bucket, side by side; wide enough for whatever a snapshot adds up to. */
  readonly #ring = new Float64Array(buckets * 2)
  /** Number of the current bucket, counted from the zero of the clock. */
  #current = -Infinity
  /** Where the current bucket stands in the ring, and when it ends: most requests fall into the same one. */
  #place = 0
  #endsAt = -Infinity

  constructor(lengthMs: number) {
    this.#bucketMs = lengthMs / buckets
  }

  record(now: number, accepted: boolean): void {
    this.age(now)
    this.#add(this.#place, 1, accepted ? 1 : 0)
  }

  /** Drops what is too old at `now`. */
  age(now: number): void {
    if (now < this.#endsAt) return
    const bucket = Math.floor(now / this.#bucketMs)
    const passed = bucket - this.#current
    if (passed <= 0) return
    if (passed >= buckets) this.#clear()
    else for (let step = 1; step <= passed; step++) this.#empty(placeOf(this.#current + step))
    this.#current = bucket
    this.#place = placeOf(bucket)
    this.#endsAt = (bucket + 1) * this.#bucketMs
  }

  /** What is counted at `now`, the oldest first: [age in ms, requests, accepts]. */
  *counts(now: number): Generator<readonly [number, number, number]> {
    this.age(now)
    for (let bucket = this.#current - buckets + 1; bucket <= this.#current; bucket++) {
      const place = placeOf(bucket)
      const requests = this.#ring[place] as number
      // That of its middle, which lies in the same bucket when it is added again.
      const ageMs = Math.max(0, now - (bucket + 0.5) * this.#bucketMs)
      if (requests > 0) yield [ageMs, requests, this.#ring[place + 1] as number]
    }
  }

  /** Adds what was counted `ageMs` before `now`; nothing, if that is too old. */
  add(now: number, ageMs: number, requests: number, accepts: number): void {
    this.age(now)
    const bucket = Math.floor((now - ageMs) / this.#bucketMs)
    if (bucket > this.#current - buckets) this.#add(placeOf(bucket), requests, accepts)
  }

  #add(place: number, requests: number, accepts: number): void {
    const ring = this.#ring
    ring[place] = (ring[place] as number) + requests
    ring[place + 1] = (ring[place + 1] as number) + accepts
    this.requests += requests
    this.accepts += accepts
  }

  #clear(): void {
    this.#ring.fill(0)
    this.requests = this.accepts = 0
  }

  #empty(place: number): void {
    this.requests -= this.#ring[place] as number
    this.accepts -= this.#ring[place + 1] as number
    this.#ring[place] = this.#ring[place + 1] = 0
  }
}

/** Where the numbers of a bucket stand in the ring. */
function placeOf(bucket: number): number {
  return (((bucket % buckets) + buckets) % buckets) * 2
}
