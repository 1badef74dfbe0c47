// One outage as a table: every subject with its medians, and the verdicts of ours. It computes; `report.ts` formats.
import type { Measures } from './measures.ts'
import type { Outage } from './outages.ts'
import type { Subject } from './subjects.ts'
import { compare, judge, type RowVerdict, type Verdict } from './verdict.ts'

/** One subject in one outage. */
export interface Row {
  readonly label: string
  readonly kind: Subject['kind']
  readonly role: Subject['role']
  readonly measures: Measures
  /** Against the peers of its kind; only for ours. */
  readonly verdict?: RowVerdict
  /** Against the classic breaker alone; only for our defaults. */
  readonly versusClassic?: Verdict
}

/** One outage. */
export interface Table {
  readonly id: string
  readonly title: string
  readonly about: string
  readonly rows: readonly Row[]
}

/** Puts the medians of every subject together and judges ours. */
export function tableOf({ id, title, about, total }: Outage, medians: ReadonlyMap<Subject, Measures>): Table {
  return { id, title, about, rows: [...medians].map(([subject, measures]) => rowOf(subject, measures, medians, total)) }
}

function rowOf(subject: Subject, measures: Measures, medians: ReadonlyMap<Subject, Measures>, total: boolean): Row {
  const { label, kind, role } = subject
  const row = { label, kind, role, measures }
  if (subject.library !== 'switchgear' || role === 'extra') return row
  const peers = [...medians].filter(([other]) => other.kind === kind && other.role === 'peer')
  // Who never noticed that nothing works looks recovered at once, because it never did anything.
  const met = peers.filter(([, theirs]) => !total || theirs.transitions > 0)
  const verdict = judge(measures, new Map(met.map(([other, theirs]) => [other.label, theirs])))
  const classic = peers.find(([other]) => other.library === 'classic')?.[1]
  if (role !== 'defaults' || classic === undefined) return { ...row, verdict }
  return { ...row, verdict, versusClassic: compare(measures, classic).verdict }
}
