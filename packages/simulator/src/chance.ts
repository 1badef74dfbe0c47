// Chance by name: every part of a simulation draws from a stream of its own, so that another policy, which draws more or
// less, meets the same load. All of it comes from one seed.
import type { Random } from '@switchgear/core'
import { seededRandom } from '@switchgear/core/testing'

/**
 * The stream of `name` under `seed`; the same for the same two, and unlike those of other names.
 *
 * @example
 * const arrivals = chance(1, 'load 0')
 */
export function chance(seed: number, name: string): Random {
  // FNV-1a over the seed and the name, then the finish of murmur3, since near names must not give near streams.
  let hash = 0x811c9dc5
  for (const char of `${seed}:${name}`) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return seededRandom(hash ^ (hash >>> 16))
}

/** Exponentially distributed with mean 1. */
export const exponential = (random: Random): number => -Math.log(1 - random())
