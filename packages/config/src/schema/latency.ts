// How long simulated things take: always the same, log-normal, uniform or exponential.
import type { Latency } from '@switchgear/simulator'
import { z } from 'zod'
import { expecting } from './expectation.ts'
import { between, duration, milliseconds } from './field.ts'

/** A latency. */
export const latency: z.ZodType<Latency> = expecting(
  z.union([
    duration(0),
    z
      .strictObject({
        median: duration(0).meta({ description: 'Half of all are shorter. Together with p99: log-normal.' }),
        p99: duration(0).meta({ description: 'All but one in a hundred are shorter.' }),
      })
      .refine(({ median }) => milliseconds(median) !== 0, between('median', 'a duration above 0'))
      .refine(({ median, p99 }) => !longer(median, p99), between('p99', 'a duration of at least median')),
    z
      .strictObject({
        min: duration(0).meta({ description: 'The shortest. Together with max: uniform.' }),
        max: duration(0).meta({ description: 'The longest.' }),
      })
      .refine(({ min, max }) => !longer(min, max), between('max', 'a duration of at least min')),
    z.strictObject({ mean: duration(0).meta({ description: 'The mean. Alone: exponential.' }) }),
  ]),
  'a duration, { median, p99 }, { min, max } or { mean }',
)

function longer(one: unknown, other: unknown): boolean {
  const [least = 0, most = Infinity] = [milliseconds(one), milliseconds(other)]
  return least > most
}
