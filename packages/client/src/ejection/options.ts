// The options of outlier ejection, their defaults and bounds, and the form in which the state machine uses them. `false` switches a
// trigger, or all of it, off; then its numbers are such that nothing ever reaches them.
import {
  check,
  checkCount,
  checkKeys,
  checkRange,
  checkShare,
  type Duration,
  parseDuration,
} from '@switchgear/core/options'

/** An endpoint against the spread of all: for five or more. */
export interface SuccessRateOptions {
  /**
   * Standard deviations below the mean of the success rates: [1, 10]. Default 1.9. One of n can be at most sqrt(n - 1) of them away
   * from the mean, so that 1.9 is out of reach for fewer than five endpoints.
   */
  readonly stdevFactor?: number | undefined
  /** Endpoints with enough calls, at least 3. Default 5. */
  readonly endpoints?: number | undefined
  /** Calls in the interval before an endpoint is compared. Default 50. */
  readonly calls?: number | undefined
  /** And at least so much below the mean: in a healthy service the deviation is so small that one failure is far out. Default 0.05. */
  readonly gap?: number | undefined
}

/** An endpoint against all its siblings taken together, by the share of its failures or by a row of them: for two or more. */
export interface FailureShareOptions {
  /** Share of failures from which it is an outlier, in [0, 1]. Default 0.5. */
  readonly share?: number | undefined
  /** Endpoints of the service, at least 2. Default 2. */
  readonly endpoints?: number | undefined
  /**
   * Calls in the interval, of the endpoint and of its siblings together, before it is compared. Default 20. One whose last three calls
   * failed needs none of its own: a balancer that shuns it sends it none.
   */
  readonly calls?: number | undefined
}

/**
 * Options of outlier ejection. The names are those of the field; where Envoy has other numbers, the reason stands beside.
 *
 * @example
 * createClient({ services: { payments: { ejection: { consecutiveFailures: 3, baseTime: '10s' } } } })
 */
export interface EjectionOptions {
  /**
   * Failures in a row that eject an endpoint at once; two are enough where no connection comes about. `false` switches it off. Default 5.
   */
  readonly consecutiveFailures?: number | false | undefined
  /** Compared when an interval ends. `false` switches it off. Default: on. */
  readonly successRate?: SuccessRateOptions | false | undefined
  /** Compared when an interval ends. `false` switches it off. Default: on (Envoy: off, 85 %, five hosts: no use to small fleets). */
  readonly failureShare?: FailureShareOptions | false | undefined
  /** Over which results are compared, and by which an endpoint forgets one of its ejections after its return. Default '10s'. */
  readonly interval?: Duration | undefined
  /** How long an ejection lasts, times the ejections in a row. Default '30s'. */
  readonly baseTime?: Duration | undefined
  /** The longest ejection. Default '5m', or `baseTime` if that is longer. */
  readonly maxTime?: Duration | undefined
  /** Share by which chance lengthens or shortens it, so that not all callers come back in step: [0, 1]. Default 0.1. */
  readonly jitter?: number | undefined
  /** Share of the endpoints that may be ejected at once; see the table in `quota.ts`. Default 0.5 (Envoy 0.1, for large fleets). */
  readonly maxShare?: number | undefined
  /** When less than this share is left, ejected ones are used again too. 0 switches it off. Default 0.5. */
  readonly panicThreshold?: number | undefined
  /**
   * Calls after a return of which one failure ejects again, for longer. 0 switches it off. Default 3: more would keep out an endpoint
   * of a service that always fails a little.
   */
  readonly probation?: number | undefined
}

/** Checked; durations in milliseconds. */
export interface EjectionRules {
  /** Infinity where it is off. */
  readonly consecutiveFailures: number
  readonly successRate: Required<{ readonly [K in keyof SuccessRateOptions]: number }> | undefined
  readonly failureShare: Required<{ readonly [K in keyof FailureShareOptions]: number }> | undefined
  readonly intervalMs: number
  readonly baseMs: number
  readonly maxMs: number
  readonly jitter: number
  readonly maxShare: number
  readonly panicThreshold: number
  readonly probation: number
}

const defaults = Object.freeze({
  consecutiveFailures: 5 as number | false,
  successRate: {} as SuccessRateOptions | false,
  failureShare: {} as FailureShareOptions | false,
  interval: '10s' as Duration,
  baseTime: '30s' as Duration,
  maxTime: '5m' as Duration,
  jitter: 0.1,
  maxShare: 0.5,
  panicThreshold: 0.5,
  probation: 3,
})
const ofSuccessRate = Object.freeze({ stdevFactor: 1.9, endpoints: 5, calls: 50, gap: 0.05 })
const ofFailureShare = Object.freeze({ share: 0.5, endpoints: 2, calls: 20 })

/**
 * Checks the options that stand at `path`; `false` is no ejection at all. Throws `SG_BAD_OPTIONS`.
 *
 * @example
 * ejectionRules({ baseTime: '10s' }, 'services.payments.ejection').baseMs // 10000
 */
export function ejectionRules(options: EjectionOptions | false, path: string): EjectionRules {
  const given = options === false ? off : options
  checkKeys(given, defaults, path)
  const { consecutiveFailures = defaults.consecutiveFailures, probation = defaults.probation } = given
  const { jitter = defaults.jitter, maxShare = defaults.maxShare } = given
  const { panicThreshold = defaults.panicThreshold } = given
  const baseMs = parseDuration(given.baseTime ?? defaults.baseTime, `${path}.baseTime`, 1)
  const defaultMaxMs = Math.max(baseMs, parseDuration(defaults.maxTime, `${path}.maxTime`))
  const maxMs = given.maxTime === undefined ? defaultMaxMs : parseDuration(given.maxTime, `${path}.maxTime`, 1)
  check(maxMs >= baseMs, `${path}.maxTime`, `at least baseTime (${baseMs} ms)`, given.maxTime)
  return Object.freeze({
    consecutiveFailures:
      consecutiveFailures === false
        ? Infinity
        : checkCount(consecutiveFailures, `${path}.consecutiveFailures`, 1, 1_000_000),
    successRate: successRateRules(given.successRate ?? defaults.successRate, `${path}.successRate`),
    failureShare: failureShareRules(given.failureShare ?? defaults.failureShare, `${path}.failureShare`),
    intervalMs: parseDuration(given.interval ?? defaults.interval, `${path}.interval`, 1),
    baseMs,
    maxMs,
    jitter: checkShare(jitter, `${path}.jitter`),
    maxShare: checkShare(maxShare, `${path}.maxShare`),
    panicThreshold: checkShare(panicThreshold, `${path}.panicThreshold`),
    probation: checkCount(probation, `${path}.probation`, 0, 1_000_000),
  })
}

const off: EjectionOptions = Object.freeze({ consecutiveFailures: false, successRate: false, failureShare: false })

function successRateRules(options: SuccessRateOptions | false, path: string): EjectionRules['successRate'] {
  if (options === false) return undefined
  checkKeys(options, ofSuccessRate, path)
  const { stdevFactor = ofSuccessRate.stdevFactor, gap = ofSuccessRate.gap } = options
  checkRange(stdevFactor, `${path}.stdevFactor`, 1, 10)
  return Object.freeze({
    stdevFactor,
    endpoints: checkCount(options.endpoints ?? ofSuccessRate.endpoints, `${path}.endpoints`, 3),
    calls: checkCount(options.calls ?? ofSuccessRate.calls, `${path}.calls`, 1),
    gap: checkShare(gap, `${path}.gap`),
  })
}

function failureShareRules(options: FailureShareOptions | false, path: string): EjectionRules['failureShare'] {
  if (options === false) return undefined
  checkKeys(options, ofFailureShare, path)
  return Object.freeze({
    share: checkShare(options.share ?? ofFailureShare.share, `${path}.share`),
    endpoints: checkCount(options.endpoints ?? ofFailureShare.endpoints, `${path}.endpoints`, 2),
    calls: checkCount(options.calls ?? ofFailureShare.calls, `${path}.calls`, 1),
  })
}
