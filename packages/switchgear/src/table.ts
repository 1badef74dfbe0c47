// Columns for people, as wide as they need to be.

/** How a column is aligned; one that is not told is aligned to the right. */
export type Alignment = 'left' | 'right'

/**
 * Lays out `rows`, which may be shorter than others: the first column to the left, the others to the right, or as
 * `alignments` say. Lines have no trailing spaces.
 *
 * @example
 * table([['', 'with', 'without'], ['p99', '31 ms', '1.2 s']]) // ['       with   without', 'p99   31 ms     1.2 s']
 */
export function table(
  rows: readonly (readonly string[])[],
  alignments: readonly Alignment[] = ['left'],
  gap: number = 3,
): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length)
  }
  const space = ' '.repeat(gap)
  return rows.map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0
      return alignments[column] === 'left' ? cell.padEnd(width) : cell.padStart(width)
    })
    return cells.join(space).trimEnd()
  })
}

/**
 * Breaks a text into lines of at most `width` columns, at blanks; a longer word keeps its line.
 *
 * @example
 * wrapped('one two three', 8) // ['one two', 'three']
 */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return line === '' ? lines : [...lines, line]
}
