// The statistics of the page. Quantiles are values that were measured, never interpolated.

/** The value at a share of the sorted ones, by nearest rank; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(share * values.length) - 1)] ?? Number.NaN
}

/** What `values` are as multiples of `others`, pair by pair. */
export function ratios(values: readonly number[], others: readonly number[]): number[] {
  return values.flatMap((value, round) => {
    const other = others[round]
    return other === undefined ? [] : [value / other]
  })
}
