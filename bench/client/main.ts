// The benchmark of the client: what a call through it costs beside bare undici and what others have, how well its balancers choose, and
// what a dead endpoint costs its callers. Shows the tables, and with --write commits them to bench/client.md. A verdict never fails
// the run, because noise may cause it; a row that cannot be measured does.
//   --quick  few and short rounds, noisier    --only <part>  cost, balancing or dead
//   --json   the samples as JSON              --write        writes bench/client.md
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { context } from '../core/report.ts'
import { measureCost } from './cost/rounds.ts'
import { play } from './load/run.ts'
import { balancing, dying, type Situation } from './load/situations.ts'
import { full, type Part, parts, quick } from './plan.ts'
import { asMarkdown, asText, type Play, type Report } from './report.ts'

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
})
const { only } = flags
if (only !== undefined && !parts.some((part) => part === only)) {
  process.stderr.write(`--only is one of ${parts.join(', ')}\n`)
  process.exit(2)
}
const plan = flags.quick ? quick : full
const wants = (part: Part): boolean => only === undefined || only === part
const about = context(`npm run bench:client${process.argv.length > 2 ? ` -- ${process.argv.slice(2).join(' ')}` : ''}`)
const begun = performance.now()
const say = (what: string): void =>
  void process.stderr.write(`${Math.round((performance.now() - begun) / 1000)} s  ${what}\n`)

const report: Report = {
  context: about,
  cost: wants('cost') ? await measureCost(plan.cost, () => true, say) : new Map(),
  balancing: wants('balancing') ? await playAll(balancing, plan.balancing) : [],
  dead: wants('dead') ? await playAll(dying, plan.dead) : [],
}
say('done')
process.stdout.write(flags.json ? `${JSON.stringify(report, plain, 2)}\n` : asText(report))
if (flags.write) writeFileSync(join(import.meta.dirname, '..', 'client.md'), asMarkdown(report))

async function playAll(situations: readonly Situation[], how: (typeof plan)['balancing']): Promise<Play[]> {
  const plays: Play[] = []
  for (const situation of situations) {
    say(situation.title)
    plays.push({ situation, played: await play(situation, how) })
  }
  return plays
}

/** Maps as objects. */
function plain(_: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value
}
