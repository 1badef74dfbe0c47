// What became of one subject between two versions, and the table of all of them. Pure: it decides and shows, and measures
// nothing. The rule: worse is what takes more than a tenth more (time or bytes) in the middle of its rounds *and* takes more
// in nearly every single one of them, so that neither a lucky median nor one disturbed round decides.
import type { Unit } from './case.ts'
import { aligned } from './columns.ts'
import { median } from './median.ts'

/** One round: both versions, one right after the other. */
export interface Round {
  readonly tree: number
  readonly ref: number
}

/** 'unclear': the middle is beyond the threshold, but single rounds contradict each other. */
export type ChangeVerdict = 'worse' | 'better' | 'same' | 'unclear' | 'new'

/** One subject in both versions. */
export interface Change {
  readonly caseId: string
  readonly title: string
  readonly label: string
  readonly unit: Unit
  readonly verdict: ChangeVerdict
  /** Medians. */
  readonly tree: number
  /** Absent where the verdict is 'new'. */
  readonly ref?: number
  /** What the work tree takes, over what the ref takes: the median of the rounds, the least and the most. */
  readonly change?: number
  readonly min?: number
  readonly max?: number
  readonly rounds: number
  /** Why the ref could not be measured, where the verdict is 'new'. */
  readonly reason?: string
}

/** A change by more than this is reported. */
export const threshold = 1.1

/** Bytes that decide nothing, whatever share they are: a tenth of nearly nothing is nothing. */
const slackBytes = 16

/** Rounds at first, and at most where these leave a doubt. Bytes hardly vary. */
export const roundsOf = (unit: Unit): { readonly first: number; readonly most: number } =>
  unit === 'B' ? { first: 1, most: 3 } : { first: 3, most: 9 }

/** Whether these rounds are enough: all that there may be, or their middle is nearer to no change than to the threshold. */
export function decided(rounds: readonly Round[], unit: Unit): boolean {
  const { first, most } = roundsOf(unit)
  if (rounds.length < first) return false
  const middle = median(changesOf(rounds))
  return rounds.length >= most || (middle < Math.sqrt(threshold) && middle > 1 / Math.sqrt(threshold))
}

/** What the rounds say. Of nine rounds one may contradict: by chance alone, eight of nine agree once in fifty times. */
export function verdictOf(rounds: readonly Round[], unit: Unit): Exclude<ChangeVerdict, 'new'> {
  const changes = changesOf(rounds)
  const middle = median(changes)
  const bytes = median(rounds.map(({ tree }) => tree)) - median(rounds.map(({ ref }) => ref))
  if (unit === 'B' && Math.abs(bytes) < slackBytes) return 'same'
  if (middle <= threshold && middle >= 1 / threshold) return 'same'
  const contrary = changes.filter((change) => (middle > 1 ? change <= 1 : change >= 1)).length
  if (contrary > Math.floor(rounds.length / 6)) return 'unclear'
  return middle > 1 ? 'worse' : 'better'
}

type Head = Pick<Change, 'caseId' | 'title' | 'label' | 'unit'>

/** The row of a subject that was measured in both versions. */
export function changeOf(head: Head, rounds: readonly Round[]): Change {
  const changes = changesOf(rounds)
  return {
    ...head,
    verdict: verdictOf(rounds, head.unit),
    tree: median(rounds.map(({ tree }) => tree)),
    ref: median(rounds.map(({ ref }) => ref)),
    change: median(changes),
    min: Math.min(...changes),
    max: Math.max(...changes),
    rounds: rounds.length,
  }
}

/** The table for people, and below it the names of those that became worse. */
export function changesAsText(changes: readonly Change[], ref: string): string {
  const heads = ['', ref, 'work tree', 'change', 'min .. max', 'rounds', 'verdict']
  const lines: string[][] = [heads]
  for (const [title, group] of Map.groupBy(changes, (change) => change.title)) {
    lines.push([], [title], ...group.map((change) => [`  ${change.label}`, ...cellsOf(change)]))
  }
  return `${aligned(lines)}\n\n${conclusionOf(changes, ref)}\n`
}

function conclusionOf(changes: readonly Change[], ref: string): string {
  const worse = changes.filter(({ verdict }) => verdict === 'worse')
  const most = `${Math.round((threshold - 1) * 100)} %`
  if (worse.length === 0) return `None of ${changes.length} is slower or larger than ${ref} by more than ${most}.`
  const names = worse.map(({ title, label, change }) => `  ${title}: ${label}, ${percent(change ?? Number.NaN)}`)
  return `Slower or larger than ${ref} by more than ${most}:\n${names.join('\n')}`
}

function cellsOf({ unit, tree, ref, change, min, max, rounds, verdict, reason }: Change): string[] {
  const show = (value: number): string =>
    unit === 'B' ? `${Math.round(value).toLocaleString('en')} B` : `${value.toFixed(value < 100 ? 2 : 0)} ${unit}`
  if (ref === undefined || change === undefined || min === undefined || max === undefined) {
    return ['', show(tree), '', '', '', reason === undefined ? verdict : `${verdict} (${reason})`]
  }
  return [show(ref), show(tree), percent(change), `${percent(min)} .. ${percent(max)}`, String(rounds), verdict]
}

/** A change of 1.12 is '+12 %'. */
function percent(change: number): string {
  const rounded = Math.round((change - 1) * 100)
  return `${rounded > 0 ? '+' : ''}${rounded} %`
}

/** Nothing costs nothing: what was measured as zero or, by the noise of the reference, below it, is lifted above. */
function changesOf(rounds: readonly Round[]): number[] {
  const least = 0.01
  return rounds.map(({ tree, ref }) => Math.max(tree, least) / Math.max(ref, least))
}
