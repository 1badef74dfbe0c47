// Who calls whom: rate, errors and durations of each edge between services.
import type { ServiceGraph } from '@switchgear/telemetry'
import { count, rate, share } from '../quantity.ts'
import { table } from '../table.ts'
import type { Look } from '../terminal.ts'
import { counted, fitted, took } from './text.ts'

/** What an answer of `/api/edges` has; `seconds` is what the counts took to come, null where nobody knows. */
export type EdgesAnswer = ServiceGraph & { readonly seconds: number | null }

const longestName = 24

/**
 * The table of `switchgear traces --edges`, as lines.
 *
 * @example
 * for (const line of edgeTable(answer, terminal)) terminal.print(line)
 */
export function edgeTable(answer: EdgesAnswer, { width, paint }: Look): string[] {
  const { edges, seconds, traces, spans, complete, overflow } = answer
  if (edges.length === 0) return ['no calls are kept']
  const most = Math.max(12, Math.min(longestName, Math.floor((width - 56) / 2)))
  const head = ['caller', 'callee', 'calls', ...(seconds === null ? [] : ['per s']), 'errors', 'p50', 'p95', 'p99']
  const rows = edges.map(({ caller = '(outside)', callee, calleeKind, requests, errors, ...edge }) => [
    fitted(caller, most),
    fitted(calleeKind === 'service' ? callee : `${callee} (${calleeKind})`, most),
    count(requests),
    ...(seconds === null ? [] : [rate(requests / seconds)]),
    share(requests === 0 ? 0 : errors / requests),
    took(edge.p50Nanos),
    took(edge.p95Nanos),
    took(edge.p99Nanos),
  ])
  const [top = '', ...lines] = table([head, ...rows], ['left', 'left'], 2)
  const from = `from ${counted(spans, 'span')} of ${counted(traces, 'trace')}`
  const part = complete ? '' : ', which are the newest of the range only'
  const beyond = overflow === 0 ? '' : `; ${counted(overflow, 'call')} on further edges are left out`
  return [
    paint('dim', top),
    ...lines,
    '',
    paint('dim', `${from}${part}${beyond}; what sampling left out is reckoned in`),
  ]
}
