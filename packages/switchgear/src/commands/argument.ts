// Values on a command line, checked before anything is read or played.
import { parseDuration } from '@switchgear/core'
import { InvalidArgumentError } from 'commander'

/** A whole number that may be a seed. */
export function wholeNumber(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 0xffff_ffff) throw new InvalidArgumentError('Expected a whole number below 2^32.')
  return value
}

/** A whole number of at least 1. */
export function positive(text: string): number {
  const value = wholeNumber(text)
  if (value < 1 || value > 1_000_000) throw new InvalidArgumentError('Expected a whole number in [1, 1000000].')
  return value
}

/** A duration of at least a second, kept as text. */
export function span(text: string): string {
  try {
    parseDuration(text, 'duration', 1000)
  } catch {
    // Core's words name an option of a policy; here it is one of the command line.
    throw new InvalidArgumentError("Expected a time of at least a second, such as '90s'.")
  }
  return text
}

/** A file that a report can be written to. */
export function reportName(text: string): string {
  if (!/\.(html?|svg)$/.test(text)) throw new InvalidArgumentError('Expected a name that ends in .html or .svg.')
  return text
}

/**
 * Collects an option that may be given several times. A list behind one option would take the file name for one more value.
 *
 * @example
 * command.option('--goal <goal>', 'what must hold', repeated)
 */
export function repeated(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text]
}
