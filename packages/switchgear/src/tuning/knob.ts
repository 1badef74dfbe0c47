// One threshold that tuning may turn. A search sees every knob as a number in [0, 1]; what comes out is a value that a person
// would write: two digits of a duration, whole counts, shares in steps of five hundredths.
import { parseDuration } from '@switchgear/core'

/** Goes from a place in [0, 1] to a value and back. */
export interface Knob<T = unknown> {
  /** What it turns, as in `circuitBreaker.openFor`; for reports and tests. */
  readonly name: string
  value(place: number): T
  place(value: T): number
}

/**
 * A duration between two bounds in milliseconds, on a logarithmic scale; as text.
 *
 * @example
 * durationKnob('timeout', 10, 10_000).value(0.5) // '320ms'
 */
export function durationKnob(name: string, leastMs: number, mostMs: number): Knob<string | number> {
  const { value, place } = logarithmic(leastMs, mostMs)
  return {
    name,
    value: (at) => durationText(Number(value(at).toPrecision(2))),
    place: (given) => place(parseDuration(given, name)),
  }
}

/** A whole number between two bounds, on a logarithmic scale. */
export function countKnob(name: string, least: number, most: number): Knob<number> {
  const { value, place } = logarithmic(least, most)
  return { name, value: (at) => Number(Math.round(value(at)).toPrecision(2)), place }
}

/** A share between two bounds, in steps of 0.05. */
export function shareKnob(name: string, least: number, most: number): Knob<number> {
  return {
    name,
    value: (at) => Number((Math.round((least + clamped(at) * (most - least)) * 20) / 20).toFixed(2)),
    place: (given) => clamped((given - least) / (most - least)),
  }
}

/** One of a few values. */
export function choiceKnob<T>(name: string, values: readonly [T, ...T[]]): Knob<T> {
  const [first] = values
  return {
    name,
    value: (at) => values[Math.min(values.length - 1, Math.floor(clamped(at) * values.length))] ?? first,
    // The middle of its share of the scale, so that a small step changes nothing.
    place: (given) => (Math.max(0, values.indexOf(given)) + 0.5) / values.length,
  }
}

/**
 * Milliseconds as a configuration writes them.
 *
 * @example
 * durationText(1500) // '1.5s'
 */
export function durationText(ms: number): string {
  return ms < 1000 ? `${ms}ms` : `${Number((ms / 1000).toFixed(3))}s`
}

function logarithmic(least: number, most: number): { value: (at: number) => number; place: (given: number) => number } {
  const range = Math.log(most / least)
  return {
    value: (at) => least * Math.exp(clamped(at) * range),
    place: (given) => clamped(Math.log(Math.max(given, least) / least) / range),
  }
}

function clamped(place: number): number {
  return Math.min(1, Math.max(0, place))
}
