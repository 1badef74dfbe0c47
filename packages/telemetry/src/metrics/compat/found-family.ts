// A histogram of ours that is shown a second time under other names. It is looked up by name at each scrape, because it may be
// registered later than what is made from it, or never.
import type { HistogramFamily, HistogramSeries } from '../family.ts'

/** Answers the histogram of this name, if it is registered. */
export type FindFamily = (name: string) => HistogramFamily | undefined

/** Reads labels of a series by their names; '' where the family has no such label. */
export function labelReader({ labelNames }: HistogramFamily): (series: HistogramSeries, label: string) => string {
  const at = new Map(labelNames.map((name, index) => [name, index]))
  return ({ labels }, label) => labels[at.get(label) ?? -1] ?? ''
}

/** Number of observations of a series. */
export function countOf({ counts }: HistogramSeries): number {
  let count = 0
  for (let bucket = 0; bucket < counts.length; bucket++) count += counts[bucket] ?? 0
  return count
}
