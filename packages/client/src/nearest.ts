// The word that was probably meant. Owns the distance between two words and how far is too far; it never guesses when
// nothing is near, because a wrong suggestion costs more than none.

/** Words longer than this are not compared: nobody misspells a key of such a length, and the work stays bounded. */
const longestWord = 64

/**
 * The candidate nearest to `word` by edit distance (insert, delete, replace, swap of neighbours), or undefined when none is
 * near: one edit for each three letters, at least one and at most three. Case, `-` and `_` do not count, so
 * `max_attempts` finds `maxAttempts`. Of equally near candidates the first wins.
 *
 * @example
 * nearest('maxAttempt', ['name', 'maxAttempts', 'maxDelay']) // 'maxAttempts'
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > longestWord) return undefined
  const wanted = folded(word)
  let best: string | undefined
  let bestDistance = Math.min(3, Math.max(1, Math.floor(wanted.length / 3))) + 1
  for (const candidate of candidates) {
    const other = folded(candidate)
    // The lengths alone already cost that many edits.
    if (Math.abs(other.length - wanted.length) >= bestDistance) continue
    const distance = editDistance(wanted, other)
    // A word of which every letter had to change is not near, however short it is.
    if (distance < bestDistance && distance < Math.max(wanted.length, other.length)) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function folded(word: string): string {
  return word.toLowerCase().replaceAll(/[-_]/g, '')
}

/** Optimal string alignment distance, three rows of the table at a time. */
function editDistance(a: string, b: string): number {
  let older: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = at(previous, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1)
      let least = Math.min(replaced, at(previous, column) + 1, at(current, column - 1) + 1)
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (swapped) least = Math.min(least, at(older, column - 2) + 1)
      current.push(least)
    }
    older = previous
    previous = current
  }
  return at(previous, b.length)
}

/** A cell of the table; outside of it nothing is reachable. */
function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity
}
