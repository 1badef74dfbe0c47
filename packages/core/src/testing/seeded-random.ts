// Chance that repeats itself: the same seed gives the same numbers on every machine. It is not for secrets.
import type { Random } from '../random.ts'

/**
 * A seeded source of numbers in [0, 1): mulberry32, a 32-bit generator by Tommy Ettinger, public domain, good enough to
 * spread load and jitter and four lines long.
 *
 * @example
 * const random = seededRandom(42)
 * random() // 0.6011037519201636, on every machine
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
