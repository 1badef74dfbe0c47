// What a terminal shows of one played scenario: what was played, the figures side by side, and the course of things as
// sparklines on one time axis. The first result is the one asked about; others stand beside it on the same scales.
import type { SimulationResult } from '@switchgear/simulator'
import { courses, key } from './courses.ts'
import { type Figure, difference, figures, shown } from './figures.ts'
import { count, duration } from './quantity.ts'
import { table } from './table.ts'
import type { Look } from './terminal.ts'

const longestLabel = 24

/**
 * The summary of one scenario, as lines. `compared` adds the difference between the first two results.
 *
 * @example
 * for (const line of summary([result, control], terminal)) terminal.print(line)
 */
export function summary(results: readonly SimulationResult[], look: Look, compared: boolean = false): string[] {
  const [first] = results
  if (first === undefined) return []
  return [
    `${look.paint('bold', first.scenario)}  ${first.title}`,
    ...circumstances(results).map((line) => look.paint('dim', line)),
    '',
    ...figureTable(results, look, compared),
    '',
    ...courses(results, look),
  ]
}

/**
 * One line for each scenario: what users got and how soon it was over, for the first result of each and for the second.
 *
 * @example
 * overview([[result, control], [otherResult, otherControl]], terminal)
 */
export function overview(scenarios: readonly (readonly SimulationResult[])[], look: Look): string[] {
  const columns = figures.filter(({ column }) => column !== undefined)
  const most = scenarios.reduce((longest, results) => (results.length > longest.length ? results : longest), [])
  const rows = scenarios.flatMap((results) =>
    results.map((result, index) => [
      index === 0 ? result.scenario : '',
      key(index, most).trim(),
      ...columns.map((figure) => shown(figure, result)),
    ]),
  )
  const head = ['scenario', '', ...columns.map(({ column = '' }) => column)]
  const [top = '', ...lines] = table([head, ...rows], ['left', 'left'], 2)
  const legend = most.length > 1 ? [most.map(({ label }, index) => `${key(index, most)}${label}`).join('   '), ''] : []
  return [...legend, look.paint('dim', top), ...lines]
}

/** A label that does not push the columns apart: the end of a path says more than its beginning. */
export function shortened(label: string): string {
  return label.length <= longestLabel ? label : `…${label.slice(1 - longestLabel)}`
}

function circumstances(results: readonly SimulationResult[]): string[] {
  const [first] = results
  if (first === undefined) return []
  const { outages, durationMs, seed, totals } = first
  const realMs = results.reduce((sum, { cost }) => sum + cost.realMs, 0)
  const load = `${count(totals.offered)} requests in ${duration(durationMs)}, seed ${seed}, played in ${duration(realMs)}`
  return [...outages.map(({ fromMs, toMs, what }) => `${duration(fromMs)} to ${duration(toMs)}: ${what}`), load]
}

function figureTable(results: readonly SimulationResult[], { paint }: Look, compared: boolean): string[] {
  const [base, other] = results
  const rows = figures
    .filter((figure) => results.some((result) => figure.value(result) !== undefined || figure.absent(result) !== '-'))
    .map((figure) => [
      figure.part === undefined ? figure.name : `  ${figure.part}`,
      ...results.map((result) => shown(figure, result)),
      ...delta(figure),
    ])
  const keys = results.map((result, index) => `${key(index, results)}${shortened(result.label)}`)
  const [head = '', ...lines] = table([['', ...keys, ...(compared ? ['difference'] : [])], ...rows])
  return [paint('bold', head), ...lines]

  function delta(figure: Figure): string[] {
    return compared && base !== undefined && other !== undefined ? [difference(figure, base, other)] : []
  }
}
