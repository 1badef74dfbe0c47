// `switchgear traces`: asks a running `switchgear collect` for traces, for one of them, for two side by side, or for who calls whom.
import type { Comparison, CriticalPath, TraceView } from '@switchgear/telemetry'
import type { Command } from 'commander'
import { someTime } from '../collecting/argument.ts'
import { UsageError } from '../failure.ts'
import type { Terminal } from '../terminal.ts'
import { comparisonTable } from '../tracing/comparison-table.ts'
import { type EdgesAnswer, edgeTable } from '../tracing/edge-table.ts'
import { Source } from '../tracing/source.ts'
import { type FoundAnswer, traceTable } from '../tracing/trace-table.ts'
import { traceTree } from '../tracing/trace-tree.ts'
import { positive, repeated } from './argument.ts'

interface Options {
  readonly url: string
  readonly service?: string
  readonly route?: string
  readonly errors?: boolean
  readonly min?: string
  readonly max?: string
  readonly attribute?: readonly string[]
  readonly text?: string
  readonly since?: string
  readonly limit: number
  readonly compare?: string
  readonly edges?: boolean
  readonly json?: boolean
}

/** Adds the command. */
export function addTraces(program: Command, terminal: Terminal): void {
  program
    .command('traces')
    .description('what `switchgear collect` has kept: a list of traces, one of them as a tree, or who calls whom')
    .argument('[id]', 'a trace to show; the first digits are enough')
    .option('--url <url>', 'where questions are answered', 'http://127.0.0.1:4319')
    .option('--service <name>', 'with a span of this service')
    .option('--route <route>', 'with a span of this route or name')
    .option('--errors', 'with an error')
    .option('--min <time>', 'that took at least this long, such as 100ms', someTime)
    .option('--max <time>', 'that took at most this long', someTime)
    .option('--attribute <key=value>', 'with a span that has this attribute, several times for several', repeated)
    .option('--text <text>', 'with this text in a name, an attribute, an event or a status message')
    .option('--since <time>', 'that began within this time until now, such as 10m', someTime)
    .option('--limit <n>', 'at most so many, up to 1000', positive, 20)
    .option('--compare <id>', 'put another trace beside the one that is named')
    .option('--edges', 'list the calls between services: rate, errors and durations')
    .option('--json', 'print the answer as JSON and nothing else')
    .addHelpText(
      'after',
      '\nExample:\n  switchgear traces --service orders --errors --since 10m\n  switchgear traces 4bf92f35',
    )
    .action((id: string | undefined, options: Options) => traces(id, options, terminal))
}

async function traces(id: string | undefined, options: Options, terminal: Terminal): Promise<void> {
  const source = new Source(options.url)
  const { compare, edges, json, since } = options
  if (compare !== undefined && id === undefined)
    throw new UsageError('--compare needs a trace to compare with: name it first')
  if (edges === true && id !== undefined) throw new UsageError('--edges is about all traces: leave out the id')
  const told = <T>(answer: T, lines: (answer: T) => string[]): void =>
    terminal.print(json === true ? JSON.stringify(answer, undefined, 2) : lines(answer).join('\n'))
  if (edges === true) {
    const parameters = new URLSearchParams(since === undefined ? {} : { since })
    return told(await source.ask<EdgesAnswer>('/api/edges', parameters), (answer) => edgeTable(answer, terminal))
  }
  if (id === undefined) {
    const found = await source.ask<FoundAnswer>('/api/traces', parametersOf(options))
    return told(found, (answer) => traceTable(answer, terminal, Date.now()))
  }
  const whole = await source.idOf(id)
  if (compare !== undefined) {
    const parameters = new URLSearchParams({ a: whole, b: await source.idOf(compare) })
    return told(await source.ask<Comparison>('/api/compare', parameters), (answer) => comparisonTable(answer, terminal))
  }
  const view = await source.ask<TraceView>(`/api/traces/${whole}`)
  if (json === true) return told(view, () => [])
  // Spans may have come in between; then the path is of a few more spans than the tree, and is drawn where it can be.
  const path = await source.ask<CriticalPath>(`/api/traces/${whole}/critical-path`)
  return told(view, (answer) => traceTree(answer, path, terminal, Date.now()))
}

function parametersOf(options: Options): URLSearchParams {
  const { service, route, errors, min, max, attribute = [], text, since, limit } = options
  const given = {
    service,
    route,
    min,
    max,
    text,
    since,
    limit: String(limit),
    errors: errors === true ? 'true' : undefined,
  }
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(given)) if (value !== undefined) parameters.set(name, value)
  for (const each of attribute) parameters.append('attribute', each)
  return parameters
}
