// The knobs of a circuit breaker. Its triggers can be switched as well as turned; one is always on, and the options of one
// that is off are not written, so that what comes out reads as if a person had written it.
import { type CircuitBreakerOptions, type Duration, parseDuration, type PolicySpec, presets } from '@switchgear/core'
import { choiceKnob, countKnob, durationKnob, type Knob, shareKnob } from './knob.ts'

type Setting = Exclude<Extract<PolicySpec, { circuitBreaker: unknown }>['circuitBreaker'], { readonly shared: string }>

const onOrOff = (name: string): Knob<boolean> => choiceKnob(name, [true, false])

const knobs = {
  inRow: onOrOff('circuitBreaker.inRow'),
  consecutiveFailures: countKnob('circuitBreaker.consecutiveFailures', 2, 30),
  byRatio: onOrOff('circuitBreaker.byRatio'),
  failureRatio: shareKnob('circuitBreaker.failureRatio', 0.1, 0.9),
  bySlowness: onOrOff('circuitBreaker.bySlowness'),
  slowCallRatio: shareKnob('circuitBreaker.slowCallRatio', 0.1, 0.9),
  slowCallDuration: durationKnob('circuitBreaker.slowCallDuration', 10, 20_000),
  window: durationKnob('circuitBreaker.window', 1000, 60_000),
  minimumThroughput: countKnob('circuitBreaker.minimumThroughput', 3, 100),
  openFor: durationKnob('circuitBreaker.openFor', 200, 60_000),
  ramps: onOrOff('circuitBreaker.ramps'),
  rampFor: durationKnob('circuitBreaker.rampFor', 500, 30_000),
}
type Values = { readonly [Name in keyof typeof knobs]: ReturnType<(typeof knobs)[Name]['value']> }

/** The knobs of every circuit breaker, in the order of the values. */
export const breakerKnobs: readonly Knob[] = Object.values(knobs)

/**
 * The options that a setting amounts to. A preset is written out, for a turned one is no longer that preset.
 *
 * @example
 * writtenOut('critical') // { consecutiveFailures: 5, openFor: '15s' }
 */
export function writtenOut(setting: Setting): CircuitBreakerOptions {
  const { preset, ...own } = typeof setting === 'string' ? { preset: setting } : setting
  return { ...(preset === undefined ? {} : presets[preset]()), ...own }
}

/** What the knobs are set to by these options and the defaults of those that are missing. */
export function breakerValues(options: CircuitBreakerOptions): readonly unknown[] {
  const byRatio = options.failureRatio !== undefined
  const bySlowness = options.slowCallRatio !== undefined
  const inRow = options.consecutiveFailures ?? (byRatio || bySlowness ? false : 5)
  const rampMs = parseDuration(options.rampFor ?? 0, 'rampFor')
  const values: Values = {
    inRow: inRow !== false,
    consecutiveFailures: inRow === false ? 5 : inRow,
    byRatio,
    failureRatio: options.failureRatio ?? 0.5,
    bySlowness,
    slowCallRatio: options.slowCallRatio ?? 0.5,
    slowCallDuration: options.slowCallDuration ?? '5s',
    window: typeof options.window === 'string' ? options.window : '10s',
    minimumThroughput: options.minimumThroughput ?? 10,
    openFor: options.openFor ?? '5s',
    ramps: rampMs > 0,
    rampFor: rampMs > 0 ? rampMs : '5s',
  }
  return Object.keys(knobs).map((name) => values[name as keyof Values])
}

/** These options with other values of the knobs. */
export function turnedBreaker(options: CircuitBreakerOptions, turned: readonly unknown[]): CircuitBreakerOptions {
  const values = Object.fromEntries(Object.keys(knobs).map((name, index) => [name, turned[index]])) as Values
  const { byRatio, bySlowness, openFor } = values
  const windowed = byRatio || bySlowness
  const chosen: { -readonly [Name in keyof CircuitBreakerOptions]: CircuitBreakerOptions[Name] } = { ...options }
  for (const name of Object.keys(knobs) as (keyof CircuitBreakerOptions)[]) {
    // A window of a count of calls has no duration to turn; a turned one would be another kind of window.
    if (name !== 'window' || typeof options.window !== 'number' || !windowed) delete chosen[name]
  }
  // One trigger there must be.
  if (values.inRow || !windowed) chosen.consecutiveFailures = values.consecutiveFailures
  if (byRatio) chosen.failureRatio = values.failureRatio
  if (bySlowness) {
    chosen.slowCallRatio = values.slowCallRatio
    chosen.slowCallDuration = values.slowCallDuration
  } else delete chosen.slowCallFactor
  if (windowed) {
    chosen.window ??= values.window
    chosen.minimumThroughput = values.minimumThroughput
  }
  chosen.openFor = openFor
  // The upper bound of a growing open time may not be below it.
  if (options.openForMax !== undefined) chosen.openForMax = longer(options.openForMax, openFor)
  if (values.ramps) chosen.rampFor = values.rampFor
  return chosen
}

function longer(one: Duration, other: Duration): Duration {
  return parseDuration(one, 'openForMax') >= parseDuration(other, 'openFor') ? one : other
}
