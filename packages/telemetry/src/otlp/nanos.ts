// Times of OTLP: whole nanoseconds since the epoch, 64 bits. A double holds them only to about 256, so they are kept as two
// halves of 32 bits, summed without BigInt. Invariant: exact for every time between 1970 and 2554.

const two32 = 2 ** 32

/** A number of nanoseconds: `high` * 2^32 + `low`, both unsigned. */
export interface Nanos {
  readonly high: number
  readonly low: number
}

/** Epoch microseconds (exact to a quarter), and `plusNanos` (at most 2^52) added, as nanoseconds. What is no time becomes 0. */
export function nanosOfMicros(micros: number, plusNanos = 0): Nanos {
  if (!(micros >= 0 && micros < Infinity)) return { high: 0, low: 0 }
  const whole = Math.floor(micros)
  // 2^20 * 1000 = 1000 / 2^12 * 2^32: the upper part of the product is cut at 2^12 to become the upper half.
  const upper = Math.floor(whole / 2 ** 20) * 1000
  const high = Math.floor(upper / 4096)
  const low = (upper - high * 4096) * 2 ** 20 + (whole % 2 ** 20) * 1000 + Math.round((micros - whole) * 1000)
  return addNanos(high, low, plusNanos)
}

/** Epoch milliseconds with fractions as nanoseconds. */
export function nanosOfMillis(millis: number): Nanos {
  const whole = Math.floor(millis)
  return nanosOfMicros(whole * 1000, Math.round((millis - whole) * 1e6))
}

/** `high` * 2^32 + `low` + `plus`, where `low` and `plus` may be up to 2^52. A `plus` that is not greater than 0 adds nothing. */
export function addNanos(high: number, low: number, plus: number): Nanos {
  const sum = low + (plus > 0 ? Math.round(plus) : 0)
  const carry = Math.floor(sum / two32)
  return { high: high + carry, low: sum - carry * two32 }
}

/** As the decimal text that JSON wants. */
export function nanosText({ high, low }: Nanos): string {
  return String((BigInt(high) << 32n) | BigInt(low))
}
