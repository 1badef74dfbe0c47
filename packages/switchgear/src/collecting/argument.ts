// Values on the command lines of the commands about traces.
import { parseDuration } from '@switchgear/core'
import { InvalidArgumentError } from 'commander'

/** A TCP port; 0 lets the system choose. */
export function portNumber(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('Expected a port in [0, 65535].')
  return Number(text)
}

/** A share of a whole, 0 to 1. */
export function probability(text: string): number {
  const value = Number(text)
  if (!/^\d*\.?\d+$/.test(text) || value > 1) throw new InvalidArgumentError('Expected a number in [0, 1].')
  return value
}

/** A size as text, such as 256mb; its bounds are checked by whoever uses it. */
export function byteSize(text: string): string {
  if (!/^\d+(\.\d+)?(b|kb|mb|gb)$/.test(text)) throw new InvalidArgumentError("Expected a size such as '256mb'.")
  return text
}

/** Any duration, kept as text. */
export function someTime(text: string): string {
  try {
    parseDuration(text, 'duration')
  } catch {
    // Core's words name an option of a policy; here it is one of the command line.
    throw new InvalidArgumentError("Expected a time such as '100ms' or '10m'.")
  }
  return text
}
