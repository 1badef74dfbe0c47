// Two traces side by side: where the second spent more time than the first, or less, the largest difference first.
import type { ComparedNode, Comparison, PathTotals } from '@switchgear/telemetry'
import { signed } from '../quantity.ts'
import { table } from '../table.ts'
import type { Look } from '../terminal.ts'
import { fitted, took } from './text.ts'
import { idDigits } from './trace-table.ts'

const mostNodes = 30
const gap = 2
const leastName = 20

/**
 * The table of `switchgear traces <a> --compare <b>`, as lines.
 *
 * @example
 * for (const line of comparisonTable(comparison, terminal)) terminal.print(line)
 */
export function comparisonTable(comparison: Comparison, { width, paint }: Look): string[] {
  const { traceA, traceB, nodes, durationDifferenceNanos } = comparison
  const [a, b] = [rootNanos(nodes, 'a'), rootNanos(nodes, 'b')]
  const head = ['A', 'B', 'difference', 'own time', '']
  const differing = nodes.filter(differs)
  const rows = differing.slice(0, mostNodes).map((node) => [...cellsOf(node), noteOf(node)])
  const right = ['right', 'right', 'right', 'right', 'left'] as const
  const figures = table([head, ...rows], right, gap)
  const room = Math.max(leastName, width - Math.max(...figures.map((line) => line.length)) - gap)
  const names = differing.slice(0, mostNodes).map(({ service, name }) => fitted(`${service}  ${name}`, room))
  const longest = Math.max('span'.length, ...names.map((name) => name.length))
  const lines = figures.map(
    (line, index) => `${(index === 0 ? 'span' : (names[index - 1] ?? '')).padEnd(longest + gap)}${line}`,
  )
  const [top = '', ...rest] = lines
  const more = differing.length - mostNodes
  return [
    `A ${traceA.slice(0, idDigits)}  ${took(a)}`,
    `B ${traceB.slice(0, idDigits)}  ${took(b)}  ${signed(durationDifferenceNanos, took)}`,
    '',
    ...(rest.length === 0 ? ['nothing differs but the times'] : [paint('dim', top.trimEnd()), ...rest]),
    ...(more > 0 ? [paint('dim', `… ${more} more`)] : []),
    '',
    paint('dim', 'own time: without that of the spans below; its largest difference comes first'),
  ].map((line) => line.trimEnd())
}

function cellsOf({ a, b, durationDifferenceNanos, selfDifferenceNanos }: ComparedNode): string[] {
  return [timeOf(a), timeOf(b), signed(durationDifferenceNanos, took), signed(selfDifferenceNanos, took)]
}

function timeOf({ count, durationNanos }: PathTotals): string {
  return count === 0 ? '-' : took(durationNanos)
}

function noteOf({ a, b, onlyIn, countDifference, errorsDiffer }: ComparedNode): string {
  if (onlyIn !== undefined) return `only in ${onlyIn.toUpperCase()}`
  const calls = countDifference === 0 ? [] : [`${a.count} → ${b.count} calls`]
  return [...calls, ...(errorsDiffer ? [`${a.errors} → ${b.errors} errors`] : [])].join(', ')
}

function differs(node: ComparedNode): boolean {
  const { onlyIn, countDifference, errorsDiffer, durationDifferenceNanos, selfDifferenceNanos } = node
  return (
    onlyIn !== undefined ||
    countDifference !== 0 ||
    errorsDiffer ||
    durationDifferenceNanos !== 0 ||
    selfDifferenceNanos !== 0
  )
}

function rootNanos(nodes: readonly ComparedNode[], side: 'a' | 'b'): number {
  return nodes.reduce((sum, node) => sum + (node.depth === 0 ? node[side].durationNanos : 0), 0)
}
