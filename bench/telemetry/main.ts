// The benchmark of telemetry: what a span, a measurement and an export cost a served request, ours and OpenTelemetry's, in one
// run. Shows the table, and with --write commits it to bench/telemetry.md. A verdict never fails the run, because noise may
// cause it; a variant that cannot be measured does.
//   --quick  few rounds, noisier    --only <text>  variants whose id contains it (and what they are compared with)
//   --json   the samples as JSON    --write        writes bench/telemetry.md
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { context } from '../core/report.ts'
import type { InstrumentSamples } from './instruments.ts'
import { Helper } from './messages.ts'
import { asMarkdown, asText } from './report.ts'
import { measureRounds } from './rounds.ts'
import { full, quick } from './variants.ts'

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
})
const plan = flags.quick ? quick : full
const about = context(
  `npm run bench:telemetry${process.argv.length > 2 ? ` -- ${process.argv.slice(2).join(' ')}` : ''}`,
)
const begun = performance.now()
const say = (what: string): void =>
  void process.stderr.write(`${Math.round((performance.now() - begun) / 1000)} s  ${what}\n`)
const isSelected = (id: string): boolean => id === 'bare' || id === 'hop-bare' || id.includes(flags.only)

say('counters, histograms and bytes')
const task = { rounds: flags.quick ? 5 : 15, pairs: flags.quick ? 300_000 : 1_000_000 }
const { helper, ready: instruments } = await Helper.start<InstrumentSamples>('instruments.ts', task)
helper.stop()
say('servers')
const { network, memory } = await measureRounds(plan, isSelected, say)
const report = { context: about, network, memory, instruments }
process.stdout.write(
  flags.json
    ? `${JSON.stringify({ ...report, network: Object.fromEntries(network), memory: Object.fromEntries(memory) }, undefined, 2)}\n`
    : asText(report),
)
if (flags.write) writeFileSync(join(import.meta.dirname, '..', 'telemetry.md'), asMarkdown(report))
