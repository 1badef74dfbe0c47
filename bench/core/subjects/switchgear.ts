// Switchgear itself. A user's call goes through a pipeline, so every guard is one; an idle breaker is measured alone
// and with its pipeline.
import {
  circuitBreaker,
  pipeline,
  Registry,
  retry,
  timeout,
  type CircuitBreaker,
  type CircuitBreakerOptions,
} from '@switchgear/core'
import { openForMs, windowMs, type Guard, type Library } from '../subject.ts'
import { work } from '../workload.ts'

function guard(
  breaker: CircuitBreaker,
  guarded: { execute(fn: typeof work): Promise<unknown> } = pipeline(breaker),
): Guard {
  return {
    state: () => (breaker.state === 'closed' || breaker.state === 'open' ? breaker.state : 'other'),
    once: () => guarded.execute(work),
    async run(count) {
      for (let i = 0; i < count; i++) await guarded.execute(work)
    },
    async attempt(count) {
      let caught = 0
      for (let i = 0; i < count; i++) {
        try {
          await guarded.execute(work)
        } catch {
          caught++
        }
      }
      return caught
    },
  }
}

const breakerOf = (options: CircuitBreakerOptions = {}): CircuitBreaker =>
  circuitBreaker({ openFor: openForMs, openForMax: openForMs, ...options })

function stack(): Guard {
  const breaker = breakerOf()
  return guard(breaker, pipeline(retry({ maxAttempts: 3 }), breaker, timeout('800ms')))
}

/** As the README recommends it: counted, and known to a registry. */
function registered(): Guard {
  const breaker = breakerOf()
  return guard(breaker, new Registry().pipeline('service', breaker))
}

export const library: Library = {
  guards: {
    breaker: () => guard(breakerOf()),
    registered,
    ratio: () => guard(breakerOf({ failureRatio: 0.5, slowCallRatio: 0.5, slowCallDuration: '5s', window: '10s' })),
    stack,
    shared: () => guard(breakerOf({ sharedError: true })),
    // So many calls are needed in the window that it never opens; it does all its work first.
    window: () => guard(breakerOf({ failureRatio: 0.99, window: windowMs, minimumThroughput: 1_000_000_000 })),
  },
  idle: {
    breaker: () => circuitBreaker(),
    pipeline: () => pipeline(circuitBreaker()),
  },
}
