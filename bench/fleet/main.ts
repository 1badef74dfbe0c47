// How much a fleet costs to simulate: plays the simulator's `fleet` scenario (1 000 callers with a breaker each, 100 000
// requests a second, one minute) once and shows what it took, against the budget. The verdict never fails the run, because a
// busy machine may cause it.
//   --for <duration>  less virtual time, for a look; then there is no verdict
//   --json            the numbers as JSON
//   --write           writes bench/fleet.md; only for the whole minute
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { defaultModel, play, scenariosOf } from '@switchgear/simulator'
import { context } from '../core/report.ts'
import { asMarkdown, asText, type FleetReport } from './report.ts'

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    for: { type: 'string' },
  },
})
const whole = flags.for === undefined
if (!whole && flags.write) {
  process.stderr.write('bench:fleet: --write is for the whole minute, without --for\n')
  process.exit(2)
}

const model = defaultModel(['payments'])
const scenario = scenariosOf(model).get('fleet')
if (scenario === undefined) throw new Error('the simulator has no scenario called fleet')
const policies = { payments: { policies: [{ circuitBreaker: {} }, { timeout: '800ms' }] } }
const machine = context(`npm run bench:fleet${process.argv.length > 2 ? ` -- ${process.argv.slice(2).join(' ')}` : ''}`)
const before = process.cpuUsage()
let told = 0
const { totals, cost, durationMs, breakers } = await play({
  model,
  scenario: { ...scenario, name: 'fleet', ...(flags.for === undefined ? {} : { duration: flags.for }) },
  policies,
  onProgress: (virtualMs) => {
    if (virtualMs - told < 5000) return
    told = virtualMs
    process.stderr.write(`${Math.round(virtualMs / 1000)} s of virtual time\n`)
  },
})
const { user, system } = process.cpuUsage(before)
const report: FleetReport = {
  machine,
  whole,
  breakers: breakers.reduce((sum, one) => sum + one.breakers, 0),
  transitions: breakers.reduce((sum, one) => sum + one.transitions, 0),
  virtualMs: durationMs,
  requests: totals.offered,
  realMs: cost.realMs,
  cpuMs: (user + system) / 1000,
  events: cost.events,
  heapBytes: cost.heapBytes,
  // The kernel's high-water mark, in kilobytes.
  rssBytes: process.resourceUsage().maxRSS * 1024,
  goodShare: totals.goodShare,
}
process.stdout.write(flags.json ? `${JSON.stringify(report, undefined, 2)}\n` : asText(report))
if (flags.write) writeFileSync(join(import.meta.dirname, '..', 'fleet.md'), asMarkdown(report))
