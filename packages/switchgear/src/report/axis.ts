// Scales and the ticks on them: from a value to a place in a drawing, and the round values that people read off it.

/** A scale of one direction of a drawing. */
export interface Axis {
  /** The place of a value. */
  readonly at: (value: number) => number
  /** Round values, in order. */
  readonly ticks: readonly number[]
}

/**
 * A linear scale from 0 to at least `max`, which ends at a round value.
 *
 * @example
 * linear(87, 100, 0).ticks // [0, 25, 50, 75, 100]
 */
export function linear(max: number, from: number, to: number, most: number = 4): Axis {
  // A scale from 0 to 0 has no places.
  const reach = max > 0 ? max : 1
  const step = roundStep(reach, most)
  const top = Math.ceil(reach / step - 1e-9) * step
  const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step)
  return { at: (value) => from + (value / top) * (to - from), ticks }
}

/**
 * A logarithmic scale over whole decades from at most `min` to at least `max`; what is below its start stands at its start.
 *
 * @example
 * logarithmic(3, 800, 100, 0).ticks // [1, 10, 100, 1000]
 */
export function logarithmic(min: number, max: number, from: number, to: number): Axis {
  const low = Math.floor(Math.log10(Math.max(min, 0.1)) + 1e-9)
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(max, 0.1)) - 1e-9))
  const ticks = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index))
  const at = (value: number): number => {
    const place = Math.max(0, Math.log10(Math.max(value, 1e-9)) - low) / (high - low)
    return from + place * (to - from)
  }
  return { at, ticks }
}

/** Time from 0 to exactly `durationMs`, with ticks at round seconds or minutes. */
export function time(durationMs: number, from: number, to: number): Axis {
  const steps = [
    100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000,
  ]
  const step = steps.find((candidate) => durationMs / candidate <= 12) ?? roundStep(durationMs, 12)
  const ticks = Array.from({ length: Math.floor(durationMs / step) + 1 }, (_, index) => index * step)
  return { at: (ms) => from + (ms / durationMs) * (to - from), ticks }
}

/** The smallest of 1, 2, 2.5 and 5 times a power of ten that divides `max` into at most `most` parts. */
function roundStep(max: number, most: number): number {
  const power = 10 ** Math.floor(Math.log10(max / most))
  return ([1, 2, 2.5, 5, 10].find((factor) => factor * power * most >= max * (1 - 1e-9)) ?? 10) * power
}
