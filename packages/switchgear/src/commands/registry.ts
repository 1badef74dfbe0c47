// `switchgear registry`: the place where instances say that they are there, and callers find them.
import { join } from 'node:path'
import { InvalidArgumentError, type Command } from 'commander'
import { portNumber } from '../collecting/argument.ts'
import { complaints } from '../complaints.ts'
import { UsageError } from '../failure.ts'
import { Interruption } from '../interruption.ts'
import type { RegistryProcess } from '../registry/registry-process.ts'
import { stateFolder } from '../state-folder.ts'
import type { Terminal } from '../terminal.ts'
import { counted } from '../tracing/text.ts'
import { repeated } from './argument.ts'

interface Options {
  readonly host: string
  readonly port: number
  readonly allowHost?: readonly string[]
  readonly allowAddress?: readonly string[]
  readonly file: string
  readonly memory?: boolean
  readonly tokenFile?: string
  readonly nats?: readonly string[]
  readonly bucket: string
  readonly json?: boolean
}

/** Adds the command. */
export function addRegistry(program: Command, terminal: Terminal): void {
  program
    .command('registry')
    .description('run a registry: services register themselves, callers find them')
    .option('--port <n>', 'where it listens', portNumber, 4330)
    .option('--host <address>', 'the address to listen on; beyond loopback, reading needs the token too', '127.0.0.1')
    .option('--allow-host <name>', 'a further Host that it is addressed by, several times for several', repeated)
    .option('--allow-address <cidr>', 'where instances may be besides the address they connect from', repeated)
    .option('--file <file>', 'where its books are kept', 'switchgear-registry.db')
    .option('--memory', 'keep the books in memory; after a start they are incomplete for a while')
    .option('--token-file <file>', 'the token that registers, made at the first start; else in your state folder')
    .option('--nats <servers>', 'share with other registries by NATS, such as nats-1:4222,nats-2:4222', servers)
    .option('--bucket <name>', 'the NATS KV bucket that they share', 'switchgear-registry')
    .option('--json', 'print one line of JSON when ready and one at the end, and nothing else')
    .addHelpText(
      'after',
      '\nExample:\n  switchgear registry &\n  curl -X PUT http://127.0.0.1:4330/v1/services/orders/instances/orders-1 \\\n' +
        '    -H "Authorization: Bearer $(cat ~/.local/state/switchgear/registry-token)" \\\n' +
        '    -H "content-type: application/json" -d \'{"port":8080,"check":{"kind":"http","path":"/healthz"}}\'',
    )
    .action((options: Options, command: Command) => {
      const given = (name: string): boolean => command.getOptionValueSource(name) === 'cli'
      if (options.memory === true && given('file'))
        throw new UsageError('--memory keeps no file, so --file says nothing beside it: give one of them')
      if (options.nats === undefined && given('bucket')) throw new UsageError('--bucket needs --nats <servers>')
      return registry(options, terminal)
    })
}

async function registry(options: Options, terminal: Terminal): Promise<void> {
  // Loaded here, so that no other command waits for it.
  const { RegistryProcess } = await import('../registry/registry-process.ts')
  const { host, port, allowHost: hosts = [], allowAddress: addresses = [], bucket, json } = options
  const tokenPath = options.tokenFile ?? join(stateFolder(), 'registry-token')
  const file = options.memory === true ? undefined : options.file
  // Before the start: a signal in between must not end it without its books being closed.
  const interruption = new Interruption()
  try {
    const running = await RegistryProcess.start({
      host,
      port,
      hosts,
      addresses,
      file,
      tokenPath,
      nats: options.nats === undefined ? undefined : { servers: options.nats, bucket },
      onProblem: complaints(terminal),
    })
    terminal.print(json === true ? readyJson(running, file, tokenPath) : ready(running, file, tokenPath))
    await interruption.wait()
    const { held } = running
    await running.stop()
    terminal.print(json === true ? JSON.stringify({ event: 'stopped', version: 1, ...held }) : stopped(held, file))
  } finally {
    interruption.end()
  }
}

function ready({ url = '' }: RegistryProcess, file: string | undefined, tokenPath: string): string {
  const kept = file === undefined ? 'in memory until this ends' : `in ${file}`
  return `registry at ${url}, kept ${kept}; the token that registers is in ${tokenPath}`
}

function readyJson({ url = null }: { url?: string | null | undefined }, file: string | undefined, tokenFile: string) {
  return JSON.stringify({ event: 'ready', version: 1, url, file: file ?? null, tokenFile })
}

function stopped({ services, instances }: RegistryProcess['held'], file: string | undefined): string {
  const had = `${counted(instances, 'instance')} of ${counted(services, 'service')}`
  return file === undefined ? `ended with ${had}` : `ended; ${file} has ${had}`
}

/** One list behind one option. A user in it would stand in the list of processes. */
function servers(text: string): readonly string[] {
  const list = text.split(',').map((server) => server.trim())
  if (list.some((server) => server === '' || /[@\s]/.test(server)))
    throw new InvalidArgumentError("Expected servers such as 'nats-1:4222,nats-2:4222', without user.")
  return list
}
