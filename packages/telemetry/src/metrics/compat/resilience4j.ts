// The names of Resilience4j's Micrometer module, which its Grafana dashboard queries; `name` is our service.
// https://resilience4j.readme.io/docs/micrometer and
// https://github.com/resilience4j/resilience4j/blob/master/grafana_dashboard.json
// Left out because nothing here counts it: calls without a retry, the available permissions of a rate limiter (ours are by key),
// calls of a time limiter that did not time out.
import type { Family, HistogramSeries, NumberFamily, Scrape } from '../family.ts'
import { amount, divided, familyOf, type PolicyFamily } from '../families/policy-family.ts'
import { type Of, PipelinesReading, type SnapshotSource } from '../families/pipelines-reading.ts'
import { countOf, type FindFamily, labelReader } from './found-family.ts'

type Circuit = Of<'circuitBreaker'>

const states = ['closed', 'open', 'half_open', 'disabled', 'forced_open', 'metrics_only'] as const

function stateOf({ state, mode }: Circuit): (typeof states)[number] {
  if (state === 'isolated') return 'forced_open'
  if (state === 'disabled') return 'disabled'
  if (mode === 'observe') return 'metrics_only'
  return state === 'half-open' ? 'half_open' : state
}

/** In percent; -1 while there is nothing to tell. */
function percent(part: number, { window }: Circuit): number {
  return window.calls === 0 ? -1 : (100 * part) / window.calls
}

const rows: readonly PolicyFamily[] = [
  divided(
    'circuitBreaker',
    'resilience4j_circuitbreaker_state',
    'Circuit breakers in each state.',
    'state',
    (circuit) => Object.fromEntries(states.map((state) => [state, Number(stateOf(circuit) === state)])),
    'gauge',
  ),
  divided(
    'circuitBreaker',
    'resilience4j_circuitbreaker_buffered_calls',
    'Calls in the window of the circuit breaker.',
    'kind',
    ({ window: { calls, failures } }) => ({ failed: failures, successful: calls - failures }),
    'gauge',
  ),
  amount(
    'circuitBreaker',
    'resilience4j_circuitbreaker_failure_rate',
    'Failed calls in the window, in percent; -1 while it is empty.',
    (circuit) => percent(circuit.window.failures, circuit),
    Math.max,
  ),
  amount(
    'circuitBreaker',
    'resilience4j_circuitbreaker_slow_call_rate',
    'Slow calls in the window, in percent; -1 while it is empty.',
    (circuit) => percent(circuit.window.slow, circuit),
    Math.max,
  ),
  divided(
    'circuitBreaker',
    'resilience4j_circuitbreaker_not_permitted_calls_total',
    'Calls that the circuit breaker refused.',
    'kind',
    ({ totals }) => ({ not_permitted: totals.rejections }),
  ),
  divided(
    'retry',
    'resilience4j_retry_calls_total',
    'Calls that were retried, by their end.',
    'kind',
    ({ totals }) => ({ successful_with_retry: totals.recovered, failed_with_retry: totals.exhausted }),
  ),
  amount(
    'bulkhead',
    'resilience4j_bulkhead_available_concurrent_calls',
    'Free slots of the bulkhead.',
    ({ maxInFlight, inFlight }) => Math.max(0, maxInFlight - inFlight),
  ),
  amount(
    'bulkhead',
    'resilience4j_bulkhead_max_allowed_concurrent_calls',
    'Slots of the bulkhead.',
    ({ maxInFlight }) => maxInFlight,
  ),
  // Ours answers at once, so nobody ever waits.
  amount('rateLimit', 'resilience4j_ratelimiter_waiting_threads', 'Calls waiting for the rate limiter.', () => 0),
  divided('timeout', 'resilience4j_timelimiter_calls_total', 'Calls of the time limiter.', 'kind', ({ totals }) => ({
    timeout: totals.timeouts,
  })),
]

const outcomes = [
  ['successful', 'success', 'successes'],
  ['failed', 'failure', 'failures'],
  ['ignored', 'ignored', 'ignored'],
] as const

/** Of the pipelines of `source`, the durations from `switchgear_call_duration_seconds` where that is registered. */
export function resilience4jFamilies(source: SnapshotSource, find: FindFamily): Family[] {
  const renamed = ({ labelNames: [, ...others], ...row }: PolicyFamily): NumberFamily =>
    familyOf({ ...row, unit: undefined, labelNames: ['name', ...others] }, source)
  return [
    {
      name: 'resilience4j_circuitbreaker_calls_seconds',
      help: 'Calls of services with a circuit breaker, by their end.',
      type: 'summary',
      unit: 'seconds',
      labelNames: ['name', 'kind'],
      bounds: [],
      series: (scrape) => calls(scrape, source, find),
    },
    ...rows.map(renamed),
  ]
}

/**
 * Count and sum have to be of the same calls, so both come from the durations of whole calls. Where these are not measured, the
 * breaker's own counts are shown and the sum is NaN: unknown, where 0 would be a duration of nothing.
 */
function* calls(scrape: Scrape, source: SnapshotSource, find: FindFamily): Generator<HistogramSeries> {
  const family = find('switchgear_call_duration_seconds')
  const timed = new Map<string, { readonly count: number; readonly sum: number }>()
  if (family !== undefined) {
    const label = labelReader(family)
    for (const series of family.series(scrape)) {
      timed.set(`${label(series, 'outcome')} ${label(series, 'service')}`, { count: countOf(series), sum: series.sum })
    }
  }
  for (const { service, policies } of PipelinesReading.of(scrape, source).holders('circuitBreaker')) {
    for (const [kind, outcome, key] of outcomes) {
      const known = timed.get(`${outcome} ${service}`) ?? { count: 0, sum: 0 }
      const counted = policies.reduce((count, { totals }) => count + totals[key], 0)
      const { count, sum } = family === undefined ? { count: counted, sum: NaN } : known
      yield { labels: [service, kind], counts: [count], sum }
    }
  }
}
