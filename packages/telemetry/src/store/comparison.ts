// Two traces of the same request side by side: what was called more often, what took longer, what is only in one of them.
// Spans are aligned by their path from the root, a path being services and names; spans with equal paths are summed up.
// Invariant: compared the other way round, every difference has the opposite sign.
import type { SpanData } from '../trace/span-data.ts'
import { serviceOf } from './encoding.ts'
import { forestOf } from './forest.ts'

/** Spans of one path in one trace. */
export interface PathTotals {
  readonly count: number
  readonly errors: number
  readonly durationNanos: number
  /** Without the time in which a child ran. */
  readonly selfNanos: number
}

/** A path and what both traces have of it. Every difference is b minus a. */
export interface ComparedNode {
  /** Its number, and the number of the path above it; -1 at the top. Numbers are unique within a comparison. */
  readonly id: number
  readonly parent: number
  readonly depth: number
  readonly service: string
  readonly name: string
  readonly a: PathTotals
  readonly b: PathTotals
  readonly onlyIn: 'a' | 'b' | undefined
  readonly errorsDiffer: boolean
  readonly countDifference: number
  readonly durationDifferenceNanos: number
  readonly selfDifferenceNanos: number
}

/** What differs between two traces. */
export interface Comparison {
  readonly traceA: string
  readonly traceB: string
  /** Of the roots together. */
  readonly durationDifferenceNanos: number
  /** The one that contributes most to the difference first: by the difference of the own time. */
  readonly nodes: readonly ComparedNode[]
}

type Side = 'a' | 'b'
type Sums = { -readonly [F in keyof PathTotals]: PathTotals[F] }

interface Path {
  readonly id: number
  readonly parent: number
  readonly depth: number
  readonly service: string
  readonly name: string
  readonly a: Sums
  readonly b: Sums
  readonly below: Map<string, Path>
}

/** Compares the spans of two traces. Pure. */
export function compareTraces(a: readonly SpanData[], b: readonly SpanData[]): Comparison {
  const paths: Path[] = []
  const top = new Map<string, Path>()
  add(a, 'a', top, paths)
  add(b, 'b', top, paths)
  const nodes = paths.map(compared).toSorted(byContribution)
  let difference = 0
  for (const node of nodes) if (node.depth === 0) difference += node.durationDifferenceNanos
  return { traceA: a[0]?.traceId ?? '', traceB: b[0]?.traceId ?? '', durationDifferenceNanos: difference, nodes }
}

function add(spans: readonly SpanData[], side: Side, top: Map<string, Path>, paths: Path[]): void {
  const { order, parents, children } = forestOf(spans)
  const pathOf = new Map<number, Path>()
  for (const number of order) {
    const span = spans[number]
    if (span === undefined) continue
    const parent = pathOf.get(parents[number] ?? -1)
    const level = parent?.below ?? top
    const service = serviceOf(span.resource.attributes)
    const key = JSON.stringify([service, span.name])
    let path = level.get(key)
    if (path === undefined) {
      const depth = parent === undefined ? 0 : parent.depth + 1
      path = {
        id: paths.length,
        parent: parent?.id ?? -1,
        depth,
        service,
        name: span.name,
        a: none(),
        b: none(),
        below: new Map(),
      }
      level.set(key, path)
      paths.push(path)
    }
    pathOf.set(number, path)
    const sums = path[side]
    sums.count++
    sums.errors += span.status === 'error' ? 1 : 0
    sums.durationNanos += span.durationNanos
    sums.selfNanos += ownNanos(span, children[number] ?? [], spans)
  }
}

/** Its duration without the union of its children, which `children` holds by start. */
function ownNanos(span: SpanData, children: readonly number[], spans: readonly SpanData[]): number {
  let covered = 0
  let from = 0
  for (const child of children) {
    const { startMicros, durationNanos } = spans[child] ?? span
    const start = Math.round((startMicros - span.startMicros) * 1000)
    const end = Math.min(start + durationNanos, span.durationNanos)
    covered += Math.max(0, end - Math.max(start, from))
    from = Math.max(from, end)
  }
  return span.durationNanos - covered
}

function compared({ id, parent, depth, service, name, a, b }: Path): ComparedNode {
  return {
    id,
    parent,
    depth,
    service,
    name,
    a,
    b,
    onlyIn: a.count === 0 ? 'b' : b.count === 0 ? 'a' : undefined,
    errorsDiffer: a.errors !== b.errors,
    countDifference: b.count - a.count,
    durationDifferenceNanos: b.durationNanos - a.durationNanos,
    selfDifferenceNanos: b.selfNanos - a.selfNanos,
  }
}

function byContribution(x: ComparedNode, y: ComparedNode): number {
  return (
    Math.abs(y.selfDifferenceNanos) - Math.abs(x.selfDifferenceNanos) ||
    Math.abs(y.durationDifferenceNanos) - Math.abs(x.durationDifferenceNanos) ||
    Number(y.errorsDiffer) - Number(x.errorsDiffer) ||
    x.depth - y.depth
  )
}

function none(): Sums {
  return { count: 0, errors: 0, durationNanos: 0, selfNanos: 0 }
}
