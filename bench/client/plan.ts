// How much is measured.
import type { CostPlan } from './cost/rounds.ts'
import type { LoadPlan } from './load/run.ts'

/** The parts, in their order; `--only` takes one. */
export const parts = ['cost', 'balancing', 'dead'] as const
export type Part = (typeof parts)[number]

export interface Plan {
  readonly cost: CostPlan
  readonly balancing: LoadPlan
  readonly dead: LoadPlan
}

export const full: Plan = {
  cost: { rounds: 13, calls: 3000, warmCalls: 8000 },
  balancing: { warmMs: 2500, measureMs: 6000 },
  dead: { warmMs: 3000, measureMs: 8000 },
}
export const quick: Plan = {
  cost: { rounds: 5, calls: 1500, warmCalls: 3000 },
  balancing: { warmMs: 1500, measureMs: 3000 },
  dead: { warmMs: 1500, measureMs: 3000 },
}
