// How traces and lists of them are read back. It only reads; what it answers is bounded by the caller (a limit, a trace).
import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import type { SpanData } from '../trace/span-data.ts'
import { decode } from './encoding.ts'
import type { TraceSummary } from './query.ts'
import { traceStride } from './schema.ts'
import type { Texts } from './texts.ts'

/** The row of a trace, as far as a search looks at it. */
export interface Candidate {
  readonly id: number
  readonly at: number
  readonly spans: number
  readonly errors: number
  readonly durationNanos: number
  /** How many traces it stands for. */
  readonly weight: number
}

type Row = Record<string, SQLOutputValue>

/** Reads from a store. */
export class Reader {
  readonly #texts: Texts
  readonly #traceId: StatementSync
  readonly #trace: StatementSync
  readonly #visits: StatementSync
  readonly #spans: StatementSync
  readonly #newest: StatementSync
  readonly #newestOf: StatementSync

  constructor(db: DatabaseSync, texts: Texts) {
    this.#texts = texts
    this.#traceId = db.prepare('SELECT id FROM traces WHERE trace_id = ?')
    this.#trace = db.prepare('SELECT * FROM traces WHERE id = ?')
    this.#visits = db.prepare('SELECT service, spans, errors FROM visits WHERE trace = ? ORDER BY spans DESC LIMIT 100')
    this.#spans = db.prepare('SELECT * FROM spans WHERE id BETWEEN ? AND ? ORDER BY id')
    const columns = 't.id, t.at, t.spans, t.errors, t.start, t.finish, t.weight'
    this.#newest = db.prepare(`SELECT ${columns} FROM traces t WHERE (t.at, t.id) < (?, ?) AND t.at >= ?
      ORDER BY t.at DESC, t.id DESC LIMIT ?`)
    this.#newestOf = db.prepare(`SELECT ${columns} FROM visits v CROSS JOIN traces t ON t.id = v.trace
      WHERE v.service = ?5 AND (v.at, v.trace) < (?1, ?2) AND v.at >= ?3 ORDER BY v.at DESC, v.trace DESC LIMIT ?4`)
  }

  /** The newest traces before a place, of a service if one is given by its id. */
  candidates(before: { at: number; id: number }, from: number, limit: number, service?: number): Candidate[] {
    const { at, id } = before
    const rows =
      service === undefined ? this.#newest.all(at, id, from, limit) : this.#newestOf.all(at, id, from, limit, service)
    return rows.map((row) => ({
      id: Number(row['id']),
      at: Number(row['at']),
      spans: Number(row['spans']),
      errors: Number(row['errors']),
      durationNanos: durationOf(row),
      weight: Number(row['weight']),
    }))
  }

  /** Undefined when the trace is gone. */
  summary(id: number): TraceSummary | undefined {
    const row = this.#trace.get(id)
    if (row === undefined) return undefined
    const texts = this.#texts
    const services = this.#visits.all(id).map((visit) => ({
      name: texts.text(visit['service']),
      spans: Number(visit['spans']),
      errors: Number(visit['errors']),
    }))
    return {
      traceId: hexOf(row['trace_id']),
      rootService: texts.text(row['root_service']),
      rootName: texts.text(row['root_name']),
      startMicros: Number(row['start']),
      durationNanos: durationOf(row),
      spans: Number(row['spans']),
      errors: Number(row['errors']),
      services,
      samplingReason: row['reason'] === null ? undefined : texts.text(row['reason']),
    }
  }

  /** The id of a trace in the tables. */
  idOf(traceId: string): number | undefined {
    const id = this.#traceId.get(Buffer.from(traceId, 'hex'))?.['id']
    return typeof id === 'number' ? id : undefined
  }

  /** All spans of a trace in the order of arrival; the span's trace id is `traceId`. */
  spans(id: number, traceId: string): SpanData[] {
    const spans: SpanData[] = []
    // A batch of spans shares few resources, and a reader's objects may too.
    const resources = new Map<string, SpanData['resource']>()
    for (const row of this.#spans.iterate(id * traceStride, (id + 1) * traceStride - 1)) {
      const span = this.#decode(traceId, row)
      const key = String(row['resource'])
      const resource = resources.get(key) ?? span.resource
      resources.set(key, resource)
      spans.push({ ...span, resource })
    }
    return spans
  }

  #decode(traceId: string, row: Row): SpanData {
    const texts = this.#texts
    return decode(traceId, {
      spanId: hexOf(row['span_id']),
      parentSpanId: row['parent_id'] === null ? undefined : hexOf(row['parent_id']),
      name: texts.text(row['name']),
      kind: Number(row['kind']),
      status: Number(row['status']),
      startMicros: Number(row['start']),
      durationNanos: Number(row['duration']),
      flags: Number(row['flags']),
      scope: texts.text(row['scope']),
      resource: texts.text(row['resource']),
      attributes: String(row['attributes']),
      extra: row['extra'] === null ? null : String(row['extra']),
    })
  }
}

function durationOf(row: Row): number {
  return Math.round((Number(row['finish']) - Number(row['start'])) * 1000)
}

/** An id of the tables as text. */
function hexOf(id: unknown): string {
  return id instanceof Uint8Array ? Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('hex') : ''
}
