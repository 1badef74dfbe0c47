// `switchgear simulate`: plays an outage against the policies of a file and shows what it does to users, beside the same
// outage without policies or with those of another file.
import { writeFile } from 'node:fs/promises'
import {
  type ScenarioModel,
  scenariosOf,
  type SimulationModel,
  type SimulationResult,
  unguarded,
} from '@switchgear/simulator'
import type { Command } from 'commander'
import { comparisonNotes } from '../comparison.ts'
import { UsageError } from '../failure.ts'
import { expectedRequests, played, replayable, scenarioNamed } from '../played.ts'
import { Progress } from '../progress.ts'
import { checkDestination } from '../report/destination.ts'
import { page, sheet } from '../report/page.ts'
import { readSetting, type Setting, worldOf } from '../setting.ts'
import { overview, summary } from '../summary.ts'
import { table, wrapped } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { repeated, reportName, span, wholeNumber } from './argument.ts'

interface Options {
  readonly scenario?: readonly string[]
  readonly all?: boolean
  readonly list?: boolean
  readonly compare?: readonly string[]
  readonly control: boolean
  readonly seed: number
  readonly duration?: string
  readonly report?: string
  readonly json?: boolean
}

/** How the run without policies is called. */
const controlLabel = 'without policies'

/** A scenario with more requests than that takes minutes; `--all` leaves it out. */
const mostOfAll = 1_000_000

/** Adds the command. */
export function addSimulate(program: Command, terminal: Terminal): void {
  program
    .command('simulate')
    .description('play an outage against the policies of a file, on a virtual clock')
    .argument('[file]', 'the configuration', 'switchgear.yaml')
    .option('-s, --scenario <name>', 'what to play, several times for several; see --list', repeated)
    .option('--all', 'play every scenario but the huge ones and print one table')
    .option('--list', 'list the scenarios')
    .option(
      '--compare <files...>',
      'put the policies of two files side by side, in the world of the first with a simulation',
    )
    .option('--no-control', 'do not play the same without policies')
    .option('--seed <n>', 'replay: the same seed gives the same result', wholeNumber, 1)
    .option('--duration <time>', "how long to play instead of the scenario's own time, such as 90s", span)
    .option('--report <file>', 'write a self-contained report: .html, or .svg for the charts alone', reportName)
    .option('--json', 'print the results as JSON and nothing else; the same text for the same seed')
    .addHelpText(
      'after',
      '\nExample:\n  switchgear simulate switchgear.yaml --scenario payments-dies --report payments-dies.html',
    )
    .action((file: string, options: Options, command: Command) =>
      simulate(file, options, command.args.length > 0, terminal),
    )
}

async function simulate(file: string, options: Options, named: boolean, terminal: Terminal): Promise<void> {
  const files = filesOf(file, options, named)
  const settings = await Promise.all(files.map(readSetting))
  const world = worldOf(settings)
  const { model } = world
  const known = scenariosOf(model)
  if (options.list === true) return list(known, options, terminal)
  const names = options.all === true ? everyday(known, model, terminal) : (options.scenario ?? [])
  if (names.length === 0)
    throw new UsageError(`say what to play: --scenario <name> or --all\n${[...known.keys()].join('  ')}`)
  const scenarios = names.map((name) => scenarioNamed(model, name))
  if (options.report !== undefined) await checkDestination(options.report)
  const results = await playAll(names, settings, model, options, terminal)
  const compared = settings.length > 1
  const notes = comparisonNotes(settings, world, scenarios)
  if (options.report !== undefined) {
    await writeFile(options.report, options.report.endsWith('.svg') ? sheet(results) : page(results, compared, notes))
  }
  if (options.json === true) {
    const told = { version: 1, ...(compared ? { notes } : {}), results: replayable(results.flat()) }
    return terminal.print(JSON.stringify(told, undefined, 2))
  }
  const blocks =
    options.all === true ? [overview(results, terminal)] : results.map((played) => summary(played, terminal, compared))
  if (compared) blocks.unshift(notes.map((note) => terminal.paint('dim', note)))
  terminal.print(blocks.map((lines) => lines.join('\n')).join('\n\n'))
  if (options.report !== undefined) terminal.complain(`\nreport: ${options.report}`)
}

/** All scenarios but those that take minutes each; those are named, so that nobody takes them for played. */
function everyday(known: ReadonlyMap<string, ScenarioModel>, model: SimulationModel, terminal: Terminal): string[] {
  const huge = [...known].filter(([, scenario]) => expectedRequests(model, scenario) > mostOfAll).map(([name]) => name)
  for (const name of huge) terminal.complain(`left out of --all, it takes minutes: --scenario ${name}`)
  return [...known.keys()].filter((name) => !huge.includes(name))
}

/** One file, or the two that are compared: both under --compare, or the argument and the one under it. */
function filesOf(file: string, { compare }: Options, named: boolean): readonly string[] {
  if (compare === undefined) return [file]
  const files = named ? [file, ...compare] : compare
  if (files.length !== 2) throw new UsageError(`--compare takes two files, got ${files.length}: ${files.join(' ')}`)
  return files
}

async function playAll(
  names: readonly string[],
  settings: readonly Setting[],
  model: SimulationModel,
  options: Options,
  terminal: Terminal,
): Promise<SimulationResult[][]> {
  const progress = new Progress(terminal)
  const { seed, duration } = options
  const all: SimulationResult[][] = []
  try {
    for (const [index, scenario] of names.entries()) {
      const place = names.length > 1 ? `${index + 1} of ${names.length}: ` : ''
      const told = (line: () => string): void => progress.report(() => place + line())
      const common = { model, scenario, seed, duration }
      const results: SimulationResult[] = []
      for (const { label, policies, shared } of settings) {
        results.push(await played({ ...common, label, policies, shared }, told))
      }
      // Two files are measured by each other.
      if (options.control && settings.length === 1) {
        results.push(await played({ ...common, label: controlLabel, guards: unguarded }, told))
      }
      all.push(results)
    }
  } finally {
    progress.end()
  }
  return all
}

function list(known: ReadonlyMap<string, ScenarioModel>, { json }: Options, terminal: Terminal): void {
  const scenarios = [...known].map(([name, { title = '' }]) => ({ name, title }))
  if (json === true) return terminal.print(JSON.stringify({ version: 1, scenarios }, undefined, 2))
  const longest = Math.max(...scenarios.map(({ name }) => name.length))
  const rows = scenarios.flatMap(({ name, title }) =>
    wrapped(title === '' ? '-' : title, terminal.width - longest - 3).map((line, index) => [
      index === 0 ? name : '',
      line,
    ]),
  )
  terminal.print(table(rows, ['left', 'left']).join('\n'))
}
