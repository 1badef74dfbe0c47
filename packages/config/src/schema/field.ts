// The kinds of values that options are made of. Each restates a bound of core's own validation, which stays the truth: a
// test holds that the two agree on every value. Each carries the words that an error says of it.
import { type Duration, parseDuration } from '@switchgear/core'
import { z } from 'zod'
import { expecting, isMapping } from './expectation.ts'

/** What is expected of options that all have defaults. */
export const mappingOfOptions = 'a mapping of options ({} takes the defaults)'

/** A whole number of at least `least` and at most `most`. */
export function count(least: number, most: number = Number.MAX_SAFE_INTEGER): z.ZodNumber {
  const range = most === Number.MAX_SAFE_INTEGER ? `>= ${least}` : `in [${least}, ${most}]`
  return expecting(z.int().min(least).max(most), `a whole number ${range}`)
}

/** A number of at least `least` and at most `most`. */
export function amount(least: number, most: number): z.ZodNumber {
  return expecting(z.number().min(least).max(most), `a number in [${least}, ${most}]`)
}

/** A share of a whole: greater than 0 and at most 1. */
export function ratio(): z.ZodNumber {
  return expecting(z.number().gt(0).lte(1), 'a number in (0, 1]')
}

/** A duration of at least `leastMs`: milliseconds, or a text with a unit. */
export function duration(leastMs: number): z.ZodType<Duration> {
  const text = z.string().regex(/^\d+(\.\d+)?(ms|s|m|h|d)$/)
  // What a text amounts to is core's to say.
  const long = text.refine((value) => milliseconds(value, leastMs) !== undefined)
  const least = leastMs === 0 ? '' : ` of at least ${leastMs} ms`
  return expecting(
    z.union([z.number().min(leastMs), long]),
    `a duration${least}: milliseconds, or a text like '800ms', '30s', '5m'`,
  )
}

/** Milliseconds of what may be a duration of at least `leastMs`; undefined when it is none. */
export function milliseconds(value: unknown, leastMs = 0): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined
  try {
    return parseDuration(value, 'duration', leastMs)
  } catch {
    // Core says no; why is told in the schema's own words.
    return undefined
  }
}

const units: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 }

/** A size of at least one byte: bytes, or a text with a unit of 1024. */
export function byteSize(): z.ZodType<number | string> {
  const text = z.string().regex(/^\d+(\.\d+)?(b|kb|mb|gb)$/)
  const whole = text.refine((size) => {
    const [, amount = '', unit = ''] = /^([\d.]+)([a-z]+)$/.exec(size) ?? []
    const bytes = Math.floor(Number(amount) * (units[unit] ?? Number.NaN))
    return bytes >= 1 && Number.isSafeInteger(bytes)
  })
  return expecting(z.union([z.int().min(1), whole]), "a size of at least 1 byte: bytes, or a text like '64kb', '1mb'")
}

/**
 * An option that may be left out. `about` is shown by editors; `standard`, where there is one value for all, is the default.
 *
 * @example
 * option(count(1), 'Tries in all, the first included.', 3)
 */
export function option<S extends z.ZodType>(schema: S, about: string, standard?: unknown): z.ZodOptional<S> {
  return schema
    .optional()
    .meta(standard === undefined ? { description: about } : { description: about, default: standard })
}

/** The name of a policy in errors, events and snapshots. */
export function policyName(standard: string): z.ZodOptional<z.ZodString> {
  return option(z.string(), 'Name in errors, events and snapshots.', standard)
}

/**
 * Says when a bound between options is asked: also where another option is wrong, so that nothing is told only the second
 * time. `expected` is told at `path`.
 *
 * @example
 * schema.refine((given) => inOrder(given), between('interval', 'a duration of at least target'))
 */
export function between(
  key: string,
  expected: string,
): { when: (payload: { value: unknown }) => boolean; path: string[]; params: { expected: string } } {
  return { when: ({ value }) => isMapping(value), path: [key], params: { expected } }
}
