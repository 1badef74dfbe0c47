// `switchgear tune`: searches the thresholds of one service's policies for a goal, over the outages of that service, and
// prints what it found and what it gains. It promises nothing that other seeds do not hold.
import type { ServiceOptions } from '@switchgear/client'
import { nearest } from '@switchgear/client'
import type { PolicySpec } from '@switchgear/core'
import { seededRandom } from '@switchgear/core/testing'
import { type SimulationModel, scenariosOf, type SimulationResult } from '@switchgear/simulator'
import type { Command } from 'commander'
import { UsageError } from '../failure.ts'
import { played, replayable, scenarioNamed } from '../played.ts'
import { Progress } from '../progress.ts'
import { duration } from '../quantity.ts'
import { guarded, readSetting, type Setting, stackOf, worldOf } from '../setting.ts'
import type { CommandTerminal } from '../terminal.ts'
import { type Goal, parseGoal } from '../tuning/goal.ts'
import { type Study, study, validationPlays } from '../tuning/study.ts'
import { asYaml, gains, verdicts } from '../tuning/verdict.ts'
import { positive, repeated, wholeNumber } from './argument.ts'

interface Options {
  readonly service?: string
  readonly goal?: readonly string[]
  readonly minGoodput?: string
  readonly maxP99?: string
  readonly scenario?: readonly string[]
  readonly budget: number
  readonly seed: number
  readonly json?: boolean
}

/** Adds the command. */
export function addTune(program: Command, terminal: CommandTerminal): void {
  program
    .command('tune')
    .description("search the thresholds of a service's policies for a goal")
    .argument('[file]', 'the configuration', 'switchgear.yaml')
    .option('--service <name>', 'whose policies are tuned; may be left out where there is one service')
    .option('-g, --goal <goal>', "what must hold, such as 'goodput >= 95%'; several times for several", repeated)
    .option('--min-goodput <share>', "the same as --goal 'goodput >= <share>'")
    .option('--max-p99 <time>', "the same as --goal 'p99 <= <time>'")
    .option(
      '-s, --scenario <name>',
      "an outage to play, several times for several (default: the service's own)",
      repeated,
    )
    .option('--budget <plays>', budgetHelp, positive, 300)
    .option('--seed <n>', 'the same seed searches the same way', wholeNumber, 1)
    .option('--json', 'print the outcome as JSON and nothing else')
    .addHelpText('after', goalHelp)
    .action((file: string, options: Options) => tune(file, options, terminal))
}

const budgetHelp =
  'how many plays the search may take, at least one for each scenario; ' +
  `${validationPlays.least} to ${validationPlays.most} plays for each scenario come on top, to validate what is found`

const goalHelp = `
A goal is: <measure> [during | after] >= | <= <value> [in <scenario>]
  goodput           share of requests answered well; also during and after the outage
  p50, p90, p99     latency of all answers; also during the outage
  detect, recover   time until callers no longer wait, until all is as before
  inFlight, attempts, wasted

Every goal must hold in every scenario. Exit code 1 when no setting was found that reaches them.

Example:
  switchgear tune --service payments --goal 'goodput during >= 40%' --goal 'p99 <= 300ms'`

async function tune(file: string, options: Options, terminal: CommandTerminal): Promise<void> {
  const goals = goalsOf(options)
  const setting = await readSetting(file)
  const [name, service] = serviceOf(setting, options.service)
  const { model } = worldOf([setting])
  const scenarios = scenariosFor(name, model, options.scenario)
  for (const { scenario } of goals) {
    if (scenario !== undefined && !scenarios.includes(scenario))
      throw new UsageError(`a goal asks for ${scenario}, which is not played`)
  }
  const progress = new Progress(terminal)
  const { seed, budget } = options
  const play = async (
    policies: readonly PolicySpec[],
    scenario: string,
    playSeed: number,
  ): Promise<SimulationResult> => {
    const all = { ...setting.policies, [name]: { policies: guarded(service, policies) } }
    return played({ model, scenario, label: file, seed: playSeed, policies: all, shared: setting.shared }, () => {})
  }
  const present = stackOf(setting.config, name)
  let outcome: Study
  try {
    outcome = await study({
      policies: present,
      goals,
      scenarios,
      play,
      budget,
      seed,
      random: seededRandom(seed),
      onProgress: (spent, best) => progress.report(() => remaining(spent, budget, progress.elapsedMs, best?.missed)),
    })
  } finally {
    progress.end()
  }
  if (!outcome.reached) terminal.fail()
  const elapsedMs = progress.elapsedMs
  if (options.json === true) return terminal.print(asJson(name, goals, scenarios, outcome))
  terminal.print(asText(name, goals, scenarios, outcome, elapsedMs, terminal).join('\n'))
}

function goalsOf({ goal = [], minGoodput, maxP99 }: Options): Goal[] {
  const texts = [...goal]
  if (minGoodput !== undefined) texts.push(`goodput >= ${minGoodput}`)
  if (maxP99 !== undefined) texts.push(`p99 <= ${maxP99}`)
  if (texts.length === 0) throw new UsageError("say what to reach: --goal 'goodput >= 95%' or --max-p99 300ms")
  return texts.map(parseGoal)
}

function serviceOf({ config, label }: Setting, wanted: string | undefined): [string, ServiceOptions] {
  const names = Object.keys(config.services)
  const name = wanted ?? (names.length === 1 ? names[0] : undefined)
  if (name === undefined) throw new UsageError(`say which service: --service ${names.join(' | ')}`)
  const service = Object.hasOwn(config.services, name) ? config.services[name] : undefined
  if (service !== undefined) return [name, service]
  const guess = nearest(name, names)
  throw new UsageError(
    `${label} has no service '${name}'${guess === undefined ? `; it has ${names.join(', ')}` : `; did you mean ${guess}?`}`,
  )
}

/** Those that were asked for, else those in which only this service is at fault. */
function scenariosFor(service: string, model: SimulationModel, wanted: readonly string[] | undefined): string[] {
  if (wanted !== undefined) {
    for (const name of wanted) scenarioNamed(model, name)
    return [...new Set(wanted)]
  }
  const own = [...scenariosOf(model)].filter(
    ([name, { faults = [] }]) =>
      name.startsWith(`${service}-`) && faults.length > 0 && faults.every((fault) => fault.service === service),
  )
  if (own.length === 0) throw new UsageError(`no scenario is about ${service} alone; name some with --scenario`)
  return own.map(([name]) => name)
}

function asText(
  service: string,
  goals: readonly Goal[],
  scenarios: readonly string[],
  { policies, reached, better, plays, seeds, ...rest }: Study,
  elapsedMs: number,
  terminal: CommandTerminal,
): string[] {
  const { paint } = terminal
  const found = reached
    ? better
      ? 'These policies reach the goal'
      : 'The present policies reach the goal, and nothing better was found'
    : better
      ? 'No setting that was tried reaches the goal. The nearest'
      : 'No setting that was tried reaches the goal, or comes nearer to it than the present one'
  return [
    `${paint('bold', `${found}:`)}`,
    '',
    asYaml(service, policies).trimEnd(),
    '',
    ...gains({ policies, reached, better, plays, seeds, ...rest }, goals, terminal),
    '',
    paint(
      'dim',
      `${scenarios.length} scenarios, ${plays.search} plays of the search, ${plays.validation} of the validation, ${duration(elapsedMs)};\n` +
        `shown is the worst of the seeds ${seeds.join(', ')}, which the search did not see`,
    ),
  ]
}

function asJson(service: string, goals: readonly Goal[], scenarios: readonly string[], outcome: Study): string {
  const { policies, reached, better, plays, seeds, tuned } = outcome
  const results = { present: replayable(outcome.present), tuned: replayable(tuned) }
  const told = verdicts(goals, tuned).map(({ goal, holds, worst }) => ({
    goal: goal.text,
    holds,
    worst: worst && { scenario: worst.scenario, seed: worst.seed },
  }))
  return JSON.stringify(
    { version: 1, service, scenarios, goals: told, reached, better, policies, plays, seeds, ...results },
    undefined,
    2,
  )
}

function remaining(spent: number, budget: number, elapsedMs: number, missed: number | undefined): string {
  const leftMs = spent === 0 ? undefined : (elapsedMs / spent) * Math.max(0, budget - spent)
  const left = leftMs === undefined ? '' : `, about ${duration(Math.ceil(leftMs / 1000) * 1000)} left`
  const best = missed === undefined ? '' : missed === 0 ? ', the goal is reached' : `, missed by ${missed.toFixed(2)}`
  return `play ${Math.min(spent, budget)} of ${budget}${left}${best}`
}
