// Shares as people read them.

/** A share of 1 as percent, rounded down: 100 % means all, and one request lost in ten thousand still shows. */
export function percent(share: number): string {
  return share === 1 ? '100 %' : `${(Math.floor(share * 1000) / 10).toFixed(1)} %`
}
