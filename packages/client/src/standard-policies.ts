// The policies of a service that names none, and why each stands where it stands. The order matters more than the numbers.
import type { PolicySpec } from '@switchgear/core'

/**
 * The standard stack, outermost first. A service that gives `policies` of its own replaces it as a whole.
 *
 * @example
 * const services = { payments: { endpoints, policies: [...standardPolicies.slice(0, 4), { timeout: '800ms' }] } }
 */
export const standardPolicies: readonly PolicySpec[] = Object.freeze([
  // Outermost, so that one slot covers a whole call with its waits between tries and its body: what a slow service can pile
  // up in this process is bounded before anything else is spent on it.
  { bulkhead: { maxInFlight: 100 } },
  // Outside retry, so that all tries and the waits between them together end in the time a caller can be asked to wait.
  { timeout: { after: '10s', name: 'totalTimeout' } },
  // Outside the breaker, so that every try asks it anew: a circuit that opens in between ends the retrying at once.
  { retry: { maxAttempts: 3 } },
  // Outside the attempt's timeout, so that a try which never answers reaches it as a failure. By share and not by failures in a
  // row: it guards the service as a whole, and one dead endpoint of several must not close the way to the others. Which endpoint
  // fails in a row each endpoint's own gate learns, and leaves it out. A body that breaks off is a success and a failure in turn.
  { circuitBreaker: { failureRatio: 0.5, minimumThroughput: 20 } },
  // Innermost, so that each try gets its own, and a hanging one leaves time for another.
  { timeout: { after: '3s', name: 'attemptTimeout' } },
])
