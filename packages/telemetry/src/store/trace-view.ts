// A whole trace as it is shown: trees in display order, clocks corrected, what is missing named.
// It is flat on purpose: a nested tree of a deep trace could not be written as JSON.
import type { SpanData } from '../trace/span-data.ts'
import { serviceOf } from './encoding.ts'
import { type Forest, forestOf } from './forest.ts'
import { skewOf } from './skew.ts'

/** A span in its place. */
export interface TraceNode {
  readonly span: SpanData
  readonly service: string
  /** 0 for a root. */
  readonly depth: number
  /** Place of the parent in `nodes`, -1 for a root. */
  readonly parent: number
  /** Places of the children in `nodes`, by start. */
  readonly children: readonly number[]
  /** It names a parent that the store does not have (or that hangs on it in turn), and is shown as a root. */
  readonly missingParent: boolean
  /** Where to draw it: `span.startMicros`, moved when clocks of two processes disagree. */
  readonly startMicros: number
  /** Microseconds it was moved by; not 0 means that its clock is off. */
  readonly shiftMicros: number
}

/** A trace. */
export interface TraceView {
  readonly traceId: string
  /** Depth first; a parent before its children. */
  readonly nodes: readonly TraceNode[]
  /** Places of the roots in `nodes`, by start. More than one where spans are missing. */
  readonly roots: readonly number[]
  /** Parents that are named and not there. */
  readonly missing: readonly string[]
  /** Of the earliest span, after correction. */
  readonly startMicros: number
  /** To the end of the last span, after correction. */
  readonly durationNanos: number
  readonly services: readonly string[]
  readonly errors: number
}

/** Arranges the spans of one trace, in any order. Pure. */
export function viewOf(traceId: string, spans: readonly SpanData[]): TraceView {
  const forest = forestOf(spans)
  const nodes = nodesOf(spans, forest)
  let start = Infinity
  let end = -Infinity
  for (const { startMicros, span } of nodes) {
    start = Math.min(start, startMicros)
    end = Math.max(end, startMicros + span.durationNanos / 1000)
  }
  const roots = nodes.flatMap(({ parent }, place) => (parent === -1 ? [place] : []))
  const there = new Set(spans.map(({ spanId }) => spanId))
  const named = nodes.map(({ span }) => span.parentSpanId ?? '')
  const missing = new Set(named.filter((id) => id !== '' && !there.has(id)))
  return {
    traceId,
    nodes,
    roots,
    missing: [...missing],
    startMicros: nodes.length === 0 ? 0 : start,
    durationNanos: nodes.length === 0 ? 0 : Math.round((end - start) * 1000),
    services: [...new Set(nodes.map(({ service }) => service))],
    errors: spans.filter(({ status }) => status === 'error').length,
  }
}

/** The same spans with corrected starts, for what reckons with times across processes. */
export function aligned(spans: readonly SpanData[]): SpanData[] {
  const shifts = skewOf(spans, forestOf(spans))
  return spans.map((span, number) => {
    const shift = shifts[number] ?? 0
    return shift === 0 ? span : { ...span, startMicros: span.startMicros + shift }
  })
}

function nodesOf(spans: readonly SpanData[], forest: Forest): TraceNode[] {
  const { parents, children, order } = forest
  const shifts = skewOf(spans, forest)
  const places = new Map(order.map((number, place) => [number, place]))
  const placeOf = (number: number): number => places.get(number) ?? -1
  const nodes: TraceNode[] = []
  for (const number of order) {
    const span = spans[number]
    if (span === undefined) continue
    const parent = placeOf(parents[number] ?? -1)
    const shiftMicros = shifts[number] ?? 0
    nodes.push({
      span,
      service: serviceOf(span.resource.attributes),
      depth: parent === -1 ? 0 : (nodes[parent]?.depth ?? 0) + 1,
      parent,
      children: (children[number] ?? []).map(placeOf),
      missingParent: parent === -1 && span.parentSpanId !== undefined,
      startMicros: span.startMicros + shiftMicros,
      shiftMicros,
    })
  }
  return nodes
}
