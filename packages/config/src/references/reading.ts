// How references are read from values that may be wrong in other ways, and how an unknown name is told.
import { nearest } from '@switchgear/client'
import type { Mistake } from '../judgement.ts'
import type { Path } from '../path.ts'
import { shown } from '../problem.ts'
import { isMapping } from '../schema/expectation.ts'

/** The value, if it is a mapping; else an empty one. */
export function mapping(value: unknown): Readonly<Record<string, unknown>> {
  return isMapping(value) ? value : {}
}

/** The value, if it is a list; else an empty one. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/**
 * A name that is none of `known`, told with the nearest one. What is no text is for the schema to say.
 *
 * @example
 * unknownName('paymets', ['payments'], { path, what: 'service' })
 */
export function unknownName(name: unknown, known: Names, { path, what }: { path: Path; what: string }): Mistake[] {
  if (typeof name !== 'string' || known.has(name)) return []
  const names = [...known]
  const few = `${names.slice(0, 12).join(', ')}${names.length > 12 ? ', ...' : ''}`
  const expected = names.length === 0 ? `a ${what}, but none is defined` : `one of ${few}`
  return [{ path, part: 'value', message: `unknown ${what} ${shown(name)}`, expected, nearest: nearest(name, names) }]
}

/** Names that may be asked for. */
export interface Names extends Iterable<string> {
  has(name: string): boolean
}

/** The keys of mappings, as one set of names. */
export function namesOf(...mappings: readonly Readonly<Record<string, unknown>>[]): ReadonlySet<string> {
  return new Set(mappings.flatMap((one) => Object.keys(one)))
}
