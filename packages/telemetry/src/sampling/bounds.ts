// How the options of the samplers are checked: at construction, with a message that names path, bound and value.
import { OptionsError } from '@switchgear/core'

/** A number of bytes, or a number with a unit of 1024: '64kb', '1.5mb', '1gb'. */
export type ByteSize = number | string

const units: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 }

/** Throws `<path> must be <bound>, got <value>` unless `holds`. */
export function check(holds: boolean, path: string, bound: string, value: unknown): void {
  if (!holds) throw new OptionsError(`${path} must be ${bound}, got ${shown(value)}`)
}

/** A whole number of at least `least` and at most `most`. */
export function checkCount(value: number, path: string, least: number, most: number = Number.MAX_SAFE_INTEGER): number {
  const range = most === Number.MAX_SAFE_INTEGER ? `>= ${least}` : `in [${least}, ${most}]`
  check(Number.isInteger(value) && value >= least && value <= most, path, `a whole number ${range}`, value)
  return value
}

/** A share of a whole: 0 to 1, both included. */
export function checkShare(value: number, path: string): number {
  check(typeof value === 'number' && value >= 0 && value <= 1, path, 'in [0, 1]', value)
  return value
}

/** A function. */
export function checkFunction(value: unknown, path: string): void {
  check(typeof value === 'function', path, 'a function', value)
}

/** Bytes of a size of at least `least`. */
export function parseBytes(value: ByteSize, path: string, least = 1): number {
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)(b|kb|mb|gb)$/.exec(value) : null
  const bytes = match === null ? value : Math.floor(Number(match[1]) * (units[match[2] ?? ''] ?? Number.NaN))
  const bound = `a size of at least ${least} byte${least === 1 ? '' : 's'}, as bytes or like '64kb', '1mb'`
  check(typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes >= least, path, bound, value)
  return bytes as number
}

/** Refuses what is no object, and a key that is not in `known`: a misspelt option would be a silent default. */
export function checkKeys(options: unknown, known: readonly string[], path: string): void {
  const isObject = typeof options === 'object' && options !== null && !Array.isArray(options)
  check(isObject, path, 'an object of options', options)
  for (const key of Object.keys(options as object)) {
    if (!known.includes(key)) {
      throw new OptionsError(`${path}.${key} is not an option; known are ${known.join(', ')}`)
    }
  }
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'function') return 'a function'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}
