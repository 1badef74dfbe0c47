// Switchgear itself, in the standard order: retry, breaker, attempt timeout. The options are exactly the defaults and the
// recommended preset; nothing is tuned for a scenario.
import { type CircuitBreakerOptions, circuitBreaker, pipeline, recommended, retry, timeout } from '@switchgear/core'
import { attemptTimeoutMs, guardOf, type Library, type MakeGuard, mostAttempts } from '../subject.ts'

const breaking =
  (options?: CircuitBreakerOptions): MakeGuard =>
  ({ clock, random }) => {
    const breaker = circuitBreaker(options)
    const guarded = pipeline({ clock, random }, breaker, timeout(attemptTimeoutMs))
    return guardOf(
      (send) => guarded.execute(send),
      () => breaker.state,
    )
  }

const retrying =
  (options?: CircuitBreakerOptions): MakeGuard =>
  ({ clock, random }) => {
    const breaker = circuitBreaker(options)
    const again = retry({ maxAttempts: mostAttempts })
    const guarded = pipeline({ clock, random }, again, breaker, timeout(attemptTimeoutMs))
    return guardOf(
      (send) => guarded.execute(send),
      () => breaker.state,
    )
  }

export const library: Library = {
  guards: {
    defaults: breaking(),
    recommended: breaking(recommended()),
    stackDefaults: retrying(),
    stackRecommended: retrying(recommended()),
  },
}
