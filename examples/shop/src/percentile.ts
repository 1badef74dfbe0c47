// Percentiles of what was measured, by the nearest rank: every answer is a number that really occurred.

/** The `share`-quantile (0.5 is the median) of `numbers`; undefined when there are none. Leaves the array as it is. */
export function percentile(numbers: readonly number[], share: number): number | undefined {
  const sorted = Float64Array.from(numbers).toSorted()
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
}
