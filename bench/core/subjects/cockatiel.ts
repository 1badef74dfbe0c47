// cockatiel as its readme configures it: policies from handleAll, wrap() for a stack, outermost first.
import {
  CircuitState,
  ConsecutiveBreaker,
  ExponentialBackoff,
  SamplingBreaker,
  TimeoutStrategy,
  bulkhead,
  circuitBreaker,
  fallback,
  handleAll,
  retry,
  timeout,
  wrap,
  type CircuitBreakerPolicy,
  type IBreaker,
  type RetryPolicy,
  type TimeoutPolicy,
} from 'cockatiel'
import { openForMs, windowMs, type Guard, type Library } from '../subject.ts'
import { hang, work } from '../workload.ts'

interface Guarding {
  execute(fn: typeof work): Promise<unknown>
}

function guard(policy: Guarding, more: Partial<Guard> = {}): Guard {
  return {
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
    ...more,
  }
}

const breakerOf = (breaker: IBreaker): CircuitBreakerPolicy =>
  circuitBreaker(handleAll, { halfOpenAfter: openForMs, breaker })

function around(breaker: CircuitBreakerPolicy, policy: Guarding = breaker): Guard {
  const { Closed, Open } = CircuitState
  return guard(policy, {
    state: () => (breaker.state === Closed ? 'closed' : breaker.state === Open ? 'open' : 'other'),
  })
}

const consecutive = (): CircuitBreakerPolicy => breakerOf(new ConsecutiveBreaker(5))
const sampling = (): CircuitBreakerPolicy => breakerOf(new SamplingBreaker({ threshold: 0.5, duration: 10_000 }))
const retrying = (): RetryPolicy => retry(handleAll, { maxAttempts: 2, backoff: new ExponentialBackoff() })
const timed = (ms = 800, strategy = TimeoutStrategy.Cooperative): TimeoutPolicy => timeout(ms, strategy)

function stack(strategy: TimeoutStrategy): Guard {
  const breaker = consecutive()
  return around(breaker, wrap(retrying(), breaker, timed(800, strategy)))
}

function standard(): Guard {
  const breaker = consecutive()
  return around(breaker, wrap(bulkhead(100), timed(2000), retrying(), breaker, timed()))
}

function everything(): Guard {
  const breaker = consecutive()
  const outer = wrap(fallback(handleAll, 0), bulkhead(100), timed(2000))
  return around(breaker, wrap(outer, wrap(retrying(), breaker, timed())))
}

function full(): Guard {
  const policy = bulkhead(1)
  return guard(policy, { refuse: () => void policy.execute(hang) })
}

export const library: Library = {
  guards: {
    consecutive: () => around(consecutive()),
    sampling: () => around(sampling()),
    cooperative: () => stack(TimeoutStrategy.Cooperative),
    aggressive: () => stack(TimeoutStrategy.Aggressive),
    standard,
    everything,
    // So many calls a second are needed that it never opens; it does all its work first.
    window: () =>
      around(breakerOf(new SamplingBreaker({ threshold: 0.99, duration: windowMs, minimumRps: 1_000_000_000 }))),
    bulkhead: () => guard(bulkhead(100)),
    'bulkhead-full': full,
    timeout: () => guard(timed()),
    'timeout-aggressive': () => guard(timed(800, TimeoutStrategy.Aggressive)),
    retry: () => guard(retrying()),
    fallback: () => guard(fallback(handleAll, 0)),
  },
  idle: {
    consecutive,
    sampling,
    bulkhead: () => bulkhead(100),
    timeout: () => timed(),
    retry: retrying,
    fallback: () => fallback(handleAll, 0),
  },
}
