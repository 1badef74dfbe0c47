// The header by which a deadline travels over HTTP: `x-request-deadline`, the whole milliseconds that remain. It is never a time of
// day, because clocks of machines differ. Strict in what it reads: a number that was not understood must not become a limit.

/** Name of the header. */
export const requestDeadlineHeader = 'x-request-deadline'

/** The longest that is read or written: 31 bits of milliseconds, about 24 days; what is longer is no deadline. */
export const longestDeadlineMs: number = 2 ** 31 - 1

/**
 * Milliseconds that remain: digits only, at most `longestDeadlineMs`. Undefined for anything else. 0 means that it has passed.
 *
 * @example
 * parseRequestDeadline('250') // 250
 * parseRequestDeadline('-1') // undefined
 */
export function parseRequestDeadline(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined
  const ms = Number(text)
  return ms > longestDeadlineMs ? undefined : ms
}

/**
 * The text for `remainingMs`, rounded down so that nobody further on gets more time than there is, but at least '1': what has not
 * passed must not read as if it had. Undefined where there is no deadline to tell: Infinity or beyond the longest.
 *
 * @example
 * formatRequestDeadline(250.9) // '250'
 */
export function formatRequestDeadline(remainingMs: number): string | undefined {
  if (!(remainingMs <= longestDeadlineMs)) return undefined
  return String(Math.max(1, Math.floor(remainingMs)))
}
