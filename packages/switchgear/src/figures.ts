// The figures of a played scenario, in the order in which they are read: what users got, how long they waited, what piled
// up, and how soon the policies noticed. Summary, comparison and report show these and no others.
import type { SimulationResult } from '@switchgear/simulator'
import { count, duration, points, ratio, share, signed } from './quantity.ts'

/** One figure of a result. */
export interface Figure {
  /** By itself: 'goodput during the outage'. */
  readonly name: string
  /** Under the figure that it is a part of, where it is one: 'during the outage'. */
  readonly part: string | undefined
  /** As the head of a narrow column, for the figures that are told of every scenario. */
  readonly column: string | undefined
  /** undefined when the result has none. */
  readonly value: (result: SimulationResult) => number | undefined
  readonly format: (value: number) => string
  /** What stands there instead of undefined. */
  readonly absent: (result: SimulationResult) => string
  /** Which direction is the good one; undefined where it depends. */
  readonly better: 'more' | 'less' | undefined
}

const none = { part: undefined, column: undefined, absent: (): string => '-', better: undefined }
const less = { ...none, better: 'less' as const }
const shareOf = { ...none, format: share, better: 'more' as const }
/** Something that should have come and never did; without an outage there was nothing to wait for. */
const delay = {
  ...less,
  format: duration,
  absent: ({ outages }: SimulationResult): string => (outages.length === 0 ? '-' : 'never'),
}

/** All figures. */
export const figures: readonly Figure[] = [
  { ...shareOf, name: 'goodput', column: 'goodput', value: ({ totals }) => totals.goodShare },
  { ...shareOf, name: 'goodput before the outage', part: 'before the outage', value: goodShareBefore },
  {
    ...shareOf,
    name: 'goodput during the outage',
    part: 'during the outage',
    column: 'during',
    value: ({ totals }) => totals.goodShareDuring,
  },
  { ...shareOf, name: 'goodput after the outage', part: 'after it', value: ({ totals }) => totals.goodShareAfter },
  { ...less, name: 'failed', value: ({ totals }) => totals.failed, format: count },
  { ...none, name: 'refused', part: 'of them refused at once', value: ({ totals }) => totals.refused, format: count },
  { ...less, name: 'latency p50', value: ({ totals }) => totals.latency.p50, format: duration },
  { ...less, name: 'latency p99', column: 'p99', value: ({ totals }) => totals.latency.p99, format: duration },
  {
    ...less,
    name: 'latency p99 during the outage',
    part: 'during the outage',
    value: ({ totals }) => totals.latencyDuring.p99,
    format: duration,
  },
  { ...less, name: 'in flight at most', column: 'in flight', value: ({ totals }) => totals.maxInFlight, format: count },
  { ...none, name: 'attempts per request', value: ({ totals }) => totals.amplification, format: ratio },
  {
    ...none,
    name: 'attempts per request during the outage',
    part: 'during the outage',
    value: ({ totals }) => totals.amplificationDuring,
    format: ratio,
  },
  { ...less, name: 'wasted work', value: ({ totals }) => totals.wastedShare, format: share },
  { ...delay, name: 'time to detect', column: 'detect', value: ({ totals }) => totals.timeToDetectMs },
  { ...delay, name: 'time to recover', column: 'recover', value: ({ totals }) => totals.timeToRecoverMs },
  { ...none, name: 'breaker changes', value: breakerChanges, format: count },
]

/**
 * A figure as text.
 *
 * @example
 * shown(figure, result) // '97.1 %'
 */
export function shown(figure: Figure, result: SimulationResult): string {
  const value = figure.value(result)
  return value === undefined ? figure.absent(result) : figure.format(value)
}

/** How much more `other` has than `base`, with its sign; '' when one of them has none. */
export function difference(figure: Figure, base: SimulationResult, other: SimulationResult): string {
  const from = figure.value(base)
  const to = figure.value(other)
  if (from === undefined || to === undefined) return ''
  return signed(to - from, figure.format === share ? points : figure.format)
}

/** Whether `other` is better than `base`; undefined when they are equal or nobody can say. */
export function improves(figure: Figure, base: SimulationResult, other: SimulationResult): boolean | undefined {
  if (figure.better === undefined || shown(figure, base) === shown(figure, other)) return undefined
  const worst = figure.better === 'more' ? -Infinity : Infinity
  const from = figure.value(base) ?? worst
  const to = figure.value(other) ?? worst
  return figure.better === 'more' ? to > from : to < from
}

/** Good answers by offered requests before anything was wrong; undefined when it was wrong from the start. */
export function goodShareBefore({ series, outages }: SimulationResult): number | undefined {
  const first = Math.min(...outages.map(({ fromMs }) => fromMs))
  if (!Number.isFinite(first)) return undefined
  const steps = Math.floor(first / series.stepMs)
  const offered = sum(series.offered.slice(0, steps))
  // What was sent in the last step may be answered in the next: a share is not above 1 for that.
  return offered === 0 ? undefined : Math.min(1, sum(series.good.slice(0, steps)) / offered)
}

/**
 * One sentence on what the policies were worth: what users got, what piled up, and how soon it was over.
 *
 * @example
 * verdict([result, control]) // 'switchgear.yaml: 94.2 % answered well during the outage ..., without policies: 0 %, ...'
 */
export function verdict([result, control]: readonly SimulationResult[]): string {
  if (result === undefined) return ''
  const before = goodShareBefore(result)
  const usual = before === undefined ? '' : ` (${share(before)} before it)`
  const when = result.outages.length === 0 ? '' : ` during the outage${usual}`
  const { during, waiting, recovered } = story(result)
  const own = `${result.label}: ${during} answered well${when}, ${waiting} requests in flight at most, ${recovered}`
  if (control === undefined) return `${own}.`
  const other = story(control)
  return `${own}. ${control.label}: ${other.during}, ${other.waiting}, ${other.recovered}.`
}

function story({ totals, outages }: SimulationResult): { during: string; waiting: string; recovered: string } {
  const { goodShareDuring, goodShare, maxInFlight, timeToRecoverMs } = totals
  const never = outages.length === 0 ? 'nothing to recover from' : 'not recovered by the end'
  return {
    during: share(goodShareDuring ?? goodShare),
    waiting: count(maxInFlight),
    recovered: timeToRecoverMs === undefined ? never : `recovered after ${duration(timeToRecoverMs)}`,
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** How often the breakers changed their state; undefined when there is none. */
function breakerChanges({ breakers }: SimulationResult): number | undefined {
  return breakers.length === 0 ? undefined : sum(breakers.map(({ transitions }) => transitions))
}
