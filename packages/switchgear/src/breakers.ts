// Which circuit breakers are worth a line of their own: those that moved. A system of fifty services in which one fails has
// forty-nine that stayed closed, and they are said in one word.
import type { SimulationResult } from '@switchgear/simulator'

/** Called services with a breaker, by whether it ever left its closed state in one of the results. */
export interface Breakers {
  /** At most eight; of a scenario in which none moved, the first. */
  readonly shown: readonly string[]
  /** How many are not shown. */
  readonly others: number
}

const mostShown = 8

/**
 * The breakers of all results.
 *
 * @example
 * breakersOf([result, control]) // { shown: ['payments'], others: 3 }
 */
export function breakersOf(results: readonly SimulationResult[]): Breakers {
  const all = results.flatMap(({ breakers }) => breakers)
  const names = [...new Set(all.map(({ to }) => to))]
  const moved = names.filter((name) => all.some(({ to, transitions }) => to === name && transitions > 0))
  const shown = (moved.length === 0 ? names.slice(0, 1) : moved).slice(0, mostShown)
  return { shown, others: names.length - shown.length }
}
