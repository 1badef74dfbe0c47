// The options of a circuit breaker, their defaults and bounds. `rulesOf` turns them into what the state machine uses:
// milliseconds, and one flag for each kind of trigger, so that the hot path asks nothing twice.
import type { FleetState } from '../fleet.ts'
import {
  check,
  checkCount,
  checkKeys,
  checkMethods,
  checkRange,
  checkRatio,
  type Duration,
  parseDuration,
} from '../options.ts'

/** Options of `circuitBreaker`. */
export interface CircuitBreakerOptions {
  /** Name in errors, events and snapshots. Default 'circuitBreaker'. */
  readonly name?: string | undefined
  /** Failures in a row that open it; false switches the trigger off. Default 5, off when another trigger is given. */
  readonly consecutiveFailures?: number | false | undefined
  /** Share of failures in the window that opens it, in (0, 1]. Default off. */
  readonly failureRatio?: number | undefined
  /** Share of slow calls in the window that opens it, in (0, 1]. Default off. */
  readonly slowCallRatio?: number | undefined
  /** From when on a call counts as slow. Default '5s'. */
  readonly slowCallDuration?: Duration | undefined
  /**
   * Beside `slowCallRatio`: a call that takes so many times as long as usual is slow already, from 100 ms on: [2, 1000]. Usual is
   * a running median of the successes, known after 20 of them, that doubles in half a minute at most. Default off.
   */
  readonly slowCallFactor?: number | undefined
  /** What the ratios look at: a duration, or (a number) so many last calls. Default '10s'. */
  readonly window?: Duration | undefined
  /** Calls in the window before a ratio may open it; no more than a window of a count holds. Default 10. */
  readonly minimumThroughput?: number | undefined
  /** How long it stays open. Default '5s'. */
  readonly openFor?: Duration | undefined
  /** Upper bound of the growing open time. Default '5m', or `openFor` if that is longer. */
  readonly openForMax?: Duration | undefined
  /** The open time is multiplied by it with each re-opening in a row. Default 1: no growth. */
  readonly openForFactor?: number | undefined
  /** Share by which chance lengthens or shortens the open time, so that a fleet does not probe in step: [0, 1]. Default 0. */
  readonly jitter?: number | undefined
  /** Probes in flight at most while half-open. Default 3, at most 1000. */
  readonly halfOpenCalls?: number | undefined
  /** Successful probes that end the probing. Default 3. */
  readonly successesToClose?: number | undefined
  /** A probe that has not ended by then counts as a failure. Default '30s'. */
  readonly probeTimeout?: Duration | undefined
  /** Over how long the admitted share grows from 10 % to 100 % after the probing. Default 0: closes at once. */
  readonly rampFor?: Duration | undefined
  /**
   * While most calls of the ramp succeed in about their usual time, it passes so many times as fast: [1, 100]. Default 1.
   */
  readonly rampSpeedUp?: number | undefined
  /** 'observe' evaluates every rule and publishes `wouldReject`, but never rejects. Default 'protect'. */
  readonly mode?: 'protect' | 'observe' | undefined
  /** One error object per open time instead of a fresh one per refusal; frozen. Default false. */
  readonly sharedError?: boolean | undefined
  /** What other instances know of the same circuit, see `LocalFleet`. Default: it stands alone. */
  readonly fleet?: FleetState | undefined
  /**
   * Share of the other instances that must have it open for one own failure to open it here: (0, 1]. Their word alone opens
   * nothing, so a part of the fleet that is cut off cannot stop the rest. Default 0.5.
   */
  readonly fleetQuorum?: number | undefined
}

const defaults = Object.freeze({
  name: 'circuitBreaker',
  consecutiveFailures: 5 as number | false,
  failureRatio: undefined,
  slowCallRatio: undefined,
  slowCallDuration: '5s' as Duration,
  slowCallFactor: undefined,
  window: '10s' as Duration,
  minimumThroughput: 10,
  openFor: '5s' as Duration,
  openForMax: '5m' as Duration,
  openForFactor: 1,
  jitter: 0,
  halfOpenCalls: 3,
  successesToClose: 3,
  probeTimeout: '30s' as Duration,
  rampFor: 0 as Duration,
  rampSpeedUp: 1,
  mode: 'protect' as 'protect' | 'observe',
  sharedError: false,
  fleet: undefined as FleetState | undefined,
  fleetQuorum: 0.5,
})

/** Options as the state machine uses them. Ratios that are off are Infinity: no share reaches them. */
export interface Rules {
  readonly consecutiveFailures: number
  readonly failureRatio: number
  readonly slowCallRatio: number
  readonly slowCallMs: number
  /** 0 where it is off. */
  readonly slowCallFactor: number
  /** Exactly one of the two is not 0 where a ratio is on. */
  readonly windowMs: number
  readonly windowCalls: number
  readonly minimumThroughput: number
  readonly openForMs: number
  readonly openForMaxMs: number
  readonly openForFactor: number
  readonly jitter: number
  readonly halfOpenCalls: number
  readonly successesToClose: number
  readonly probeTimeoutMs: number
  readonly rampForMs: number
  readonly rampSpeedUp: number
  readonly observes: boolean
  readonly sharedError: boolean
  readonly fleet: FleetState | undefined
  readonly fleetQuorum: number
  /** Whether results go to a window. */
  readonly windowed: boolean
  /** Whether slow calls count, so that every call is timed. */
  readonly timesCalls: boolean
}

/** Checks options and compiles them. Throws `SG_BAD_OPTIONS`; never changes what it is given. */
export function rulesOf(options: CircuitBreakerOptions): Rules {
  checkKeys(options, defaults, 'circuitBreaker')
  const given = { ...defaults, ...withoutUndefined(options) }
  const at = (key: keyof CircuitBreakerOptions): string => `circuitBreaker.${key}`
  const ms = (key: 'slowCallDuration' | 'openFor' | 'openForMax' | 'probeTimeout' | 'rampFor', least: number): number =>
    parseDuration(given[key], at(key), least)
  const failureRatio = ratio(given.failureRatio, at('failureRatio'))
  const slowCallRatio = ratio(given.slowCallRatio, at('slowCallRatio'))
  const windowed = failureRatio < Infinity || slowCallRatio < Infinity
  const inRow = options.consecutiveFailures === undefined && windowed ? false : given.consecutiveFailures
  if (inRow !== false) checkCount(inRow, at('consecutiveFailures'), 1)
  check(windowed || inRow !== false, 'circuitBreaker', 'given at least one trigger', 'consecutiveFailures: false alone')
  const counts = typeof given.window === 'number'
  if (counts) checkCount(given.window as number, at('window'), 1, 1_000_000)
  for (const key of ['minimumThroughput', 'successesToClose'] as const) checkCount(given[key], at(key), 1)
  checkCount(given.halfOpenCalls, at('halfOpenCalls'), 1, 1000)
  const { jitter, openForFactor, slowCallFactor = 0, rampSpeedUp } = given
  if (slowCallFactor !== 0 || options.slowCallFactor === 0) checkRange(slowCallFactor, at('slowCallFactor'), 2, 1000)
  const compares = slowCallFactor === 0 || slowCallRatio < Infinity
  check(compares, at('slowCallFactor'), 'left out without slowCallRatio, which it works by', slowCallFactor)
  checkRange(rampSpeedUp, at('rampSpeedUp'), 1, 100)
  checkRange(jitter, at('jitter'), 0, 1)
  checkRange(openForFactor, at('openForFactor'), 1, 100)
  check(typeof given.name === 'string', at('name'), 'a string', given.name)
  check(typeof given.sharedError === 'boolean', at('sharedError'), 'true or false', given.sharedError)
  checkRatio(given.fleetQuorum, at('fleetQuorum'))
  if (given.fleet !== undefined)
    checkMethods(given.fleet, ['report', 'others', 'takeProbe', 'returnProbe'], at('fleet'))
  check(given.mode === 'protect' || given.mode === 'observe', at('mode'), "'protect' or 'observe'", given.mode)
  const openForMs = ms('openFor', 1)
  const openForMaxMs = options.openForMax === undefined ? Math.max(ms('openForMax', 1), openForMs) : ms('openForMax', 1)
  check(openForMaxMs >= openForMs, at('openForMax'), `at least openFor (${openForMs} ms)`, given.openForMax)
  const windowMs = counts ? 0 : parseDuration(given.window, at('window'), 10)
  return {
    consecutiveFailures: inRow === false ? Infinity : inRow,
    failureRatio,
    slowCallRatio,
    slowCallMs: ms('slowCallDuration', 0),
    slowCallFactor,
    windowMs,
    windowCalls: counts ? (given.window as number) : 0,
    // A window of fewer calls than that could never be full enough to open.
    minimumThroughput: counts ? Math.min(given.minimumThroughput, given.window as number) : given.minimumThroughput,
    openForMs,
    openForMaxMs,
    openForFactor,
    jitter,
    halfOpenCalls: given.halfOpenCalls,
    successesToClose: given.successesToClose,
    probeTimeoutMs: ms('probeTimeout', 1),
    rampForMs: ms('rampFor', 0),
    rampSpeedUp,
    observes: given.mode === 'observe',
    sharedError: given.sharedError,
    fleet: given.fleet,
    fleetQuorum: given.fleetQuorum,
    windowed,
    timesCalls: slowCallRatio < Infinity,
  }
}

/** What every breaker without options shares, so that ten thousand idle ones hold it once. */
export const defaultRules: Rules = Object.freeze(rulesOf({}))

function ratio(value: number | undefined, path: string): number {
  if (value === undefined) return Infinity
  checkRatio(value, path)
  return value
}

/** `{ window: undefined }` means the default, as for every option. */
function withoutUndefined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
