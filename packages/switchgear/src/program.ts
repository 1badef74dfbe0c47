// The command line as a whole: its commands, and what becomes of what they throw. A user's mistake is told without a stack; only
// what nobody foresaw shows one, because it is ours to mend.
import { readFileSync } from 'node:fs'
import { SwitchgearError } from '@switchgear/core'
import { Command, CommanderError } from 'commander'
import { addCheck } from './commands/check.ts'
import { addCollect } from './commands/collect.ts'
import { addDoctor } from './commands/doctor.ts'
import { addEndpoints } from './commands/endpoints.ts'
import { addExplain } from './commands/explain.ts'
import { addRegistry } from './commands/registry.ts'
import { addSimulate } from './commands/simulate.ts'
import { addTraces } from './commands/traces.ts'
import { addTune } from './commands/tune.ts'
import { CommandError, exitCode, UsageError } from './failure.ts'
import type { CommandTerminal, Terminal } from './terminal.ts'

/**
 * Runs a command line and answers its exit code: 0 when all is well, 1 when what was asked went wrong, 2 when it cannot be
 * understood.
 *
 * @example
 * process.exitCode = await run(process.argv.slice(2), processTerminal())
 */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  let failed = false
  const noted: CommandTerminal = { ...terminal, fail: () => void (failed = true) }
  try {
    await program(noted).parseAsync(args, { from: 'user' })
    return failed ? exitCode.failed : exitCode.ok
  } catch (error) {
    return told(error, terminal)
  }
}

function program(terminal: CommandTerminal): Command {
  const made = new Command('switchgear')
    .description('The resilience platform for services on Node')
    .version(version())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.complain(text.trimEnd()),
      getOutHelpWidth: () => terminal.width,
      getErrHelpWidth: () => terminal.width,
    })
    .showSuggestionAfterError()
    .helpCommand(false)
  addSimulate(made, terminal)
  addTune(made, terminal)
  addCheck(made, terminal)
  addRegistry(made, terminal)
  addEndpoints(made, terminal)
  addCollect(made, terminal)
  addTraces(made, terminal)
  addDoctor(made, terminal)
  addExplain(made, terminal)
  return made
}

/** As the package says; sources and build are one folder below it. */
function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}

function told(error: unknown, terminal: Terminal): number {
  // Commander has said it already; asking for help is no mistake.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage
  if (error instanceof UsageError) {
    terminal.complain(`error: ${error.message}`)
    return exitCode.usage
  }
  // What our packages and the system say of a file or an option is meant for whoever wrote it.
  const foreseen =
    error instanceof SwitchgearError || error instanceof CommandError || (error instanceof Error && 'syscall' in error)
  terminal.complain(
    foreseen ? error.message : `unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  )
  return exitCode.failed
}
