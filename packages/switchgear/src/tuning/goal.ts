// A goal of tuning: what must hold of a played scenario. The grammar is one line:
//
//   <measure> [during | after] >= | <= <value> [in <scenario>]
//
// `goodput >= 95%`, `p99 during <= 300ms`, `recover <= 10s in payments-dies`. Invariant: what a result does not have, such as
// the time to detect of a circuit that never opened, holds no goal.
import { nearest } from '@switchgear/client'
import { parseDuration } from '@switchgear/core'
import type { SimulationResult } from '@switchgear/simulator'
import { UsageError } from '../failure.ts'
import { type Measure, measures, type Part } from './measure.ts'

/** A goal that was understood. */
export interface Goal {
  /** As it was written, with blanks in order. */
  readonly text: string
  readonly measure: string
  readonly part: Part
  readonly relation: '>=' | '<='
  /** A share in [0, 1], milliseconds, or a number. */
  readonly bound: number
  /** Only of this scenario. */
  readonly scenario: string | undefined
}

const grammar =
  /^(?<measure>[A-Za-z]\w*)(?:\s+(?<part>during|after))?\s*(?<relation>>=|<=|≥|≤)\s*(?<value>[\d.]+\s*(?:%|[a-z]+)?)(?:\s+in\s+(?<scenario>\S+))?$/u

/**
 * Understands a goal. Throws a `UsageError` that says what is wrong with it.
 *
 * @example
 * parseGoal('p99 during <= 300ms').bound // 300
 */
export function parseGoal(text: string): Goal {
  const parts = grammar.exec(text.trim())?.groups
  if (parts === undefined)
    throw new UsageError(`'${text}' is no goal; expected one like 'goodput >= 95%' or 'p99 during <= 300ms'`)
  const { measure: word = '', part: when, relation = '', value = '', scenario } = parts
  const name = Object.keys(measures).find((known) => known.toLowerCase() === word.toLowerCase())
  if (name === undefined) {
    const names = Object.keys(measures)
    const guess = nearest(word, names)
    throw new UsageError(
      `'${word}' is no measure${guess === undefined ? '' : `, did you mean ${guess}?`} Known are ${names.join(', ')}`,
    )
  }
  const part = (when ?? 'all') as Part
  checkPart(name, part, text)
  const bound = boundOf(measures[name]?.kind ?? 'number', value.replaceAll(/\s/g, ''), text)
  const sign = relation === '≥' ? '>=' : relation === '≤' ? '<=' : relation
  return {
    text: text.trim().replaceAll(/\s+/g, ' '),
    measure: name,
    part,
    relation: sign as Goal['relation'],
    bound,
    scenario,
  }
}

/**
 * What a result has of a goal's measure; undefined when it has nothing of the kind. Where nothing went wrong, `during` and
 * `after` look at all of the time.
 */
export function measured(goal: Pick<Goal, 'measure' | 'part'>, result: SimulationResult): number | undefined {
  return measures[goal.measure]?.of(result, result.outages.length === 0 ? 'all' : goal.part)
}

/**
 * How far a result misses a goal: 0 when it holds, else up to 1. Of a limit exceeded ten times it is nearer to 1 than of one
 * exceeded twice, so that a search is led out of either.
 *
 * @example
 * shortfall(parseGoal('p99 <= 300ms'), result) // 0.5 when it is 600 ms
 */
export function shortfall(goal: Goal, result: SimulationResult): number {
  if (goal.scenario !== undefined && goal.scenario !== result.scenario) return 0
  const value = measured(goal, result)
  // Nothing to detect or to recover from: such a goal is not missed.
  if (value === undefined) return result.outages.length === 0 && goal.measure !== 'goodput' ? 0 : 1
  const excess = goal.relation === '>=' ? goal.bound - value : value - goal.bound
  if (excess <= 0) return 0
  return goal.relation === '>='
    ? Math.min(1, excess / goal.bound)
    : excess / (excess + Math.max(goal.bound, Number.EPSILON))
}

function checkPart(name: string, part: Part, text: string): void {
  if (measures[name]?.parts.includes(part) === true) return
  throw new UsageError(`'${text}': ${name} is not measured '${part}' an outage`)
}

function boundOf(kind: Measure['kind'], value: string, text: string): number {
  const wrong = (expected: string): UsageError => new UsageError(`'${text}': expected ${expected}, got '${value}'`)
  if (kind === 'duration') {
    try {
      return parseDuration(/^[\d.]+$/.test(value) ? Number(value) : value, 'goal')
    } catch {
      // Core's words name an option; here it is a goal.
      throw wrong("a duration such as '300ms'")
    }
  }
  const percent = value.endsWith('%')
  const number = Number(percent ? value.slice(0, -1) : value) / (percent ? 100 : 1)
  if (kind === 'share' && !(number >= 0 && number <= 1)) throw wrong('a share such as 0.95 or 95%')
  if (!Number.isFinite(number) || percent !== (kind === 'share' && percent)) throw wrong('a number')
  return number
}
