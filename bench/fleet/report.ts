// How the cost of a simulated fleet is shown: on a terminal and as the page that is committed. Owns the budget; nothing here
// measures.
import { type Context, machineLine } from '../core/report.ts'

/** One play of the `fleet` scenario. */
export interface FleetReport {
  readonly machine: Context
  /** Whether it was the scenario as it stands; only then the budget means something. */
  readonly whole: boolean
  readonly breakers: number
  /** Changes of state of all breakers. */
  readonly transitions: number
  readonly virtualMs: number
  readonly requests: number
  readonly realMs: number
  /** Of the whole process, the collector's threads included. */
  readonly cpuMs: number
  /** Turns of the virtual clock. */
  readonly events: number
  /** The most that was seen in use; the resident set is what the host gave. */
  readonly heapBytes: number
  readonly rssBytes: number
  /** Good answers by requests, as a sign that the outage was really played. */
  readonly goodShare: number
}

/** One minute of 1 000 instances and 100 000 requests a second, in real time on two cores. */
export const budgetMs = 120_000

/** Name and value of everything that was measured. */
function rowsOf(report: FleetReport): [string, string][] {
  const { breakers, transitions, virtualMs, requests, realMs, cpuMs, events, heapBytes, rssBytes, goodShare } = report
  const verdict = realMs <= budgetMs ? 'ok' : 'over'
  return [
    ['virtual time', `${count(virtualMs / 1000)} s`],
    ['real time', `${(realMs / 1000).toFixed(1)} s`],
    ['budget', report.whole ? `${budgetMs / 1000} s: ${verdict}` : 'none, less than the whole was played'],
    ['CPU time', `${(cpuMs / 1000).toFixed(1)} s`],
    ['requests', count(requests)],
    ['requests per virtual second', count((requests * 1000) / virtualMs)],
    ['real time per request', `${((realMs * 1000) / requests).toFixed(1)} us`],
    ['events of the virtual clock', count(events)],
    ['events per real second', count((events * 1000) / realMs)],
    ['heap in use, at most', `${count(heapBytes / 2 ** 20)} MiB`],
    ['resident memory, at most', `${count(rssBytes / 2 ** 20)} MiB`],
    ['circuit breakers', `${count(breakers)}, ${count(transitions)} changes of state`],
    ['good answers', `${(goodShare * 100).toFixed(1)} % of all requests`],
  ]
}

const count = (value: number): string => Math.round(value).toLocaleString('en')

/** For people at a terminal. */
export function asText(report: FleetReport): string {
  const rows = rowsOf(report)
  const width = Math.max(...rows.map(([name]) => name.length))
  const lines = rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`)
  return `${lines.join('\n')}\n\n${report.machine.command}\n${machineLine(report.machine)}\n`
}

/** The page that is committed. */
export function asMarkdown(report: FleetReport): string {
  const { command, date, node, cpu, memoryGiB, load } = report.machine
  return `# A fleet on one machine

\`\`\`
${command}
\`\`\`

Measured ${date} on Node ${node}, ${cpu}, ${memoryGiB} GiB of memory, load average ${load} at the start.

The simulator's scenario \`fleet\`: 1 000 callers, each with a circuit breaker and a timeout of its own, send 100 000 requests a
second in all to one service; for one minute of virtual time, in which the service dies for ten seconds. The policies are the
code that runs in production.

| | |
|---|---:|
${rowsOf(report)
  .map(([name, value]) => `| ${name} | ${value} |`)
  .join('\n')}

One run on one thread; the collector has threads of its own, which is why CPU time may exceed real time. On a machine that
does other things as well, real time is longer.
`
}
