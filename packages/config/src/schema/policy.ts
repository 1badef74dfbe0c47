// The list of policies of a service: one policy for each item, outermost first. The words are those of core's options.
import type { PolicySpec } from '@switchgear/core'
import { z } from 'zod'
import { circuitBreaker } from './circuit-breaker.ts'
import { expecting } from './expectation.ts'
import { amount, count, duration, option, policyName } from './field.ts'

const mapping = 'a mapping of options ({} takes the defaults)'

const budget = expecting(
  z.strictObject({
    ratio: option(amount(0, 1000), 'Retries per call, in the long run.', 0.2),
    minPerSecond: option(amount(0, 1_000_000), 'Retries a second that are always allowed.', 3),
  }),
  mapping,
)

const retry = expecting(
  z.strictObject({
    name: policyName('retry'),
    maxAttempts: option(count(1), 'Tries in all, the first included.', 3),
    backoff: option(z.enum(['constant', 'linear', 'exponential', 'decorrelated']), 'How waits grow.', 'exponential'),
    delay: option(duration(0), 'The first wait.', '100ms'),
    maxDelay: option(duration(0), 'No wait is longer, also when the other side asks for it.', '10s'),
    jitter: option(amount(0, 1), 'Share of each wait that chance may take away.', 0.5),
    budget: option(budget, 'Bounds retries to a share of the calls.'),
  }),
  mapping,
)

const timeout = z.union([
  duration(1),
  expecting(
    z.strictObject({
      after: duration(1).meta({ description: 'How long the call may take.' }),
      name: policyName('timeout'),
    }),
    "a mapping with the key 'after'",
  ),
])

const bulkhead = expecting(
  z.strictObject({
    name: policyName('bulkhead'),
    maxInFlight: option(count(1), 'Calls in flight at most.', 100),
    maxQueue: option(count(0), 'Calls waiting at most.', 0),
  }),
  mapping,
)

const fallback = expecting(
  z.strictObject({
    value: expecting(z.json(), 'a JSON value').meta({
      description: 'What the call answers when it fails or is refused.',
    }),
    name: policyName('fallback'),
  }),
  "a mapping with the key 'value'",
)

/** One item of `policies`. */
export const policy: z.ZodType<PolicySpec> = expecting(
  z.union([
    z.strictObject({
      circuitBreaker: circuitBreaker.meta({ description: 'Refuses calls while the service is down.' }),
    }),
    z.strictObject({ retry: retry.meta({ description: 'Tries again what is safe to repeat.' }) }),
    z.strictObject({
      timeout: timeout.meta({ description: 'Inside retry it bounds an attempt, outside of it the call.' }),
    }),
    z.strictObject({ bulkhead: bulkhead.meta({ description: 'Bounds the calls in flight.' }) }),
    z.strictObject({
      fallback: fallback.meta({ description: 'Not for a service: there it stands beside the policies.' }),
    }),
  ]),
  'one policy for each item: circuitBreaker, retry, timeout, bulkhead or fallback',
)

/** Policies, outermost first. */
export const policies: z.ZodType<PolicySpec[]> = expecting(
  z.array(policy).max(32),
  'a list of at most 32 policies, outermost first',
)
