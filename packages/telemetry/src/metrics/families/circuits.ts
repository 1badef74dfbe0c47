// What is shown of circuit breakers. The five `circuit_breaker_*` names are established and never change.
import { amount, divided, each, type PolicyFamily, total } from './policy-family.ts'
import type { Of } from './pipelines-reading.ts'

type Circuit = Of<'circuitBreaker'>
const kind = 'circuitBreaker'

/** The number of a state: 0 closed or disabled, 1 open or isolated, 2 half-open. */
function stateOf({ state }: Circuit): number {
  if (state === 'half-open') return 2
  return state === 'open' || state === 'isolated' ? 1 : 0
}

/** Open is worse than half-open, and half-open worse than closed. */
function worse(one: number, other: number): number {
  return one === 1 || other === 1 ? 1 : Math.max(one, other)
}

function ratioOf(part: number, { window }: Circuit): number | undefined {
  return window.calls === 0 ? undefined : part / window.calls
}

/** By service, and by policy where it says so. */
export const circuitFamilies: readonly PolicyFamily[] = [
  amount(
    kind,
    'circuit_breaker_state',
    "Worst state of the service's circuit breakers: 0 closed or disabled, 1 open or isolated, 2 half-open.",
    stateOf,
    worse,
  ),
  amount(
    kind,
    'circuit_breaker_isolated',
    'Circuit breakers of the service that an operator has isolated.',
    ({ state }) => Number(state === 'isolated'),
  ),
  amount(
    kind,
    'circuit_breaker_disabled',
    'Circuit breakers of the service that an operator has disabled.',
    ({ state }) => Number(state === 'disabled'),
  ),
  total(
    kind,
    'circuit_breaker_failures_total',
    "Failed calls seen by the service's circuit breakers.",
    ({ totals }) => totals.failures,
  ),
  total(
    kind,
    'circuit_breaker_rejections_total',
    "Calls refused by the service's circuit breakers.",
    ({ totals }) => totals.rejections,
  ),
  divided(
    kind,
    'switchgear_circuit_calls_total',
    "Calls that the service's circuit breakers let through and learned the end of, by outcome.",
    'outcome',
    ({ totals }) => ({ success: totals.successes, failure: totals.failures, ignored: totals.ignored }),
  ),
  total(
    kind,
    'switchgear_circuit_slow_calls_total',
    "Slow calls seen by the service's circuit breakers; they are counted by their outcome as well.",
    ({ totals }) => totals.slow,
  ),
  total(
    kind,
    'switchgear_circuit_transitions_total',
    "Changes of state of the service's circuit breakers.",
    ({ totals }) => totals.transitions,
  ),
  total(
    kind,
    'switchgear_circuit_fleet_errors_total',
    'Errors of what carries news of circuits between instances.',
    ({ totals }) => totals.fleetErrors,
  ),
  amount(
    kind,
    'switchgear_circuit_observing',
    'Circuit breakers of the service that only observe and refuse nothing.',
    ({ mode }) => Number(mode === 'observe'),
  ),
  amount(
    kind,
    'switchgear_circuit_probes_in_flight',
    'Probes under way through half-open circuits.',
    ({ probesInFlight }) => probesInFlight,
  ),
  each(
    kind,
    'switchgear_circuit_open_remaining_seconds',
    'How long the circuit stays open, 0 unless it is open.',
    ({ openRemainingMs }) => openRemainingMs / 1000,
  ),
  each(
    kind,
    'switchgear_circuit_reopenings',
    'How often in a row the circuit opened again after a probe.',
    ({ reopenings }) => reopenings,
  ),
  each(
    kind,
    'switchgear_circuit_consecutive_failures',
    'Failures since the last success.',
    ({ consecutiveFailures }) => consecutiveFailures,
  ),
  each(
    kind,
    'switchgear_circuit_failure_ratio',
    'Share of failures in the window of the circuit; absent while the window is empty or there is none.',
    (circuit) => ratioOf(circuit.window.failures, circuit),
  ),
  each(
    kind,
    'switchgear_circuit_slow_ratio',
    'Share of slow calls in the window of the circuit; absent while the window is empty or there is none.',
    (circuit) => ratioOf(circuit.window.slow, circuit),
  ),
]
