// opossum with its own timeout, which counts as a failure. It has no retry. Its documented defaults, and tuned like our preset:
// the same share of failures in the same window, from as many calls on, open as long.
import CircuitBreaker, { type CircuitBreakerOptions } from 'opossum'
import { attemptTimeoutMs, guardOf, type Library, type MakeGuard, type Send } from '../subject.ts'
import { alike } from '../tuning.ts'

/** The part of opossum that is used here: `fire` hands its arguments to the action. */
interface Breaker {
  fire(send: Send<unknown>): Promise<unknown>
  readonly opened: boolean
  readonly halfOpen: boolean
}

const Opossum = CircuitBreaker as unknown as new (
  action: (send: Send<unknown>) => Promise<unknown>,
  options: CircuitBreakerOptions,
) => Breaker

const breakerOf =
  (options: CircuitBreakerOptions): MakeGuard =>
  ({ clock }) => {
    const action = (send: Send<unknown>): Promise<unknown> => {
      // opossum ends the wait at its timeout but aborts one controller per breaker, not per call. This tells the call.
      const controller = new AbortController()
      const timer = clock.setTimer(() => controller.abort(), attemptTimeoutMs)
      return send({ signal: controller.signal }).finally(() => timer.cancel())
    }
    // opossum keeps and changes the options object it is given, so each breaker gets its own.
    const breaker = new Opossum(action, { ...options, timeout: attemptTimeoutMs })
    return guardOf(
      <T>(send: Send<T>) => breaker.fire(send) as Promise<T>,
      () => (breaker.opened ? 'open' : breaker.halfOpen ? 'half-open' : 'closed'),
    )
  }

export const library: Library = {
  guards: {
    defaults: breakerOf({}),
    alike: breakerOf({
      errorThresholdPercentage: alike.failureRatio * 100,
      rollingCountTimeout: alike.windowMs,
      volumeThreshold: alike.minimumThroughput,
      resetTimeout: alike.openForMs,
    }),
  },
}
