// The list of policies of a service: one policy for each item, outermost first. The words are those of core's options.
import type { PolicySpec } from '@switchgear/core'
import { z } from 'zod'
import { cache, chaos, coalesce, fallback } from './answers.ts'
import { hedge, retry, timeout } from './attempts.ts'
import { circuitBreaker } from './circuit-breaker.ts'
import { expecting } from './expectation.ts'
import { adaptiveLimit, bulkhead, rateLimit, shed, throttle } from './limits.ts'

const notForAService = 'Not yet for a service; what is simulated may have it.'

const one = {
  circuitBreaker: z.strictObject({
    circuitBreaker: circuitBreaker.meta({ description: 'Refuses calls while the service is down.' }),
  }),
  retry: z.strictObject({ retry: retry.meta({ description: 'Tries again what is safe to repeat.' }) }),
  timeout: z.strictObject({
    timeout: timeout.meta({ description: 'Inside retry it bounds an attempt, outside of it the call.' }),
  }),
  bulkhead: z.strictObject({ bulkhead: bulkhead.meta({ description: 'Bounds the calls in flight.' }) }),
  rateLimit: z.strictObject({ rateLimit: rateLimit.meta({ description: 'Bounds the calls per second.' }) }),
  adaptiveLimit: z.strictObject({
    adaptiveLimit: adaptiveLimit.meta({ description: 'Bounds the calls in flight by a limit that finds itself.' }),
  }),
  throttle: z.strictObject({
    throttle: throttle.meta({ description: 'Refuses calls in the proportion in which the service refuses them.' }),
  }),
  shed: z.strictObject({
    shed: shed.meta({ description: 'Refuses the least important calls while this process is overloaded.' }),
  }),
  hedge: z.strictObject({
    hedge: hedge.meta({ description: 'Not for a service: there it stands beside the policies.' }),
  }),
  cache: z.strictObject({ cache: cache.meta({ description: `Answers from memory. ${notForAService}` }) }),
  coalesce: z.strictObject({
    coalesce: coalesce.meta({ description: `One flight for calls with the same key. ${notForAService}` }),
  }),
  chaos: z.strictObject({ chaos: chaos.meta({ description: `Faults on purpose. ${notForAService}` }) }),
  fallback: z.strictObject({
    fallback: fallback.meta({ description: 'Not for a service: there it stands beside the policies.' }),
  }),
}

const [last, ...names] = Object.keys(one).toReversed()

/** One item of `policies`. */
export const policy: z.ZodType<PolicySpec> = expecting(
  z.union(Object.values(one)),
  `one policy for each item: ${names.toReversed().join(', ')} or ${last}`,
)

/** Policies, outermost first. */
export const policies: z.ZodType<PolicySpec[]> = expecting(
  z.array(policy).max(32),
  'a list of at most 32 policies, outermost first',
)
