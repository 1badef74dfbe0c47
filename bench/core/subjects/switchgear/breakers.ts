// Our circuit breaker and our pipelines. A user's call goes through a pipeline, so every guard is one; an idle breaker is
// measured alone and with its pipeline. All functions are taken from the namespace when a variant is built: a version of
// core that lacks one can then still be measured in all others.
import type { CircuitBreaker, CircuitBreakerOptions } from '@switchgear/core'
import * as core from '@switchgear/core'
import { openForMs, windowMs, type Guard, type Library } from '../../subject.ts'
import { guard, type Guarded, keyed } from './guard.ts'

const breakerOf = (options: CircuitBreakerOptions = {}): CircuitBreaker =>
  core.circuitBreaker({ openFor: openForMs, openForMax: openForMs, ...options })

const stateOf =
  (breaker: CircuitBreaker): NonNullable<Guard['state']> =>
  () =>
    breaker.state === 'closed' || breaker.state === 'open' ? breaker.state : 'other'

function around(breaker: CircuitBreaker, guarded: Guarded = core.pipeline(breaker)): Guard {
  return guard(guarded, { state: stateOf(breaker) })
}

function stack(): Guard {
  const breaker = breakerOf()
  return around(breaker, core.pipeline(core.retry({ maxAttempts: 3 }), breaker, core.timeout('800ms')))
}

/** As the README recommends it: counted, and known to a registry. */
function registered(): Guard {
  const breaker = breakerOf()
  return around(breaker, new core.Registry().pipeline('service', breaker))
}

function standard(): Guard {
  const breaker = breakerOf()
  return around(
    breaker,
    core.pipeline(core.bulkhead(), core.timeout('2s'), core.retry(), breaker, core.timeout('800ms')),
  )
}

function everything(): Guard {
  const breaker = breakerOf()
  const guarded = core.pipeline(
    core.fallback({ value: 0 }),
    core.rateLimit({ limit: 1e9 }),
    core.adaptiveLimit(),
    core.timeout('2s'),
    core.hedge(),
    core.retry(),
    core.throttle(),
    breaker,
    core.timeout('800ms'),
  )
  return keyed(guarded, { state: stateOf(breaker) })
}

export const breakers: Library = {
  guards: {
    breaker: () => around(breakerOf()),
    registered,
    ratio: () => around(breakerOf({ failureRatio: 0.5, slowCallRatio: 0.5, slowCallDuration: '5s', window: '10s' })),
    shared: () => around(breakerOf({ sharedError: true })),
    // So many calls are needed in the window that it never opens; it does all its work first.
    window: () => around(breakerOf({ failureRatio: 0.99, window: windowMs, minimumThroughput: 1_000_000_000 })),
    stack,
    standard,
    everything,
  },
  idle: {
    breaker: () => core.circuitBreaker(),
    pipeline: () => core.pipeline(core.circuitBreaker()),
  },
}
