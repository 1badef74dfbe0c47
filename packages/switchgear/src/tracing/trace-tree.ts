// A whole trace: every span in its place with its time drawn, what policies did beneath it, and which spans decided how long it
// took. Invariant: no line is wider than the terminal.
import type { CriticalPath, TraceNode, TraceView } from '@switchgear/telemetry'
import { share } from '../quantity.ts'
import type { Look } from '../terminal.ts'
import { barOf, type Interval } from './bar.ts'
import { eventText } from './span-event.ts'
import { spanTitle } from './span-title.ts'
import { counted, fitted, printable, took } from './text.ts'
import { moment } from './trace-table.ts'

/** Beyond that, a tree is for a machine to read. */
const mostSpans = 500
const mostEvents = 20
/** Deeper spans are not indented further, so that there is room for their names. */
const deepest = 12
const gap = '  '

/**
 * The tree of one trace, as lines.
 *
 * @example
 * for (const line of traceTree(view, path, terminal, Date.now())) terminal.print(line)
 */
export function traceTree(view: TraceView, path: CriticalPath | undefined, look: Look, nowMs: number): string[] {
  const nodes = view.nodes.slice(0, mostSpans)
  const columns = columnsOf(nodes, look.width)
  const decided = decidedBy(view, path)
  const lines = nodes.flatMap((node) => spanLines(node, view, columns, decided, look))
  const omitted = view.nodes.length - nodes.length
  return [
    ...heading(view, look, nowMs),
    '',
    scaleLine(view, columns, look),
    ...lines,
    ...(omitted > 0 ? [look.paint('dim', `… ${counted(omitted, 'more span')}: --json has all`)] : []),
    '',
    look.paint('dim', '█ its own time decided (path: its share of the whole)   ░ beside it, or waiting'),
  ]
}

interface Columns {
  readonly name: number
  readonly service: number
  readonly took: number
  readonly path: number
  readonly bar: number
}

interface Decided {
  readonly intervals: ReadonlyMap<string, readonly Interval[]>
  readonly shares: ReadonlyMap<string, number>
}

function heading(view: TraceView, { width, paint }: Look, nowMs: number): string[] {
  const root = view.nodes[view.roots[0] ?? 0]
  const { errors, missing, services, nodes, durationNanos } = view
  const reason = root?.span.attributes['switchgear.sampling.reason']
  const facts = [
    took(durationNanos),
    `${counted(nodes.length, 'span')} in ${counted(services.length, 'service')}`,
    ...(errors > 0 ? [counted(errors, 'error')] : []),
    ...(reason === undefined ? [] : [`kept for ${String(reason)}`]),
    moment(view.startMicros / 1000, nowMs),
  ]
  const lost =
    missing.length === 0 ? [] : [`${counted(missing.length, 'span')} missing: what hung on them is shown as a root`]
  const title = root === undefined ? '' : `${root.service}  ${spanTitle(root.span)}`
  return [
    `${paint('bold', fitted(title, width - view.traceId.length - gap.length))}${gap}${paint('dim', view.traceId)}`,
    fitted(facts.join(', '), width),
    ...lost.map((line) => paint('yellow', line)),
  ]
}

function columnsOf(nodes: readonly TraceNode[], width: number): Columns {
  const longest = (texts: string[], head: string, most: number): number =>
    Math.min(most, Math.max(head.length, ...texts.map((text) => text.length)))
  const name = longest(
    nodes.map((node) => `${indentOf(node)}${printable(spanTitle(node.span))}`),
    'span',
    Math.max(16, Math.floor(width * 0.42)),
  )
  const service = longest(
    nodes.map((node) => printable(node.service)),
    'service',
    14,
  )
  const duration = longest(
    nodes.map(({ span }) => took(span.durationNanos)),
    'took',
    10,
  )
  const path = 8
  return { name, service, took: duration, path, bar: width - name - service - duration - path - 5 * gap.length }
}

function scaleLine({ durationNanos }: TraceView, columns: Columns, { paint }: Look): string {
  const end = took(durationNanos)
  const scale = columns.bar < end.length + 2 ? '' : `0${end.padStart(columns.bar - 1)}`
  const cells = [
    ` ${gap}${'span'.padEnd(columns.name)}`,
    'service'.padEnd(columns.service),
    'took'.padStart(columns.took),
    'path'.padStart(columns.path - 1),
    scale,
  ]
  return paint('dim', cells.join(gap).trimEnd().slice(1))
}

function spanLines(node: TraceNode, view: TraceView, columns: Columns, decided: Decided, look: Look): string[] {
  const { span, service, startMicros } = node
  const failed = span.status === 'error'
  const portion = decided.shares.get(span.spanId)
  const startNanos = (startMicros - view.startMicros) * 1000
  const own = { startNanos, endNanos: startNanos + span.durationNanos }
  const bar = barOf(own, decided.intervals.get(span.spanId) ?? [], view.durationNanos, columns.bar)
  const cells = [
    fitted(`${indentOf(node)}${spanTitle(span)}`, columns.name).padEnd(columns.name),
    fitted(service, columns.service).padEnd(columns.service),
    took(span.durationNanos).padStart(columns.took),
    (portion === undefined ? '' : share(portion)).padStart(columns.path),
  ].join(gap)
  const mark = failed ? look.paint('red', '✗') : ' '
  const text = portion === undefined ? cells : look.paint('bold', cells)
  return [`${mark} ${text}${gap}${bar}`.trimEnd(), ...notesOf(node, view).map((note) => noteLine(node, note, look))]
}

interface Note {
  readonly text: string
  readonly emphasis: 'red' | 'yellow' | 'dim'
}

function notesOf({ span, missingParent, shiftMicros, parent }: TraceNode, view: TraceView): Note[] {
  const notes: Note[] = []
  if (missingParent) notes.push({ text: 'its parent is missing', emphasis: 'yellow' })
  // What hangs on a moved span moved with it.
  const own = shiftMicros - (view.nodes[parent]?.shiftMicros ?? 0)
  if (Math.abs(own) >= 1000) {
    const moved = took(Math.round(Math.abs(own) * 1000))
    notes.push({ text: `moved by ${moved}: by its own clock it is not within its caller`, emphasis: 'dim' })
  }
  if (span.status === 'error') {
    const type = String(span.attributes['error.type'] ?? 'error')
    notes.push({ text: span.statusMessage === '' ? type : `${type}: ${span.statusMessage}`, emphasis: 'red' })
  }
  for (const event of span.events.slice(0, mostEvents)) {
    const at = took(Math.max(0, Math.round((event.timeMicros - view.startMicros) * 1000)))
    const isOurs = event.name.startsWith('switchgear.')
    notes.push({ text: `+${at} ${eventText(event)}`, emphasis: isOurs ? 'yellow' : 'dim' })
  }
  const more = span.events.length + span.droppedEvents - mostEvents
  if (more > 0) notes.push({ text: `… ${counted(more, 'more event')}`, emphasis: 'dim' })
  return notes
}

function noteLine(node: TraceNode, { text, emphasis }: Note, { width, paint }: Look): string {
  const indent = `${gap}${indentOf(node)}· `
  return `${indent}${paint(emphasis, fitted(text, width - indent.length))}`
}

function indentOf({ depth }: TraceNode): string {
  return gap.repeat(Math.min(depth, deepest))
}

/** When each span decided, since the start of the trace. The path's own times are since the start of its root. */
function decidedBy(view: TraceView, path: CriticalPath | undefined): Decided {
  const intervals = new Map<string, Interval[]>()
  const root = view.nodes.find(({ span }) => span.spanId === path?.rootSpanId)
  const offsetNanos = root === undefined ? 0 : (root.startMicros - view.startMicros) * 1000
  for (const { spanId, startNanos, durationNanos } of path?.segments ?? []) {
    const start = startNanos + offsetNanos
    const interval = { startNanos: start, endNanos: start + durationNanos }
    const known = intervals.get(spanId)
    if (known === undefined) intervals.set(spanId, [interval])
    else known.push(interval)
  }
  return { intervals, shares: new Map((path?.spans ?? []).map((span) => [span.spanId, span.share])) }
}
