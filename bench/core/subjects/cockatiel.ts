// cockatiel as its readme configures it: policies from handleAll, wrap() for a stack, outermost first.
import {
  CircuitState,
  ConsecutiveBreaker,
  ExponentialBackoff,
  SamplingBreaker,
  TimeoutStrategy,
  circuitBreaker,
  handleAll,
  retry,
  timeout,
  wrap,
  type CircuitBreakerPolicy,
  type IBreaker,
} from 'cockatiel'
import { openForMs, windowMs, type Guard, type Library } from '../subject.ts'
import { work } from '../workload.ts'

const breakerOf = (breaker: IBreaker): CircuitBreakerPolicy =>
  circuitBreaker(handleAll, { halfOpenAfter: openForMs, breaker })

function guard(breaker: CircuitBreakerPolicy, policy: { execute(fn: typeof work): Promise<unknown> } = breaker): Guard {
  return {
    state: () =>
      breaker.state === CircuitState.Closed ? 'closed' : breaker.state === CircuitState.Open ? 'open' : 'other',
    once: () => policy.execute(work),
    async run(count) {
      for (let i = 0; i < count; i++) await policy.execute(work)
    },
    async attempt(count) {
      let caught = 0
      for (let i = 0; i < count; i++) {
        try {
          await policy.execute(work)
        } catch {
          caught++
        }
      }
      return caught
    },
  }
}

function stack(strategy: TimeoutStrategy): Guard {
  const breaker = breakerOf(new ConsecutiveBreaker(5))
  const retrying = retry(handleAll, { maxAttempts: 2, backoff: new ExponentialBackoff() })
  return guard(breaker, wrap(retrying, breaker, timeout(800, strategy)))
}

export const library: Library = {
  guards: {
    consecutive: () => guard(breakerOf(new ConsecutiveBreaker(5))),
    sampling: () => guard(breakerOf(new SamplingBreaker({ threshold: 0.5, duration: 10_000 }))),
    cooperative: () => stack(TimeoutStrategy.Cooperative),
    aggressive: () => stack(TimeoutStrategy.Aggressive),
    // So many calls a second are needed that it never opens; it does all its work first.
    window: () =>
      guard(breakerOf(new SamplingBreaker({ threshold: 0.99, duration: windowMs, minimumRps: 1_000_000_000 }))),
  },
  idle: {
    consecutive: () => breakerOf(new ConsecutiveBreaker(5)),
    sampling: () => breakerOf(new SamplingBreaker({ threshold: 0.5, duration: 10_000 })),
  },
}
