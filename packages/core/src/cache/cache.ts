// The cache layer: answers of the rest are kept for a while, by key. A stale value answers while a fresh one is fetched, or
// when the rest fails. It holds no timer: how old a value is, is asked when somebody wants it.
// Invariant: only successes are stored, never one that was begun before its key was cleared, and a stored value is never discarded.
import type { Call, CallRecord } from '../call.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { Environment } from '../environment.ts'
import { PolicyEvents } from '../events.ts'
import { check, checkName } from '../options.ts'
import type { Layer, Next } from '../policy.ts'
import { rejected } from '../rejection.ts'
import { share } from '../shared.ts'
import type { CacheSnapshot } from '../snapshot.ts'
import { Entries, type Entry } from './entries.ts'
import { Fetch } from './fetch.ts'
import { type CacheOptions, type CacheRules, checkCacheKeys, defaultName, rulesOf } from './options.ts'
import { Refresh } from './refresh.ts'
import { type Batch, Underway } from './underway.ts'

/** A refresh is given no less time than this, however short the times of the cache are. */
const leastRefreshMs = 1000

/**
 * Keeps what the rest answers, by the key of the call. A call without a key, or with `idempotent: false`, passes through.
 * All callers get the same object: one that can be read once (the body of a `Response`) or is changed by its users needs
 * `copy`. Without `copy`, a value that was stored is never given to the classifier's `discard`.
 *
 * A refresh in the background that takes longer than `ttl` and `staleWhileRevalidate` together (but at least a second) is
 * given up when the next call finds it so: it is cut off and counts as failed, and another one may start.
 *
 * @example
 * const prices = pipeline(cache({ ttl: '30s', staleWhileRevalidate: '5m', staleIfError: '1h' }), circuitBreaker(), timeout('1s'))
 * await prices.execute(({ signal }) => fetchPrice(sku, { signal }), { key: sku })
 * // What `cacheable` and `copy` get has the type that you write: a cache does not know what its pipeline will run.
 * const answers = cache({ cacheable: (answer: Answer) => answer.ok, copy: (answer: Answer) => ({ ...answer }) })
 */
export function cache(options: CacheOptions = {}): Cache {
  return new Cache(options)
}

/**
 * The layer that `cache` makes. The object is its state: given to two pipelines, both answer from it. A snapshot tells what
 * it has counted; the values are the user's own and no plain objects, so that there is no `restore`.
 */
export class Cache implements Layer {
  readonly kind = 'layer'
  readonly repeats = true
  readonly name: string
  readonly events: PolicyEvents = new PolicyEvents()
  #options: CacheOptions = {}
  #rules: CacheRules
  #clock: Clock | undefined = undefined
  readonly #entries = new Entries()
  /** What is being fetched, in the foreground and in the background. */
  readonly underway: Underway = new Underway()
  /** What is being refreshed in the background, by key; the one that began first stands first. */
  readonly #refreshing = new Map<string, Refresh>()
  readonly #totals = { hits: 0, misses: 0, stale: 0, staleOnError: 0, refreshFailures: 0 }

  constructor(options: CacheOptions) {
    checkCacheKeys(options)
    checkName(options.name, 'cache')
    this.name = options.name ?? defaultName
    this.#rules = rulesOf(options)
    this.update(options)
  }

  /** Changes options in place; `undefined` means the default again. Times count for what is stored already. */
  update(options: CacheOptions): void {
    checkCacheKeys(options)
    check((options.name ?? this.name) === this.name, 'cache.name', 'left as it is in an update', options.name)
    const merged = { ...this.#options, ...options }
    this.#rules = rulesOf(merged)
    this.#options = merged
    this.#entries.maxEntries = this.#rules.maxEntries
  }

  /** Forgets one key, or everything. What is being fetched of it at this moment is not stored either. */
  clear(key?: string): void {
    this.underway.clear(key)
    if (key === undefined) this.#entries.clear()
    else this.#entries.delete(key)
  }

  get rules(): CacheRules {
    return this.#rules
  }

  /** Monotonic milliseconds of the first pipeline that compiled it: ages of one cache are told by one clock. */
  now(): number {
    return (this.#clock ?? systemClock).now()
  }

  wrap(next: Next, environment: Environment): Next {
    this.#clock ??= environment.clock
    return (call) => {
      try {
        const key = call.idempotent ? this.#rules.key(call) : undefined
        return typeof key === 'string' ? this.#answer(call, key, next) : next(call)
      } catch (error) {
        // A function of the options threw: like everything here, that is a rejection.
        return rejected(error)
      }
    }
  }

  /** Takes a success over, unless it must not be stored; answers whether it did. */
  store(key: string, value: unknown, begunAt: number, batch: Batch): boolean {
    const stored = this.#entries.get(key)
    // Of two that overlapped the one that began later knows more.
    const outdated = batch.cleared || (stored !== undefined && stored.begunAt > begunAt)
    if (outdated || !this.#rules.cacheable(value)) return false
    share(value)
    this.#entries.set(key, { value, begunAt, storedAt: this.now() })
    return true
  }

  /** What answers instead of a failure, if there is something. */
  instead(call: Call, key: string): Entry | undefined {
    const entry = this.#entries.get(key)
    const { ttlMs, ifErrorMs } = this.#rules
    if (entry === undefined || this.now() - entry.storedAt >= ttlMs + ifErrorMs) return undefined
    this.#count('staleOnError', call, key)
    return entry
  }

  /** A background refresh has ended, or was given up. */
  refreshed(key: string, failed: boolean): void {
    this.#refreshing.delete(key)
    if (failed) this.#totals.refreshFailures++
  }

  snapshot(): CacheSnapshot {
    const { size: entries, maxEntries, evicted } = this.#entries
    return { policy: 'cache', name: this.name, entries, maxEntries, totals: { ...this.#totals, evicted } }
  }

  #answer(call: CallRecord, key: string, next: Next): Promise<unknown> {
    const { ttlMs, revalidateMs, ifErrorMs, copy } = this.#rules
    const entry = this.#entries.get(key)
    const now = this.now()
    const age = entry === undefined ? Infinity : now - entry.storedAt
    if (age >= ttlMs) this.#giveUp(now)
    if (entry === undefined || age >= ttlMs + revalidateMs) {
      if (age >= ttlMs + ifErrorMs) this.#entries.delete(key)
      const fetch = new Fetch(this, call, key, now)
      this.#count('miss', call, key)
      return fetch.run(next)
    }
    this.#entries.touch(key, entry)
    const answer = copy(entry.value)
    this.#count(age < ttlMs ? 'hit' : 'stale', call, key)
    if (age >= ttlMs && !this.#refreshing.has(key) && this.#refreshing.size < this.#entries.maxEntries) {
      const refresh = new Refresh(this, call, key, now)
      this.#refreshing.set(key, refresh)
      refresh.run(next)
    }
    return Promise.resolve(answer)
  }

  /** Gives up every refresh that is overdue. One that hangs would else keep its key, and its place, for good. */
  #giveUp(now: number): void {
    const { ttlMs, revalidateMs } = this.#rules
    const overdueMs = Math.max(leastRefreshMs, ttlMs + revalidateMs)
    for (const refresh of this.#refreshing.values()) {
      if (now - refresh.begunAt < overdueMs) return
      refresh.giveUp()
    }
  }

  #count(result: 'hit' | 'miss' | 'stale' | 'staleOnError', call: Call, key: string): void {
    this.#totals[result === 'hit' ? 'hits' : result === 'miss' ? 'misses' : result]++
    if (this.events.heard) {
      this.events.publish({ type: 'cache', policy: this.name, pipeline: call.name, key, result }, call)
    }
  }
}
