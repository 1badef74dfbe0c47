// How good a setting is: first how far it misses its goals, and only between settings that miss them equally, what users get.
// Pure: results in, a score out. Missed goals add up over scenarios, so a search can give up a setting before all are played.
import type { SimulationResult } from '@switchgear/simulator'
import { type Goal, shortfall } from './goal.ts'

/** Of one or several results. */
export interface Score {
  /** Sum of what is missed, over goals and scenarios; 0 when all goals hold. */
  readonly missed: number
  /** Sum of what users get; more is better. */
  readonly merit: number
}

/** Of nothing. */
export const noScore: Score = Object.freeze({ missed: 0, merit: 0 })

/**
 * The score of one result.
 *
 * @example
 * scoreOf(result, [parseGoal('goodput >= 95%')]).missed === 0 // whether the goal holds
 */
export function scoreOf(result: SimulationResult, goals: readonly Goal[]): Score {
  return {
    missed: goals.reduce((sum, goal) => sum + shortfall(goal, result), 0),
    merit: merit(result),
  }
}

/** Two scores as one. */
export function sum(a: Score, b: Score): Score {
  return { missed: a.missed + b.missed, merit: a.merit + b.merit }
}

/**
 * Whether `a` is better than `b`.
 *
 * @example
 * isBetter({ missed: 0, merit: 1 }, { missed: 0.1, merit: 5 }) // true
 */
export function isBetter(a: Score, b: Score): boolean {
  // Rounding errors are no progress.
  if (Math.abs(a.missed - b.missed) > 1e-9) return a.missed < b.missed
  return a.merit > b.merit + 1e-9
}

/**
 * Good answers, of all requests and once more of those during the outage, which are few and the point. Ten times the latency
 * costs as much as two points of goodput, ten seconds of recovery one, and work done for nobody a little.
 */
function merit({ totals, outages, durationMs }: SimulationResult): number {
  const during = totals.goodShareDuring ?? totals.goodShare
  const recovery = outages.length === 0 ? 0 : (totals.timeToRecoverMs ?? durationMs)
  return (
    totals.goodShare +
    during -
    0.02 * Math.log10(1 + (totals.latency.p99 ?? durationMs)) -
    0.001 * (recovery / 1000) -
    0.02 * totals.wastedShare
  )
}
