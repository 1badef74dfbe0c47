// The benchmark of the kernel against its peers: runs every case, shows the table, and with --write commits it to
// bench/core.md. A verdict never fails the run, because noise may cause it; a subject that cannot be measured does.
//   --quick  half the time, noisier      --only <text>    cases whose id or title, or subjects whose label, contain it
//   --json   the rows as JSON            --write          writes bench/core.md
//                                        --against <ref>  instead: this work tree against a git ref; fails when slower
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { against } from './against.ts'
import { bundles, weigh } from './bundles.ts'
import { brief, cases, full, quick, type Unit } from './cases.ts'
import { asMarkdown, asText, context, type Row } from './report.ts'
import { measure, type Measurement } from './run.ts'

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    against: { type: 'string' },
  },
})
const plan = flags.quick ? quick : full
const begun = performance.now()
const selected = (...names: string[]): boolean => names.some((name) => name.includes(flags.only))
const jobs = [...childJobs(), ...bundleJobs()]
const about = context(`npm run bench:core${process.argv.length > 2 ? ` -- ${process.argv.slice(2).join(' ')}` : ''}`)

if (jobs.length === 0) {
  process.stderr.write(
    `bench:core: nothing is called '${flags.only}'; cases are ${cases.map(({ id }) => id).join(', ')} and size\n`,
  )
  process.exitCode = 1
} else if (flags.against === undefined) {
  await beside()
} else {
  const plan = flags.quick ? quick : brief
  process.exitCode = await against({ ref: flags.against, plan, json: flags.json, context: about, selected })
}

/** The table of all libraries. */
async function beside(): Promise<void> {
  const rows: Row[] = []
  const failures: string[] = []
  for (const [index, job] of jobs.entries()) {
    const seconds = Math.round((performance.now() - begun) / 1000)
    process.stderr.write(`[${index + 1}/${jobs.length}] ${seconds} s  ${job.title}: ${job.label}\n`)
    try {
      rows.push(await job.run())
    } catch (error) {
      failures.push(`${job.title}: ${job.label}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const report = { context: about, rows }
  process.stdout.write(flags.json ? `${JSON.stringify(report, undefined, 2)}\n` : asText(report))
  if (failures.length > 0) {
    // An incomplete table is shown but never committed.
    process.stderr.write(`bench:core: could not be measured:\n${failures.join('\n')}\n`)
    process.exitCode = 1
  } else if (flags.write) {
    writeFileSync(join(import.meta.dirname, '..', 'core.md'), asMarkdown(report))
  }
}

interface Job {
  readonly title: string
  readonly label: string
  run(): Promise<Row>
}

function childJobs(): Job[] {
  return cases.flatMap(({ id: caseId, title, unit, subjects }) =>
    subjects
      .filter(({ label }) => selected(caseId, title, label))
      .map((subject) => ({
        title,
        label: subject.label,
        run: async () => row({ caseId, title, unit, ...budgeted(subject) }, await measure(caseId, subject, plan)),
      })),
  )
}

function bundleJobs(): Job[] {
  return bundles
    .filter(({ title, label }) => selected('size', title, label))
    .map((bundle) => ({
      title: bundle.title,
      label: bundle.label,
      run: async () => {
        const { gzip, files } = await weigh(bundle.source)
        const head = { caseId: 'size', title: bundle.title, unit: 'B' as const, files, ...budgeted(bundle) }
        return row(head, { measured: gzip, min: gzip, max: gzip })
      },
    }))
}

type Head = Pick<Row, 'caseId' | 'title' | 'label' | 'budget' | 'files'> & { readonly unit: Unit }

function row(head: Head, measurement: Measurement): Row {
  const { budget } = head
  if (budget === undefined) return { ...head, ...measurement }
  // A default breaker that holds a timer is over, whatever it weighs.
  const within = measurement.measured <= budget && (measurement.timers ?? 0) === 0
  return { ...head, ...measurement, verdict: within ? 'ok' : 'over' }
}

function budgeted({ label, budget }: { label: string; budget?: number }): Pick<Row, 'label' | 'budget'> {
  return budget === undefined ? { label } : { label, budget }
}
