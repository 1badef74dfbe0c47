// Byte sizes as options give them. It owns nothing and never guesses a unit.
import { check } from './options.ts'

/** A number of bytes, or a number with a unit of 1024: '64kb', '1.5mb', '1gb'. */
export type ByteSize = number | string

const units: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 }

/**
 * Bytes of a size in [least, most]; `path` names the option in the error.
 *
 * @example
 * parseByteSize('1mb', 'fallback.cached.maxBytes') // 1048576
 */
export function parseByteSize(
  value: ByteSize,
  path: string,
  least = 1,
  most: number = Number.MAX_SAFE_INTEGER,
): number {
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)(b|kb|mb|gb)$/.exec(value) : null
  const bytes = match === null ? value : Math.floor(Number(match[1]) * (units[match[2] ?? ''] ?? Number.NaN))
  const isSize = typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes >= least && bytes <= most
  const range =
    most === Number.MAX_SAFE_INTEGER
      ? `of at least ${least} byte${least === 1 ? '' : 's'}`
      : `in [${least}, ${most}] bytes`
  check(isSize, path, `a size ${range}, as bytes or like '64kb', '1mb'`, value)
  return bytes as number
}
