// The store in process: buckets by key, in the order of their last use. Invariant: never more than `maxKeys`; every
// operation of a call costs the same however many there are. Holds no timer: who comes back later is found as time left
// him.
import { Bucket, slack } from './bucket.ts'
import type { RateLimitRule, RateLimitState, RateLimitStore } from './store.ts'

/** How many of the longest unused are looked at for one whose quota is full, before one that is not is forgotten. */
const looks = 8

/** Keeps the quotas of one rate limit. */
export class LocalStore implements RateLimitStore {
  /** Keys that were forgotten to make room before all of their quota was back. */
  evicted = 0
  #maxKeys: number
  readonly #buckets = new Map<string, Bucket>()
  // A list through the buckets: a map keeps an order too, but to move a key in it means to delete and insert it.
  #newest: Bucket | undefined = undefined
  #oldest: Bucket | undefined = undefined

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys
  }

  get size(): number {
    return this.#buckets.size
  }

  take(key: string, now: number, rule: RateLimitRule): number {
    const newest = this.#newest
    const bucket = newest !== undefined && newest.key === key ? newest : this.#use(key, now, rule)
    return bucket.take(now, rule)
  }

  giveBack(key: string, now: number, takenAt: number, rule: RateLimitRule): void {
    this.#buckets.get(key)?.giveBack(now, takenAt, rule)
  }

  look(key: string, now: number, rule: RateLimitRule): RateLimitState {
    return this.#buckets.get(key)?.look(now, rule) ?? { remaining: rule.burst, retryAfterMs: 0, resetMs: 0 }
  }

  /** What every key has used that has not all of its quota, the longest unused first. */
  used(now: number, rule: RateLimitRule): { readonly key: string; readonly used: number }[] {
    const all = []
    for (let bucket = this.#oldest; bucket !== undefined; bucket = bucket.newer) {
      const used = bucket.level(now, rule)
      if (used >= slack) all.push({ key: bucket.key, used })
    }
    return all
  }

  /** A new rule and size: every key keeps the share of its quota that it has used. */
  adapt(before: RateLimitRule, rule: RateLimitRule, maxKeys: number, now: number): void {
    this.#maxKeys = maxKeys
    while (this.#buckets.size > maxKeys) this.#evict(now, before)
    for (const bucket of this.#buckets.values()) {
      const share = bucket.level(now, before) / before.burst
      bucket.set(share * rule.burst, now, now, rule)
    }
  }

  /** Replaces everything by what was used at `at`; of too many keys the last ones are kept. */
  replace(
    used: readonly { readonly key: string; readonly used: number }[],
    at: number,
    now: number,
    rule: RateLimitRule,
  ): void {
    this.#buckets.clear()
    this.#newest = this.#oldest = undefined
    for (const { key, used: level } of used.slice(-this.#maxKeys)) {
      this.#use(key, now, rule).set(Math.min(level, rule.burst), at, now, rule)
    }
  }

  /** The bucket of a key, made if need be, and now the newest. */
  #use(key: string, now: number, rule: RateLimitRule): Bucket {
    let bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      if (this.#buckets.size >= this.#maxKeys) this.#evict(now, rule)
      bucket = new Bucket(key, now)
      this.#buckets.set(key, bucket)
    } else {
      this.#unlink(bucket)
    }
    bucket.older = this.#newest
    if (this.#newest === undefined) this.#oldest = bucket
    else this.#newest.newer = bucket
    this.#newest = bucket
    return bucket
  }

  #evict(now: number, rule: RateLimitRule): void {
    let victim = this.#oldest
    for (let look = 0; look < looks && victim !== undefined && !victim.isFull(now, rule); look++) victim = victim.newer
    if (victim === undefined || !victim.isFull(now, rule)) {
      victim = this.#oldest
      this.evicted++
    }
    if (victim === undefined) return
    this.#unlink(victim)
    this.#buckets.delete(victim.key)
  }

  #unlink(bucket: Bucket): void {
    const { newer, older } = bucket
    if (newer === undefined) this.#newest = older
    else newer.older = older
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    bucket.newer = bucket.older = undefined
  }
}
