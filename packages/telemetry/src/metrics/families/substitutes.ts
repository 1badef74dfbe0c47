// What is shown of the policies that answer instead of the service, or disturb it: fallback, cache, coalesce and chaos.
import { amount, divided, each, type PolicyFamily, total } from './policy-family.ts'

/** By service, and by policy where it says so. */
export const substituteFamilies: readonly PolicyFamily[] = [
  total(
    'fallback',
    'switchgear_fallbacks_total',
    'How often a fallback was asked for an answer.',
    ({ totals }) => totals.used,
  ),
  total(
    'fallback',
    'switchgear_fallback_failures_total',
    'Fallbacks that failed themselves.',
    ({ totals }) => totals.failed,
  ),
  divided(
    'cache',
    'switchgear_cache_results_total',
    'Calls by what the cache had for them; stale_on_error: a stale value because the rest failed.',
    'result',
    ({ totals: { hits, misses, stale, staleOnError } }) => ({
      hit: hits,
      miss: misses,
      stale,
      stale_on_error: staleOnError,
    }),
  ),
  amount('cache', 'switchgear_cache_entries', "Values in the service's caches.", ({ entries }) => entries),
  amount(
    'cache',
    'switchgear_cache_max_entries',
    "Values that the service's caches may hold.",
    ({ maxEntries }) => maxEntries,
  ),
  total(
    'cache',
    'switchgear_cache_evicted_total',
    'Values that were dropped to make room.',
    ({ totals }) => totals.evicted,
  ),
  total(
    'cache',
    'switchgear_cache_refresh_failures_total',
    'Background refreshes that failed; the stale value stayed.',
    ({ totals }) => totals.refreshFailures,
  ),
  amount(
    'coalesce',
    'switchgear_coalesce_in_flight',
    'Flights under way that other calls may join.',
    ({ inFlight }) => inFlight,
  ),
  divided(
    'coalesce',
    'switchgear_coalesce_calls_total',
    'Calls that began a flight, joined one, or ran alone because there were too many flights.',
    'result',
    ({ totals: { flights, joined, alone } }) => ({ flight: flights, joined, alone }),
  ),
  amount('chaos', 'switchgear_chaos_active', 'Policies of the service that inject faults now.', ({ active }) =>
    Number(active),
  ),
  each(
    'chaos',
    'switchgear_chaos_remaining_seconds',
    'How long faults are still injected, 0 when that is over.',
    ({ remainingMs }) => remainingMs / 1000,
  ),
  divided('chaos', 'switchgear_chaos_faults_total', 'Injected faults by kind.', 'fault', ({ totals }) => ({
    delay: totals.delays,
    error: totals.errors,
    hang: totals.hangs,
  })),
]
