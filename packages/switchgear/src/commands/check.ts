// `switchgear check`: what is wrong with a file, and what is valid in it but will hurt in an outage.
import { checkConfig, ConfigError, type Finding, loadConfig, type Severity } from '@switchgear/config'
import type { Command } from 'commander'
import { wrapped } from '../table.ts'
import type { CommandTerminal, Emphasis, Look } from '../terminal.ts'

const emphasis: Readonly<Record<Severity, Emphasis>> = { error: 'red', warning: 'yellow', info: 'dim' }
const severities: readonly Severity[] = ['error', 'warning', 'info']

/** Adds the command. */
export function addCheck(program: Command, terminal: CommandTerminal): void {
  program
    .command('check')
    .description('look for mistakes and anti-patterns in a file; exit code 1 when there is an error')
    .argument('[file]', 'the configuration', 'switchgear.yaml')
    .option('--json', 'print the findings as JSON and nothing else')
    .action((file: string, options: { json?: boolean }) => check(file, options.json === true, terminal))
}

async function check(file: string, json: boolean, terminal: CommandTerminal): Promise<void> {
  try {
    const findings = checkConfig(await loadConfig(file))
    if (findings.some(({ severity }) => severity === 'error')) terminal.fail()
    terminal.print(json ? asJson(file, { findings }) : asText(file, findings, terminal).join('\n'))
  } catch (error) {
    if (!json || !(error instanceof ConfigError)) throw error
    terminal.fail()
    terminal.print(asJson(file, { problems: error.problems, findings: [] }))
  }
}

function asJson(file: string, found: { problems?: ConfigError['problems']; findings: readonly Finding[] }): string {
  const { problems = [], findings } = found
  return JSON.stringify({ version: 1, file, problems, findings }, undefined, 2)
}

/** The worst first; in a file the order is that of the file. */
function asText(file: string, findings: readonly Finding[], { width, paint }: Look): string[] {
  if (findings.length === 0) return [`${file}: nothing found`]
  const numbers = severities.flatMap((severity) => {
    const number = findings.filter((finding) => finding.severity === severity).length
    return number === 0 ? [] : [`${number} ${severity}${number === 1 || severity === 'info' ? '' : 's'}`]
  })
  const indent = ' '.repeat(9)
  const paragraph = (text: string): string[] => wrapped(text, width - indent.length).map((line) => indent + line)
  const blocks = findings
    .toSorted((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity))
    .map(({ severity, path, id, message, advice }) => [
      `${paint(emphasis[severity], severity.padEnd(indent.length))}${paint('bold', path)}  ${id}`,
      ...paragraph(message),
      ...paragraph(advice).map((line) => paint('dim', line)),
    ])
  return [`${file}: ${numbers.join(', ')}`, ...blocks.flatMap((lines) => ['', ...lines])]
}
