// What a tuning came to, for people: the policies as YAML, which goals hold and where not, and what each scenario gains. It
// claims nothing that the results on unseen seeds do not show; of several seeds it shows the worst.
import type { PolicySpec } from '@switchgear/core'
import type { SimulationResult } from '@switchgear/simulator'
import { Document, isMap, isSeq } from 'yaml'
import { count, duration, share } from '../quantity.ts'
import { table } from '../table.ts'
import type { Look } from '../terminal.ts'
import { type Goal, measured, shortfall } from './goal.ts'
import { measures } from './measure.ts'
import type { Study } from './study.ts'

/** A longer mapping gets a line for each option. */
const longestLine = 110

/**
 * The policies of a service as they stand in a switchgear.yaml.
 *
 * @example
 * asYaml('payments', [{ timeout: '800ms' }]) // 'services:\n  payments:\n    policies:\n      - timeout: 800ms\n'
 */
export function asYaml(service: string, policies: readonly PolicySpec[]): string {
  const document = new Document({ services: { [service]: { policies } } })
  const list = document.getIn(['services', service, 'policies'])
  // One policy on one line reads like a stack.
  for (const item of isSeq(list) ? list.items : []) {
    const options: unknown = isMap(item) ? item.items[0]?.value : undefined
    if (isMap(options)) options.flow = JSON.stringify(options).length <= longestLine
  }
  return document.toString({ lineWidth: 0, flowCollectionPadding: true })
}

/** Where a goal stands after the validation. */
export interface GoalVerdict {
  readonly goal: Goal
  readonly holds: boolean
  /** The result that misses it most; undefined when it holds. */
  readonly worst: SimulationResult | undefined
}

/** Asks each goal of all results. */
export function verdicts(goals: readonly Goal[], results: readonly SimulationResult[]): GoalVerdict[] {
  return goals.map((goal) => {
    const missing = results
      .filter((result) => shortfall(goal, result) > 0)
      .toSorted((a, b) => shortfall(goal, b) - shortfall(goal, a))
    return { goal, holds: missing.length === 0, worst: missing[0] }
  })
}

/** The lines after the YAML: each goal, and a table with what every scenario gains. */
export function gains(study: Study, goals: readonly Goal[], { paint }: Look): string[] {
  const goalLines = verdicts(goals, study.tuned).map(({ goal, holds, worst }) => {
    const value = worst && measured(goal, worst)
    const text = value === undefined ? 'none' : (measures[goal.measure]?.format(value) ?? '')
    return [
      goal.text,
      holds ? paint('green', 'holds') : `${paint('red', 'missed')}: ${text} in ${worst?.scenario}, seed ${worst?.seed}`,
    ]
  })
  return [...table([...goalLines], ['left', 'left']), '', ...gainTable(study, paint)]
}

type Column = readonly [
  head: string,
  worst: 'least' | 'most',
  value: (result: SimulationResult) => number | undefined,
  format: (value: number) => string,
]

const columns: readonly Column[] = [
  ['goodput', 'least', ({ totals }) => totals.goodShare, share],
  ['during', 'least', ({ totals }) => totals.goodShareDuring, share],
  ['p99', 'most', ({ totals }) => totals.latency.p99, duration],
  ['in flight', 'most', ({ totals }) => totals.maxInFlight, count],
  [
    'recover',
    'most',
    ({ totals, outages }) => totals.timeToRecoverMs ?? (outages.length === 0 ? undefined : Infinity),
    (ms) => (ms === Infinity ? 'never' : duration(ms)),
  ],
]

function gainTable({ present, tuned, better }: Study, paint: Look['paint']): string[] {
  const names = [...new Set(present.map(({ scenario }) => scenario))]
  const rows = names.flatMap((name) => [
    [name, 'now', ...worstOf(present, name)],
    ...(better ? [['', 'tuned', ...worstOf(tuned, name)]] : []),
  ])
  const [head = '', ...lines] = table(
    [['scenario', '', ...columns.map(([name]) => name)], ...rows],
    ['left', 'left'],
    2,
  )
  return [paint('dim', head), ...lines]
}

/** Of several seeds the worst, figure by figure. */
function worstOf(results: readonly SimulationResult[], scenario: string): string[] {
  const played = results.filter((result) => result.scenario === scenario)
  return columns.map(([, worst, value, format]) => {
    const known = played.map(value).filter((one) => one !== undefined)
    if (known.length === 0) return '-'
    return format(worst === 'least' ? Math.min(...known) : Math.max(...known))
  })
}
