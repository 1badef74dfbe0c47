// How long first attempts take: a bounded histogram that forgets. Its buckets grow by 9 % (eight an octave), so any latency
// is known to within that; every 512 samples all counts are halved, so that it follows change. The bucket of the percentile
// is tracked sample by sample, which makes both recording and asking O(1).
// Invariant: `#above` is the number of samples in buckets above `#at`.

/** The lower end of the first bucket, in milliseconds; what is shorter counts as that. */
const leastMs = 0.125
const perOctave = 8
/** Up to 131 s; what is longer counts as that. */
const buckets = 20 * perOctave
const fadeAt = 512

/** So many samples make an estimate. */
export const fewestSamples = 20

/** Estimates one percentile of what it is told. */
export class Latencies {
  readonly #counts = new Uint32Array(buckets)
  #percentile: number
  #total = 0
  #above = 0
  #at = 0
  #estimateMs = upperMs(0)

  constructor(percentile: number) {
    this.#percentile = percentile
  }

  /** The upper end of the percentile's bucket, in milliseconds; undefined until there are `fewestSamples`. */
  get estimateMs(): number | undefined {
    return this.#total < fewestSamples ? undefined : this.#estimateMs
  }

  set percentile(percentile: number) {
    this.#percentile = percentile
    this.#track()
  }

  record(ms: number): void {
    const bucket = bucketOf(ms)
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1
    this.#total++
    if (bucket > this.#at) this.#above++
    if (this.#total === fadeAt) this.#fade()
    this.#track()
  }

  /** Starts again from an estimate that was made elsewhere; `undefined` forgets everything. */
  assume(estimateMs: number | undefined): void {
    this.#counts.fill(0)
    this.#above = this.#total = this.#at = 0
    if (estimateMs !== undefined) {
      // Half a bucket down, since an estimate is the upper end of its bucket and must not move to the next one.
      this.#at = bucketOf(estimateMs / 2 ** (0.5 / perOctave))
      this.#counts[this.#at] = this.#total = fewestSamples
    }
    this.#estimateMs = upperMs(this.#at)
  }

  #fade(): void {
    this.#total = this.#above = 0
    for (let bucket = 0; bucket < buckets; bucket++) {
      const count = (this.#counts[bucket] as number) >> 1
      this.#counts[bucket] = count
      this.#total += count
      if (bucket > this.#at) this.#above += count
    }
  }

  #track(): void {
    const counts = this.#counts
    const allowed = (1 - this.#percentile) * this.#total
    let at = this.#at
    while (this.#above > allowed) this.#above -= counts[++at] as number
    while (at > 0 && this.#above + (counts[at] as number) <= allowed) this.#above += counts[at--] as number
    if (at === this.#at) return
    this.#at = at
    this.#estimateMs = upperMs(at)
  }
}

function bucketOf(ms: number): number {
  return Math.min(buckets - 1, Math.max(0, Math.floor(Math.log2(ms / leastMs) * perOctave)))
}

function upperMs(bucket: number): number {
  return leastMs * 2 ** ((bucket + 1) / perOctave)
}
