// What the measurements come to, as the tables of the page and of the terminal. Invariant: a verdict is what was measured in this run;
// one that misses its budget says so.
import { type Context, machineLine } from '../core/report.ts'
import { contestants, reference, scenarios } from './cost/contestants.ts'
import type { CostSamples, ScenarioSamples } from './cost/rounds.ts'
import type { Played } from './load/run.ts'
import type { Situation } from './load/situations.ts'
import { ways } from './load/ways.ts'
import { explanation } from './page.ts'
import { quantile, ratios } from './statistics.ts'

/** A situation and what the ways made of it. */
export interface Play {
  readonly situation: Situation
  readonly played: readonly Played[]
}

/** All that was measured; a part that was left out is empty. */
export interface Report {
  readonly context: Context
  readonly cost: ReadonlyMap<string, ScenarioSamples>
  readonly balancing: readonly Play[]
  readonly dead: readonly Play[]
}

/** Overhead that our dispatcher may have over bare undici. */
export const budget = 1.1

/** What was promised, and what came of it. */
export interface Verdict {
  readonly what: string
  /** CPU per call, as a multiple, in every round. */
  readonly samples: readonly number[]
  readonly most: number
}

/** The page that is committed. */
export function asMarkdown(report: Report): string {
  const { command, date, node, cpu, memoryGiB, load } = report.context
  return `# What the client costs, and how well it chooses

\`\`\`
${command}
\`\`\`

Measured ${date} on Node ${node}, ${cpu}, ${memoryGiB} GiB of memory, load average ${load} at the start.

${tables(report)}
${explanation()}`
}

/** The same tables, for people at a terminal. */
export function asText(report: Report): string {
  return `${tables(report)}\n${report.context.command}\n${machineLine(report.context)}\n`
}

function tables({ cost, balancing, dead }: Report): string {
  const sections = [
    ...scenarios.flatMap(({ id, title }) => {
      const samples = cost.get(id)
      return samples === undefined ? [] : [costTable(title, samples)]
    }),
    ...(cost.size === 0 ? [] : [verdictTable(verdictsOf(cost))]),
    ...balancing.map(balancingTable),
    ...dead.map(deadTable),
  ]
  return `${sections.join('\n\n')}\n`
}

function costTable(title: string, samples: ScenarioSamples): string {
  const bare = samples.get(reference)
  const rows = contestants.flatMap(({ id, label, counterpart }) => {
    const own = samples.get(id)
    if (own === undefined) return []
    const other = counterpart === undefined ? undefined : samples.get(counterpart)
    const calls = quantile(own.callsPerSecond, 0.5).toFixed(0)
    return [[label, calls, spread(own.cpuMicros, 1), times(own, bare, id === reference), times(own, other, false)]]
  })
  const heads = [`**${title}**`, 'calls a second', 'CPU per call, us', 'x undici `request`', 'x the same without ours']
  return table(heads, rows)
}

function times(own: CostSamples, other: CostSamples | undefined, isSame: boolean): string {
  return other === undefined || isSame ? '' : spread(ratios(own.cpuMicros, other.cpuMicros), 2)
}

/** The budgets, by what this run has measured. */
export function verdictsOf(cost: ReadonlyMap<string, ScenarioSamples>): Verdict[] {
  return scenarios.flatMap(({ id: scenario, title }) =>
    contestants.flatMap(({ id, label, counterpart }) => {
      const own = cost.get(scenario)?.get(id)
      const other = cost.get(scenario)?.get(counterpart ?? '')
      // A service's own fetch is no dispatcher: it is compared, but nothing was promised of it.
      if (own === undefined || other === undefined || id === 'service') return []
      return [{ what: `${label}, ${title}`, samples: ratios(own.cpuMicros, other.cpuMicros), most: budget }]
    }),
  )
}

function verdictTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ what, samples, most }) => {
    const met = quantile(samples, 0.5) <= most
    return [what, `${spread(samples, 2)} x`, `${most.toFixed(2)} x`, met ? 'met' : 'missed']
  })
  return table(['**budget: CPU per call over the same without ours**', 'measured', 'at most', 'verdict'], rows)
}

function balancingTable({ situation: { title }, played }: Play): string {
  const rows = played.map((one) => [
    labelOf(one.way),
    one.p50.toFixed(0),
    one.p99.toFixed(0),
    percent(one.oddRequests, one.requests),
    percent(failed(one), one.calls),
    (one.requests / one.calls).toFixed(2),
    one.late99.toFixed(0),
  ])
  const heads = [
    'p50, ms',
    'p99, ms',
    'share of the odd one',
    'failed calls',
    'requests per call',
    'begun late, p99, ms',
  ]
  return table([`**${title}**`, ...heads], rows)
}

function deadTable({ situation: { title }, played }: Play): string {
  const rows = played.map((one) => [
    labelOf(one.way),
    `${failed(one)} of ${one.calls}`,
    Object.entries(one.failures)
      .map(([code, count]) => `${count} ${code}`)
      .join(', '),
    one.p50.toFixed(0),
    one.p99.toFixed(0),
    one.longest.toFixed(0),
    one.late99.toFixed(0),
  ])
  const heads = ['failed calls', 'with', 'p50, ms', 'p99, ms', 'longest, ms', 'begun late, p99, ms']
  return table([`**${title}**`, ...heads], rows)
}

const labelOf = (way: string): string => ways[way]?.label ?? way

const failed = ({ failures }: Played): number => Object.values(failures).reduce((sum, count) => sum + count, 0)

const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`

/** The median, and the quartiles in brackets. */
function spread(values: readonly number[], digits: number): string {
  const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => quantile(values, share).toFixed(digits))
  return `${middle} (${low} .. ${high})`
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(heads), `|---|${'---:|'.repeat(heads.length - 1)}`, ...rows.map(line)].join('\n')
}
