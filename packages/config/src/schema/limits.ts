// Policies that bound how much is sent at a time: bulkhead, rateLimit, adaptiveLimit, throttle and shed.
import type { PolicySpec } from '@switchgear/core'
import { z } from 'zod'
import { expecting } from './expectation.ts'
import { amount, between, count, duration, mappingOfOptions, milliseconds, option, policyName, ratio } from './field.ts'

/** The options of each of these policies. */
export type OptionsOf<K extends string> = Extract<PolicySpec, Readonly<Record<K, unknown>>>[K]

/** A bulkhead. */
export const bulkhead: z.ZodType<OptionsOf<'bulkhead'>> = expecting(
  z.strictObject({
    name: policyName('bulkhead'),
    maxInFlight: option(count(1), 'Calls in flight at most.', 100),
    maxQueue: option(count(0), 'Calls waiting at most.', 0),
  }),
  mappingOfOptions,
)

/** A rate limit, with its quotas kept in the process. */
export const rateLimit: z.ZodType<OptionsOf<'rateLimit'>> = expecting(
  z.strictObject({
    name: policyName('rateLimit'),
    limit: option(count(1, 1e9), 'Calls of one key per window.', 100),
    window: option(duration(1), 'The time that the limit is for.', '1s'),
    algorithm: option(
      z.enum(['tokenBucket', 'slidingWindow']),
      "'tokenBucket' refills continuously; 'slidingWindow' counts the last window.",
      'tokenBucket',
    ),
    burst: option(count(1, 1e9), 'Calls that a full token bucket admits at once. As many as limit unless given.'),
    maxKeys: option(count(1, 10_000_000), 'Keys remembered at most; a forgotten one has a full quota again.', 10_000),
  }),
  mappingOfOptions,
).refine(
  ({ algorithm, burst }) => algorithm !== 'slidingWindow' || burst === undefined,
  between('burst', 'no burst beside a sliding window'),
)

/** A limit that finds itself. */
export const adaptiveLimit: z.ZodType<OptionsOf<'adaptiveLimit'>> = expecting(
  z.strictObject({
    name: policyName('adaptiveLimit'),
    algorithm: option(z.enum(['aimd', 'vegas', 'gradient2']), 'How the limit is found.', 'gradient2'),
    initialLimit: option(count(1), 'Where it starts, between minLimit and maxLimit.', 20),
    minLimit: option(count(1), 'The limit never falls below it.', 1),
    maxLimit: option(count(1), 'The limit never rises above it.', 200),
    maxQueue: option(count(0), 'Calls waiting at most, the most important first.', 0),
    window: option(duration(1), 'vegas and gradient2: how long latencies are averaged.', '100ms'),
    headroom: option(amount(1, 1000), 'gradient2: how many calls may queue at the dependency.', 4),
    smoothing: option(ratio(), 'gradient2: share of the way to the new limit that one window goes.', 0.2),
    backoffRatio: option(amount(0.5, 0.99), 'aimd: what a drop leaves of the limit.', 0.9),
    dropAfter: option(duration(1), 'aimd: a call that took longer counts like a failure.', '5s'),
  }),
  mappingOfOptions,
)
  .refine(
    ({ minLimit, maxLimit = 200 }) => minLimit === undefined || !above(minLimit, maxLimit),
    between('minLimit', 'a whole number of at most maxLimit (200 unless given)'),
  )
  .refine(
    ({ initialLimit, minLimit = 1, maxLimit = 200 }) =>
      !above(initialLimit, maxLimit) && !above(minLimit, initialLimit),
    between('initialLimit', 'a whole number from minLimit (1 unless given) to maxLimit (200 unless given)'),
  )

/** Adaptive throttling. */
export const throttle: z.ZodType<OptionsOf<'throttle'>> = expecting(
  z.strictObject({
    name: policyName('throttle'),
    window: option(duration(10), 'How far back it looks.', '2m'),
    k: option(amount(1, 1000), 'Calls sent per accepted one; nearer to 1 refuses sooner.', 2),
    minimumThroughput: option(count(1), 'Calls in the window before any is refused.', 10),
    maxRefusalChance: option(amount(0, 1), 'Chance of a refusal at most; the rest keeps probing.', 0.98),
    byPriority: option(z.boolean(), 'Whether each priority has a window of its own.', true),
  }),
  mappingOfOptions,
)

/** Load shedding of this process. */
export const shed: z.ZodType<OptionsOf<'shed'>> = expecting(
  z.strictObject({
    name: policyName('shed'),
    target: option(duration(1), 'A delay of the event loop that is too long if it stays.', '20ms'),
    interval: option(duration(1), 'How long it must stay there before the first calls are refused.', '100ms'),
    shedCritical: option(z.boolean(), 'Whether even priority 0 is refused when nothing else helps.', false),
  }),
  mappingOfOptions,
)
  .refine(
    ({ target, interval }) => interval === undefined || !above(ms(target ?? '20ms'), ms(interval)),
    between('interval', "a duration of at least target ('20ms' unless given)"),
  )
  .refine(
    ({ target, interval }) => interval !== undefined || !above(ms(target), ms('100ms')),
    between('target', "a duration of at most interval ('100ms' unless given)"),
  )

/** Bounds between options are asked of values that may be wrong in other ways: only two numbers are compared. */
function above(one: unknown, other: unknown): boolean {
  return typeof one === 'number' && typeof other === 'number' && one > other
}

function ms(value: unknown): number | undefined {
  return milliseconds(value, 1)
}
