// The rejection threshold of consistent probability sampling: of 2^56 equally likely random values, those below it are
// not sampled (OpenTelemetry specification, trace/tracestate-probability-sampling.md). Invariant: every 56-bit value is
// kept as its first 24 and its last 32 bits, both unsigned, because a double would lose the last bits and a BigInt
// would allocate.

/** The share of all 56-bit values that is rejected. */
export interface Threshold {
  /** The first 24 bits. */
  readonly high: number
  /** The last 32 bits. */
  readonly low: number
  /** As the `th` of a trace state: 1 to 14 hex digits without trailing zeros. */
  readonly text: string
}

const bits = 56n
const digitsOf56Bits = 14
/** The smallest probability that a threshold can express. */
export const leastProbability: number = 2 ** -56

/**
 * The threshold of a probability in [2^-56, 1], rounded to `digits` significant hex digits (1 to 14, default 4 as the
 * specification recommends). Leading `f` digits come on top, so that a small probability is as precise as a large one.
 *
 * @example
 * thresholdOf(0.1).text // 'e666'
 */
export function thresholdOf(probability: number, digits = 4): Threshold {
  const sampled = BigInt(Math.round(probability * 2 ** 56))
  const exact = (1n << bits) - sampled
  const leadingDigits = Math.floor(-(Math.floor(Math.log2(probability)) + 1) / 4)
  const kept = Math.max(1, Math.min(digitsOf56Bits, digits + leadingDigits))
  const dropped = 4n * BigInt(digitsOf56Bits - kept)
  const half = dropped === 0n ? 0n : 1n << (dropped - 1n)
  const rounded = ((exact + half) >> dropped) << dropped
  // Rounding up to 2^56 would mean never; the exact value still samples a little.
  const value = rounded >> bits === 0n ? rounded : exact
  const hex = value.toString(16).padStart(digitsOf56Bits, '0').replace(/0+$/, '')
  return { high: Number(value >> 32n), low: Number(value & 0xffff_ffffn), text: hex === '' ? '0' : hex }
}

/** Whether the random value with these bits is sampled: it is not below the threshold. */
export function passes(threshold: { readonly high: number; readonly low: number }, high: number, low: number): boolean {
  return high === threshold.high ? low >= threshold.low : high > threshold.high
}

/** The share of all values that a threshold with these bits lets pass, in (0, 1]. */
export function probabilityOf(high: number, low: number): number {
  // In this order every step is exact, also next to probability 0.
  return (2 ** 24 - high - low / 2 ** 32) / 2 ** 24
}
