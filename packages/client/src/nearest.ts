// Which known name somebody may have meant. It owns nothing; it must stay silent when nothing is near, because a wrong
// suggestion costs more than none.

/**
 * The known name with the fewest edits to `name`, or undefined when even that one needs more than a third of its letters.
 *
 * @example
 * nearest('paymets', ['orders', 'payments']) // 'payments'
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let fewest = Infinity
  for (const candidate of known) {
    const edits = distance(name.toLowerCase(), candidate.toLowerCase())
    if (edits < fewest && edits <= Math.max(1, Math.ceil(candidate.length / 3))) {
      best = candidate
      fewest = edits
    }
  }
  return best
}

/** Insertions, deletions and substitutions that turn `a` into `b`. */
function distance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row++) {
    const line = [row]
    for (let column = 1; column <= b.length; column++) {
      const substituted = (above[column - 1] ?? 0) + Number(a[row - 1] !== b[column - 1])
      line.push(Math.min(substituted, (above[column] ?? 0) + 1, (line[column - 1] ?? 0) + 1))
    }
    above = line
  }
  return above[b.length] ?? 0
}
