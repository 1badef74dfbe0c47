// What a long-running command complains of, without flooding whoever reads it. Bounded, whatever is told.
import type { Terminal } from './terminal.ts'

/** The same problem is told again after this time. */
const tellEveryMs = 60_000

/**
 * Says each thing at most once a minute; there are few different ones.
 *
 * @example
 * const complain = complaints(terminal)
 * complain('the disk is full')
 */
export function complaints(terminal: Pick<Terminal, 'complain'>): (message: string) => void {
  const toldAt = new Map<string, number>()
  return (message) => {
    const now = performance.now()
    if (now - (toldAt.get(message) ?? -Infinity) < tellEveryMs) return
    // What differs each time, such as a number of bytes in the message, must not fill the memory.
    if (toldAt.size >= 100) toldAt.clear()
    toldAt.set(message, now)
    terminal.complain(message)
  }
}
