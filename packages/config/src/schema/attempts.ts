// Policies that decide how often and how long a call is tried: retry, hedge and timeout, and the budget that retry and
// hedge may share.
import type { BudgetSpec, RetryBudgetOptions } from '@switchgear/core'
import { z } from 'zod'
import { expecting } from './expectation.ts'
import { amount, count, duration, mappingOfOptions, option, policyName, ratio } from './field.ts'
import type { OptionsOf } from './limits.ts'

/** The options of a budget. */
export const budgetOptions: z.ZodType<RetryBudgetOptions> = expecting(
  z.strictObject({
    ratio: option(amount(0, 1000), 'Further attempts per call, in the long run.', 0.2),
    minPerSecond: option(amount(0, 1_000_000), 'Further attempts a second that are always allowed.', 3),
  }),
  mappingOfOptions,
)

const budget: z.ZodType<BudgetSpec> = expecting(
  z.union([budgetOptions, z.string()]),
  'a mapping of options ({} takes the defaults), or the name of a shared budget',
)

/** Retries. */
export const retry: z.ZodType<OptionsOf<'retry'>> = expecting(
  z.strictObject({
    name: policyName('retry'),
    maxAttempts: option(count(1), 'Tries in all, the first included.', 3),
    backoff: option(z.enum(['constant', 'linear', 'exponential', 'decorrelated']), 'How waits grow.', 'exponential'),
    delay: option(duration(0), 'The first wait.', '100ms'),
    maxDelay: option(duration(0), 'No wait is longer, also when the other side asks for it.', '10s'),
    jitter: option(amount(0, 1), 'Share of each wait that chance may take away.', 0.5),
    budget: option(budget, 'Bounds retries to a share of the calls: its options, or the name of a shared one.'),
  }),
  mappingOfOptions,
)

/** A second attempt beside a slow first one. */
export const hedge: z.ZodType<OptionsOf<'hedge'>> = expecting(
  z.strictObject({
    name: policyName('hedge'),
    delay: option(duration(0), 'After how long without an answer another attempt starts; instead of percentile.'),
    percentile: option(ratio(), 'The delay is what this share of the first attempts took at most.', 0.95),
    initialDelay: option(duration(0), 'The delay until enough attempts are known; none is hedged before without it.'),
    maxHedges: option(count(0, 10), 'Attempts beside the first at most; 0 switches hedging off.', 1),
    budget: option(
      budget,
      'Bounds hedges to a share of the calls: its options, or the name of a shared one. Unless given: 10 % and 1 a second.',
    ),
  }),
  mappingOfOptions,
)

/** A time limit. */
export const timeout: z.ZodType<OptionsOf<'timeout'>> = z.union([
  duration(1),
  expecting(
    z.strictObject({
      after: duration(1).meta({ description: 'How long the call may take.' }),
      name: policyName('timeout'),
    }),
    "a mapping with the key 'after'",
  ),
])
