// The tests of core on every runtime, and its bundle in Chromium; one after another, because the machine is small. It
// installs what it needs first. A runtime that this machine cannot have is told by name; where CI is set that is a failure.
//   --only <text>  runtimes whose name contains it     --json  the rows as JSON on stdout, everything else on stderr
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { playInChromium } from './browser.ts'
import { excludedOn } from './exclusions.ts'
import { chromium, installPackages } from './install.ts'
import { closing, exclusionLines, heading, line, type Row } from './report.ts'
import { runtimes } from './runtimes.ts'
import { type Outcome, runSuite, versionOf } from './suite.ts'

const { values: flags } = parseArgs({
  options: { json: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
})
const strict = !['', '0', 'false', undefined].includes(process.env['CI'])
const say = (text: string): void => (flags.json ? console.error(text) : console.log(text))

/** One line to come: where it is found, and what runs it. */
interface Job {
  readonly name: string
  readonly excluded: number
  find(): Promise<string | undefined>
  run(path: string, scratch: string): Promise<Outcome>
}

const suites: readonly Job[] = runtimes.map((runtime) => ({
  name: runtime.name,
  excluded: excludedOn(runtime.name).length,
  find: async () => runtime.find(),
  run: (path, scratch) => runSuite(runtime, path, scratch),
}))
const browser: Job = { name: 'chromium', excluded: 0, find: chromium, run: playInChromium }
const jobs = [...suites, browser]
const selected = jobs.filter(({ name }) => name.includes(flags.only))

if (selected.length === 0) {
  console.error(`no runtime is called '${flags.only}'; they are ${jobs.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}
process.exitCode = (await main()) ? 0 : 1

async function main(): Promise<boolean> {
  const wrong = selected.every((job) => job === browser) ? undefined : await installPackages()
  if (wrong !== undefined) console.error(wrong)
  const scratch = mkdtempSync(join(tmpdir(), 'switchgear-runtimes-'))
  const remove = (): void => rmSync(scratch, { recursive: true, force: true, maxRetries: 5 })
  // Also when a signal ends us in the middle of a run.
  process.once('exit', remove)
  say(heading)
  const rows: Row[] = []
  for (const job of selected) {
    const row = await rowOf(job, scratch)
    say(line(row))
    rows.push(row)
  }
  remove()
  const { text, good } = closing(rows, strict)
  say(['', 'excluded from packages/core/test:', ...exclusionLines(), '', text].join('\n'))
  if (flags.json) console.log(JSON.stringify(rows, null, 2))
  return good
}

async function rowOf({ name, excluded, find, run }: Job, scratch: string): Promise<Row> {
  const none = { name, version: '', passed: 0, failed: 0, skipped: 0, excluded, seconds: 0 }
  const path = await find()
  if (path === undefined) {
    return { ...none, verdict: 'missing', why: `there is none for ${process.platform}-${process.arch} on this machine` }
  }
  const version = await versionOf(path)
  if (version === undefined) return { ...none, verdict: 'missing', why: `${path} does not run here` }
  const { passed, failed, skipped, good, output, seconds } = await run(path, scratch)
  if (!good) say(`${name} ${version}:\n${output.split('\n').slice(-300).join('\n')}`)
  return { name, version, passed, failed, skipped, excluded, seconds, verdict: good ? 'passed' : 'failed' }
}
