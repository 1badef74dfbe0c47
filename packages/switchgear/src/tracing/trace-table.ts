// Traces as a list: one line each, the newest first, with as much of an id as is needed to ask for it.
import type { FoundTraces, TraceSummary } from '@switchgear/telemetry'
import { table } from '../table.ts'
import type { Look } from '../terminal.ts'
import { counted, fitted, took } from './text.ts'

/** What an answer of `/api/traces` has. */
export type FoundAnswer = Pick<FoundTraces, 'traces' | 'timedOut'> & { readonly cursor?: string | undefined }

/** Digits of an id that are shown: of ten thousand traces, one in half a million is not told apart by them. */
export const idDigits = 8
const gap = 2
const leastRoot = 16

/**
 * The table of `switchgear traces`, as lines.
 *
 * @example
 * for (const line of traceTable(answer, terminal, Date.now())) terminal.print(line)
 */
export function traceTable({ traces, cursor, timedOut }: FoundAnswer, { width, paint }: Look, nowMs: number): string[] {
  if (traces.length === 0)
    return [timedOut ? 'nothing found before the time for searching was over' : 'no such trace is kept']
  const reasons = traces.some(({ samplingReason }) => samplingReason !== undefined)
  const head = ['trace', 'began', 'took', 'spans', 'services', 'status', ...(reasons ? ['kept for'] : []), 'root']
  const rows = traces.map((trace) => rowOf(trace, reasons, nowMs))
  const left = ['left', 'left', 'right', 'right', 'right', 'left', 'left', 'left'] as const
  // What is left of the width belongs to the root, which says the most and may be of any length.
  const others = table(
    [head, ...rows].map((row) => row.slice(0, -1)),
    left,
    gap,
  )
  const room = Math.max(leastRoot, width - Math.max(...others.map((line) => line.length)) - gap)
  const shown = rows.map((row) => [...row.slice(0, -1), fitted(row.at(-1) ?? '', room)])
  const [top = '', ...lines] = table([head, ...shown], left, gap)
  const painted = lines.map((line, index) => ((traces[index]?.errors ?? 0) > 0 ? paint('red', line) : line))
  return [paint('dim', top), ...painted, ...moreOf(cursor, timedOut).map((line) => paint('dim', line))]
}

function rowOf(trace: TraceSummary, reasons: boolean, nowMs: number): string[] {
  const {
    traceId,
    startMicros,
    durationNanos,
    spans,
    services,
    errors,
    samplingReason = '',
    rootService,
    rootName,
  } = trace
  return [
    traceId.slice(0, idDigits),
    moment(startMicros / 1000, nowMs),
    took(durationNanos),
    String(spans),
    String(services.length),
    errors === 0 ? 'ok' : counted(errors, 'error'),
    ...(reasons ? [samplingReason] : []),
    `${rootService}  ${rootName}`,
  ]
}

function moreOf(cursor: string | undefined, timedOut: boolean): string[] {
  if (timedOut) return ['the time for searching was over; older traces were not looked at: narrow it with --since']
  return cursor === undefined ? [] : ['there may be more: raise --limit, or narrow the question']
}

/**
 * A time of day in this place; with its date when that is not today's.
 *
 * @example
 * moment(Date.now(), Date.now()) // '14:51:21'
 */
export function moment(ms: number, nowMs: number): string {
  const at = new Date(ms)
  const two = (value: number): string => String(value).padStart(2, '0')
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':')
  const isToday = at.toDateString() === new Date(nowMs).toDateString()
  return isToday ? time : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`
}
