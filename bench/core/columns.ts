// Cells in columns for a terminal. The first and the last column lean left, the others right; a line of one cell is a
// heading and widens nothing.

/** Lines of text, without a newline at the end. */
export function aligned(lines: readonly (readonly string[])[]): string {
  const columns = Math.max(...lines.map(({ length }) => length))
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...lines.map((line) => (line.length > 1 ? (line[column] ?? '').length : 0))),
  )
  const pad = (cell: string, column: number): string => {
    const width = widths[column] ?? 0
    return column === 0 || column === columns - 1 ? cell.padEnd(width) : cell.padStart(width)
  }
  return lines.map((line) => line.map(pad).join('  ').trimEnd()).join('\n')
}
