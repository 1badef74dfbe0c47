// How results are shown: aligned on a terminal and as the Markdown page. Owns all formatting; nothing here plays or judges.
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { type Measures, measureNames } from './measures.ts'
import { reading, summaryOf } from './reading.ts'
import { attemptTimeoutMs } from './subject.ts'
import type { Row, Table } from './table.ts'
import { alike, defaultsAlike } from './tuning.ts'
import { margins } from './verdict.ts'

/** How the tables came about. */
export interface Context {
  readonly command: string
  readonly date: string
  readonly node: string
  readonly cpu: string
  readonly peers: Readonly<Record<string, string>>
  readonly seeds: readonly number[]
  readonly requests: number
  readonly tookMs: number
}

/** Everything that was found. */
export interface Report {
  readonly context: Context
  readonly tables: readonly Table[]
}

/** Describes this run. */
export function context(command: string, run: Pick<Context, 'seeds' | 'requests' | 'tookMs'>): Context {
  return {
    command,
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    cpu: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cpus().length} cores`,
    peers: { opossum: versionOf('opossum'), cockatiel: versionOf('cockatiel') },
    ...run,
  }
}

/** Of an installed package. Not every one exports its package.json, so it is read as a file. */
function versionOf(name: string): string {
  const file = join(import.meta.dirname, '..', '..', 'node_modules', name, 'package.json')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

/** The columns. */
type Shown = Exclude<keyof Measures, 'transitions'>
const columns: readonly Shown[] = measureNames.filter((name) => name !== 'transitions')

const heads: Readonly<Record<Shown, string>> = {
  good: 'good',
  goodDuring: 'during',
  goodAfter: 'after',
  p99Ms: 'p99',
  detectMs: 'detect',
  recoverMs: 'recover',
  attempts: 'attempts',
  wasted: 'wasted',
}

const time = (ms: number): string =>
  ms === Infinity ? 'never' : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
const share = (value: number): string => `${(value * 100).toFixed(1)} %`

const shows: Readonly<Record<Shown, (value: number) => string>> = {
  good: share,
  goodDuring: share,
  goodAfter: share,
  p99Ms: time,
  detectMs: time,
  recoverMs: time,
  attempts: (value) => value.toFixed(2),
  wasted: share,
}

const cells = ({ measures }: Row): string[] => columns.map((name) => shows[name](measures[name]))

/** The verdict in words: against whom, and by what. */
function verdictOf({ verdict, versusClassic }: Row): string {
  if (verdict === undefined) return ''
  const { against, by } = verdict
  const how = by === undefined ? '' : `, ${heads[by]}`
  const classic = versusClassic === undefined ? '' : `; ${versusClassic} to the classic`
  return against === undefined ? verdict.verdict : `${verdict.verdict} (${against}${how})${classic}`
}

/** The tables for people at a terminal. */
export function asText({ context, tables }: Report): string {
  const parts = tables.map(({ id, title, rows }) => {
    const head = ['', ...columns.map((name) => heads[name]), 'verdict']
    return `${title} (${id})\n${aligned([head, ...rows.map((row) => [`  ${row.label}`, ...cells(row), verdictOf(row)])])}`
  })
  const { command, date, node, seeds, requests, tookMs } = context
  const run = `${date}, Node ${node}, seeds ${seeds.join(' ')}, ${requests.toLocaleString('en')} requests in ${time(tookMs)}`
  const summary = aligned([summaryOf(tables).heads, ...summaryOf(tables).rows])
  return `${parts.join('\n\n')}\n\n${summary}\n\n${reading(tables).join('\n')}\n\n${command}\n${run}\n`
}

function aligned(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)))
  const last = widths.length - 1
  const pad = (cell: string, column: number): string =>
    column === 0 || column === last ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
  return lines.map((line) => line.map(pad).join('  ').trimEnd()).join('\n')
}

const markdownRow = (line: readonly string[]): string => `| ${line.map((cell) => cell || ' ').join(' | ')} |`

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[], numbers: number): string {
  const rule = head.map((_, column) => (column > 0 && column <= numbers ? '---:' : '---'))
  return [markdownRow(head), `|${rule.join('|')}|`, ...rows.map(markdownRow)].join('\n')
}

/** The page that is committed. */
export function asMarkdown({ context, tables }: Report): string {
  const { command, date, node, cpu, peers, seeds, requests, tookMs } = context
  const summary = summaryOf(tables)
  const head = ['subject', ...columns.map((name) => heads[name]), 'verdict']
  const sections = tables.map(
    ({ title, about, rows }) =>
      `### ${title}\n\n${about}\n\n${markdownTable(
        head,
        rows.map((row) => [row.label, ...cells(row), verdictOf(row)]),
        columns.length,
      )}`,
  )
  return `# What a circuit breaker does for you in an outage

\`\`\`
${command}
\`\`\`

The same outages, played against this project's breaker and against others, on a virtual clock: ${requests.toLocaleString('en')} requests in
${time(tookMs)}. ${date}, Node ${node}, ${cpu}; opossum ${peers['opossum']}, cockatiel ${peers['cockatiel']}. Seeds ${seeds.join(', ')}; every number
is the median over them; the numbers of the recommended preset were chosen on the seeds 1 to 5. The same seeds give the same
numbers on every machine.

## Verdicts

${markdownTable(summary.heads, summary.rows, 0)}

${reading(tables).join('\n')}

## How it is played

- Five instances of a shop take 150 requests a second; two of three need a call to payments, so each of the five breakers
  sees 20 calls a second. Payments has four instances with two requests at once each, 160 a second in all. A shop instance
  works on 12 requests at once. Users give up after 3 s. Where an outage needs another shape, its section and
  \`bench/effect/outages.ts\` say so.
- An outage begins after 15 to 20 s and takes 25 to 45 s; the lengths are spread evenly over the seeds, so that nobody wins
  because an open time happens to end when the outage does. A run takes 100 s.
- Every subject has the same attempt timeout, ${attemptTimeoutMs} ms: its own where the library has one (opossum, cockatiel's aggressive one),
  else a plain one. A payments instance does not notice that a caller gave up, and finishes the work.
- Each subject runs in its own process on the virtual clock. opossum, cockatiel and the classic breaker ask the host for the
  time; they are loaded unchanged but for one line that puts the simulation's \`Date\`, timers and \`Math.random\` in place
  of the host's. A test proves that their timers fire on virtual time.
- opossum and cockatiel run as their documentation configures them: opossum with its defaults (half of the calls in 10 s,
  30 s open), cockatiel as in its readme (5 in a row or a fifth of the calls in 30 s; 10 s open, it has no default).
  "Tuned alike" gives them our numbers: ${defaultsAlike.consecutiveFailures} in a row and ${time(defaultsAlike.openForMs)} open like our defaults, or a share of ${alike.failureRatio} in ${time(alike.windowMs)} from ${alike.minimumThroughput} calls
  on and ${time(alike.openForMs)} open like the recommended preset. Ours are \`circuitBreaker()\` and \`circuitBreaker(recommended())\` and nothing else.
- The stacks add retries, three tries in all: ours with its default budget, cockatiel's with its exponential backoff as in its readme, and a plain loop
  around the classic breaker. opossum has no retry. The classic breaker opens after 5 in a row for 30 s, as it is shown everywhere. Stacks are judged against stacks.

## Columns

- **good**: good answers by requests from the beginning of the outage to the end of the run. **during**, **after**: of the
  outage, and after it. **p99**: of all answers during the outage, refusals included.
- **detect**: from the beginning of the outage until callers no longer wait for what is broken. **recover**: from its end
  until good answers are what they were.
- **attempts**: requests that reached the called services during the outage, by those that would have without breakers and retries.
  **wasted**: work for nobody, by all work.
- **verdict**: good answers decide, then the time to recover, then p99. Good answers tie within ${share(margins.good)} (relative), recovery within
  ${time(margins.recoverMs)} (it is read in steps of a quarter of a second), p99 within ${share(margins.p99)} or ${margins.p99LeastMs} ms. *win*: better than every peer. *lose*: some peer
  is better; it is named. *tie*: neither. Where nothing works at all (dies, hangs, herd), a peer that never opened is shown
  but not compared with: it looks recovered at once because it never did anything.

## Outages

${sections.join('\n\n')}
`
}
