// The circuit breakers over time, on the time axis of the charts: for each run and called service one band whose height is
// the share of callers in each state, and under it the exact course of the first caller's breaker.
import type { BreakerResult, SimulationResult } from '@switchgear/simulator'
import { breakersOf } from '../breakers.ts'
import { duration, share } from '../quantity.ts'
import { time } from './axis.ts'
import { bands, frame } from './chart.ts'
import { coordinate, escaped, label } from './markup.ts'

const bandHeight = 26
const lineHeight = 5
const rowHeight = 66

/** One breaker band: whose it is and how it is told apart from the others. */
interface Row {
  readonly run: string
  readonly breaker: BreakerResult
}

/**
 * Draws the breakers of all runs; undefined when none has any.
 *
 * @example
 * strips([result, control])?.height // 100
 */
export function strips(
  results: readonly SimulationResult[],
  attributes: string = '',
): { readonly svg: string; readonly height: number } | undefined {
  const [first] = results
  const { shown, others } = breakersOf(results)
  const rows = shown.flatMap((service) =>
    results.flatMap(({ label: run, breakers }) =>
      breakers.filter(({ to }) => to === service).map((breaker): Row => ({ run, breaker })),
    ),
  )
  const rest = others === 0 ? '' : `; ${others} more not shown`
  if (first === undefined || rows.length === 0) return undefined
  const { durationMs, series, outages } = first
  const height = frame.top + rows.length * rowHeight + 16
  const x = time(durationMs, frame.left, frame.width - frame.right)
  const bottom = frame.top + rows.length * rowHeight
  const parts = [
    label(0, 13, 'Circuit breakers', 'title'),
    label(0, 27, `share of the callers in each state; the thin line is the first caller’s${rest}`, 'soft'),
    key(),
    bands(outages, durationMs, frame.top, bottom, false),
    ...rows.map((row, index) => band(row, frame.top + index * rowHeight, series.stepMs, durationMs)),
    ...x.ticks.map((tick) =>
      label(
        x.at(tick),
        bottom + 12,
        tick === 0 ? '0' : duration(tick),
        'soft',
        tick === 0 ? 'start' : tick === durationMs ? 'end' : 'middle',
      ),
    ),
  ]
  const svg = `<svg viewBox="0 0 ${frame.width} ${height}" role="img" aria-label="Circuit breakers"${attributes}>${parts.join('')}</svg>`
  return { svg, height }
}

function key(): string {
  const states = [
    ['closed', 'closed'],
    ['half', 'half-open'],
    ['open', 'open'],
  ] as const
  return states
    .map(([classes, text], index) => {
      const x = frame.width - frame.right - 212 + index * 78
      return `<rect x="${x}" y="4" width="11" height="11" class="${classes}"/>${label(x + 16, 13, text, 'soft')}`
    })
    .join('')
}

function band({ run, breaker }: Row, top: number, stepMs: number, durationMs: number): string {
  const x = time(durationMs, frame.left, frame.width - frame.right)
  const { to, breakers, transitions } = breaker
  const number = breakers === 1 ? '1 breaker' : `${breakers} breakers`
  const name = label(frame.left, top + 15, `calls to ${to}, ${run}: ${number}, ${transitions} changes of state`, 'soft')
  const high = top + 21
  const steps = breaker.open.map((open, step) => {
    const half = breaker.halfOpen[step] ?? 0
    const [from, till] = [x.at(step * stepMs), x.at(Math.min(durationMs, (step + 1) * stepMs))]
    const said = `${duration(step * stepMs)}: ${share(open)} open, ${share(half)} half-open`
    const piece = (offset: number, size: number, classes: string): string =>
      size <= 0
        ? ''
        : `<rect x="${coordinate(from)}" y="${coordinate(high + offset * bandHeight)}" width="${coordinate(till - from)}" height="${coordinate(size * bandHeight)}" class="${classes}"/>`
    const closed = Math.max(0, 1 - open - half)
    return `<g>${piece(0, closed, 'closed')}${piece(closed, half, 'half')}${piece(closed + half, open, 'open')}<title>${escaped(said)}</title></g>`
  })
  return `${name}${steps.join('')}${exact(breaker, high + bandHeight + 2, durationMs)}`
}

/** The first caller's breaker, from change to change. */
function exact({ first }: BreakerResult, top: number, durationMs: number): string {
  const x = time(durationMs, frame.left, frame.width - frame.right)
  const changes = [{ atMs: 0, state: 'closed' as const }, ...first]
  return changes
    .map(({ atMs, state }, index) => {
      const till = changes[index + 1]?.atMs ?? durationMs
      const classes = state === 'half-open' ? 'half' : state === 'open' || state === 'isolated' ? 'open' : 'closed'
      const width = Math.max(0.6, x.at(till) - x.at(atMs))
      const said = `${state} from ${duration(atMs)} for ${duration(till - atMs)}`
      return `<rect x="${coordinate(x.at(atMs))}" y="${top}" width="${coordinate(width)}" height="${lineHeight}" class="${classes}"><title>${escaped(said)}</title></rect>`
    })
    .join('')
}
