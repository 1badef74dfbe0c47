// The course of things over time, as sparklines under one time axis with the outages on it: one for each measure and
// result, those of one measure on the same scale, and a strip of states for each circuit breaker.
import type { Series, SimulationResult } from '@switchgear/simulator'
import { breakersOf } from './breakers.ts'
import { duration, rate } from './quantity.ts'
import { fitted, type Merge, ruler, sparkline, strip } from './sparkline.ts'
import type { Look } from './terminal.ts'

/** A sparkline and how to read it. */
interface Measure {
  readonly label: string
  readonly values: (series: Series) => readonly (number | null)[]
  readonly merge: Merge
  /** On a linear scale a latency of 60 s hides all others. */
  readonly logarithmic?: boolean
  readonly format: (value: number) => string
}

const measures: readonly Measure[] = [
  { label: 'good/s', values: (series) => perSecond(series, series.good), merge: 'mean', format: rate },
  { label: 'failed/s', values: (series) => perSecond(series, series.failed), merge: 'mean', format: rate },
  { label: 'refused/s', values: (series) => perSecond(series, series.refused), merge: 'mean', format: rate },
  { label: 'in flight', values: ({ inFlight }) => inFlight, merge: 'max', format: rate },
  { label: 'p99 (log)', values: ({ p99 }) => p99, merge: 'max', logarithmic: true, format: duration },
]

/** More steps than that are merged, however wide the terminal is. */
const mostColumns = 120

/**
 * Draws results of the same scenario. A measure that is zero throughout is left out.
 *
 * @example
 * courses([result, control], terminal) // ['            ───┝━━━┥───', ..., 'good/s      A ▇▇▇▂▁▁▁▇▇▇ 102', ...]
 */
export function courses(results: readonly SimulationResult[], look: Look): string[] {
  const [first] = results
  if (first === undefined) return []
  const { shown: services, others } = breakersOf(results)
  const left = Math.min(
    16,
    Math.max(...[...measures.map(({ label }) => label), ...services].map(({ length }) => length)),
  )
  const margin = left + 1 + (results.length > 1 ? 2 : 0)
  const columns = Math.max(10, Math.min(first.series.good.length, mostColumns, look.width - margin - 8))
  const lead = (label: string, index: number): string =>
    `${(index === 0 ? label.slice(0, left) : '').padEnd(left)} ${key(index, results)}`
  const lines = [
    `${' '.repeat(margin)}${look.paint('dim', ruler(first.outages, first.durationMs, columns))}`,
    `${' '.repeat(margin)}${look.paint('dim', marks(first, columns))}`,
  ]
  for (const { label, values, merge, format, logarithmic = false } of measures) {
    const drawn = results.map(({ series }) => fitted(values(series), columns, merge))
    const max = Math.max(0, ...drawn.flat().map((value) => value ?? 0))
    if (max === 0) continue
    lines.push(
      ...drawn.map(
        (line, index) =>
          `${lead(label, index)}${sparkline(line, max, logarithmic)}${index === 0 ? ` ${format(max)}` : ''}`,
      ),
    )
  }
  for (const service of services) {
    const strips = results.flatMap(({ breakers }, index) => {
      const found = breakers.find(({ to }) => to === service)
      return found === undefined ? [] : [`${key(index, results)}${strip(found, columns)}`]
    })
    lines.push(...strips.map((line, row) => `${(row === 0 ? service.slice(0, left) : '').padEnd(left)} ${line}`))
  }
  if (services.length > 0) {
    const rest = others === 0 ? '' : `; ${others} more not shown`
    lines.push(look.paint('dim', `${' '.repeat(margin)}· closed  ▒ half-open  ▄ some open  █ most open${rest}`))
  }
  return lines
}

/** The moments under the ruler: the start, the ends of outages as far as there is room, and the end. */
function marks({ outages, durationMs }: SimulationResult, columns: number): string {
  const end = duration(durationMs)
  const moments = [0, ...outages.flatMap(({ fromMs, toMs }) => [fromMs, toMs])].filter((ms) => ms < durationMs)
  let line = ''
  for (const ms of moments) {
    const text = ms === 0 ? '0' : duration(ms)
    const column = Math.floor((ms / durationMs) * columns)
    if ((line === '' || column > line.length) && column + text.length < columns - end.length)
      line = line.padEnd(column) + text
  }
  return `${line.padEnd(columns - end.length)}${end}`
}

/** The letter of a result in the charts; nothing where there is only one. */
export function key(index: number, results: readonly SimulationResult[]): string {
  return results.length > 1 ? `${String.fromCodePoint(65 + index)} ` : ''
}

function perSecond({ stepMs }: Series, counts: readonly number[]): number[] {
  return counts.map((value) => (value * 1000) / stepMs)
}
