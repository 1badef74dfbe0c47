// Reads the traces of a time range for the edges between services: the newest first, slice by slice, with a pause after each.
// Invariant: at most `maxGraphSpans` spans and the store's search time; the answer says whether that was all.
import { setImmediate as pause } from 'node:timers/promises'
import { kinds } from '../trace/span-block.ts'
import { type Edge, type EdgeSpan, EdgeSums, type Peer } from './edges.ts'
import type { Position } from './query.ts'
import { traceStride } from './schema.ts'
import type { SearchBase } from './search.ts'

/** Spans that one answer is reckoned from at most. */
const maxGraphSpans = 200_000
const sliceSpans = 2048

/** The edges between services, of the kept spans. */
export interface ServiceGraph {
  /** The busiest first. */
  readonly edges: readonly Edge[]
  /** What it was reckoned from. */
  readonly traces: number
  readonly spans: number
  /** False when the range holds more: then it is the newest part of the range. */
  readonly complete: boolean
  /** Calls that are in no edge because there are too many edges. */
  readonly overflow: number
}

/** Reckons the edges of a range. */
export async function serviceGraph(base: SearchBase, range: { from: number; to: number }): Promise<ServiceGraph> {
  const { reader, clock } = base
  const sums = new EdgeSums()
  const deadline = clock.now() + base.searchMs
  const read = traceReader(base)
  let traces = 0
  let spans = 0
  let paused = 0
  let before: Position = { at: range.to, id: 0 }
  const answer = (complete: boolean): ServiceGraph => {
    return { edges: sums.edges(), traces, spans, complete, overflow: sums.overflow }
  }
  for (;;) {
    const slice = reader.candidates(before, range.from, 256)
    if (slice.length === 0) return answer(true)
    for (const candidate of slice) {
      if (spans + candidate.spans > maxGraphSpans || clock.now() >= deadline) return answer(false)
      sums.add(read(candidate.id), candidate.weight)
      traces++
      spans += candidate.spans
      before = candidate
      if (spans - paused < sliceSpans) continue
      paused = spans
      await pause()
      base.alive()
    }
  }
}

function traceReader({ db, texts }: SearchBase): (id: number) => EdgeSpan[] {
  const statement =
    db.prepare(`SELECT hex(span_id) AS id, hex(parent_id) AS parent, service, kind, status, duration, peer
    FROM spans WHERE id BETWEEN ? AND ?`)
  return (id) => {
    const rows = statement.all(id * traceStride, (id + 1) * traceStride - 1)
    return rows.map((row) => ({
      spanId: String(row['id']),
      parentSpanId: row['parent'] === '' ? undefined : String(row['parent']),
      service: texts.text(row['service']),
      kind: kinds[Number(row['kind'])] ?? 'internal',
      failed: row['status'] === 2,
      durationNanos: Number(row['duration']),
      peer: row['peer'] === null ? undefined : (JSON.parse(texts.text(row['peer'])) as Peer),
    }))
  }
}
