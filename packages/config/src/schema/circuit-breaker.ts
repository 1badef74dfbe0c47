// The options of a circuit breaker in a configuration: core's, a preset's name, a preset with options on top of it, or the
// name of a shared one.
import { type CircuitBreakerOptions, type CircuitBreakerSpec, type PresetName, presets } from '@switchgear/core'
import { z } from 'zod'
import { expecting } from './expectation.ts'
import { amount, between, count, duration, mappingOfOptions, milliseconds, option, policyName, ratio } from './field.ts'

/** A circuit breaker of its own. */
export type OwnCircuitBreaker = Exclude<CircuitBreakerSpec, { readonly shared: string }>

const preset = z.enum(Object.keys(presets) as PresetName[])

const options = {
  preset: option(preset, 'Options to start from; those beside it override them.'),
  name: policyName('circuitBreaker'),
  consecutiveFailures: option(
    expecting(z.union([count(1), z.literal(false)]), 'a whole number >= 1, or false'),
    'Failures in a row that open it; false switches the trigger off, as does giving another one.',
    5,
  ),
  failureRatio: option(ratio(), 'Share of failures in the window that opens it. Off unless given.'),
  slowCallRatio: option(ratio(), 'Share of slow calls in the window that opens it. Off unless given.'),
  slowCallDuration: option(duration(0), 'From when on a call counts as slow.', '5s'),
  slowCallFactor: option(amount(2, 1000), 'A call that takes so many times as long as usual is slow already.'),
  window: option(windowed(), 'What the ratios look at: a duration, or (a number) so many last calls.', '10s'),
  minimumThroughput: option(count(1), 'Calls in the window before a ratio may open it.', 10),
  openFor: option(duration(1), 'How long it stays open.', '5s'),
  openForMax: option(duration(1), 'Upper bound of the growing open time; openFor if that is longer.', '5m'),
  openForFactor: option(amount(1, 100), 'The open time is multiplied by it with each re-opening in a row.', 1),
  jitter: option(amount(0, 1), 'Share by which chance lengthens or shortens the open time.', 0),
  halfOpenCalls: option(count(1, 1000), 'Probes in flight at most while half-open.', 3),
  successesToClose: option(count(1), 'Successful probes that end the probing.', 3),
  probeTimeout: option(duration(1), 'A probe that has not ended by then counts as a failure.', '30s'),
  rampFor: option(duration(0), 'Over how long the admitted share grows to all after the probing; 0 closes at once.', 0),
  rampSpeedUp: option(amount(1, 100), 'While calls take their usual time the ramp passes so many times as fast.', 1),
  mode: option(z.enum(['protect', 'observe']), "'observe' evaluates every rule but never rejects.", 'protect'),
  sharedError: option(z.boolean(), 'One error object per open time instead of one per refusal.', false),
  fleetQuorum: option(
    ratio(),
    'Share of the other instances that must have it open for one own failure to open it here; needs a fleet, set up in code.',
    0.5,
  ),
}

const withOptions = expecting(z.strictObject(options), mappingOfOptions)
  .refine(
    (given) => !longer(given, 'openFor', 'openForMax'),
    between('openForMax', "a duration of at least openFor ('5s' unless given)"),
  )
  .refine(
    (given) => hasTrigger(resolved(given)),
    between('consecutiveFailures', 'a number, unless failureRatio or slowCallRatio is given'),
  )
  .refine(
    (given) => resolved(given).slowCallFactor === undefined || resolved(given).slowCallRatio !== undefined,
    between('slowCallFactor', 'a slowCallRatio beside it, which it works by'),
  )

const reference = expecting(
  z.strictObject({
    shared: z.string().meta({ description: 'Name of one under shared.circuitBreakers.' }),
  }),
  "a mapping with the key 'shared'",
)

/** A circuit breaker of its own: a preset's name, or options. */
export const ownCircuitBreaker: z.ZodType<OwnCircuitBreaker> = z.union([preset, withOptions])

/** A circuit breaker of its own, or the name of a shared one. */
export const circuitBreaker: z.ZodType<CircuitBreakerSpec> = z.union([preset, withOptions, reference])

/**
 * The options that a setting amounts to, with those of its preset and without defaults.
 *
 * @example
 * resolved('critical') // { consecutiveFailures: 5, openFor: '15s' }
 */
export function resolved(setting: OwnCircuitBreaker): CircuitBreakerOptions {
  const { preset: name, ...own }: Exclude<OwnCircuitBreaker, string> =
    typeof setting === 'string' ? { preset: setting } : setting
  // Bounds between options are asked of settings that are wrong in other ways, so even a preset's name is not trusted.
  const base = typeof name === 'string' && Object.hasOwn(presets, name) ? presets[name]() : {}
  return { ...base, ...own }
}

/** A number counts calls and a text is a duration: the only option where a bare number is not milliseconds. */
function windowed(): z.ZodType<number | string> {
  const time = duration(10)
  const text = z.string().regex(/^\d+(\.\d+)?(ms|s|m|h|d)$/)
  const union = z.union([count(1, 1_000_000), text.refine((value) => time.safeParse(value).success)])
  return expecting(union, "a text like '10s' of at least 10 ms, or a whole number of calls in [1, 1000000]")
}

function longer(setting: OwnCircuitBreaker, one: 'openFor', other: 'openForMax'): boolean {
  const given = resolved(setting)
  if (given[other] === undefined) return false
  const least = milliseconds(given[one] ?? '5s', 1)
  const most = milliseconds(given[other], 1)
  return least !== undefined && most !== undefined && least > most
}

function hasTrigger(given: CircuitBreakerOptions): boolean {
  return given.consecutiveFailures !== false || given.failureRatio !== undefined || given.slowCallRatio !== undefined
}
