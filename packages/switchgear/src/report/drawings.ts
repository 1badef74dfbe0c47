// Which charts a scenario gets, and in which order: what users got, what went wrong, what piled up, how long it took, what
// the called services had to bear, and what the breakers did.
import type { Series, SimulationResult } from '@switchgear/simulator'
import { breakersOf } from '../breakers.ts'
import { count, duration, rate } from '../quantity.ts'
import { type Chart, chart, chartHeight, type Line } from './chart.ts'
import { strips } from './strip.ts'

/** A drawing and its height in its own units; all are as wide as `frame.width`. */
export interface Drawing {
  readonly svg: string
  readonly height: number
}

/** Between two drawings that stand in one file. */
export const gap = 14
/** Arrivals are drawn for so many services; a model with more shows the ones with breakers or faults first. */
const mostServices = 4

/**
 * Draws results of the same scenario. `attributes`, given the height above a drawing, are put into its tag.
 *
 * @example
 * drawings([result, control]).map(({ svg }) => svg)
 */
export function drawings(
  results: readonly SimulationResult[],
  attributes: (above: number, height: number) => string = () => '',
): Drawing[] {
  let above = 0
  const drawn: Drawing[] = []
  for (const one of charts(results)) {
    drawn.push({ svg: chart(one, attributes(above, chartHeight)), height: chartHeight })
    above += chartHeight + gap
  }
  // Its height is only known when it is drawn, and the drawing needs it in its tag.
  const height = strips(results)?.height ?? 0
  const last = strips(results, attributes(above, height))
  return last === undefined ? drawn : [...drawn, last]
}

function charts(results: readonly SimulationResult[]): Chart[] {
  const [first] = results
  if (first === undefined) return []
  const { durationMs, outages, series } = first
  const { stepMs } = series
  const common = { stepMs, durationMs, outages }
  const lines = (values: (series: Series) => readonly (number | null)[]): Line[] =>
    results.map(({ label, series }) => ({ label, values: values(series) }))
  const offered = { label: 'offered', values: perSecond(series.offered, stepMs) }
  const all: Chart[] = [
    {
      ...common,
      title: 'Good answers',
      unit: 'a second; dotted: requests offered',
      lines: lines(({ good }) => perSecond(good, stepMs)),
      backdrop: offered,
      format: rate,
      named: true,
    },
    {
      ...common,
      title: 'Failed answers',
      unit: 'a second',
      lines: lines(({ failed }) => perSecond(failed, stepMs)),
      format: rate,
    },
    {
      ...common,
      title: 'Refused at once',
      unit: 'a second, of the failed',
      lines: lines(({ refused }) => perSecond(refused, stepMs)),
      format: rate,
    },
    {
      ...common,
      title: 'Requests in flight',
      unit: 'waiting for an answer',
      lines: lines(({ inFlight }) => inFlight),
      format: count,
    },
    {
      ...common,
      title: 'Latency, 99th percentile',
      unit: 'of all answers, good and bad; logarithmic',
      lines: lines(({ p99 }) => p99),
      logarithmic: true,
      format: duration,
    },
    ...called(results).map((name): Chart => ({
      ...common,
      title: `Requests that arrive at ${name}`,
      unit: 'a second, retries included',
      lines: results.map(({ label, services }) => ({
        label,
        values: perSecond(services.find((service) => service.name === name)?.arrivals ?? [], stepMs),
      })),
      format: rate,
    })),
  ]
  return all.filter(({ lines }) => lines.some(({ values }) => values.some((value) => value !== null && value > 0)))
}

/** The services that something was wrong with, and those whose callers' breakers moved. */
function called(results: readonly SimulationResult[]): string[] {
  const { shown: guarded } = breakersOf(results)
  const broken = (results[0]?.services ?? [])
    .map(({ name }) => name)
    .filter((name) => results[0]?.outages.some(({ what }) => what.split(/\W+/).includes(name)))
  return [...new Set([...broken, ...guarded])].slice(0, mostServices)
}

function perSecond(counts: readonly number[], stepMs: number): number[] {
  return counts.map((value) => (value * 1000) / stepMs)
}
