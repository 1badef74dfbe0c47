// What a goal can be about: one word for each measure of a result, of which parts of the time it is known, and how its
// values are written.
import type { SimulationResult, Totals } from '@switchgear/simulator'
import { count, duration, ratio, share } from '../quantity.ts'

/** Which part of the time is looked at. */
export type Part = 'all' | 'during' | 'after'

/** Something that is measured of every result. */
export interface Measure {
  readonly kind: 'share' | 'duration' | 'number'
  readonly parts: readonly Part[]
  readonly of: (result: SimulationResult, part: Part) => number | undefined
  readonly format: (value: number) => string
}

/** The measures by their words. */
export const measures: Readonly<Record<string, Measure>> = {
  goodput: {
    kind: 'share',
    parts: ['all', 'during', 'after'],
    of: ({ totals }, part) =>
      ({ all: totals.goodShare, during: totals.goodShareDuring, after: totals.goodShareAfter })[part],
    format: share,
  },
  p50: latency('p50'),
  p90: latency('p90'),
  p99: latency('p99'),
  inFlight: { ...whole(({ maxInFlight }) => maxInFlight), kind: 'number', format: count },
  attempts: {
    kind: 'number',
    parts: ['all', 'during'],
    of: ({ totals }, part) => (part === 'during' ? totals.amplificationDuring : totals.amplification),
    format: ratio,
  },
  wasted: { ...whole(({ wastedShare }) => wastedShare), kind: 'share', format: share },
  detect: { ...whole(({ timeToDetectMs }) => timeToDetectMs), kind: 'duration', format: duration },
  recover: { ...whole(({ timeToRecoverMs }) => timeToRecoverMs), kind: 'duration', format: duration },
}

function latency(name: 'p50' | 'p90' | 'p99'): Measure {
  return {
    kind: 'duration',
    parts: ['all', 'during'],
    of: ({ totals }, part) => (part === 'during' ? totals.latencyDuring : totals.latency)[name],
    format: duration,
  }
}

/** One that is only known of all of the time. */
function whole(of: (totals: Totals) => number | undefined): Pick<Measure, 'parts' | 'of'> {
  return { parts: ['all'], of: ({ totals }) => of(totals) }
}
