// The options of a rate limit, their defaults and bounds, and the rule that they amount to. A rule is frozen and
// replaced as a whole by an update, so whoever got one with a call may keep it.
import type { Call } from '../call.ts'
import { check, checkCount, checkKeys, checkMethods, checkName, type Duration, parseDuration } from '../options.ts'
import type { RateLimitRule, RateLimitStore } from './store.ts'

/** Options of `rateLimit`. */
export interface RateLimitOptions {
  /** Name in errors, events, snapshots and header fields. Default 'rateLimit'. */
  readonly name?: string | undefined
  /** Calls of one key per window. Default 100, at most 1e9. */
  readonly limit?: number | undefined
  /** Default '1s'. */
  readonly window?: Duration | undefined
  /** 'tokenBucket' refills continuously; 'slidingWindow' counts the last window. Default 'tokenBucket'. */
  readonly algorithm?: 'tokenBucket' | 'slidingWindow' | undefined
  /** Calls that a full token bucket admits at once. Default: `limit`. A sliding window has none. */
  readonly burst?: number | undefined
  /**
   * Whose quota a call takes from; asked again when a call gives back what it took. Default: `call.key`. Calls without
   * a key share one quota, and so do those for which this function throws.
   */
  readonly key?: ((call: Call) => string | undefined) | undefined
  /**
   * Keys remembered at most; one that is forgotten has a full quota again. Default 10 000. Only for the store in
   * process.
   */
  readonly maxKeys?: number | undefined
  /** Where the quotas are kept. Default: in process. */
  readonly store?: RateLimitStore | undefined
}

const defaults = Object.freeze({
  name: 'rateLimit',
  limit: 100,
  window: '1s' as Duration,
  algorithm: 'tokenBucket' as 'tokenBucket' | 'slidingWindow',
  burst: undefined,
  key: undefined,
  maxKeys: 10_000,
  store: undefined,
})

/** Checked options as the gate uses them. */
export interface Settings {
  readonly rule: RateLimitRule
  readonly key: ((call: Call) => string | undefined) | undefined
  readonly maxKeys: number
}

/** Checks options and compiles them. Throws `SG_BAD_OPTIONS`; never changes what it is given. */
export function settingsOf(options: RateLimitOptions): Settings {
  checkKeys(options, defaults, 'rateLimit')
  checkName(options.name, 'rateLimit')
  const { name = defaults.name, limit = defaults.limit, window = defaults.window, maxKeys = defaults.maxKeys } = options
  const { algorithm = defaults.algorithm, burst = limit, key, store } = options
  checkCount(limit, 'rateLimit.limit', 1, 1e9)
  checkCount(burst, 'rateLimit.burst', 1, 1e9)
  checkCount(maxKeys, 'rateLimit.maxKeys', 1, 10_000_000)
  const slides = algorithm === 'slidingWindow'
  check(slides || algorithm === 'tokenBucket', 'rateLimit.algorithm', "'tokenBucket' or 'slidingWindow'", algorithm)
  check(!slides || options.burst === undefined, 'rateLimit.burst', 'left out with a sliding window', options.burst)
  check(key === undefined || typeof key === 'function', 'rateLimit.key', 'a function', key)
  if (store !== undefined) checkMethods(store, ['take', 'giveBack', 'look'], 'rateLimit.store')
  const windowMs = parseDuration(window, 'rateLimit.window', 1)
  return { rule: Object.freeze({ name, algorithm, limit, windowMs, burst }), key, maxKeys }
}
