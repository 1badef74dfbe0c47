// An outage to play: what goes wrong where and when, and what is different meanwhile.
import type { Fault, FaultModel, LoadModel, ScenarioModel, ServiceModel } from '@switchgear/simulator'
import { z } from 'zod'
import { expecting } from './expectation.ts'
import { amount, between, count, duration, milliseconds, option } from './field.ts'

/** What else a fault of this kind needs, and what that is. */
const needs = {
  dies: undefined,
  hangs: undefined,
  slows: { key: 'factor', expected: 'how many times as long its work takes, a number in [0, 1000000]' },
  fails: { key: 'ratio', expected: 'the share of requests that fail, a number in [0, 1]' },
  trickles: { key: 'hold', expected: 'how much longer each request occupies the instance, a duration' },
} as const satisfies Readonly<Record<Fault['kind'], { readonly key: string; readonly expected: string } | undefined>>

const kinds = Object.keys(needs) as Fault['kind'][]

// One mapping and not a union of five: whoever misspells a kind or forgets its number is then told just that.
const anyFault = expecting(
  z.strictObject({
    kind: z.enum(kinds).meta({ description: 'What goes wrong.' }),
    factor: option(amount(0, 1_000_000), 'slows: its work takes that many times as long.'),
    ratio: option(amount(0, 1), 'fails: share of requests that are answered with an error.'),
    hold: option(duration(0), 'trickles: each request occupies the instance that much longer.'),
  }),
  "a mapping with the key 'kind'",
)

const fault = Object.values(needs)
  .filter((need) => need !== undefined)
  .reduce(
    (schema, { key, expected }) =>
      schema
        .refine((given) => given[key] !== undefined || needs[given.kind]?.key !== key, between(key, expected))
        .refine(
          (given) => given[key] === undefined || !kinds.includes(given.kind) || needs[given.kind]?.key === key,
          between(key, `it only beside kind: ${kinds.find((kind) => needs[kind]?.key === key)}`),
        ),
    anyFault,
    // Safe: the bounds above are those between the kind and its one other key.
  ) as unknown as z.ZodType<Fault>

const faults: z.ZodType<FaultModel[]> = expecting(
  z
    .array(
      expecting(
        z.strictObject({
          service: z.string().meta({ description: 'Where it goes wrong.' }),
          fault: fault.meta({ description: 'What goes wrong.' }),
          at: duration(0).meta({ description: 'When it begins.' }),
          for: duration(1).meta({ description: 'How long it lasts.' }),
          instances: option(
            expecting(z.union([count(1, 100_000), z.number().gt(0).lt(1)]), 'a whole number >= 1, or a share below 1'),
            'How many instances, the first ones; below 1, a share of them. Unless given: all.',
          ),
          every: option(duration(1), 'On for so long, then off for as long. Unless given: it stays on.'),
        }),
        "a mapping with the keys 'service', 'fault', 'at' and 'for'",
      ),
    )
    .max(1000),
  'a list of at most 1000 faults',
)

const dayMs = 86_400_000

/** A scenario; loads and services are described as those of the whole simulation. */
export function scenario({
  loads,
  services,
}: {
  readonly loads: z.ZodType<readonly LoadModel[]>
  readonly services: z.ZodType<Readonly<Record<string, ServiceModel>>>
}): z.ZodType<ScenarioModel> {
  return expecting(
    z.strictObject({
      title: option(z.string().max(200), 'One line for a person.'),
      reason: option(z.string().max(1000), 'Why it is worth playing.'),
      duration: option(
        expecting(
          duration(1000).refine((value) => (milliseconds(value) ?? 0) <= dayMs),
          'a duration from 1s to 24h',
        ),
        'How long is played.',
        '60s',
      ),
      faults: option(faults, 'What goes wrong.'),
      load: option(loads, "Instead of the simulation's load."),
      services: option(services, "Laid over the simulation's services, key by key."),
    }),
    'a mapping of options ({} takes the defaults)',
  )
}
