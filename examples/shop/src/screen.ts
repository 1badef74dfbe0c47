// What people see: aligned plain lines, colour only where the stream is a terminal that wants it. It decides nothing and
// measures nothing.
import { styleText } from 'node:util'
import type { Criterion } from './criteria.ts'
import { slowForMs } from './faults.ts'
import type { Fault, Transition } from './journal.ts'
import type { FaultMode } from './messages.ts'
import { percentile } from './percentile.ts'
import { comparison, criterionLines, type Report } from './report.ts'
import type { ScoreWindow } from './scoreboard.ts'
import type { ServiceProcess } from './processes.ts'
import { table } from './table.ts'
import { treeLines, type TraceTree } from './trace-tree.ts'
import { traceLines } from './traces-report.ts'
import type { TraceReport } from './tracing.ts'

type Format = Parameters<typeof styleText>[0]

const stateColours: Readonly<Record<string, Format>> = { open: 'red', 'half-open': 'yellow', closed: 'green' }
const faultWords: Readonly<Record<FaultMode, string>> = {
  none: 'healed',
  fail: 'told to fail: every request gets 500',
  hang: 'told to hang: requests are accepted and never answered',
  slow: `told to be slow: every request takes ${slowForMs / 1000} s more`,
}

/**
 * Lines for people on one stream.
 *
 * @example
 * const screen = new Screen(process.stdout)
 * screen.say('The shop is ready.')
 */
export class Screen {
  readonly #stream: NodeJS.WriteStream
  /** When the load began; lines of events carry the time since then. */
  zeroAt: number = performance.now()

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  say(line: string = ''): void {
    this.#stream.write(`${line}\n`)
  }

  ready(tookMs: number, parts: readonly { readonly processes: readonly ServiceProcess[] }[]): void {
    this.say()
    this.say(this.#paint('bold', `The shop is ready in ${(tookMs / 1000).toFixed(1)} s.`))
    this.say()
    const rows = parts.flatMap(({ processes }) =>
      processes.toReversed().map(({ name, origin, pid }) => [`  ${name}`, origin.padEnd(26), `pid ${pid}`]),
    )
    for (const line of table(rows)) this.say(line)
    this.say()
  }

  /** What a person could do from another terminal. */
  hints(gateway: string, questions: string | undefined): void {
    const json = "-H 'content-type: application/json'"
    this.say('  Ask it yourself:')
    this.say(`    curl -i ${gateway}/recommendations`)
    this.say(`    curl -i ${json} -d '{"article":"lamp","amount":20}' ${gateway}/checkout`)
    this.say(`    curl -i ${json} -d '{"amount":5}' ${gateway}/pay`)
    this.say(`    curl ${gateway}/metrics`)
    this.say('  What happened in there:')
    this.say(`    npm run switchgear -- traces --errors --url ${questions}`)
    this.say()
  }

  transition({ process, service, from, to, reason, at }: Transition): void {
    const circuit = `circuit ${process} -> ${service}`.padEnd(36)
    const change = `${from} -> ${this.#paint(stateColours[to] ?? 'bold', to)}`
    const space = ' '.repeat(Math.max(0, 21 - `${from} -> ${to}`.length))
    this.say(`${this.#time(at)}  ${circuit} ${change}${space} ${this.#paint('dim', reason)}`)
  }

  fault({ service, mode, at }: Fault): void {
    this.say(
      this.#paint(['bold', mode === 'none' ? 'green' : 'red'], `${this.#time(at)}  ${service} ${faultWords[mode]}`),
    )
  }

  status(ours: ScoreWindow, theirs: ScoreWindow, seconds: number): void {
    const rate = `${(ours.sent / seconds).toFixed(0)}/s`.padStart(6)
    const ms = (quantile: number): string => (percentile(ours.tookMs, quantile) ?? 0).toFixed(0).padStart(5)
    const line = `${rate}   protected ${score(ours, `  p50${ms(0.5)}  p99${ms(0.99)} ms`)}   unprotected ${score(theirs)}`
    this.say(this.#paint('dim', `${this.#time(performance.now())}${line}`))
  }

  report(report: Report): void {
    this.say()
    for (const line of comparison(report)) this.say(line === '' ? '' : `  ${line}`)
    this.say()
    const lines = criterionLines(report.criteria)
    for (const [index, criterion] of report.criteria.entries())
      this.say(`  ${this.#mark(criterion)} ${lines[index] ?? ''}`)
    this.traces(report.traces)
    this.say()
    this.say(this.verdict(report))
  }

  /** Nothing when there are none. */
  traces(report: TraceReport | undefined): void {
    if (report === undefined) return
    this.say()
    for (const line of traceLines(report)) this.say(line === '' ? '' : `  ${line}`)
  }

  trace(tree: TraceTree | undefined): void {
    this.say()
    if (tree === undefined)
      this.say('No trace with an error was kept yet; they are judged some seconds after they ended.')
    else for (const line of treeLines(tree)) this.say(line)
    this.say()
  }

  /** One line; names what failed. */
  verdict({ survived, criteria }: Report): string {
    if (survived) return this.#paint(['bold', 'green'], 'The shop survived the outage of its payment service.')
    const failed = criteria.filter(({ passed }) => !passed).map(({ name }) => name)
    return this.#paint(['bold', 'red'], `The shop did not survive. Failed: ${failed.join('; ')}.`)
  }

  error(text: string): void {
    this.say(this.#paint('red', text))
  }

  #mark({ passed }: Criterion): string {
    return passed ? this.#paint('green', 'ok  ') : this.#paint('red', 'FAIL')
  }

  #time(at: number): string {
    return `${((at - this.zeroAt) / 1000).toFixed(1).padStart(7)} s`
  }

  #paint(format: Format, text: string): string {
    return styleText(format, text, { stream: this.#stream })
  }
}

/** Served is what was answered of what was sent; answers to older requests may make it more than all. */
function score({ sent, served, inFlight }: ScoreWindow, latency: string = ''): string {
  const share = sent === 0 ? 100 : Math.min(100, Math.floor((100 * served) / sent))
  return `${String(share).padStart(3)} %${latency}  ${String(inFlight).padStart(3)} in flight`
}
