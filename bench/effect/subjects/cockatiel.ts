// cockatiel as its readme configures it (it has no default open time; every example says 10 s), and tuned alike. Its own
// aggressive timeout stands inside the breaker, because the cooperative one waits for a function that ignores its signal.
import {
  type CircuitBreakerPolicy,
  circuitBreaker,
  CircuitState as State,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleAll,
  type IBreaker,
  retry,
  SamplingBreaker,
  timeout,
  TimeoutStrategy,
  wrap,
} from 'cockatiel'
import type { CircuitState } from '@switchgear/core'
import { attemptTimeoutMs, guardOf, type Library, type MakeGuard, mostAttempts, type Send } from '../subject.ts'
import { alike, defaultsAlike } from '../tuning.ts'

const readmeOpenMs = 10_000

const states: Readonly<Record<State, CircuitState>> = {
  [State.Closed]: 'closed',
  [State.Open]: 'open',
  [State.HalfOpen]: 'half-open',
  [State.Isolated]: 'isolated',
}

const limited = () => timeout(attemptTimeoutMs, TimeoutStrategy.Aggressive)

const breakerOf = (breaker: IBreaker, halfOpenAfter: number): CircuitBreakerPolicy =>
  circuitBreaker(handleAll, { halfOpenAfter, breaker })

const breaking =
  (make: () => CircuitBreakerPolicy): MakeGuard =>
  () => {
    const breaker = make()
    const policy = wrap(breaker, limited())
    return guardOf(
      <T>(send: Send<T>) => policy.execute(({ signal }) => send({ signal })),
      () => states[breaker.state],
    )
  }

/** The readme's first example: retry around the breaker; `maxAttempts` counts the retries. */
const retrying =
  (make: () => CircuitBreakerPolicy): MakeGuard =>
  () => {
    const breaker = make()
    const again = retry(handleAll, { maxAttempts: mostAttempts - 1, backoff: new ExponentialBackoff() })
    const policy = wrap(again, breaker, limited())
    return guardOf(
      <T>(send: Send<T>) => policy.execute(({ signal }) => send({ signal })),
      () => states[breaker.state],
    )
  }

const consecutive = (): CircuitBreakerPolicy => breakerOf(new ConsecutiveBreaker(5), readmeOpenMs)
const consecutiveAlike = (): CircuitBreakerPolicy =>
  breakerOf(new ConsecutiveBreaker(defaultsAlike.consecutiveFailures), defaultsAlike.openForMs)
const sampling = (): CircuitBreakerPolicy =>
  breakerOf(new SamplingBreaker({ threshold: 0.2, duration: 30_000 }), readmeOpenMs)
const samplingAlike = (): CircuitBreakerPolicy => {
  const { failureRatio: threshold, windowMs: duration, minimumThroughput, openForMs } = alike
  return breakerOf(
    new SamplingBreaker({ threshold, duration, minimumRps: (minimumThroughput * 1000) / duration }),
    openForMs,
  )
}

export const library: Library = {
  guards: {
    consecutive: breaking(consecutive),
    consecutiveAlike: breaking(consecutiveAlike),
    sampling: breaking(sampling),
    samplingAlike: breaking(samplingAlike),
    stack: retrying(consecutive),
    stackSamplingAlike: retrying(samplingAlike),
  },
}
