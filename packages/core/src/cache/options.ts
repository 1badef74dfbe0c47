// The options of a cache, their defaults, and the rules that they become.
import type { Call } from '../call.ts'
import { check, checkCount, checkKeys, type Duration, parseDuration } from '../options.ts'

/** Options of `cache`. */
export interface CacheOptions {
  /** Name in events and snapshots. Default 'cache'. */
  readonly name?: string | undefined
  /** How long a value is fresh. Default '10s'. */
  readonly ttl?: Duration | undefined
  /** How long after that it still answers, while a fresh one is fetched in the background. Default 0: it does not. */
  readonly staleWhileRevalidate?: Duration | undefined
  /** How long after `ttl` it still answers when the rest fails or refuses. Default 0: it does not. */
  readonly staleIfError?: Duration | undefined
  /** What a call is about; a call without a key passes through. Default: the `key` of the call. */
  readonly key?: ((call: Call) => string | undefined) | undefined
  /** Values held at most; the least recently used goes first. Default 1000. */
  readonly maxEntries?: number | undefined
  /**
   * Whether this value may be stored: `(answer: Answer) => answer.ok`, with the type written, since nothing tells it to the
   * compiler. Default: every one that the classifier calls a success.
   */
  readonly cacheable?: ((value: never) => boolean) | undefined
  /**
   * What each caller gets instead of the stored value itself, for values that can be used once or are changed by their
   * users: `(response: Response) => response.clone()`, or `structuredClone`. Default: all callers get the same object.
   */
  readonly copy?: ((value: never) => unknown) | undefined
}

/** The options as the cache uses them; times in milliseconds. */
export interface CacheRules {
  readonly ttlMs: number
  readonly revalidateMs: number
  readonly ifErrorMs: number
  readonly key: (call: Call) => string | undefined
  readonly maxEntries: number
  readonly cacheable: (value: unknown) => boolean
  readonly copy: (value: unknown) => unknown
}

/** The key that the caller gave. */
export const keyOfCall = (call: Call): string | undefined => call.key

/** The value itself. */
export const same = (value: unknown): unknown => value

const defaults = Object.freeze({
  name: 'cache',
  ttl: '10s' as Duration,
  staleWhileRevalidate: 0 as Duration,
  staleIfError: 0 as Duration,
  key: keyOfCall,
  maxEntries: 1000,
  cacheable: () => true,
  copy: same,
})

export const defaultName: string = defaults.name

/** Throws for a key that is none of the options. */
export function checkCacheKeys(options: CacheOptions): void {
  checkKeys(options, defaults, 'cache')
}

/** Checks everything and changes nothing. */
export function rulesOf(options: CacheOptions): CacheRules {
  const { ttl = defaults.ttl, staleWhileRevalidate = 0, staleIfError = 0, maxEntries = defaults.maxEntries } = options
  const { key = defaults.key, cacheable = defaults.cacheable, copy = defaults.copy } = options
  checkCount(maxEntries, 'cache.maxEntries', 1)
  for (const [name, value] of Object.entries({ key, cacheable, copy })) {
    check(typeof value === 'function', `cache.${name}`, 'a function', value)
  }
  return {
    ttlMs: parseDuration(ttl, 'cache.ttl'),
    revalidateMs: parseDuration(staleWhileRevalidate, 'cache.staleWhileRevalidate'),
    ifErrorMs: parseDuration(staleIfError, 'cache.staleIfError'),
    key,
    maxEntries,
    // The parameters are `never` so that a user may write the type that the functions return; here it is unknown again.
    cacheable: cacheable as CacheRules['cacheable'],
    copy: copy as CacheRules['copy'],
  }
}
