// A span's time as a bar of characters. Invariant: a span is at least one character wide and never outside of the bar.

/** Nanoseconds since the start of the trace. */
export interface Interval {
  readonly startNanos: number
  readonly endNanos: number
}

/**
 * Draws when a span ran, `░`, and when its own time decided how long the trace took, `█`.
 *
 * @example
 * barOf({ startNanos: 2, endNanos: 8 }, [{ startNanos: 4, endNanos: 8 }], 10, 10) // '  ░░████'
 */
export function barOf(own: Interval, decided: readonly Interval[], wholeNanos: number, columns: number): string {
  if (columns < 1) return ''
  const cellNanos = Math.max(1, wholeNanos) / columns
  const column = (nanos: number): number => Math.min(columns - 1, Math.max(0, Math.floor(nanos / cellNanos)))
  const first = column(own.startNanos)
  // What ends at the border of two cells is in the first of them.
  const last = Math.max(first, Math.min(columns - 1, Math.ceil(own.endNanos / cellNanos) - 1))
  let bar = ' '.repeat(first)
  for (let cell = first; cell <= last; cell++) {
    const within = { startNanos: cell * cellNanos, endNanos: (cell + 1) * cellNanos }
    const ran = overlap(own, within)
    const decisive = decided.reduce((sum, interval) => sum + overlap(interval, within), 0)
    bar += decisive > 0 && decisive >= ran / 2 ? '█' : '░'
  }
  return bar
}

function overlap(a: Interval, b: Interval): number {
  return Math.max(0, Math.min(a.endNanos, b.endNanos) - Math.max(a.startNanos, b.startNanos))
}
