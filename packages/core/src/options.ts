// How options are checked: at construction, with a message that names path, bound and value. It must never change what
// it is given, and never guess.
import { OptionsError } from './errors.ts'

/** Milliseconds, or a number with a unit: '800ms', '1.5s', '5m', '1h', '2d'. */
export type Duration = number | string

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Throws `<path> must be <bound>, got <value>` unless `holds`. */
export function check(holds: boolean, path: string, bound: string, value: unknown): void {
  if (!holds) throw new OptionsError(`${path} must be ${bound}, got ${shown(value)}`)
}

/** A value for a message. An object is shown by its kind only: it may be large, hold secrets, or refuse to become a text. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'function') return `the function ${value.name}`
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

/**
 * Milliseconds of a duration that is at least `least`.
 *
 * @example
 * parseDuration('30s', 'circuitBreaker.openFor') // 30000
 */
export function parseDuration(value: Duration, path: string, least = 0): number {
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value) : null
  const ms = match === null ? value : Number(match[1]) * (unitMs[match[2] ?? ''] ?? Number.NaN)
  const bound = `a duration of at least ${least} ms, as milliseconds or like '800ms', '30s', '5m'`
  check(typeof ms === 'number' && ms >= least && ms < Infinity, path, bound, value)
  return ms as number
}

/** A whole number of at least `least` and at most `most`. Answers it. */
export function checkCount(value: number, path: string, least: number, most: number = Number.MAX_SAFE_INTEGER): number {
  const range = most === Number.MAX_SAFE_INTEGER ? `>= ${least}` : `in [${least}, ${most}]`
  check(Number.isInteger(value) && value >= least && value <= most, path, `a whole number ${range}`, value)
  return value
}

/** A share of a whole: 0 to 1, both included. Answers it. */
export function checkShare(value: number, path: string): number {
  checkRange(value, path, 0, 1)
  return value
}

/** A function. */
export function checkFunction(value: unknown, path: string): void {
  check(typeof value === 'function', path, 'a function', value)
}

/** A number in [least, most]. */
export function checkRange(value: number, path: string, least: number, most: number): void {
  check(typeof value === 'number' && value >= least && value <= most, path, `in [${least}, ${most}]`, value)
}

/** A name: a text, also an empty one. */
export function checkName(value: unknown, path: string): void {
  check(value === undefined || typeof value === 'string', `${path}.name`, 'a text', value)
}

/** Each of `methods` of `value` is a function; undefined ones only where `optional`. */
export function checkMethods(value: unknown, methods: readonly string[], path: string, optional = false): void {
  checkObject(value, path)
  for (const name of methods) {
    const method = (value as Record<string, unknown>)[name]
    check(typeof method === 'function' || (optional && method === undefined), `${path}.${name}`, 'a function', method)
  }
}

/** A share of a whole: greater than 0 and at most 1. */
export function checkRatio(value: number, path: string): void {
  check(typeof value === 'number' && value > 0 && value <= 1, path, 'in (0, 1]', value)
}

/** Anything but a list that can have keys. */
export function checkObject(value: unknown, path: string): void {
  const holds = typeof value === 'object' && value !== null && !Array.isArray(value)
  check(holds, path, 'an object of options', value)
}

/** Refuses a key that `known` does not have: a misspelt option would otherwise be a silent default. */
export function checkKeys(options: object, known: object, path: string): void {
  checkObject(options, path)
  // A list of names, or an object that has them.
  const names: readonly string[] = Array.isArray(known) ? known : Object.keys(known)
  for (const key of Object.keys(options)) {
    if (!names.includes(key)) throw new OptionsError(`${path}.${key} is not an option; known are ${names.join(', ')}`)
  }
}
