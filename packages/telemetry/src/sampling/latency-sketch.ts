// How long the requests of one route take: a bounded histogram that forgets. Its buckets grow by 2.2 % (32 an octave);
// at 2048 samples all counts are halved, so that it follows change. The bucket of the percentile moves along with every
// sample, which makes recording and asking O(1). Within that bucket the estimate is nudged by each sample (Robbins and
// Monro, "A Stochastic Approximation Method", 1951): a bucket may hold far more than the 1 % in question. Invariants:
// `#above` is the number of samples in the buckets above `#at`; `#p99Ms` is within the bucket `#at`.

/** The lower end of the first bucket, in milliseconds; what is shorter counts as that. */
const leastMs = 1 / 16
const perOctave = 32
/** Up to 131 s; what is longer counts as that. */
const buckets = 21 * perOctave
/** Samples at which all counts are halved; they fit into 16 bits. */
const fadeAt = 2048
/** From one end of a bucket to the other. */
const growth = 2 ** (1 / perOctave)
/** How far a longer sample moves the estimate, as a share of its bucket. */
const nudge = 1 / 4
/** The share of the samples that is above the 99th percentile. */
const shareAbove = 0.01

/** Estimates the 99th percentile of durations. 1.3 kB. */
export class LatencySketch {
  readonly #counts = new Uint16Array(buckets)
  #samples = 0
  #above = 0
  #at = 0
  #p99Ms = leastMs * growth

  /** Samples that count, at most 2047: old ones fade. */
  get samples(): number {
    return this.#samples
  }

  /**
   * The 99th percentile in milliseconds: about 1 % of the samples are longer, and none of a route that always takes as
   * long.
   */
  get p99Ms(): number {
    return this.#p99Ms
  }

  record(durationMs: number): void {
    // The comparisons also turn what is no number into zero, and zero goes into the first bucket.
    const ms = durationMs > 0 ? durationMs : 0
    const position = Math.floor(Math.log2(ms / leastMs) * perOctave)
    const bucket = position > 0 ? Math.min(buckets - 1, position) : 0
    this.#counts[bucket] = this.#count(bucket) + 1
    this.#samples++
    if (bucket > this.#at) this.#above++
    if (this.#samples === fadeAt) this.#fade()
    this.#follow()
    this.#approach(ms)
  }

  #count(bucket: number): number {
    return this.#counts[bucket] ?? 0
  }

  /**
   * Halves all counts. What a bucket loses by rounding is carried to the next lower one: otherwise the single samples
   * of the long tail, which are what a percentile is made of, would vanish.
   */
  #fade(): void {
    this.#samples = this.#above = 0
    let carried = 0
    for (let bucket = buckets - 1; bucket >= 0; bucket--) {
      carried += this.#count(bucket)
      const kept = carried >> 1
      carried &= 1
      this.#counts[bucket] = kept
      this.#samples += kept
      if (bucket > this.#at) this.#above += kept
    }
  }

  #follow(): void {
    const allowed = shareAbove * this.#samples
    while (this.#above > allowed) this.#above -= this.#count(++this.#at)
    while (this.#at > 0 && this.#above + this.#count(this.#at) <= allowed) this.#above += this.#count(this.#at--)
  }

  #approach(ms: number): void {
    const lower = leastMs * 2 ** (this.#at / perOctave)
    const step = nudge * lower * (growth - 1)
    // Up by 99 parts for each one above it, down by one part for each 99 below it; but never below a sample that it
    // held.
    const p99Ms = this.#p99Ms
    const moved = ms > p99Ms ? p99Ms + (1 - shareAbove) * step : Math.max(ms, p99Ms - shareAbove * step)
    this.#p99Ms = Math.min(lower * growth, Math.max(lower, moved))
  }
}
