// What the measurements come to: medians, differences, budgets and verdicts, as a table for a terminal and as the committed page.
// Invariant: a verdict is what was measured in this run; one that is over its budget says so.
import { aligned } from '../core/columns.ts'
import { median } from '../core/median.ts'
import { type Context, machineLine } from '../core/report.ts'
import type { InstrumentSamples } from './instruments.ts'
import type { Samples } from './rounds.ts'
import { variants } from './variants.ts'

/** All that was measured. */
export interface Report {
  readonly context: Context
  /** Requests over loopback. */
  readonly network: Samples
  /** Requests from the memory of the server's own process. */
  readonly memory: Samples
  readonly instruments: InstrumentSamples
}

/** Something that was promised. */
interface Verdict {
  readonly what: string
  readonly measured: string
  readonly budget: string
  readonly ok: boolean
}

interface Row {
  readonly label: string
  readonly micros: number
  /** More than what it is compared with; undefined for that itself. */
  readonly added: number | undefined
  readonly spread: string
}

/** The rows for people at a terminal. */
export function asText(report: Report): string {
  const table = (samples: Samples): string[][] =>
    rowsOf(samples).map(({ label, micros, added, spread }) => [label, fixed(micros), shown(added), spread])
  const verdicts = verdictsOf(report).map(({ what, measured, budget, ok }) => [what, measured, budget, word(ok)])
  const heads = (what: string): string[] => [`CPU, us per request ${what}`, 'all', 'added', 'quartiles of added']
  const network = aligned([heads('over the network'), ...table(report.network)])
  const memory = aligned([heads('without a network'), ...table(report.memory)])
  const pairs = instrumentsLine(report.instruments)
  return `${memory}\n\n${network}\n\n${aligned([['budget', 'measured', 'at most', ''], ...verdicts])}\n\n${pairs}\n${machineLine(report.context)}\n`
}

/** The page that is committed. */
export function asMarkdown(report: Report): string {
  const { context, instruments } = report
  const { command, date, node, cpu, memoryGiB, load } = context
  const table = (samples: Samples): string =>
    rowsOf(samples)
      .map(({ label, micros, added, spread }) => `| ${label} | ${fixed(micros)} | ${shown(added)} | ${spread} |`)
      .join('\n')
  const verdicts = verdictsOf(report).map(
    ({ what, measured, budget, ok }) => `| ${what} | ${measured} | ${budget} | ${word(ok)} |`,
  )
  return `# What telemetry costs

\`\`\`
${command}
\`\`\`

Measured ${date} on Node ${node}, ${cpu}, ${memoryGiB} GiB of memory, load average ${load} at the start.

| over the network | CPU per request, us | added, us | quartiles of what is added, us |
|---|---:|---:|---|
${table(report.network)}

| without a network | CPU per request, us | added, us | quartiles of what is added, us |
|---|---:|---:|---|
${table(report.memory)}

| budget | measured | at most | verdict |
|---|---:|---:|---|
${verdicts.join('\n')}

${instrumentsLine(instruments)}

## How to read it

- The server is a plain node:http server that answers with 46 bytes of JSON, the same in every row. Each row is a process of its own; a load
  generator in another process keeps 8 connections busy with keep-alive and one request at a time on each. CPU is that of the whole
  server process, all threads, divided by the requests: collecting garbage and exporting are part of the price.
- Without a network, the same servers get the same requests from streams in their own memory instead of sockets. All of node:http
  is the real one, but no kernel, no other process and no handle of a socket takes part; so the numbers are smaller, and steadier.
- Rounds go once through all rows. What is added is the median, over all rounds, of the difference to the bare server of the same round;
  the quartiles are of the same differences. For "A calls B" it is both servers together, compared with both bare.
- In every block the spans are counted: a row in which a request did not make its span ends the benchmark.
- Requests come without trace headers, so every server span begins a trace. "Nothing else" enters an AsyncLocalStorage for each request
  from the same channel that Switchgear listens to, which is the least that following a request costs.
- Spans go nowhere where nothing else is said: they are handed to a consumer, or to an exporter of OpenTelemetry's BatchSpanProcessor, that
  drops them. By OTLP they go as protobuf to a process that reads and accepts them. The SDK's queue is made so long that it drops nothing.
- OpenTelemetry runs as documented: SDK 3.1.1, HTTP instrumentation 0.301.0, AsyncLocalStorage context manager. Its HTTP instrumentation
  also measures each request into a meter that does nothing.
- A span's bytes are the growth of the heap by 50 000 finished spans of served requests, each with a path of its own, that no
  consumer has taken yet.
- The counter of the labelled pair is bound in ours, because whoever counts every request holds it; the histogram is found by method,
  route and status, as for every served request.
- Differences below half a microsecond are within the noise of a shared machine; look at the quartiles. A machine that does other work
  at the same time makes everything dearer, because caches are cold: all rows alike, so compare the rows and the shares.
`
}

/** What a counter and a histogram cost together. */
function instrumentsLine({ ours, peer, oursBound, peerBound }: InstrumentSamples): string {
  return (
    `A counter and a histogram: ${nanos(ours)} ns with labels looked up for every request, prom-client ${nanos(peer)} ns; ` +
    `bound before, ${nanos(oursBound)} ns, prom-client ${nanos(peerBound)} ns.`
  )
}

function rowsOf(samples: Samples): Row[] {
  return variants.flatMap(({ id, label, hop }) => {
    const own = samples.get(id)
    if (own === undefined) return []
    const reference = hop === true ? 'hop-bare' : 'bare'
    const more = id === reference ? undefined : differences(samples, id, reference)
    const spread = more === undefined ? '' : `${fixed(quantile(more, 0.25))} .. ${fixed(quantile(more, 0.75))}`
    return [{ label, micros: median(own), added: more === undefined ? undefined : median(more), spread }]
  })
}

function verdictsOf({ network, memory, instruments }: Report): Verdict[] {
  const verdicts: Verdict[] = []
  const check = (what: string, value: number | undefined, most: number | undefined, unit: string): void => {
    if (value === undefined || most === undefined || Number.isNaN(value)) return
    verdicts.push({ what, measured: `${fixed(value)} ${unit}`, budget: `${fixed(most)} ${unit}`, ok: value <= most })
  }
  for (const [where, samples] of [
    ['over the network', network],
    ['without one', memory],
  ] as const) {
    const ours = added(samples, 'ours', 'bare')
    const stock = added(samples, 'stock', 'bare')
    check(`a server span, every request, ${where}`, ours, 2.5, 'us')
    check(`the same, as a share of what OpenTelemetry adds, ${where}`, share(ours, stock), 1 / 8, 'x')
    check(
      `unsampled, above context propagation alone, ${where}`,
      added(samples, 'ours-unsampled', 'context'),
      0.3,
      'us',
    )
  }
  const exported = share(added(network, 'ours-otlp', 'bare'), added(network, 'stock-otlp', 'bare'))
  check('with OTLP export, as a share of what OpenTelemetry adds', exported, 1 / 5, 'x')
  check('a hop of two services', added(network, 'hop-ours', 'hop-bare'), 5, 'us')
  const { ours: labelled, peer, oursBound, peerBound } = instruments
  check('counter and histogram by labels, as a share of prom-client', share(median(labelled), median(peer)), 1 / 8, 'x')
  check(
    'counter and histogram bound, as a share of prom-client',
    share(median(oursBound), median(peerBound)),
    1 / 8,
    'x',
  )
  check('kept by a finished span', median(instruments.spanBytes), 130, 'B')
  return verdicts
}

function added(samples: Samples, id: string, reference: string): number | undefined {
  const more = differences(samples, id, reference)
  return more.length === 0 ? undefined : median(more)
}

/** What `id` took more than `reference` in the same round. */
function differences(samples: Samples, id: string, reference: string): number[] {
  const base = samples.get(reference) ?? []
  return (samples.get(id) ?? []).flatMap((micros, round) => {
    const other = base[round]
    return other === undefined ? [] : [micros - other]
  })
}

function share(part: number | undefined, whole: number | undefined): number | undefined {
  return part === undefined || whole === undefined ? undefined : part / whole
}

function quantile(values: readonly number[], at: number): number {
  return values.toSorted((a, b) => a - b)[Math.round(at * (values.length - 1))] ?? Number.NaN
}

const shown = (value: number | undefined): string => (value === undefined ? '' : fixed(value))
const word = (ok: boolean): string => (ok ? 'ok' : 'over')
const fixed = (value: number): string => value.toFixed(value < 1 ? 3 : value < 100 ? 2 : 0)
const nanos = (values: readonly number[]): string => median(values).toFixed(0)
