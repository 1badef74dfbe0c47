// The search list of resolver(5): under which absolute names a name is looked for, and which answer ends it. Invariant: the answer
// "there is nothing" comes only when every name of the list has said so.
import { NoAnswer } from './errors.ts'
import { canonical, isAskable } from './names.ts'

/** What the search needs to know of a configuration. */
export interface SearchList {
  readonly search: readonly string[]
  readonly ndots: number
}

/** What a name was found to have. */
export interface Finding<T> {
  /** The absolute name that has it; undefined when none has. */
  readonly name: string | undefined
  readonly value: T
}

/**
 * The absolute names for a name, in the order in which they are tried. A trailing dot means this name and no other; with `ndots`
 * dots or more it is tried as it is first, with fewer as the last one.
 *
 * @example
 * candidates('payments', { search: ['shop.internal'], ndots: 1 }) // ['payments.shop.internal', 'payments']
 */
export function candidates(name: string, { search, ndots }: SearchList): readonly string[] {
  const plain = canonical(name)
  if (name.endsWith('.')) return [plain]
  const suffixed = search.map((suffix) => `${plain}.${suffix}`).filter((full) => isAskable(full))
  const dots = plain.split('.').length - 1
  return dots >= ndots ? [plain, ...suffixed] : [...suffixed, plain]
}

/**
 * Looks under each name until one has something.
 *
 * - Something found ends the search.
 * - NXDOMAIN and NODATA go on: that name has nothing, says who must know.
 * - Silence ends it as a failure: the next name would only wait for the same servers as long again.
 * - SERVFAIL, REFUSED and the like go on, as in glibc: one dead domain in the list must not hide every name behind it. But they are
 *   remembered: when nothing is found behind them the search has failed, because the name that could not be asked may well exist.
 * - For `held`, the name that had the present answer, they end it: otherwise a moment of trouble there would send the
 *   traffic to a namesake further down the list.
 *
 * An absence holds as long as the shortest of them: `merge` puts two together.
 */
export async function searched<T>(
  names: readonly string[],
  held: string | undefined,
  look: (name: string) => Promise<T>,
  isAbsent: (value: T) => boolean,
  merge: (one: T, other: T) => T,
): Promise<Finding<T>> {
  let failure: unknown
  let absence: T | undefined
  for (const name of names) {
    try {
      const value = await look(name)
      if (!isAbsent(value)) return { name, value }
      absence = absence === undefined ? value : merge(absence, value)
    } catch (error) {
      failure ??= error
      const goesOn = error instanceof NoAnswer && error.spoken && name !== held
      if (!goesOn) break
    }
  }
  if (failure !== undefined || absence === undefined) throw failure
  return { name: undefined, value: absence }
}
