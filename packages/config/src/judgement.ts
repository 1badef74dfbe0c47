// From what zod found to problems that a person can act on: each at its key or its value, with what was expected there and
// the known word that was probably meant. It decides nothing: what zod accepts is right, what it refuses is told.
import { z } from 'zod'
import { child, expectation, isMapping, knownKeys, optionsOf, suiting, unwrapped } from './schema/expectation.ts'
import { nearest } from '@switchgear/client'
import type { Path } from './path.ts'
import { shown } from './problem.ts'
import type { Wording } from './source.ts'

/** A problem by its path; where that is in the text, only the source knows. */
export interface Mistake extends Wording {
  readonly path: Path
  readonly part: 'key' | 'value'
}

/**
 * What is wrong with a value, by a schema: an empty list, or why `data` is undefined.
 *
 * @example
 * judge(configSchema, { services: {} }).mistakes // []
 */
export function judge<T>(schema: z.ZodType<T>, value: unknown): { data: T | undefined; mistakes: Mistake[] } {
  const result = schema.safeParse(value)
  if (result.success) return { data: result.data, mistakes: [] }
  const mistakes = new Map<string, Mistake>()
  for (const issue of result.error.issues) {
    for (const mistake of told(issue, { schema, value, path: [] })) {
      // A value that misses two bounds is told once, in words that name both.
      const { path, message, expected } = mistake
      mistakes.set(JSON.stringify([path, message, expected]), mistake)
    }
  }
  return { data: undefined, mistakes: [...mistakes.values()] }
}

/** A value, its schema and its place. */
interface Subject {
  readonly schema: z.ZodType
  readonly value: unknown
  readonly path: Path
}

function told(issue: z.core.$ZodIssue, from: Subject): Mistake[] {
  const subject = descended(from, issue.path)
  const { schema, path } = subject
  const inner = unwrapped(schema)
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(subject, key))
  if (issue.code === 'invalid_union' && inner instanceof z.ZodUnion)
    return ofUnion(issue, { ...subject, schema: inner })
  if (issue.code === 'invalid_key' && from.schema !== schema) {
    const keys = descended(from, issue.path.slice(0, -1)).schema
    const expected = keys instanceof z.ZodRecord ? expectation(keys.keyType as z.ZodType) : 'another key'
    return [{ path, part: 'key', message: `got ${shown(path.at(-1))}`, expected }]
  }
  // A bound between several options says itself what it expects of the one that it points at.
  const expected: unknown = issue.code === 'custom' ? issue.params?.['expected'] : undefined
  return [typeof expected === 'string' ? { ...mismatch(subject), expected } : mismatch(subject)]
}

/** A value that is not what its schema expects, or is not there at all. */
function mismatch({ schema, value, path }: Subject): Mistake {
  if (value === undefined) return { path, part: 'key', message: 'missing', expected: expectation(schema) }
  const guess = typeof value === 'string' ? nearest(value, knownWords(schema)) : undefined
  return { path, part: 'value', message: `got ${shown(value)}`, expected: expectation(schema), nearest: guess }
}

function unknownKey({ schema, value, path }: Subject, key: string): Mistake {
  const known = knownKeys(schema)
  const at = { path: [...path, key], part: 'key' } as const
  // Each of several kinds of mapping may know the key, yet not together with what else stands there.
  if (known.includes(key)) {
    const other = isMapping(value)
      ? Object.keys(value).find((beside) => beside !== key && known.includes(beside))
      : undefined
    return { ...at, message: `cannot stand beside ${shown(other)}`, expected: expectation(schema) }
  }
  return { ...at, message: 'unknown key', expected: `one of ${known.join(', ')}`, nearest: nearest(key, known) }
}

/** A union tells why each option failed; only the option that was meant is worth telling. */
function ofUnion(issue: z.core.$ZodIssueInvalidUnion, subject: Subject & { schema: z.ZodUnion }): Mistake[] {
  const { schema, value } = subject
  const meant = suiting(schema, value)
  const options = optionsOf(schema)
  const inside = meant.flatMap((option) => {
    const issues = issue.errors[options.indexOf(option)] ?? []
    // That an option lacks the keys of the others is told once, below.
    const own = meant.length === 1 ? issues : issues.filter(({ path }) => path.length > 0)
    return own.flatMap((found) => told(found, { ...subject, schema: option }))
  })
  if (meant.length === 1) return inside
  if (!isMapping(value) || Object.keys(value).length === 0) return [mismatch(subject)]
  const known = knownKeys(schema)
  const [first, ...others] = Object.keys(value).filter((key) => known.includes(key))
  const unknown = Object.keys(value).filter((key) => key !== first && !others.includes(key))
  return [...inside, ...[...others, ...unknown].map((key) => unknownKey(subject, key))]
}

/** Follows a path through value and schema together. */
function descended({ schema, value, path }: Subject, steps: readonly PropertyKey[]): Subject {
  let at: Subject = { schema, value, path }
  for (const step of steps) {
    const key = typeof step === 'symbol' ? String(step) : step
    const inside = child(at.schema, key, at.value) ?? z.unknown()
    const holder = at.value as Readonly<Record<PropertyKey, unknown>> | null | undefined
    at = { schema: inside, value: holder?.[key], path: [...at.path, key] }
  }
  return at
}

/** The words that a text may be. */
function knownWords(schema: z.ZodType): string[] {
  const inner = unwrapped(schema)
  if (inner instanceof z.ZodEnum) return inner.options.map(String)
  return inner instanceof z.ZodUnion ? optionsOf(inner).flatMap(knownWords) : []
}
