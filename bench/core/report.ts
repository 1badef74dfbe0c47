// How results are shown: aligned on a terminal and as a Markdown table. Owns all formatting; nothing here measures.
import { cpus, loadavg, totalmem } from 'node:os'
import type { Unit } from './case.ts'
import { spentMs } from './chunks.ts'
import { aligned } from './columns.ts'
import type { Measurement } from './run.ts'

/** One measured subject. */
export interface Row extends Measurement {
  readonly caseId: string
  readonly title: string
  readonly label: string
  readonly unit: Unit
  readonly budget?: number
  /** Present where there is a budget. */
  readonly verdict?: 'ok' | 'over'
  /** Minified bytes by source file, for bundles. */
  readonly files?: readonly { readonly file: string; readonly bytes: number }[]
}

/** Where, when and how the rows were measured. */
export interface Context {
  readonly command: string
  readonly date: string
  readonly node: string
  readonly cpu: string
  readonly memoryGiB: number
  readonly load: string
  /** Nanoseconds that one read of the monotonic clock takes here: exact timing needs two a call. */
  readonly clockNs: number
}

export interface Report {
  readonly context: Context
  readonly rows: readonly Row[]
}

/** Describes this machine now. */
export function context(command: string): Context {
  const [processor] = cpus()
  return {
    command,
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    cpu: `${processor?.model.trim() ?? 'unknown'}, ${cpus().length} cores`,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    load: loadavg()
      .map((load) => load.toFixed(1))
      .join(' '),
    clockNs: clockNs(),
  }
}

/** CPU nanoseconds of one `performance.now()`. */
function clockNs(): number {
  const reads = 500_000
  let last = 0
  for (let i = 0; i < reads; i++) last = performance.now()
  const before = spentMs()
  for (let i = 0; i < reads; i++) last = Math.max(last, performance.now())
  return Math.round(((spentMs() - before) * 1e6) / reads)
}

const heads = ['', 'measured', 'budget', 'verdict', 'min .. max', 'detail']

/** The rows for people at a terminal. */
export function asText({ context, rows }: Report): string {
  const lines: string[][] = [heads]
  for (const [title, group] of byTitle(rows)) {
    lines.push([], [title], ...group.map((row) => [`  ${row.label}`, ...cells(row)]))
  }
  return `${aligned(lines)}\n\n${context.command}\n${machineLine(context)}\n`
}

/** When and on what, in one line. */
export function machineLine({ date, node, cpu, memoryGiB, load, clockNs }: Context): string {
  return `${date}, Node ${node}, ${cpu}, ${memoryGiB} GiB, load ${load} at the start, ${clockNs} ns to read the clock`
}

/** The rows as the page that is committed. */
export function asMarkdown({ context, rows }: Report): string {
  const { command, date, node, cpu, memoryGiB, load, clockNs } = context
  const lines = rows.map((row) => `| ${[row.title, row.label, ...cells(row)].map((cell) => cell || ' ').join(' | ')} |`)
  return `# The kernel against its peers

\`\`\`
${command}
\`\`\`

Measured ${date} on Node ${node}, ${cpu}, ${memoryGiB} GiB of memory, load average ${load} at the start.
Reading the monotonic clock once takes ${clockNs} ns on this machine; timing a call exactly takes two reads.

| case | subject | measured | budget | verdict | min .. max | detail |
|---|---|---:|---:|---|---:|---|
${lines.join('\n')}

## How to read it

- \`x\` is CPU time per call as a multiple of a bare \`await fn()\` of the same async function. Every subject runs in a
  process of its own; inside it, blocks of the subject alternate with blocks of the bare call, and the number is the
  median over all pairs. \`fn\` does nothing but count, so these are the worst ratios there can be: beside a real call over
  the network every one of them is small. Compare the libraries, not the multiples with your service.
- Refusals are measured as \`try { await execute(fn) } catch {}\` against the bare successful call.
- Each policy is measured alone in a pipeline, with limits that the calls never reach. Refused by: a bulkhead or an adaptive
  limit of one with a call in flight, a rate limit that is used up, a throttle whose dependency accepts nothing, a shedder
  that was told of delays. A cache hit does not run \`fn\` at all.
- \`B\` allocated is the growth of the heap per call with no collection in between, less that of the bare call.
  \`B\` retained is the growth of the heap by 20 000 idle policies (5000 with \`--quick\`), divided by their number; timers
  are counted by the engine's hooks.
- \`growth\` is the price of one failure with 100 000 calls in the breaker's time window, over the price with 100. Some
  peers bound what they keep: mollitia's time window remembers at most 1000 calls.
- Sizes are gzip of one minified ES module, 1 KB = 1024 B. Node's own \`events\`, which opossum needs, is not counted.
- The peers run as their documentation configures them. mollitia has no breaker of consecutive failures; its count
  breaker stands in. opossum cannot switch its rolling window off; "no timeout or stats" switches off all that it can. What
  else it offers is a switch of its breaker, so its other rows are that lean breaker with the switch. No peer has all of
  "everything"; each stands there with the most that it can put together.

## Noise

The machine was shared while this ran. Alternation makes most disturbances cancel out, and \`min .. max\` shows what was
left of them in single pairs; the medians of repeated runs differ by some per cent. Differences below a tenth mean
nothing. Bytes and sizes hardly vary.
`
}

function byTitle(rows: readonly Row[]): Map<string, readonly Row[]> {
  return Map.groupBy(rows, ({ title }) => title)
}

function cells(row: Row): string[] {
  const { unit, budget, verdict, min, max } = row
  const spread = unit === 'B' && row.files !== undefined ? '' : `${amount(min, unit)} .. ${amount(max, unit)}`
  return [show(row.measured, unit), budget === undefined ? '' : show(budget, unit), verdict ?? '', spread, detail(row)]
}

function detail({ ns, bareNs, levels, timers, bareBytes, files }: Row): string {
  if (levels !== undefined) {
    const at = Object.entries(levels).map(
      ([calls, each]) => `${nanoseconds(each)} at ${Number(calls).toLocaleString('en')}`,
    )
    return `${at.join(', ')} calls; bare failure ${nanoseconds(bareNs ?? Number.NaN)}`
  }
  if (ns !== undefined && bareNs !== undefined) return `${nanoseconds(ns)} a call, bare ${nanoseconds(bareNs)}`
  if (timers !== undefined) return `${Number(timers.toFixed(1))} timers`
  if (bareBytes !== undefined) return `bare ${Math.round(bareBytes)} B`
  return files === undefined ? '' : `${sum(files).toLocaleString('en')} B minified`
}

const sum = (files: readonly { readonly bytes: number }[]): number =>
  files.reduce((total, { bytes }) => total + bytes, 0)

const nanoseconds = (ns: number): string =>
  ns < 10_000 ? `${Math.round(ns)} ns` : `${(ns / 1000).toFixed(ns < 1e5 ? 1 : 0)} us`

const show = (value: number, unit: Unit): string => `${amount(value, unit)} ${unit}`

const amount = (value: number, unit: Unit): string =>
  unit === 'B' ? Math.round(value).toLocaleString('en') : value.toFixed(value < 100 ? 2 : 0)
