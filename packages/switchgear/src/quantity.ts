// Quantities as people read them: one way to write a share, a duration, a count and a rate, in the terminal and in reports.
// It must not round a share up to 100 % or down to 0 %: those two say "all" and "none".

/**
 * A share of a whole.
 *
 * @example
 * share(0.9712) // '97.1 %'
 */
export function share(value: number): string {
  const percent = value * 100
  if (percent > 0 && percent < 0.1) return '< 0.1 %'
  if (percent < 100 && percent > 99.9) return '> 99.9 %'
  return percent === 0 || percent === 100 ? `${percent} %` : `${percent.toFixed(1)} %`
}

/**
 * The difference of two shares, in percentage points.
 *
 * @example
 * points(0.262) // '26.2 pt'
 */
export function points(value: number): string {
  return `${(value * 100).toFixed(1)} pt`
}

/**
 * A duration in milliseconds, with three digits at most.
 *
 * @example
 * duration(1234) // '1.23 s'
 */
export function duration(ms: number): string {
  if (ms === 0) return '0 s'
  const [value, unit] =
    Math.abs(ms) < 999.5 ? [ms, 'ms'] : Math.abs(ms) < 119_500 ? [ms / 1000, 's'] : [ms / 60_000, 'min']
  return `${digits(value)} ${unit}`
}

/**
 * A number of things.
 *
 * @example
 * count(12345) // '12,345'
 */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/**
 * A ratio such as attempts per request.
 *
 * @example
 * ratio(1.046) // '1.05'
 */
export function ratio(value: number): string {
  return value.toFixed(2)
}

/**
 * A rate per second, short enough for the edge of a chart.
 *
 * @example
 * rate(97.4) // '97'
 */
export function rate(value: number): string {
  if (value >= 9999.5) return `${digits(value / 1000)}k`
  return value < 10 ? String(Number(value.toFixed(1))) : count(value)
}

/**
 * A number with its sign, as a difference is written.
 *
 * @example
 * signed(-1200, duration) // '−1.2 s'
 */
export function signed(value: number, format: (magnitude: number) => string): string {
  const text = format(Math.abs(value))
  if (text === format(0)) return `±${text}`
  return `${value < 0 ? '−' : '+'}${text}`
}

function digits(value: number): string {
  if (value === 0) return '0'
  const size = Math.abs(value)
  return String(Number(value.toFixed(size < 10 ? 2 : size < 100 ? 1 : 0)))
}
