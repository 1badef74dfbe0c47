// What is safe to take out of JSON that came from elsewhere. Invariant: nothing throws; what is not as expected is simply not there.
import { isWord } from '../endpoint.ts'

/** An object of JSON, whatever it holds. */
export type Fields = Readonly<Record<string, unknown>>

const nothing: Fields = {}

/**
 * The fields of a value; none unless it is an object.
 *
 * @example
 * const { name } = fields(fields(slice).metadata)
 */
export function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : nothing
}

/** A text that an endpoint can hold as id, zone, version or metadata; else undefined. */
export function word(value: unknown): string | undefined {
  return isWord(value) ? value : undefined
}
