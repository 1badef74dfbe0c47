// What is shown of the policies that decide about attempts: retry, hedge and timeout.
import { each, type PolicyFamily, total } from './policy-family.ts'

/** Undefined stays undefined. */
const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1000)

/** By service, and by policy where it says so. */
export const attemptFamilies: readonly PolicyFamily[] = [
  total('retry', 'switchgear_retries_total', 'Attempts after the first.', ({ totals }) => totals.retries),
  total(
    'retry',
    'switchgear_retry_recovered_total',
    'Calls that a later attempt made succeed.',
    ({ totals }) => totals.recovered,
  ),
  total(
    'retry',
    'switchgear_retry_exhausted_total',
    'Calls that failed although they might have been retried: attempts, budget or deadline were used up.',
    ({ totals }) => totals.exhausted,
  ),
  each(
    'retry',
    'switchgear_retry_budget_balance',
    'Retries that the budget allows now.',
    ({ budgetBalance }) => budgetBalance,
    Math.min,
  ),
  total('hedge', 'switchgear_hedges_total', 'Second attempts beside a slow first one.', ({ totals }) => totals.hedges),
  total(
    'hedge',
    'switchgear_hedge_wins_total',
    'Hedges whose second attempt answered first.',
    ({ totals }) => totals.wins,
  ),
  total(
    'hedge',
    'switchgear_hedge_unaffordable_total',
    'Hedges that were not begun because the budget was used up.',
    ({ totals }) => totals.unaffordable,
  ),
  each(
    'hedge',
    'switchgear_hedge_delay_seconds',
    'After how long a second attempt would start now; absent while too little is known.',
    ({ delayMs }) => seconds(delayMs),
  ),
  each(
    'hedge',
    'switchgear_hedge_estimate_seconds',
    'What first attempts usually take at the percentile of the hedge; absent while too little is known.',
    ({ estimateMs }) => seconds(estimateMs),
  ),
  each(
    'hedge',
    'switchgear_hedge_budget_balance',
    'Hedges that the budget allows now.',
    ({ budgetBalance }) => budgetBalance,
    Math.min,
  ),
  total(
    'timeout',
    'switchgear_timeouts_total',
    'Calls and attempts ended by a timeout.',
    ({ totals }) => totals.timeouts,
  ),
  total(
    'timeout',
    'switchgear_timeout_abandoned_total',
    'Results that came after the caller had been answered.',
    ({ totals }) => totals.abandoned,
  ),
  each(
    'timeout',
    'switchgear_timeout_seconds',
    'When the timeout ends a call; the shortest of those of one name.',
    ({ afterMs }) => seconds(afterMs),
    Math.min,
  ),
]
