// The options of `adaptiveLimit`: their defaults, their bounds, and the rules that follow from them.
import { check, checkCount, checkKeys, checkRange, checkRatio, type Duration, parseDuration } from '../options.ts'
import type { LimitKind, LimitRules } from './algorithm.ts'

/** Options of `adaptiveLimit`. */
export interface AdaptiveLimitOptions {
  /** Name in errors, events and snapshots. Default 'adaptiveLimit'. */
  readonly name?: string | undefined
  /**
   * How the limit is found. Default 'gradient2': by the latency of the moment against that of the last minute. 'vegas': by the
   * latency against the best one. 'aimd': by failures and by calls that took longer than `dropAfter`, whatever the latency.
   */
  readonly algorithm?: LimitKind | undefined
  /** Where it starts. Default 20, or the nearest allowed; an update does not look at it. */
  readonly initialLimit?: number | undefined
  /** The limit never falls below it. Default 1. */
  readonly minLimit?: number | undefined
  /** The limit never rises above it. Default 200. */
  readonly maxLimit?: number | undefined
  /** Calls waiting at most, the most important first. Default 0: refuse at once. */
  readonly maxQueue?: number | undefined
  /** 'vegas' and 'gradient2': how long latencies are averaged, at least; also at least one round trip. Default '100ms'. */
  readonly window?: Duration | undefined
  /** 'gradient2': how many calls may queue at the dependency, which is also how fast the limit grows. Default 4. */
  readonly headroom?: number | undefined
  /** 'gradient2': share of the way to the new limit that one window goes, in (0, 1]. Default 0.2. */
  readonly smoothing?: number | undefined
  /** 'aimd': what a drop leaves of the limit, in [0.5, 0.99]. Default 0.9. */
  readonly backoffRatio?: number | undefined
  /** 'aimd': a call that took longer counts like a failure. Default '5s'. */
  readonly dropAfter?: Duration | undefined
}

/** Options that are all there, durations as they were given. */
export type CompleteOptions = {
  readonly [K in keyof AdaptiveLimitOptions]-?: Exclude<AdaptiveLimitOptions[K], undefined>
}

/** The defaults. */
export const defaults: CompleteOptions = Object.freeze({
  name: 'adaptiveLimit',
  algorithm: 'gradient2',
  initialLimit: 20,
  minLimit: 1,
  maxLimit: 200,
  maxQueue: 0,
  window: 100,
  headroom: 4,
  smoothing: 0.2,
  backoffRatio: 0.9,
  dropAfter: 5000,
})

const algorithms: readonly LimitKind[] = ['aimd', 'vegas', 'gradient2']

/** Whether it names an algorithm. */
export const isAlgorithm = (value: unknown): value is LimitKind => algorithms.includes(value as LimitKind)

/** `options` over `base`. Throws `SG_BAD_OPTIONS` for what is out of bounds. */
export function complete(base: CompleteOptions, options: AdaptiveLimitOptions): CompleteOptions {
  checkKeys(options, defaults, 'adaptiveLimit')
  // Undefined means that it stays, so it must not hide what is there.
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const all = { ...base, ...given } as CompleteOptions
  const { algorithm, minLimit, maxLimit } = all
  check(isAlgorithm(algorithm), 'adaptiveLimit.algorithm', `one of ${algorithms.join(', ')}`, algorithm)
  checkCount(minLimit, 'adaptiveLimit.minLimit', 1)
  checkCount(maxLimit, 'adaptiveLimit.maxLimit', minLimit)
  if (options.initialLimit !== undefined) {
    checkCount(options.initialLimit, 'adaptiveLimit.initialLimit', minLimit, maxLimit)
  }
  checkCount(all.maxQueue, 'adaptiveLimit.maxQueue', 0)
  checkRange(all.headroom, 'adaptiveLimit.headroom', 1, 1000)
  checkRatio(all.smoothing, 'adaptiveLimit.smoothing')
  checkRange(all.backoffRatio, 'adaptiveLimit.backoffRatio', 0.5, 0.99)
  rulesOf(all)
  return all
}

/** What an algorithm goes by. */
export function rulesOf(options: CompleteOptions): LimitRules {
  const { minLimit, maxLimit, headroom, smoothing, backoffRatio } = options
  const windowMs = parseDuration(options.window, 'adaptiveLimit.window', 1)
  const dropAfterMs = parseDuration(options.dropAfter, 'adaptiveLimit.dropAfter', 1)
  return { minLimit, maxLimit, windowMs, headroom, smoothing, backoffRatio, dropAfterMs }
}
