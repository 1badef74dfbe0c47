// How long to wait between two attempts. Pure: attempt, previous wait and chance in, milliseconds out.
import type { Random } from './random.ts'

/** `decorrelated` is the one of Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. */
export type BackoffKind = 'constant' | 'linear' | 'exponential' | 'decorrelated'

/** Everything that decides a wait; times in milliseconds. */
export interface Backoff {
  readonly kind: BackoffKind
  readonly delayMs: number
  readonly maxDelayMs: number
  /** Share of the wait that chance may take away: 0 none, 1 all of it. `decorrelated` is chance by itself and ignores it. */
  readonly jitter: number
}

/**
 * Milliseconds to wait after the failed `attempt` (1 for the first), given the wait before it (0 if there was none).
 *
 * @example
 * backoffMs({ kind: 'exponential', delayMs: 100, maxDelayMs: 10_000, jitter: 0 }, 3, 200, Math.random) // 400
 */
export function backoffMs(backoff: Backoff, attempt: number, previousMs: number, random: Random): number {
  const { kind, delayMs, maxDelayMs, jitter } = backoff
  if (kind === 'decorrelated') {
    // Before the first wait there is none: it is spread from the start, else a fleet makes its first retry in step.
    const top = Math.max(delayMs, (previousMs || delayMs) * 3)
    return Math.min(maxDelayMs, delayMs + random() * (top - delayMs))
  }
  // 2 ** 1024 is Infinity, which the cap below takes care of.
  const factor = kind === 'constant' ? 1 : kind === 'linear' ? attempt : 2 ** (attempt - 1)
  return Math.min(maxDelayMs, delayMs * factor) * (1 - jitter * random())
}
