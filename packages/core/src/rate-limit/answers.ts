// What a store answers, checked: one in plain JavaScript may answer a promise where a number is wanted, and a promise is
// never more than 0, so every call would be admitted without a word. Invariant: no promise of a store is left without a
// handler, since an unhandled rejection may end the process.
import type { RateLimitState } from './store.ts'

/** Whether `take` answered milliseconds. */
export function isWait(answer: unknown): answer is number {
  return typeof answer === 'number' && !Number.isNaN(answer)
}

/** Whether `look` answered what is left. */
export function isState(answer: unknown): answer is RateLimitState {
  if (typeof answer !== 'object' || answer === null) return false
  const { remaining, retryAfterMs, resetMs } = answer as Partial<RateLimitState>
  return isWait(remaining) && isWait(retryAfterMs) && isWait(resetMs)
}

/** Whether it is a promise, of whatever make. */
export function isPromise(answer: unknown): answer is PromiseLike<unknown> {
  return typeof (answer as PromiseLike<unknown> | null | undefined)?.then === 'function'
}

/** For an answer that is no good and was counted: if it is a promise, its end tells nothing more. */
export function forget(answer: unknown): void {
  // The error is in `storeErrors` already; a second count, or an unhandled rejection, would tell of one failure twice.
  if (isPromise(answer)) Promise.resolve(answer).catch(() => undefined)
}
