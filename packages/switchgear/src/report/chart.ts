// One line chart: time to the right, one measure upwards, a line for each run, the outages shaded. All charts of a report
// have the same width and margins, so that one moment stands under the other.
import { duration } from '../quantity.ts'
import { type Axis, linear, logarithmic, time } from './axis.ts'
import { coordinate, escaped, label } from './markup.ts'

/** Where things stand in every drawing of a report. */
export const frame: {
  readonly width: number
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
} = { width: 980, left: 62, right: 14, top: 42, bottom: 22 }
/** Of the plot itself. */
export const plotHeight = 118
/** Of a whole chart. */
export const chartHeight: number = frame.top + plotHeight + frame.bottom

/** A stretch of time in which something was wrong. */
export interface Outage {
  readonly fromMs: number
  readonly toMs: number
  readonly what: string
}

/** One line. Values are one for each step; null where there is none. */
export interface Line {
  readonly label: string
  readonly values: readonly (number | null)[]
}

/** What is drawn. */
export interface Chart {
  readonly title: string
  /** What the numbers are: 'a second', 'ms, logarithmic'. */
  readonly unit: string
  readonly stepMs: number
  readonly durationMs: number
  readonly outages: readonly Outage[]
  readonly lines: readonly Line[]
  /** A quiet line behind the others. */
  readonly backdrop?: Line
  readonly logarithmic?: boolean
  readonly format: (value: number) => string
  /** Writes what was wrong over the outages. */
  readonly named?: boolean
}

/**
 * Draws a chart as one `svg` element without a namespace, as it stands in a page. `attributes` are put into its tag.
 *
 * @example
 * chart({ title: 'Good answers', unit: 'a second', stepMs: 1000, durationMs: 60_000, outages, lines, format: rate })
 */
export function chart(given: Chart, attributes: string = ''): string {
  const { title, unit, stepMs, durationMs, lines, backdrop } = given
  const bottom = frame.top + plotHeight
  const x = time(durationMs, frame.left, frame.width - frame.right)
  const y = scale(given, bottom)
  const place = (value: number | null, step: number): Point | undefined =>
    value === null ? undefined : [x.at((step + 0.5) * stepMs), y.at(value)]
  const parts = [
    label(0, 13, title, 'title'),
    label(0, 27, unit, 'soft'),
    bands(given.outages, durationMs, frame.top, bottom, given.named ?? false),
    ...y.ticks.map((tick) => gridline(y.at(tick), given.format(tick))),
    ...x.ticks.map((tick) =>
      label(x.at(tick), bottom + 15, tick === 0 ? '0' : duration(tick), 'soft', anchorOf(tick, durationMs)),
    ),
    `<line x1="${frame.left}" x2="${frame.width - frame.right}" y1="${bottom}" y2="${bottom}" class="base"/>`,
  ]
  if (backdrop !== undefined) parts.push(...paths(backdrop.values.map(place), 'offered'))
  const [first] = lines
  if (first !== undefined && !given.logarithmic) parts.push(...areas(first.values.map(place), bottom))
  // The second line is dashed: drawn over the first, both are seen where they are equal.
  for (const [index, line] of lines.entries()) parts.push(...paths(line.values.map(place), `run tone${index % 4}`))
  parts.push(...readings(given, x, bottom))
  return `<svg viewBox="0 0 ${frame.width} ${chartHeight}" role="img" aria-label="${escaped(`${title}, ${unit}`)}"${attributes}>${parts.join('')}</svg>`
}

/**
 * The outages as shaded bands from `top` to `bottom`, with what was wrong above them where `named`.
 *
 * @example
 * bands(outages, 60_000, 34, 150, true)
 */
export function bands(
  outages: readonly Outage[],
  durationMs: number,
  top: number,
  bottom: number,
  named: boolean,
): string {
  const x = time(durationMs, frame.left, frame.width - frame.right)
  let free = 0
  return outages
    .map(({ fromMs, toMs, what }) => {
      const [from, to] = [x.at(fromMs), x.at(Math.min(toMs, durationMs))]
      const edges = [from, to].map(
        (edge) => `<line x1="${coordinate(edge)}" x2="${coordinate(edge)}" y1="${top}" y2="${bottom}" class="edge"/>`,
      )
      const shade = `<rect x="${coordinate(from)}" y="${top}" width="${coordinate(to - from)}" height="${bottom - top}" class="band"/>`
      // A service that flaps has many outages: only those with room are named.
      const room = named && from >= free
      if (room) free = from + what.length * 6.2 + 12
      return `${shade}${edges.join('')}${room ? label(from + 2, top - 5, what, 'outage') : ''}`
    })
    .join('')
}

type Point = readonly [x: number, y: number]

function scale({ lines, backdrop, logarithmic: logs = false }: Chart, bottom: number): Axis {
  const values = [...lines, ...(backdrop === undefined ? [] : [backdrop])].flatMap(({ values }) =>
    values.filter((value) => value !== null),
  )
  const max = values.reduce((most, value) => Math.max(most, value), 0)
  if (!logs) return linear(max, bottom, frame.top)
  const min = values.reduce((least, value) => (value > 0 ? Math.min(least, value) : least), Math.max(1, max))
  return logarithmic(Math.max(min, 1), max, bottom, frame.top)
}

function gridline(y: number, text: string): string {
  const line = `<line x1="${frame.left}" x2="${frame.width - frame.right}" y1="${coordinate(y)}" y2="${coordinate(y)}" class="grid"/>`
  return line + label(frame.left - 8, y + 4, text, 'soft', 'end')
}

function anchorOf(tick: number, durationMs: number): 'start' | 'middle' | 'end' {
  if (tick === 0) return 'start'
  return tick === durationMs ? 'end' : 'middle'
}

/** Where a value is missing the line is interrupted. */
function runsOf(points: readonly (Point | undefined)[]): Point[][] {
  const runs: Point[][] = [[]]
  for (const point of points) {
    if (point === undefined) runs.push([])
    else runs.at(-1)?.push(point)
  }
  return runs.filter((run) => run.length > 0)
}

function paths(points: readonly (Point | undefined)[], classes: string): string[] {
  return runsOf(points).map((run) => {
    const [first = [0, 0]] = run
    // A lone point is drawn as a dash of one pixel; without it, it would not be seen.
    const drawn = run.length === 1 ? [first, [first[0] + 1, first[1]] as const] : run
    return `<path d="M${drawn.map(([x, y]) => `${coordinate(x)} ${coordinate(y)}`).join('L')}" class="${classes}"/>`
  })
}

function areas(points: readonly (Point | undefined)[], bottom: number): string[] {
  return runsOf(points).map((run) => {
    const line = run.map(([x, y]) => `${coordinate(x)} ${coordinate(y)}`).join('L')
    return `<path d="M${coordinate(run[0]?.[0] ?? 0)} ${bottom}L${line}L${coordinate(run.at(-1)?.[0] ?? 0)} ${bottom}Z" class="area"/>`
  })
}

/** Invisible columns that say the values of their moment when the pointer rests on them. */
function readings({ lines, stepMs, durationMs, format }: Chart, x: Axis, bottom: number): string[] {
  const steps = Math.min(600, lines[0]?.values.length ?? 0)
  return Array.from({ length: steps }, (_, step) => {
    const [from, to] = [x.at(step * stepMs), x.at(Math.min(durationMs, (step + 1) * stepMs))]
    const said = lines.map((line) => {
      const value = line.values[step]
      return `${line.label}: ${value === null || value === undefined ? '-' : format(value)}`
    })
    const text = escaped([`${duration(step * stepMs)} to ${duration((step + 1) * stepMs)}`, ...said].join('\n'))
    return `<rect x="${coordinate(from)}" y="${frame.top}" width="${coordinate(to - from)}" height="${bottom - frame.top}" class="hit"><title>${text}</title></rect>`
  })
}
