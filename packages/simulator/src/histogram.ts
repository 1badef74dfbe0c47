// Latencies in buckets that grow by 3 %: any percentile is within 1.5 % of the exact one, in a fixed 5 KB, whatever the
// number of values.
import type { Percentiles } from './result.ts'

const growth = 1.03
const leastMs = 0.001
const perLog = 1 / Math.log(growth)
/** Up to 24 h; what is longer falls into the last bucket, `max` is exact. */
const buckets: number = Math.ceil(Math.log(86_400_000 / leastMs) * perLog) + 2

/** Counts latencies. */
export class Histogram {
  readonly #counts = new Float64Array(buckets)
  #max = 0
  #sum = 0
  count = 0

  add(ms: number): void {
    const bucket = ms <= leastMs ? 0 : 1 + Math.floor(Math.log(ms / leastMs) * perLog)
    const index = bucket < buckets ? bucket : buckets - 1
    this.#counts[index] = (this.#counts[index] as number) + 1
    this.count++
    this.#sum += ms
    if (ms > this.#max) this.#max = ms
  }

  /** The value that a share of `quantile` does not exceed, in ms; undefined when there is none. */
  at(quantile: number): number | undefined {
    if (this.count === 0) return undefined
    let left = Math.max(1, Math.ceil(quantile * this.count))
    for (let index = 0; index < buckets; index++) {
      left -= this.#counts[index] as number
      // The middle of the bucket, in the sense of a product.
      if (left <= 0) return Math.min(this.#max, index === 0 ? leastMs : leastMs * growth ** (index - 0.5))
    }
    return this.#max
  }

  /** Exact; undefined when there is none. */
  get mean(): number | undefined {
    return this.count === 0 ? undefined : this.#sum / this.count
  }

  percentiles(): Percentiles {
    const max = this.count === 0 ? undefined : this.#max
    return { p50: rounded(this.at(0.5)), p90: rounded(this.at(0.9)), p99: rounded(this.at(0.99)), max: rounded(max) }
  }

  clear(): void {
    this.#counts.fill(0)
    this.#max = this.#sum = 0
    this.count = 0
  }
}

/** To a thousandth of a millisecond: more digits would only be noise in a report. */
export function rounded<T extends number | undefined>(ms: T): T {
  return (ms === undefined ? undefined : Math.round(ms * 1000) / 1000) as T
}
