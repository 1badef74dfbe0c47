// `switchgear endpoints`: the instances that a registry knows, and what becomes of them.
import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import { complaints } from '../complaints.ts'
import { CommandError } from '../failure.ts'
import { Interruption } from '../interruption.ts'
import { changes, instanceTable } from '../registry/instance-table.ts'
import { RegistrySource, type RegistryView } from '../registry/source.ts'
import type { Terminal } from '../terminal.ts'

interface Options {
  readonly registry: string
  readonly tokenFile?: string
  readonly watch?: boolean
  readonly json?: boolean
}

/** Between two looks of a watch. */
const lookEveryMs = 1000

/** Adds the command. */
export function addEndpoints(program: Command, terminal: Terminal): void {
  program
    .command('endpoints')
    .description('list the instances that a registry knows, with their health')
    .argument('[service...]', 'only these services')
    .option('--registry <url>', 'where the registry answers', 'http://127.0.0.1:4330')
    .option('--token-file <file>', 'the token for reading, where the registry wants one')
    .option('--watch', 'go on, and tell what changes')
    .option('--json', 'print JSON and nothing else; with --watch one line for each change')
    .addHelpText('after', '\nExample:\n  switchgear endpoints orders payments --watch')
    .action((services: readonly string[], options: Options) => endpoints(services, options, terminal))
}

async function endpoints(services: readonly string[], options: Options, terminal: Terminal): Promise<void> {
  const source = new RegistrySource(options.registry, await tokenIn(options.tokenFile))
  if (options.watch === true) return await watched(source, services, options, terminal)
  terminal.print(shown(await source.views(services), options, terminal))
}

/** Goes on until it is interrupted. A registry that falls silent is told and asked again. */
async function watched(
  source: RegistrySource,
  services: readonly string[],
  options: Options,
  terminal: Terminal,
): Promise<void> {
  const interruption = new Interruption()
  const { signal } = interruption
  const complain = complaints(terminal)
  let before: RegistryView[] | undefined
  try {
    while (!signal.aborted) {
      const now = await looked(source, services, signal, before === undefined ? undefined : complain)
      if (now !== undefined) tell(before, now, options, terminal)
      before = now ?? before
      // A signal ends the pause; there is nothing else that could go wrong with it.
      await pause(lookEveryMs, undefined, { signal }).catch(() => undefined)
    }
  } finally {
    interruption.end()
  }
}

/** Undefined when it failed and `complain` was told, or when somebody has ended it. */
async function looked(
  source: RegistrySource,
  services: readonly string[],
  signal: AbortSignal,
  complain: ((message: string) => void) | undefined,
): Promise<RegistryView[] | undefined> {
  try {
    return await source.views(services, signal)
  } catch (error) {
    if (signal.aborted) return undefined
    // The first look says whether the command was right at all.
    if (complain === undefined || !(error instanceof CommandError)) throw error
    complain(`${error.message}; asking again`)
    return undefined
  }
}

function tell(
  before: readonly RegistryView[] | undefined,
  now: readonly RegistryView[],
  options: Options,
  terminal: Terminal,
): void {
  if (before === undefined) return terminal.print(shown(now, options, terminal))
  const lines = changes(before, now)
  if (lines.length === 0) return
  if (options.json === true) return terminal.print(shown(now, options, terminal))
  const time = new Date().toTimeString().slice(0, 8)
  for (const line of lines) terminal.print(`${terminal.paint('dim', time)}  ${line}`)
}

function shown(views: readonly RegistryView[], { json, watch }: Options, terminal: Terminal): string {
  if (json === true) return JSON.stringify({ version: 1, services: views }, undefined, watch === true ? undefined : 2)
  return instanceTable(views, terminal, Date.now()).join('\n')
}

async function tokenIn(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined
  const token = (await readFile(path, 'utf8')).trim()
  // Nothing of it is shown: it may be another secret.
  if (!/^[\x21-\x7e]{1,512}$/.test(token)) throw new CommandError(`${path} holds no token`)
  return token
}
