// The one statistic of the benchmark. The median, because noise on a shared machine only ever adds, in rare large lumps.

/** The middle of the sorted samples; the lower one of two. Throws when there is none. */
export function median(samples: readonly number[]): number {
  const middle = samples.toSorted((a, b) => a - b)[(samples.length - 1) >> 1]
  if (middle === undefined) throw new Error('nothing was measured')
  return middle
}
