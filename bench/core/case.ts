// What a case of the benchmark is. Only types and the words that describe subjects; which cases there are stands in
// `breaker-cases.ts` and `policy-cases.ts`, and `cases.ts` puts them together.

/** How a case is measured; each has one file. */
export type Measure = 'success' | 'refusal' | 'allocation' | 'retained' | 'traffic'

/** Units of what was measured: times a bare await, bytes, or times the cost with a nearly empty window. */
export type Unit = 'x' | 'B' | 'x growth'

/** One library in one configuration. */
export interface SubjectSpec {
  /** Name of the file under `subjects/`. */
  readonly library: string
  /** Which of its guards or idle policies. */
  readonly variant: string
  /** How the report calls it. */
  readonly label: string
  /** The most it may measure, inclusive. */
  readonly budget?: number
  /** Where the budget is missed: what the tests hold until it is met. */
  readonly ceiling?: number
}

export interface Case {
  readonly id: string
  readonly title: string
  readonly measure: Measure
  readonly unit: Unit
  readonly subjects: readonly SubjectSpec[]
}

/** Switchgear in one configuration. Budgets bind it only. */
export function ours(variant: string, label = 'switchgear', budget?: number, ceiling?: number): SubjectSpec {
  return {
    library: 'switchgear',
    variant,
    label,
    ...(budget === undefined ? {} : { budget }),
    ...(ceiling === undefined ? {} : { ceiling }),
  }
}

/** Another library in one configuration; it is there for comparison. */
export function peer(library: string, variant: string, label: string): SubjectSpec {
  return { library, variant, label: `${library} ${label}` }
}
