// Columns for people: the first to the left, the others to the right, as wide as they need to be.

/**
 * Lays out `rows`; rows may be shorter than others. Answers lines without trailing spaces.
 *
 * @example
 * table([['', 'protected'], ['requests', '1400']]) // ['          protected', 'requests       1400']
 */
export function table(rows: readonly (readonly string[])[], gap: number = 3): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length)
  }
  const space = ' '.repeat(gap)
  return rows.map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0
      return column === 0 ? cell.padEnd(width) : cell.padStart(width)
    })
    return cells.join(space).trimEnd()
  })
}
