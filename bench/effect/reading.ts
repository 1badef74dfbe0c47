// The honest reading, made from the numbers: how many rows are won and lost, and for each lost one to whom and by how much.
// It must not leave a lost row out and must not say anything that the tables do not.
import type { Measures } from './measures.ts'
import type { Row, Table } from './table.ts'
import type { Deciding, Verdict } from './verdict.ts'

type Judged = Pick<Row, 'kind' | 'role'> & { readonly name: string }

const judged: readonly Judged[] = [
  { name: 'recommended', kind: 'breaker', role: 'recommended' },
  { name: 'defaults', kind: 'breaker', role: 'defaults' },
  { name: 'retry + recommended', kind: 'stack', role: 'recommended' },
  { name: 'retry + defaults', kind: 'stack', role: 'defaults' },
]

const find = ({ rows }: Table, { kind, role }: Judged): Row | undefined =>
  rows.find((row) => row.kind === kind && row.role === role)

/** One line for each outage: the verdict of each of ours. */
export function summaryOf(tables: readonly Table[]): { heads: string[]; rows: string[][] } {
  const shown = judged.filter((one) => tables.some((table) => find(table, one) !== undefined))
  const classic = shown.find(({ name }) => name === 'defaults')
  return {
    heads: ['outage', ...shown.map(({ name }) => name), ...(classic === undefined ? [] : ['defaults, to the classic'])],
    rows: tables.map((table) => [
      table.title,
      ...shown.map((one) => find(table, one)?.verdict?.verdict ?? ''),
      ...(classic === undefined ? [] : [find(table, classic)?.versusClassic ?? '']),
    ]),
  }
}

/** Sentences for the end of the report. */
export function reading(tables: readonly Table[]): string[] {
  return judged.flatMap((one) => {
    const met = tables.flatMap((table) => {
      const row = find(table, one)
      return row?.verdict === undefined ? [] : [{ table, row, verdict: row.verdict }]
    })
    if (met.length === 0) return []
    const count = (verdict: Verdict): number => met.filter((row) => row.verdict.verdict === verdict).length
    const head = `- **${one.name}** wins ${count('win')} of ${met.length} rows, ties ${count('tie')} and loses ${count('lose')}.`
    const lost = met
      .filter(({ verdict }) => verdict.verdict === 'lose')
      .map(({ table, row, verdict }) => {
        const winner = table.rows.find(({ label }) => label === verdict.against)
        return `  - lost: ${table.title}, to ${verdict.against ?? 'nobody'}: ${difference(row.measures, winner?.measures, verdict.by)}.`
      })
    return [head, ...lost]
  })
}

function difference(ours: Measures, theirs: Measures | undefined, by: Deciding | undefined): string {
  if (theirs === undefined || by === undefined) return 'no measure'
  const [a, b] = [ours[by], theirs[by]]
  const seconds = (ms: number): string => (ms === Infinity ? 'never' : `${(ms / 1000).toFixed(1)} s`)
  if (by === 'good') return `${(a * 100).toFixed(1)} % good answers against ${(b * 100).toFixed(1)} %`
  if (by === 'recoverMs') return `recovered after ${seconds(a)} against ${seconds(b)}`
  return `p99 ${seconds(a)} against ${seconds(b)}`
}
