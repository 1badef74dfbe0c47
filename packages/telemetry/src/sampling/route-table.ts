// What is known of each route of each service: how often it was seen lately and how long it takes. Invariant: at most
// `maxRoutes` entries. While all of them are in use, further routes share one entry, so that a flood of names can
// neither push out the real ones nor pass as many rare routes.
import { LatencySketch } from './latency-sketch.ts'

/** What is known of one route. */
export class RouteStats {
  /** Made with the first duration: a route that is only ever seen failing needs none. */
  #latencies: LatencySketch | undefined = undefined
  #windowStartMs: number
  #count = 0
  #previous = 0
  lastSeenMs: number

  constructor(nowMs: number) {
    this.#windowStartMs = this.lastSeenMs = nowMs
  }

  /**
   * Counts one more, and answers how many came in the last `windowMs` before it. Those of the window before the current
   * one are taken to have come evenly and count by the share of it that still is within reach.
   */
  visit(nowMs: number, windowMs: number): number {
    let passed = (nowMs - this.#windowStartMs) / windowMs
    if (passed >= 1) {
      this.#previous = passed < 2 ? this.#count : 0
      this.#count = 0
      this.#windowStartMs = passed < 2 ? this.#windowStartMs + windowMs : nowMs
      passed = (nowMs - this.#windowStartMs) / windowMs
    }
    const before = this.#count + this.#previous * (1 - passed)
    this.#count++
    this.lastSeenMs = nowMs
    return before
  }

  learn(durationMs: number): void {
    this.#latencies ??= new LatencySketch()
    this.#latencies.record(durationMs)
  }

  /** The 99th percentile; Infinity until there were `minSamples`. */
  p99Ms(minSamples: number): number {
    return this.#latencies === undefined || this.#latencies.samples < minSamples ? Infinity : this.#latencies.p99Ms
  }
}

/** Characters of a route's key that are told apart; bounds the memory that names can take. */
const maxKeyLength = 256

/** A bounded number of routes, the least recently seen first. */
export class RouteTable {
  readonly #routes = new Map<string, RouteStats>()
  readonly #maxRoutes: number
  readonly #windowMs: number
  readonly #overflow: RouteStats
  /** Traces whose route found no place. */
  overflowed = 0

  constructor(maxRoutes: number, windowMs: number, nowMs: number) {
    this.#maxRoutes = maxRoutes
    this.#windowMs = windowMs
    this.#overflow = new RouteStats(nowMs)
  }

  get size(): number {
    return this.#routes.size
  }

  /** The entry of a route, made if need be; undefined when there is no place for it: it joins `overflow`. */
  find(service: string, route: string, nowMs: number): RouteStats | undefined {
    const key = `${service}\n${route}`.slice(0, maxKeyLength)
    let stats = this.#routes.get(key)
    if (stats !== undefined) this.#routes.delete(key)
    else if (this.#routes.size < this.#maxRoutes || this.#dropIdle(nowMs)) stats = new RouteStats(nowMs)
    else {
      this.overflowed++
      return undefined
    }
    this.#routes.set(key, stats)
    return stats
  }

  /** What all routes without a place have in common. */
  get overflow(): RouteStats {
    return this.#overflow
  }

  /**
   * Frees the place of the least recently seen route if that was not seen for two windows, so that nothing of it
   * counts.
   */
  #dropIdle(nowMs: number): boolean {
    for (const [key, stats] of this.#routes) {
      if (nowMs - stats.lastSeenMs < 2 * this.#windowMs) return false
      return this.#routes.delete(key)
    }
    return false
  }
}
