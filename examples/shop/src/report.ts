// What a whole story measured, as data (`--json`) and as lines for people. Pure.
import { inFlightBound, pileUp } from './bound.ts'
import type { ServiceOptions } from '@switchgear/client'
import { judge, type Criterion, type Findings } from './criteria.ts'
import { paymentShare } from './load.ts'
import type { Journal, Transition } from './journal.ts'
import { measureCircuit, measureShop, type Latency, type Outage, type ShopMeasure } from './measure.ts'
import type { Scoreboard } from './scoreboard.ts'
import { percent } from './share.ts'
import { table } from './table.ts'
import type { TraceReport } from './tracing.ts'

/** The processes that call payments, each with a circuit of its own. */
const callers = ['orders', 'gateway']

/** Times are milliseconds, shares are of 1; `at` counts from the start of the load. */
export interface Report extends Findings {
  readonly survived: boolean
  readonly criteria: readonly Criterion[]
  readonly seed: number
  readonly perSecond: number
  readonly outageMs: number
  readonly unprotected: ShopMeasure
  /** What the arithmetic says piles up in the unprotected shop. */
  readonly pileUp: number
  readonly transitions: readonly Transition[]
  readonly processes: readonly ProcessReport[]
  /** Undefined while the shop goes on. */
  readonly traces: TraceReport | undefined
}

/** Where a process ran. */
export interface ProcessReport {
  readonly name: string
  readonly origin: string
  readonly pid: number
}

/** What a report is made of. */
export interface Evidence {
  readonly seed: number
  readonly perSecond: number
  readonly begunAt: number
  readonly outage: Outage
  readonly payments: ServiceOptions | undefined
  readonly journal: Journal
  readonly protected: Scoreboard
  readonly unprotected: Scoreboard
  readonly processes: readonly ProcessReport[]
  readonly traces: TraceReport | undefined
}

/** Measures and judges. */
export function reportOn(evidence: Evidence): Report {
  const { outage, journal, perSecond } = evidence
  const outageMs = outage.healedAt - outage.brokenAt
  const measured = {
    seed: evidence.seed,
    perSecond,
    outageMs,
    protected: measureShop(evidence.protected, outage),
    unprotected: measureShop(evidence.unprotected, outage),
    bound: inFlightBound(evidence.payments, callers.length, perSecond),
    pileUp: pileUp(perSecond, outageMs),
    circuits: callers.map((process) => measureCircuit(journal.transitions, process, 'payments', outage)),
    backlog: { ...journal.backlog },
    transitions: journal.transitions.map((transition) => ({ ...transition, at: transition.at - evidence.begunAt })),
    processes: evidence.processes.map(({ name, origin, pid }) => ({ name, origin, pid })),
    traces: evidence.traces,
  }
  const criteria = judge(measured)
  return { survived: criteria.every(({ passed }) => passed), criteria, ...measured }
}

/** The report as JSON text, its numbers rounded to what they are worth. */
export function reportJson(report: Report): string {
  return JSON.stringify(report, rounded, 2)
}

function rounded(key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toFixed(key === 'shareServed' ? 4 : 1)) : value
}

/** The two shops side by side. */
export function comparison(report: Report): string[] {
  const { protected: ours, unprotected: theirs, circuits, perSecond } = report
  const both = (name: string, cell: (shop: ShopMeasure) => string): string[] => [name, cell(ours), cell(theirs)]
  const seconds = report.outageMs / 1000
  return table([
    ['', 'protected', 'unprotected'],
    both('requests', ({ all }) => String(all.requests)),
    both('  served in full', ({ all }) => part(all.full, all.requests)),
    both('  served by a declared fallback', ({ all }) => part(all.fallback, all.requests)),
    both('  refused at once (503, Retry-After)', ({ all }) => part(all.refused, all.requests)),
    both('  failed', ({ all }) => part(all.failed, all.requests)),
    both(`served in the ${seconds.toFixed(0)} s of the outage`, ({ outage }) => percent(outage.shareServed)),
    both('in flight at most', ({ inFlightAtMost }) => String(inFlightAtMost)),
    ['  bound / rate x time', report.bound === undefined ? 'none' : `<= ${report.bound}`, String(report.pileUp)],
    ...circuits.map(({ process, openedAfterMs }) => [`time to open, ${process}`, duration(openedAfterMs), '-']),
    ...circuits.map(({ process, recoveredAfterMs }) => [
      `time to recover, ${process}`,
      duration(recoveredAfterMs),
      '-',
    ]),
    both('latency p50 / p99', ({ latency }) => pair(latency)),
    both('refusal latency p50 / p99', ({ refusal }) => pair(refusal)),
    both('fallback latency p50 / p99', ({ fallback }) => pair(fallback)),
  ]).concat([
    '',
    `arithmetic: ${(perSecond * paymentShare).toFixed(0)} of ${perSecond} requests a second need payments; in ${seconds.toFixed(0)} s of hanging ` +
      `${report.pileUp} pile up`,
    `payments queued during the outage: ${report.backlog.queued}, made since: ${report.backlog.settled}`,
  ])
}

/** Every criterion with its result, ready to be marked passed or failed. */
export function criterionLines(criteria: readonly Criterion[]): string[] {
  const width = Math.max(...criteria.map(({ name }) => name.length))
  return criteria.map(({ name, measured, wanted }) => `${name.padEnd(width)}   ${measured} (wanted: ${wanted})`)
}

function part(count: number, of: number): string {
  return count === 0 ? '-' : `${count} (${percent(count / of)})`
}

function duration(ms: number | undefined): string {
  return ms === undefined ? 'never' : `${(ms / 1000).toFixed(1)} s`
}

function pair({ p50Ms, p99Ms }: Latency): string {
  return p50Ms === undefined || p99Ms === undefined ? '-' : `${round(p50Ms)} / ${round(p99Ms)} ms`
}

function round(ms: number): string {
  return ms < 10 ? ms.toFixed(1) : ms.toFixed(0)
}
