// When an endpoint is left out for a while. Bounds, words and defaults are those of the client's outlier ejection.
import type { EjectionOptions } from '@switchgear/client'
import { z } from 'zod'
import { expecting } from './expectation.ts'
import { amount, between, count, duration, mappingOfOptions, milliseconds, option } from './field.ts'

const orOff = 'false, or a mapping of options ({} takes the defaults)'

const successRate = expecting(
  z.union([
    z.literal(false),
    expecting(
      z.strictObject({
        stdevFactor: option(amount(1, 10), 'Standard deviations below the mean of all.', 1.9),
        endpoints: option(count(3), 'Endpoints with enough calls.', 5),
        calls: option(count(1), 'Calls in the interval before an endpoint is compared.', 50),
        gap: option(amount(0, 1), 'And at least so much below the mean.', 0.05),
      }),
      mappingOfOptions,
    ),
  ]),
  orOff,
)

const failureShare = expecting(
  z.union([
    z.literal(false),
    expecting(
      z.strictObject({
        share: option(amount(0, 1), 'Share of failures from which it is an outlier.', 0.5),
        endpoints: option(count(2), 'Endpoints of the service.', 2),
        calls: option(count(1), 'Calls in the interval, of the endpoint and of its siblings together.', 20),
      }),
      mappingOfOptions,
    ),
  ]),
  orOff,
)

const consecutiveFailures = expecting(
  z.union([z.literal(false), count(1, 1_000_000)]),
  'false, or a whole number in [1, 1000000]',
)

/** Outlier ejection; `false` is none at all. */
export const ejection: z.ZodType<EjectionOptions | false> = expecting(
  z.union([
    z.literal(false),
    expecting(
      z.strictObject({
        consecutiveFailures: option(consecutiveFailures, 'Failures in a row that eject an endpoint at once.', 5),
        successRate: option(successRate, 'An endpoint against the spread of all. On unless false.'),
        failureShare: option(failureShare, 'An endpoint against all its siblings together. On unless false.'),
        interval: option(duration(1), 'Over which results are compared.', '10s'),
        baseTime: option(duration(1), 'How long an ejection lasts, times the ejections in a row.', '30s'),
        maxTime: option(duration(1), 'The longest ejection, at least baseTime.', '5m'),
        jitter: option(amount(0, 1), 'Share by which chance lengthens or shortens it.', 0.1),
        maxShare: option(amount(0, 1), 'Share of the endpoints that may be ejected at once.', 0.5),
        panicThreshold: option(
          amount(0, 1),
          'When less than this share is left, ejected ones are used again; 0: never.',
          0.5,
        ),
        probation: option(
          count(0, 1_000_000),
          'Calls after a return of which one failure ejects again; 0 switches it off.',
          3,
        ),
      }),
      mappingOfOptions,
    ).refine(({ baseTime, maxTime }) => !isShorter(maxTime, baseTime), {
      ...between('maxTime', "a duration of at least baseTime ('30s' unless given)"),
    }),
  ]),
  orOff,
)

function isShorter(maxTime: unknown, baseTime: unknown = '30s'): boolean {
  const [longest = Infinity, base = 0] = [milliseconds(maxTime, 1), milliseconds(baseTime, 1)]
  return longest < base
}
