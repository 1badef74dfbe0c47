// `switchgear doctor`: why there are no spans. It looks at the environment and at the endpoint, and, where a command is given, runs
// it and asks its telemetry.
import { parseDuration } from '@switchgear/core'
import type { Command } from 'commander'
import type { Examination } from '../doctor/examination.ts'
import type { FindingSeverity, TelemetryFinding } from '../doctor/finding.ts'
import { UsageError } from '../failure.ts'
import { Interruption } from '../interruption.ts'
import { wrapped } from '../table.ts'
import type { CommandTerminal, Emphasis, Look } from '../terminal.ts'
import { printable } from '../tracing/text.ts'
import { repeated, span } from './argument.ts'

interface Options {
  readonly for: string
  readonly request?: readonly string[]
  readonly json?: boolean
}

const emphasis: Readonly<Record<FindingSeverity, Emphasis>> = { error: 'red', warning: 'yellow', info: 'green' }
const severities: readonly FindingSeverity[] = ['error', 'warning', 'info']

/** Adds the command. */
export function addDoctor(program: Command, terminal: CommandTerminal): void {
  program
    .command('doctor')
    .description('say why there are no spans; exit code 1 when something is wrong')
    .argument('[command...]', 'run this, and ask its telemetry; without it, look at the environment and the endpoint')
    .option('--for <time>', 'how long to look at the command at most', span, '10s')
    .option('--request <url>', 'request this from the command a few times, several times for several', repeated)
    .option('--json', 'print the findings as JSON and nothing else')
    .addHelpText('after', '\nExample:\n  switchgear doctor --request http://127.0.0.1:3000/ -- node orders.js')
    .action((command: readonly string[], options: Options) => doctor(command, options, terminal))
}

async function doctor(command: readonly string[], options: Options, terminal: CommandTerminal): Promise<void> {
  const { request: urls = [], json } = options
  for (const url of urls) {
    if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
      throw new UsageError(`--request must be http://…, got '${url}'`)
  }
  const [name, ...args] = command
  if (name === undefined && urls.length > 0)
    throw new UsageError('--request needs a command that answers: … -- node app.js')
  const { findings, examination } =
    name === undefined ? await lookAround() : await lookInside(name, args, options, terminal)
  const sorted = findings.toSorted((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity))
  if (sorted.some(({ severity }) => severity === 'error')) terminal.fail()
  const title = name === undefined ? 'the environment' : command.join(' ')
  if (json === true) {
    return terminal.print(JSON.stringify({ version: 1, command, findings: sorted, examination }, undefined, 2))
  }
  terminal.print([...asText(title, sorted, terminal), ...lastWords(examination, terminal)].join('\n'))
}

interface Seen {
  readonly findings: readonly TelemetryFinding[]
  readonly examination: Examination | null
}

async function lookAround(): Promise<Seen> {
  const { environmentFindings, startFindings } = await import('../doctor/environment.ts')
  const findings = [...environmentFindings(process.env), ...startFindings(process.env)]
  return { findings: [...findings, ...(await lookAtEndpoint())], examination: null }
}

/** Tries the endpoint of the environment, or the one that an app has in its code. */
async function lookAtEndpoint(endpoint?: string): Promise<TelemetryFinding[]> {
  const { shownUrl, targetAt, targetOf } = await import('../doctor/target.ts')
  const { probe } = await import('../doctor/probe.ts')
  const [target, problems] = targetOf(process.env)
  if (endpoint === undefined || endpoint === shownUrl(target.url)) return [...problems, await probe(target)]
  // Credentials are hidden in it, and without them it cannot be tried.
  return endpoint.includes('***@') ? [] : [await probe(targetAt(endpoint))]
}

async function lookInside(
  command: string,
  args: readonly string[],
  { for: time, request: urls = [] }: Options,
  terminal: CommandTerminal,
): Promise<Seen> {
  const { environmentFindings } = await import('../doctor/environment.ts')
  const { examine } = await import('../doctor/examination.ts')
  const { examined } = await import('../doctor/examined.ts')
  const interruption = new Interruption()
  const { signal } = interruption
  terminal.show(`running ${command} for ${time} at most …`)
  const plan = { command, args, environment: process.env, forMs: parseDuration(time, 'for'), urls, signal }
  const examination = await examine(plan).finally(() => {
    terminal.show('')
    interruption.end()
  })
  const findings = environmentFindings(process.env)
  for (const each of examined(examination)) {
    findings.push(each)
    if (each.id !== 'export-trouble' || each.severity !== 'error') continue
    const troubled = examination.diagnoses.find(({ export: sent }) => sent?.lastProblem !== undefined)
    findings.push(...(await lookAtEndpoint(troubled?.endpoint)))
  }
  return { findings: unique(findings), examination }
}

/** The environment and the telemetry that reads it say some things alike. */
function unique(findings: readonly TelemetryFinding[]): TelemetryFinding[] {
  const seen = new Set<string>()
  return findings.filter(({ id, message }) => {
    const key = id === 'sdk-disabled' || id === 'not-exported' || id === 'sampled-out' ? id : message
    return !seen.has(key) && seen.add(key)
  })
}

function asText(title: string, findings: readonly TelemetryFinding[], { width, paint }: Look): string[] {
  const numbers = severities.slice(0, 2).flatMap((severity) => {
    const number = findings.filter((each) => each.severity === severity).length
    return number === 0 ? [] : [`${number} ${severity}${number === 1 ? '' : 's'}`]
  })
  const labelOf = ({ severity, advice }: TelemetryFinding): string =>
    severity === 'info' ? (advice === '' ? 'ok' : 'note') : severity
  const indent = ' '.repeat(9)
  const paragraph = (text: string): string[] =>
    wrapped(printable(text), width - indent.length).map((line) => indent + line)
  const blocks = findings.map((each) => [
    `${paint(emphasis[each.severity], labelOf(each).padEnd(indent.length))}${paint('bold', each.id)}`,
    ...paragraph(each.message),
    ...paragraph(each.advice).map((line) => paint('dim', line)),
  ])
  const verdict = numbers.length === 0 ? 'nothing is wrong' : numbers.join(', ')
  return [`${printable(title)}: ${verdict}`, ...blocks.flatMap((lines) => ['', ...lines])]
}

/** What the command said, where that says why. */
function lastWords(examination: Examination | null, { paint }: Look): string[] {
  const failed = examination?.ended !== undefined && examination.ended.code !== 0
  if (!failed) return []
  return ['', ...examination.lastLines.map((line) => paint('dim', `  | ${printable(line)}`))]
}
