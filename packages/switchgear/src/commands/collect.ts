// `switchgear collect`: receives the spans of any OpenTelemetry app, keeps what is worth it, and answers `switchgear traces`.
import type { Command } from 'commander'
import { byteSize, portNumber, probability } from '../collecting/argument.ts'
import type { Collector, CollectorOptions } from '../collecting/collector.ts'
import type { CollectorStatus } from '../collecting/status.ts'
import { complaints } from '../complaints.ts'
import { UsageError } from '../failure.ts'
import { Interruption } from '../interruption.ts'
import { count, share } from '../quantity.ts'
import type { Terminal } from '../terminal.ts'
import { repeated } from './argument.ts'

interface Options {
  readonly host: string
  readonly port: number
  readonly allowHost?: readonly string[]
  readonly queryPort: number
  readonly query: boolean
  readonly store?: string
  readonly keep: boolean
  readonly maxBytes: string
  readonly ratio: number
  readonly all?: boolean
  readonly json?: boolean
}

/** Adds the command. */
export function addCollect(program: Command, terminal: Terminal): void {
  program
    .command('collect')
    .description('receive the spans of any OpenTelemetry app, keep what is worth it, answer `switchgear traces`')
    .option('--port <n>', 'where OTLP/HTTP is received', portNumber, 4318)
    .option('--host <address>', 'the address to receive on', '127.0.0.1')
    .option('--allow-host <name>', 'a further Host that senders may name, several times for several', repeated)
    .option('--query-port <n>', 'where questions are answered, on loopback only', portNumber, 4319)
    .option('--no-query', 'answer no questions')
    .option('--store <file>', 'keep the spans in this file; without it they are gone when this ends')
    .option('--no-keep', 'begin with an empty file, and remove it at the end')
    .option('--max-bytes <size>', 'room for spans; the oldest traces go first', byteSize, '256mb')
    .option('--ratio <share>', 'of the traces without errors, breaker events and rarities, 0 to 1', probability, 0.1)
    .option('--all', 'keep every trace')
    .option('--json', 'print one line of JSON when ready and one at the end, and nothing else')
    .addHelpText(
      'after',
      '\nExample:\n  switchgear collect --store spans.db &\n  node --import @switchgear/telemetry/register orders.js',
    )
    .action((options: Options, command: Command) => {
      if (options.all === true && command.getOptionValueSource('ratio') === 'cli') {
        throw new UsageError('--all keeps every trace, so --ratio says nothing beside it: give one of them')
      }
      if (!options.keep && options.store === undefined) throw new UsageError('--no-keep needs --store <file>')
      return collect(options, terminal)
    })
}

async function collect(options: Options, terminal: Terminal): Promise<void> {
  // Loaded here, so that no other command waits for it.
  const { createCollector } = await import('../collecting/collector.ts')
  // Before the start: a signal in between must not end it without its store being closed.
  const interruption = new Interruption()
  try {
    const collector = createCollector(collectorOptions(options, complaints(terminal)))
    await collector.start()
    terminal.print(options.json === true ? readyJson(collector) : ready(collector, options))
    await interruption.wait()
    await collector.stop()
    const { status } = collector
    terminal.print(options.json === true ? JSON.stringify({ event: 'stopped', ...status }) : stopped(status, options))
  } finally {
    interruption.end()
  }
}

function collectorOptions(options: Options, complain: (message: string) => void): CollectorOptions {
  const { host, port, allowHost = [], query, queryPort, store, keep, maxBytes, ratio, all } = options
  return {
    receiver: {
      host,
      port,
      allowedHosts: allowHost,
      onError: (error) => complain(`receiving failed: ${error instanceof Error ? error.message : String(error)}`),
    },
    sampling: all === true ? 'all' : { ratio },
    store: {
      ...(store === undefined ? {} : { path: store, keep }),
      maxBytes,
      onProblem: ({ message }) => complain(message),
    },
    questionPort: query && queryPort,
  }
}

function ready(collector: Collector, { host, store, maxBytes, ratio, all }: Options): string {
  const { port, questionPort } = collector
  const asked = questionPort === undefined ? '' : `, questions at http://127.0.0.1:${questionPort}`
  const kept = all === true ? 'every trace' : `errors, slow and rare traces and ${share(ratio)} of the others`
  const where = store === undefined ? 'until this ends' : `in ${store}`
  return `receiving at http://${named(host)}:${port}/v1/traces${asked}; keeping ${kept}, ${where}, at most ${maxBytes}`
}

function readyJson({ port, questionPort }: Collector): string {
  return JSON.stringify({ event: 'ready', version: 1, port, queryPort: questionPort ?? null })
}

function stopped({ receiver, sampling, store: totals }: CollectorStatus, { store }: Options): string {
  const left = sampling === null ? '' : `, ${count(sampling.droppedSpans)} left out by sampling`
  const lost = Object.entries(totals.dropped).filter(([reason, spans]) => reason !== 'duplicate' && spans > 0)
  const refused = lost.map(([reason, spans]) => `, ${count(spans)} not stored (${reason})`).join('')
  const where = store === undefined ? '' : `; ${store} has ${count(totals.traces)} traces`
  return `received ${count(receiver.spans)} spans: ${count(totals.stored)} kept${left}${refused}${where}`
}

function named(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}
