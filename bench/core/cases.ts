// What is measured, and for how long: every row of the kernel's budgets and every policy, with who is measured beside it.
// The budgets bind Switchgear only.
import { breakerCases, pipelineCases } from './breaker-cases.ts'
import type { Case } from './case.ts'
import { policyCases } from './policy-cases.ts'

export type { Case, Measure, SubjectSpec, Unit } from './case.ts'

/** Every case that runs in child processes, in the order of the report. */
export const cases: readonly Case[] = [...breakerCases, ...pipelineCases, ...policyCases]

/** How long to measure. */
export interface Plan {
  /** CPU milliseconds of warming up. */
  readonly warmMs: number
  /** CPU milliseconds of one block of calls. */
  readonly blockMs: number
  /** Pairs of blocks: one of the reference, one of the subject. */
  readonly pairs: number
  /** CPU milliseconds for each level of traffic in the window. */
  readonly levelMs: number
  /** Idle policies built. */
  readonly idle: number
}

/** What is committed: about five minutes in all. */
export const full: Plan = { warmMs: 600, blockMs: 12, pairs: 60, levelMs: 1500, idle: 20_000 }
/** For a look while working: half of that, and noisier. */
export const quick: Plan = { warmMs: 400, blockMs: 6, pairs: 20, levelMs: 300, idle: 5000 }
/** For one of many rounds against another version: more processes tell more than longer ones. */
export const brief: Plan = { warmMs: 500, blockMs: 8, pairs: 30, levelMs: 500, idle: 10_000 }
