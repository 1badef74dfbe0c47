// `npm start`: opens both shops, shows the story, closes them. It owns the exit codes; expected trouble is one line,
// never a stack trace.
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigError, loadConfig } from '@switchgear/config'
import { FlagError, helpText, parseFlags, type Flags } from './flags.ts'
import { StartError } from './processes.ts'
import { Quit } from './quit.ts'
import { reportJson } from './report.ts'
import { Screen } from './screen.ts'
import { keepOpen, playOnce, type Show } from './show.ts'
import { Stage } from './stage.ts'

const survived = 0
const didNotSurvive = 1
const wrongUsage = 2
const couldNotStart = 3
const interrupted = 130

async function main(words: readonly string[]): Promise<number> {
  try {
    const flags = parseFlags(words)
    if (!flags.help) return await run(flags)
    console.log(helpText)
    return survived
  } catch (error) {
    if (error instanceof FlagError) console.error(`${error.message}; see: npm start -- --help`)
    else if (error instanceof ConfigError) console.error(error.message)
    else throw error
    return wrongUsage
  }
}

async function run(flags: Flags): Promise<number> {
  const configPath = flags.config ?? fileURLToPath(new URL('../switchgear.yaml', import.meta.url))
  const config = await loadConfig(configPath)
  const screen = new Screen(flags.json ? process.stderr : process.stdout)
  const quit = new Quit()
  const stage = new Stage({
    config,
    configPath,
    gatewayPort: flags.port ?? config.gateway?.port ?? 0,
    seed: flags.seed,
    perSecond: flags.perSecond,
    log: flags.log === undefined ? undefined : resolve(flags.log),
    onTransition: (transition) => screen.transition(transition),
    onFault: (fault) => screen.fault(fault),
    onLost: (name, why, restarts) => {
      screen.error(`${name} ended unexpectedly (${why}); ${restarts ? 'it starts again in 5 s' : 'closing the shop'}`)
      if (!restarts) quit.now('lost')
    },
    onBack: (name) => screen.say(`${name} is back`),
  })
  try {
    const openedAt = performance.now()
    screen.say('Starting ten processes ...')
    await Promise.race([stage.open(), quit.wait()])
    if (quit.reason !== undefined) return codeOfQuit(quit, flags)
    screen.ready(performance.now() - openedAt, stage.parts)
    return await show({ stage, screen, flags, config, quit })
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    console.error(startProblem(error))
    return couldNotStart
  } finally {
    await stage.close()
  }
}

async function show(parts: Show): Promise<number> {
  const { screen, flags, quit } = parts
  if (!flags.once) {
    await keepOpen(parts)
    return codeOfQuit(quit, flags)
  }
  const report = await playOnce(parts)
  if (report === undefined) return codeOfQuit(quit, flags)
  screen.report(report)
  if (flags.json) console.log(reportJson(report))
  return report.survived ? survived : didNotSurvive
}

/** Closing the open-ended show is how it ends; a story that shall play once was interrupted. */
function codeOfQuit(quit: Quit, flags: Flags): number {
  if (quit.reason === 'lost') return didNotSurvive
  return flags.once ? interrupted : survived
}

function startProblem({ message, busyPort }: StartError): string {
  if (busyPort === undefined) return `The shop could not start: ${message}`
  const other = busyPort < 65_535 ? busyPort + 1 : busyPort - 1
  return `Port ${busyPort} is already in use. Choose another: npm start -- --port ${other} (0 takes any free one)`
}

process.exit(await main(process.argv.slice(2)))
