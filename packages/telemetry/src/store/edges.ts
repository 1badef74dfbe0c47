// Who calls whom, how often, how fast and how often in vain (rate, errors, duration), reckoned from the spans that were kept.
// Where a sampler has written how likely a trace was kept, each of its calls stands for as many as were seen.
// Invariant: a call is counted on one edge, however many spans it has; edges are bounded and what goes beyond is counted.
import type { Attributes, SpanKind } from '../trace/span-data.ts'

/** What is called: a service that sends spans, or what is only seen from its clients. */
export type CalleeKind = 'service' | 'database' | 'messaging' | 'external'

/** The calls from one service to another. */
export interface Edge {
  /** Undefined for calls from outside: their caller sends no spans, or they were not kept. */
  readonly caller: string | undefined
  readonly callee: string
  readonly calleeKind: CalleeKind
  /** Calls whose spans were kept. */
  readonly kept: number
  /** Calls and failed ones, estimated with the sampling ratio; equal to what was kept where there is none. */
  readonly requests: number
  readonly errors: number
  /** As the caller saw it where its span is there; for messages, how long the consumer took. */
  readonly p50Nanos: number
  readonly p95Nanos: number
  readonly p99Nanos: number
}

/** The other side of a call, as far as its client knows it. */
export interface Peer {
  readonly name: string
  readonly kind: Exclude<CalleeKind, 'service'>
}

/** What is needed of a span. */
export interface EdgeSpan {
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly service: string
  readonly kind: SpanKind
  readonly failed: boolean
  readonly durationNanos: number
  /** As `peerOf` finds it. */
  readonly peer: Peer | undefined
}

/** Edges kept apart at most. */
const maxEdges = 2000

interface Calls {
  readonly caller: string | undefined
  readonly callee: string
  readonly calleeKind: CalleeKind
  requests: number
  errors: number
  readonly samples: { readonly nanos: number; readonly weight: number }[]
}

/** Collects the calls of traces. */
export class EdgeSums {
  readonly #calls: Map<string, Calls> = new Map()
  /** Calls on edges beyond the bound. */
  overflow = 0

  /** Adds a trace; `weight` is how many traces it stands for. */
  add(spans: readonly EdgeSpan[], weight: number): void {
    const byId = new Map(spans.map((span) => [span.spanId, span]))
    const parentOf = ({ parentSpanId }: EdgeSpan): EdgeSpan | undefined =>
      parentSpanId === undefined ? undefined : byId.get(parentSpanId)
    // Calls whose other side sends spans, and calls that are a library's view of an inner call.
    const seenBelow = new Set<EdgeSpan>()
    for (const span of spans) {
      const parent = parentOf(span)
      if (parent === undefined) continue
      const answers = parent.kind === 'client' ? span.kind === 'server' : span.kind === 'consumer'
      const isInner = parent.kind === 'client' && span.kind === 'client' && span.service === parent.service
      if (answers || (isInner && parent.peer?.kind === 'external')) seenBelow.add(parent)
    }
    for (const span of spans) {
      const { kind, peer, service } = span
      if (kind === 'server' || kind === 'consumer') this.#incoming(span, parentOf(span), weight)
      else if (peer !== undefined && !seenBelow.has(span))
        this.#count(service, peer.name, peer.kind, span.durationNanos, span.failed, weight)
    }
  }

  /** The busiest first. */
  edges(): Edge[] {
    const edges = [...this.#calls.values()].map(({ samples, ...calls }) => {
      const sorted = samples.toSorted((a, b) => a.nanos - b.nanos)
      const [p50Nanos = 0, p95Nanos = 0, p99Nanos = 0] = percentiles(sorted, calls.requests, [0.5, 0.95, 0.99])
      return { ...calls, kept: samples.length, p50Nanos, p95Nanos, p99Nanos }
    })
    return edges.toSorted((a, b) => b.requests - a.requests)
  }

  /** A call as its callee has seen it. Work of one service in itself is no call, unless it called itself over the wire. */
  #incoming(span: EdgeSpan, parent: EdgeSpan | undefined, weight: number): void {
    const called = parent?.kind === 'client' || parent?.kind === 'producer'
    if (parent !== undefined && !called && parent.service === span.service) return
    // The caller's span holds the way, too, and a timeout that the callee does not know of.
    const seen = parent?.kind === 'client' ? parent : span
    const failed = span.failed || seen.failed
    this.#count(parent?.service, span.service, 'service', seen.durationNanos, failed, weight)
  }

  #count(
    caller: string | undefined,
    callee: string,
    calleeKind: CalleeKind,
    nanos: number,
    failed: boolean,
    weight: number,
  ): void {
    const key = JSON.stringify([caller ?? null, callee, calleeKind])
    let calls = this.#calls.get(key)
    if (calls === undefined) {
      if (this.#calls.size >= maxEdges) {
        this.overflow++
        return
      }
      calls = { caller, callee, calleeKind, requests: 0, errors: 0, samples: [] }
      this.#calls.set(key, calls)
    }
    calls.requests += weight
    if (failed) calls.errors += weight
    calls.samples.push({ nanos, weight })
  }
}

/** How many traces one stands for whose sampling ratio is `ratio`; 1 where that is unknown. */
export function weightOf(ratio: unknown): number {
  return typeof ratio === 'number' && ratio > 0 && ratio <= 1 ? 1 / ratio : 1
}

/** What a client's or producer's span says of its other side; undefined for other spans and where it says nothing. */
export function peerOf(kind: SpanKind, attributes: Attributes): Peer | undefined {
  if (kind !== 'client' && kind !== 'producer') return undefined
  const database = attributes['db.system.name'] ?? attributes['db.system']
  if (typeof database === 'string') return { name: database, kind: 'database' }
  const messaging = attributes['messaging.system']
  if (typeof messaging === 'string') return { name: messaging, kind: 'messaging' }
  const address = attributes['server.address']
  return typeof address === 'string' ? { name: address, kind: 'external' } : undefined
}

/** By nearest rank: the least duration that at least that share of the calls did not exceed. */
function percentiles(sorted: Calls['samples'], all: number, ranks: readonly number[]): number[] {
  const found: number[] = []
  let sum = 0
  let next = 0
  for (const { nanos, weight } of sorted) {
    sum += weight
    // Sums of weights such as 1 / 0.3 are not exact.
    while (next < ranks.length && sum >= (ranks[next] ?? 1) * all * (1 - 1e-12)) {
      found.push(nanos)
      next++
    }
  }
  return found
}
