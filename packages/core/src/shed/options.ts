// The options of `shed`: their defaults with the reasons, their bounds, and the rules that follow from them.
import { check, checkKeys, type Duration, parseDuration } from '../options.ts'
import type { CodelRules } from './codel.ts'

/** Options of `shed`. */
export interface ShedOptions {
  /** Name in errors, events and snapshots. Default 'shed'. */
  readonly name?: string | undefined
  /**
   * A delay that is too long if it stays. Default '20ms': above what collecting garbage and the host's timers cost a healthy
   * process, and below what its callers notice.
   */
  readonly target?: Duration | undefined
  /**
   * How long the delay must stay there before the first calls are refused; also about how long a refused caller is asked to
   * wait. Default '100ms', CoDel's own: one slow request or one collection of garbage is no overload.
   */
  readonly interval?: Duration | undefined
  /** Whether even priority 0 is refused when refusing all others has not helped. Default false. */
  readonly shedCritical?: boolean | undefined
}

/** Options that are all there, durations as they were given. */
export type CompleteOptions = { readonly [K in keyof ShedOptions]-?: Exclude<ShedOptions[K], undefined> }

/** The defaults. */
export const defaults: CompleteOptions = Object.freeze({ name: 'shed', target: 20, interval: 100, shedCritical: false })

/** `options` over `base`. Throws `SG_BAD_OPTIONS` for what is out of bounds. */
export function complete(base: CompleteOptions, options: ShedOptions): CompleteOptions {
  checkKeys(options, defaults, 'shed')
  // Undefined means that it stays, so it must not hide what is there.
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const all = { ...base, ...given } as CompleteOptions
  check(typeof all.shedCritical === 'boolean', 'shed.shedCritical', 'true or false', all.shedCritical)
  rulesOf(all)
  return all
}

/** What the two watches go by. */
export function rulesOf({ target, interval, shedCritical }: CompleteOptions): CodelRules {
  const targetMs = parseDuration(target, 'shed.target', 1)
  return { targetMs, intervalMs: parseDuration(interval, 'shed.interval', targetMs), most: shedCritical ? 4 : 3 }
}
