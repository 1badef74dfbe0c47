// What people see: aligned plain lines, colour only where the stream is a terminal that wants it. It decides nothing and
// measures nothing.
import { styleText } from 'node:util'
import type { Criterion } from './criteria.ts'
import type { Fault, Transition } from './journal.ts'
import { percentile } from './percentile.ts'
import { comparison, criterionLines, type Report } from './report.ts'
import type { ScoreWindow } from './scoreboard.ts'
import type { Shop } from './shop.ts'
import { table } from './table.ts'

type Format = Parameters<typeof styleText>[0]

const stateColours: Readonly<Record<string, Format>> = { open: 'red', 'half-open': 'yellow', closed: 'green' }
const faultWords = {
  none: 'healed',
  fail: 'fails',
  hang: 'hangs: it accepts requests and never answers',
  slow: 'is slow',
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

  ready(tookMs: number, shops: readonly Shop[]): void {
    this.say()
    this.say(this.#paint('bold', `The shop is ready in ${(tookMs / 1000).toFixed(1)} s.`))
    this.say()
    const rows = shops.flatMap((shop) =>
      shop.processes.toReversed().map(({ name, origin, pid }) => [`  ${name}`, origin.padEnd(26), `pid ${pid}`]),
    )
    for (const line of table(rows)) this.say(line)
    this.say()
  }

  transition({ process, service, from, to, reason, at }: Transition): void {
    const change = `${from} -> ${this.#paint(stateColours[to] ?? 'bold', to)}`.padEnd(22 + this.#hidden(to))
    this.say(`${this.#time(at)}  ${`${process} -> ${service}`.padEnd(22)} ${change} ${this.#paint('dim', reason)}`)
  }

  fault({ service, mode, at }: Fault): void {
    this.say(
      this.#paint(['bold', mode === 'none' ? 'green' : 'red'], `${this.#time(at)}  ${service} ${faultWords[mode]}`),
    )
  }

  status(ours: ScoreWindow, theirs: ScoreWindow, seconds: number): void {
    const rate = `${(ours.sent / seconds).toFixed(0)}/s`
    const line = `${rate.padStart(5)} | protected ${score(ours)} | unprotected ${score(theirs)}`
    this.say(this.#paint('dim', `${this.#time(performance.now())}  ${line}`))
  }

  report(report: Report): void {
    this.say()
    for (const line of comparison(report)) this.say(`  ${line}`)
    this.say()
    const lines = criterionLines(report.criteria)
    for (const [index, criterion] of report.criteria.entries())
      this.say(`  ${this.#mark(criterion)} ${lines[index] ?? ''}`)
    this.say()
    this.say(this.verdict(report))
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

  /** How many of the characters of a painted state do not show. */
  #hidden(state: string): number {
    return this.#paint(stateColours[state] ?? 'bold', state).length - state.length
  }
}

/** Served is what was answered of what was sent; answers to older requests may make it more than all. */
function score({ sent, served, tookMs, inFlight }: ScoreWindow): string {
  const share = sent === 0 ? 100 : Math.min(100, Math.floor((100 * served) / sent))
  const ms = (quantile: number): string => (percentile(tookMs, quantile) ?? 0).toFixed(0).padStart(4)
  return `${String(share).padStart(3)} % served, p50${ms(0.5)} p99${ms(0.99)} ms, ${String(inFlight).padStart(3)} in flight`
}
