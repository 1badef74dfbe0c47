// Byte sizes as options give them. It owns nothing and never guesses a unit.
import { OptionsError } from '@switchgear/core'

/** A number of bytes, or a number with a unit of 1024: '64kb', '1.5mb', '1gb'. */
export type ByteSize = number | string

const units: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 }

/**
 * Bytes of a size of at least 1 byte; `path` names the option in the error.
 *
 * @example
 * parseByteSize('1mb', 'fallback.cached.maxBytes') // 1048576
 */
export function parseByteSize(value: ByteSize, path: string): number {
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)(b|kb|mb|gb)$/.exec(value) : null
  const bytes = match === null ? value : Math.floor(Number(match[1]) * (units[match[2] ?? ''] ?? Number.NaN))
  if (typeof bytes === 'number' && bytes >= 1 && Number.isSafeInteger(bytes)) return bytes
  const got = typeof value === 'string' ? `'${value}'` : String(value)
  throw new OptionsError(`${path} must be a size of at least 1 byte, as bytes or like '64kb', '1mb', got ${got}`)
}
