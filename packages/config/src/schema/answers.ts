// Policies that answer instead of the service, or make it answer worse on purpose: fallback, cache, coalesce and chaos.
import { z } from 'zod'
import { expecting } from './expectation.ts'
import { amount, count, duration, mappingOfOptions, option, policyName } from './field.ts'
import type { OptionsOf } from './limits.ts'

/** A fixed answer. */
export const fallback: z.ZodType<OptionsOf<'fallback'>> = expecting(
  z.strictObject({
    value: expecting(z.json(), 'a JSON value').meta({
      description: 'What the call answers when it fails or is refused.',
    }),
    name: policyName('fallback'),
  }),
  "a mapping with the key 'value'",
)

/** Answers that are kept. */
export const cache: z.ZodType<OptionsOf<'cache'>> = expecting(
  z.strictObject({
    name: policyName('cache'),
    ttl: option(duration(0), 'How long a value is fresh.', '10s'),
    staleWhileRevalidate: option(
      duration(0),
      'How long after that it still answers, while a fresh one is fetched in the background.',
      0,
    ),
    staleIfError: option(duration(0), 'How long after ttl it still answers when the rest fails or refuses.', 0),
    maxEntries: option(count(1), 'Values held at most; the least recently used goes first.', 1000),
  }),
  mappingOfOptions,
)

/** One flight for calls with the same key. */
export const coalesce: z.ZodType<OptionsOf<'coalesce'>> = expecting(
  z.strictObject({
    name: policyName('coalesce'),
    maxFlights: option(count(1), 'Flights at most; further keys run on their own.', 1000),
  }),
  mappingOfOptions,
)

const rate = amount(0, 1).meta({ description: 'Share of the calls.' })

/** Faults on purpose. */
export const chaos: z.ZodType<OptionsOf<'chaos'>> = expecting(
  z.strictObject({
    name: policyName('chaos'),
    for: duration(1).meta({ description: 'How long it is active, from the start of its pipeline.' }),
    latency: option(
      expecting(
        z.strictObject({
          rate,
          delay: duration(0).meta({ description: 'How long a call is held up.' }),
          jitter: option(amount(0, 1), 'Share of the delay that chance may take away.', 0),
        }),
        "a mapping with the keys 'rate' and 'delay'",
      ),
      'Holds calls up.',
    ),
    errors: option(expecting(z.strictObject({ rate }), "a mapping with the key 'rate'"), 'Rejects calls.'),
    hangs: option(
      expecting(z.strictObject({ rate }), "a mapping with the key 'rate'"),
      'Lets calls hang until a timeout ends them.',
    ),
    allowInProduction: option(z.boolean(), "Whether it is active where NODE_ENV is 'production'.", false),
  }),
  "a mapping with the key 'for'",
)
