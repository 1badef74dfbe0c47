// The critical path of a trace: which spans' own time decided how long the whole took. Walked from the end of the root backwards:
// what finished last before the present moment is what was waited for; between children a span's own time decided.
// Source: "CRISP: Critical Path Analysis of Large-Scale Microservice Architectures", Zhang et al., USENIX ATC 2022, section 4.
// Invariant: the segments follow each other without a gap and sum up to the root's duration exactly.
import type { SpanData } from '../trace/span-data.ts'
import { serviceOf } from './encoding.ts'
import { forestOf } from './forest.ts'

/** A part of the root's time that one span decided. */
export interface PathSegment {
  readonly spanId: string
  readonly service: string
  readonly name: string
  /** Since the start of the root. */
  readonly startNanos: number
  /** More than 0. */
  readonly durationNanos: number
}

/** A critical path. */
export interface CriticalPath {
  readonly traceId: string
  readonly rootSpanId: string
  readonly durationNanos: number
  /** By time. */
  readonly segments: readonly PathSegment[]
  /** The same summed up by span, the largest share first. */
  readonly spans: readonly (Omit<PathSegment, 'startNanos'> & { readonly share: number })[]
}

/** A span that is being walked backwards, and how much of it lies within the one above. */
interface Frame {
  readonly number: number
  readonly lowNanos: number
  /** Down to here everything is decided. */
  cursorNanos: number
  /** Children that still may have decided, the last to end at the end. */
  readonly children: Child[]
}

interface Child {
  readonly number: number
  readonly lowNanos: number
  readonly highNanos: number
}

/**
 * The critical path below the root: the earliest span without parent, or, where none has come, the earliest that lacks its
 * parent. Undefined for no spans. A child that outlives its parent is cut at the parent's end; a consumer that does so was
 * not waited for and is left out. Clocks must agree: see `aligned`.
 *
 * @example
 * criticalPath(spans)?.spans[0] // { service: 'payments', name: 'SELECT', durationNanos: 41_000_000, share: 0.62, … }
 */
export function criticalPath(spans: readonly SpanData[]): CriticalPath | undefined {
  const { children, roots } = forestOf(spans)
  const root = roots.find((number) => spans[number]?.parentSpanId === undefined) ?? roots[0]
  const rootSpan = spans[root ?? -1]
  if (root === undefined || rootSpan === undefined) return undefined
  const startOf = (span: SpanData): number => Math.round((span.startMicros - rootSpan.startMicros) * 1000)
  const within = (number: number, lowNanos: number, highNanos: number): Child[] => {
    const parts: Child[] = []
    for (const child of children[number] ?? []) {
      const span = spans[child]
      if (span === undefined) continue
      const start = startOf(span)
      const end = start + span.durationNanos
      if (span.kind === 'consumer' && end > highNanos) continue
      const part = { number: child, lowNanos: Math.max(start, lowNanos), highNanos: Math.min(end, highNanos) }
      if (part.highNanos > part.lowNanos) parts.push(part)
    }
    return parts.toSorted((a, b) => a.highNanos - b.highNanos)
  }
  const frame = ({ number, lowNanos, highNanos }: Child): Frame => {
    return { number, lowNanos, cursorNanos: highNanos, children: within(number, lowNanos, highNanos) }
  }
  const whole: Child = { number: root, lowNanos: 0, highNanos: rootSpan.durationNanos }
  const segments = walk(frame(whole), frame, (number, startNanos, durationNanos) => {
    const span = spans[number] ?? rootSpan
    const service = serviceOf(span.resource.attributes)
    return { spanId: span.spanId, service, name: span.name, startNanos, durationNanos }
  })
  return {
    traceId: rootSpan.traceId,
    rootSpanId: rootSpan.spanId,
    durationNanos: rootSpan.durationNanos,
    segments,
    spans: sums(segments, rootSpan.durationNanos),
  }
}

type Segment = (number: number, startNanos: number, durationNanos: number) => PathSegment

function walk(root: Frame, frame: (child: Child) => Frame, segment: Segment): PathSegment[] {
  const segments: PathSegment[] = []
  const stack: Frame[] = [root]
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    let child = top.children.pop()
    // One that ended later than this moment ran beside what was waited for, and did not decide.
    while (child !== undefined && child.highNanos > top.cursorNanos) child = top.children.pop()
    const down = child?.highNanos ?? top.lowNanos
    if (top.cursorNanos > down) segments.push(segment(top.number, down, top.cursorNanos - down))
    if (child === undefined) stack.pop()
    else {
      top.cursorNanos = child.lowNanos
      stack.push(frame(child))
    }
  }
  return segments.toReversed()
}

function sums(segments: readonly PathSegment[], whole: number): CriticalPath['spans'] {
  const bySpan = new Map<string, { spanId: string; service: string; name: string; durationNanos: number }>()
  for (const { spanId, service, name, durationNanos } of segments) {
    const sum = bySpan.get(spanId) ?? { spanId, service, name, durationNanos: 0 }
    sum.durationNanos += durationNanos
    bySpan.set(spanId, sum)
  }
  const all = [...bySpan.values()].map((sum) => ({ ...sum, share: whole === 0 ? 0 : sum.durationNanos / whole }))
  return all.toSorted((a, b) => b.durationNanos - a.durationNanos)
}
