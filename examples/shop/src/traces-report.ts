// What the traces of a story show, as lines for people. Pure.
import { table } from './table.ts'
import { treeLines } from './trace-tree.ts'
import type { TraceReport, TraceTotals } from './tracing.ts'

/** How many spans came in, what was kept and why, and a checkout that was saved, as a tree. */
export function traceLines(report: TraceReport): string[] {
  const { rescue } = report
  const story =
    rescue === undefined ? [] : ['', 'a checkout whose payment an open circuit refused and a fallback saved:', '']
  return [...totalLines(report), ...story, ...(rescue === undefined ? [] : treeLines(rescue))]
}

function totalLines({ sent, received, lost, kept, leftOut, undecided, keptSpans }: TraceTotals): string[] {
  const traces = Object.values(kept).reduce((all, count) => all + count, 0)
  const reasons = Object.entries(kept).filter(([, count]) => count > 0)
  return table([
    ['traces', String(traces + leftOut + undecided)],
    ['  kept', String(traces), ...reasons.map(([reason, count]) => `${reason} ${count}`)],
    ['  left out, nothing spoke for them', String(leftOut)],
    ...(undecided === 0 ? [] : [['  not decided yet', String(undecided)]]),
    ['spans sent by five services', String(sent)],
    ['  received', String(received)],
    ['  lost', String(lost)],
    ['  kept', String(keptSpans)],
  ])
}
