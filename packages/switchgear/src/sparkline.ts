// A series as one line of text. Invariant: a value above zero is never drawn as zero, and a moment without a value is blank.
import type { BreakerResult } from '@switchgear/simulator'

const levels = '▁▂▃▄▅▆▇█'

/** How several steps become one column: of a rate the mean, of a level or a latency the worst. */
export type Merge = 'mean' | 'max'

/**
 * Fits a series into `columns`; a shorter one stays as it is.
 *
 * @example
 * fitted([1, 3, 5, 7], 2, 'mean') // [2, 6]
 */
export function fitted(values: readonly (number | null)[], columns: number, merge: Merge): (number | null)[] {
  if (values.length <= columns) return [...values]
  return Array.from({ length: columns }, (_, column) => {
    const [from, to] = stepsOf(column, values.length, columns)
    const known = values.slice(from, to).filter((value) => value !== null)
    if (known.length === 0) return null
    return merge === 'max' ? Math.max(...known) : known.reduce((sum, value) => sum + value, 0) / known.length
  })
}

/**
 * Draws values between 0 and `max`, one column each; `logarithmic` tells 1 from 10 as well as 10 from 100.
 *
 * @example
 * sparkline([0, 50, null, 100], 100) // '▁▅ █'
 */
export function sparkline(values: readonly (number | null)[], max: number, logarithmic: boolean = false): string {
  const height = (value: number): number => (logarithmic ? Math.log1p(value) / Math.log1p(max) : value / max)
  return values
    .map((value) => {
      if (value === null) return ' '
      if (value <= 0 || max <= 0) return '▁'
      return levels[Math.min(levels.length - 1, Math.ceil(height(value) * (levels.length - 1)))] ?? '█'
    })
    .join('')
}

/**
 * The circuit breakers of all callers of a service over time: `·` closed, `▒` half-open, `▄` some open, `█` most open. Of
 * the steps in one column the worst is shown, so that a short open time is never lost.
 *
 * @example
 * strip({ open: [0, 1, 0], halfOpen: [0, 0, 1], ... }, 60) // '·█▒'
 */
export function strip({ open, halfOpen }: Pick<BreakerResult, 'open' | 'halfOpen'>, columns: number): string {
  const opened = fitted(open, columns, 'max')
  const probing = fitted(halfOpen, columns, 'max')
  return opened
    .map((share, column) => {
      if (share !== null && share > 0) return share >= 0.5 ? '█' : '▄'
      return (probing[column] ?? 0) > 0 ? '▒' : '·'
    })
    .join('')
}

/**
 * The time axis with the outages on it.
 *
 * @example
 * ruler([{ fromMs: 20_000, toMs: 40_000 }], 60_000, 6) // '──┝┥──'
 */
export function ruler(
  outages: readonly { readonly fromMs: number; readonly toMs: number }[],
  durationMs: number,
  columns: number,
): string {
  const marks = Array.from({ length: columns }, () => '─')
  for (const { fromMs, toMs } of outages) {
    const first = Math.min(columns - 1, Math.floor((fromMs / durationMs) * columns))
    const last = Math.min(columns - 1, Math.max(first, Math.ceil((toMs / durationMs) * columns) - 1))
    for (let column = first; column <= last; column++) marks[column] = '━'
    marks[first] = '┝'
    marks[last] = first === last ? '╋' : '┥'
  }
  return marks.join('')
}

/** The steps of one column: half open, never empty while there are at least as many steps as columns. */
function stepsOf(column: number, steps: number, columns: number): [from: number, to: number] {
  return [Math.floor((column * steps) / columns), Math.floor(((column + 1) * steps) / columns)]
}
