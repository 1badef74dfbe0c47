// Breaker options by the published guidelines, as functions that answer a fresh object each, so that nobody shares one.
// The first four keep the numbers of the widely copied table (failures in a row, open time); `recommended` is ours.
import type { CircuitBreakerOptions } from './options.ts'

/** For what the business stops without: opens after 5 failures, probes again after 15 s. */
export const critical = (): CircuitBreakerOptions => ({ consecutiveFailures: 5, openFor: '15s' })

/** For what can be missing for a while: 10 failures, 60 s. */
export const nonCritical = (): CircuitBreakerOptions => ({ consecutiveFailures: 10, openFor: '60s' })

/** For somebody else's API that is known to fail: 3 failures, 60 s. */
export const flakyExternal = (): CircuitBreakerOptions => ({ consecutiveFailures: 3, openFor: '60s' })

/** For a database: 5 failures, 30 s, the time a failover takes. */
export const database = (): CircuitBreakerOptions => ({ consecutiveFailures: 5, openFor: '30s' })

/**
 * For services with traffic. It opens when ten calls in a row failed, or six of ten in ten seconds failed or were slow, slow being
 * eight times the usual. It probes twice a second, with three calls at most, and comes back in a ramp that takes a moment where
 * all is well and eight seconds where it is not. The numbers are those that did best in bench/effect.md.
 *
 * @example
 * const orders = pipeline(circuitBreaker({ ...recommended(), slowCallDuration: '1s' }))
 */
export const recommended = (): CircuitBreakerOptions => ({
  consecutiveFailures: 10,
  failureRatio: 0.6,
  slowCallRatio: 0.6,
  slowCallFactor: 8,
  openFor: '500ms',
  jitter: 0.2,
  rampFor: '8s',
  rampSpeedUp: 40,
})

/** Name of a preset. */
export type PresetName = 'critical' | 'nonCritical' | 'flakyExternal' | 'database' | 'recommended'

/** All presets by name. */
export const presets: Readonly<Record<PresetName, () => CircuitBreakerOptions>> = {
  critical,
  nonCritical,
  flakyExternal,
  database,
  recommended,
}
