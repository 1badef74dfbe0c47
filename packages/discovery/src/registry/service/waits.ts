// How long to wait: for an answer, and before the next try. The wait before is doubling, capped, and spread by chance, so that a fleet that lost its registry at one moment
// does not come back at one moment. Invariant: no timer is left behind, and none keeps the process alive.
import type { Clock, Random } from '@switchgear/core'

/** The first wait and the longest one, ms. */
export interface Waits {
  readonly firstMs: number
  readonly longestMs: number
}

/**
 * Milliseconds before the try after `failures` failed ones (1 for the first): between half of the doubled wait and all of it.
 *
 * @example
 * waitMs({ firstMs: 200, longestMs: 30_000 }, 3, Math.random) // in [400, 800)
 */
export function waitMs({ firstMs, longestMs }: Waits, failures: number, random: Random): number {
  // 2 ** 1024 is Infinity, which the cap takes care of.
  return Math.min(longestMs, firstMs * 2 ** (failures - 1)) * (0.5 + random() / 2)
}

/**
 * What `promise` settles with, or undefined when that is later than `ms`; a later error then belongs to nobody.
 *
 * @example
 * const answer = await within(ask(), 2000, systemClock)
 */
export function within<T>(promise: Promise<T>, ms: number, clock: Clock): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(() => resolve(undefined), ms)
    timer.hold?.(false)
    promise.then(resolve, reject).finally(() => timer.cancel())
  })
}
