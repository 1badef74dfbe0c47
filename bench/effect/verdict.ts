// Who wins a row. Two subjects are compared by what users notice, in this order: good answers, then the time to recover,
// then the slowest answers; the next is asked only when the one before is a tie. A row is won when every peer is beaten and
// lost when any peer wins, so it is always the best peer that decides, and our own tuning of peers cannot help us.
import type { Measures } from './measures.ts'

/** Of one subject against another, or against all peers. */
export type Verdict = 'win' | 'tie' | 'lose'

/** The measures that decide, in this order. */
export type Deciding = 'good' | 'recoverMs' | 'p99Ms'

/** A verdict on a row, and who and what decided it. */
export interface RowVerdict {
  readonly verdict: Verdict
  /** The peer that wins or comes closest, and by which measure; undefined when there is no peer. */
  readonly against: string | undefined
  readonly by: Deciding | undefined
}

/**
 * Below these differences two results are a tie: nobody would choose a library for less, and the phase at which an open time
 * meets the end of an outage moves the good answers by about as much.
 */
export const margins = {
  /** Of the good answers, relative. */
  good: 0.02,
  /** Milliseconds; the time to recover is read in steps of a quarter of a second. */
  recoverMs: 1000,
  /** Of the 99th percentile, relative; and at least `p99LeastMs`. */
  p99: 0.1,
  p99LeastMs: 50,
} as const

/** How `ours` stands against `theirs`, and by which measure. */
export function compare(ours: Measures, theirs: Measures): { verdict: Verdict; by: Deciding | undefined } {
  const good = Math.max(ours.good, theirs.good) * margins.good
  const p99 = Math.max(margins.p99LeastMs, Math.min(ours.p99Ms, theirs.p99Ms) * margins.p99)
  const steps: readonly [Deciding, number][] = [
    ['good', -less(ours.good, theirs.good, good)],
    ['recoverMs', less(ours.recoverMs, theirs.recoverMs, margins.recoverMs)],
    ['p99Ms', less(ours.p99Ms, theirs.p99Ms, p99)],
  ]
  const decided = steps.find(([, sign]) => sign !== 0)
  if (decided === undefined) return { verdict: 'tie', by: undefined }
  return { verdict: decided[1] > 0 ? 'win' : 'lose', by: decided[0] }
}

/** The verdict on a row: against the peer that does best against `ours`. */
export function judge(ours: Measures, peers: ReadonlyMap<string, Measures>): RowVerdict {
  const order: readonly Verdict[] = ['lose', 'tie', 'win']
  const met = [...peers].map(([against, theirs]) => ({ against, good: theirs.good, ...compare(ours, theirs) }))
  const [worst] = met.toSorted((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict) || b.good - a.good)
  if (worst === undefined) return { verdict: 'tie', against: undefined, by: undefined }
  return { verdict: worst.verdict, against: worst.against, by: worst.by }
}

/** 1 when the difference counts, else 0. */
const excess = (difference: number, margin: number): number => (difference > margin ? 1 : 0)

/** 1 when `ours` is clearly less, -1 when it is clearly more. Infinity, which is never, ties with itself. */
function less(ours: number, theirs: number, margin: number): number {
  if (ours === theirs) return 0
  return excess(theirs - ours, margin) - excess(ours - theirs, margin)
}
