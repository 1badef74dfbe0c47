// What is taken from a run, and how runs with several seeds become one number each: the median. A time that never came is
// Infinity, so that it loses against every time that did.
import type { SimulationResult } from '@switchgear/simulator'
import { median } from '../core/median.ts'

/** One run, or the medians of several. Shares in [0, 1], times in milliseconds. */
export interface Measures {
  /** Good answers by requests, from the beginning of the outage to the end of the run: detection, protection and recovery. */
  readonly good: number
  readonly goodDuring: number
  readonly goodAfter: number
  /** Of all answers during the outage, refusals included. */
  readonly p99Ms: number
  readonly detectMs: number
  readonly recoverMs: number
  /** Requests that arrived at the called services by those that should have, during the outage. */
  readonly attempts: number
  /** Work for nobody, by all work. */
  readonly wasted: number
  /** Changes of state of all breakers; 0 says that none ever opened. */
  readonly transitions: number
}

/** The names of the measures; all but the last one are shown, in this order. */
export const measureNames = [
  'good',
  'goodDuring',
  'goodAfter',
  'p99Ms',
  'detectMs',
  'recoverMs',
  'attempts',
  'wasted',
  'transitions',
] as const satisfies readonly (keyof Measures)[]

/** Takes the measures from a result. */
export function measuresOf({ totals, series, outages, breakers }: SimulationResult): Measures {
  const begin = Math.floor(Math.min(...outages.map(({ fromMs }) => fromMs)) / series.stepMs)
  const since = (counts: readonly number[]): number => counts.slice(begin).reduce((sum, count) => sum + count, 0)
  return {
    good: since(series.good) / since(series.offered),
    goodDuring: totals.goodShareDuring ?? Number.NaN,
    goodAfter: totals.goodShareAfter ?? Number.NaN,
    p99Ms: totals.latencyDuring.p99 ?? Infinity,
    detectMs: totals.timeToDetectMs ?? Infinity,
    recoverMs: totals.timeToRecoverMs ?? Infinity,
    attempts: totals.amplificationDuring ?? totals.amplification,
    wasted: totals.wastedShare,
    transitions: breakers.reduce((sum, { transitions }) => sum + transitions, 0),
  }
}

/** The median of each measure. */
export function medians(runs: readonly Measures[]): Measures {
  const of = (name: keyof Measures): number => median(runs.map((run) => run[name]))
  return Object.fromEntries(measureNames.map((name) => [name, of(name)])) as unknown as Measures
}
