// What several services share on purpose, by name: budgets of retries and hedges, and circuit breakers.
import type { SharedSpec } from '@switchgear/core'
import { z } from 'zod'
import { budgetOptions } from './attempts.ts'
import { ownCircuitBreaker } from './circuit-breaker.ts'
import { expecting } from './expectation.ts'
import { option } from './field.ts'
import { serviceName } from './service.ts'

/** What stands under `shared`. */
export const shared: z.ZodType<SharedSpec> = expecting(
  z.strictObject({
    budgets: option(
      expecting(z.record(serviceName, budgetOptions), 'a mapping from names to the options of budgets'),
      'Budgets by name, for budget of retry and hedge.',
    ),
    circuitBreakers: option(
      expecting(z.record(serviceName, ownCircuitBreaker), 'a mapping from names to presets or options'),
      'Circuit breakers by name, for circuitBreaker: { shared: name }.',
    ),
  }),
  "a mapping with the keys 'budgets' and 'circuitBreakers'",
)
