// How a model is checked: before anything runs, with a message that names the path as it stands in switchgear.yaml, the
// bound and the value. It never guesses.
import { OptionsError } from '@switchgear/core'

/** Throws `<path> must be <bound>, got <value>` unless `holds`. */
export function check(holds: boolean, path: string, bound: string, value: unknown): void {
  if (!holds) throw new OptionsError(`${path} must be ${bound}, got ${shown(value)}`)
}

/** A finite number in [least, most]. */
export function checkNumber(value: unknown, path: string, least: number, most: number = Number.MAX_SAFE_INTEGER): void {
  const range = most === Number.MAX_SAFE_INTEGER ? `a number >= ${least}` : `a number in [${least}, ${most}]`
  check(typeof value === 'number' && value >= least && value <= most, path, range, value)
}

/** A whole number in [least, most]. */
export function checkCount(value: unknown, path: string, least: number, most: number): void {
  const holds = typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
  check(holds, path, `a whole number in [${least}, ${most}]`, value)
}

/** An object, not a list, with no key but `known`: a misspelt one would be a silent default. */
export function checkKeys(value: unknown, known: readonly string[], path: string): void {
  check(typeof value === 'object' && value !== null && !Array.isArray(value), path, 'an object', value)
  for (const key of Object.keys(value as object)) {
    if (!known.includes(key)) throw new OptionsError(`${path}.${key} is not known; known are ${known.join(', ')}`)
  }
}

/** A list. */
export function checkList(value: unknown, path: string): void {
  check(Array.isArray(value), path, 'a list', value)
}

/** The name of one of `names`. */
export function checkName(value: unknown, names: readonly string[], path: string): void {
  check(typeof value === 'string' && names.includes(value), path, `one of ${names.join(', ')}`, value)
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}
