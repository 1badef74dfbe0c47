// How spans come into the store: one transaction for a batch, whole or not at all. It never throws; what cannot be kept is
// counted. Invariant: a trace's row and its visits always agree with its spans.
import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import { kinds, statuses } from '../trace/span-block.ts'
import type { SpanData } from '../trace/span-data.ts'
import { samplingRatioKey, samplingReasonKey } from '../sampling/resilience-events.ts'
import { peerOf, weightOf } from './edges.ts'
import { type EncodedSpan, scopeText, serviceOf, stringify } from './encoding.ts'
import type { Ledger } from './ledger.ts'
import { traceStride } from './schema.ts'
import type { TextRef, Texts } from './texts.ts'

/** A trace's own bytes in the tables and indexes. */
const traceBytes = 200

interface Visit {
  spans: number
  errors: number
  bytes: number
}

/** A trace as it is changed by a batch. */
interface OpenTrace {
  readonly id: number
  readonly isNew: boolean
  at: number
  start: number
  finish: number
  next: number
  spans: number
  errors: number
  bytes: number
  owner: number
  /** Whether a span without parent has come; until then the earliest span stands for it. */
  hasRoot: boolean
  rootService: number | null
  rootName: TextRef | null
  reason: TextRef | null
  /** How many traces it stands for. */
  weight: number
}

/** Writes spans. */
export class Writer {
  readonly #texts: Texts
  readonly #ledger: Ledger
  readonly #maxTraceSpans: number
  readonly #statements: Readonly<Record<keyof typeof statementTexts, StatementSync>>
  /** Encodings of the last resources: a batch has few. */
  readonly #resources: WeakMap<SpanData['resource'], string> = new WeakMap()
  readonly #scopes: WeakMap<SpanData['scope'], string> = new WeakMap()
  #nextTrace: number

  constructor(db: DatabaseSync, texts: Texts, ledger: Ledger, maxTraceSpans: number, nextTrace: number) {
    this.#texts = texts
    this.#ledger = ledger
    this.#maxTraceSpans = maxTraceSpans
    this.#nextTrace = nextTrace
    const prepared = Object.entries(statementTexts).map(([name, sql]) => [name, db.prepare(sql)])
    this.#statements = Object.fromEntries(prepared) as Record<keyof typeof statementTexts, StatementSync>
  }

  /** Writes the spans of a trace; within a transaction. Answers how many were stored; the others are counted. */
  write(traceId: string, spans: readonly EncodedSpan[], oldestTrace: number): number {
    const { trace, known } = this.#open(traceId)
    const visits = new Map<number, Visit>()
    let stored = 0
    for (const encoded of spans) {
      const { span } = encoded
      const service = serviceOf(span.resource.attributes)
      const identity = span.spanId + span.kind
      if (known.has(identity)) this.#ledger.dropWithin('duplicate', service)
      else if (trace.next >= this.#maxTraceSpans) this.#ledger.dropWithin('traceFull', service)
      else {
        known.add(identity)
        this.#insert(trace, encoded, service, visits, oldestTrace)
        stored++
      }
    }
    if (stored > 0) this.#close(trace, Buffer.from(traceId, 'hex'), visits)
    return stored
  }

  #open(traceId: string): { trace: OpenTrace; known: Set<string> } {
    const row = this.#statements.findTrace.get(Buffer.from(traceId, 'hex'))
    if (row === undefined) return { trace: newTrace(this.#nextTrace++), known: new Set() }
    const trace = openTrace(row)
    const known = new Set<string>()
    for (const span of this.#statements.spanIds.iterate(trace.id * traceStride, (trace.id + 1) * traceStride - 1)) {
      known.add(Buffer.from(span['span_id'] as Uint8Array).toString('hex') + (kinds[Number(span['kind'])] ?? ''))
    }
    return { trace, known }
  }

  #insert(trace: OpenTrace, encoded: EncodedSpan, service: string, visits: Map<number, Visit>, oldest: number): void {
    const { span, bytes } = encoded
    const texts = this.#texts
    const serviceId = texts.internAlways(service, trace.id)
    const name = texts.intern(span.name, trace.id, oldest)
    const peer = peerOf(span.kind, span.attributes)
    this.#statements.insertSpan.run(
      trace.id * traceStride + trace.next++,
      encoded.spanId,
      encoded.parentId,
      serviceId,
      name,
      kinds.indexOf(span.kind),
      statuses.indexOf(span.status),
      span.startMicros,
      span.durationNanos,
      span.flags,
      texts.intern(this.#scope(span), trace.id, oldest),
      texts.intern(this.#resource(span), trace.id, oldest),
      peer === undefined ? null : texts.intern(JSON.stringify(peer), trace.id, oldest),
      encoded.attributes,
      encoded.extra,
    )
    const failed = span.status === 'error' ? 1 : 0
    const visit = visits.get(serviceId) ?? { spans: 0, errors: 0, bytes: 0 }
    visits.set(serviceId, { spans: visit.spans + 1, errors: visit.errors + failed, bytes: visit.bytes + bytes })
    trace.spans++
    trace.errors += failed
    trace.bytes += bytes
    trace.finish = Math.max(trace.finish, span.startMicros + span.durationNanos / 1000)
    const isRoot = span.parentSpanId === undefined
    if (!trace.hasRoot && (isRoot || span.startMicros < trace.start)) {
      trace.hasRoot = isRoot
      trace.rootService = serviceId
      trace.rootName = name
    }
    trace.start = Math.min(trace.start, span.startMicros)
    const reason = span.attributes[samplingReasonKey]
    trace.weight = Math.max(trace.weight, weightOf(span.attributes[samplingRatioKey]))
    if (typeof reason === 'string') trace.reason = texts.intern(reason, trace.id, oldest)
  }

  #close(trace: OpenTrace, traceId: Buffer, visits: ReadonlyMap<number, Visit>): void {
    const before = trace.isNew ? undefined : this.#statements.findTrace.get(traceId)
    const ledger = this.#ledger
    if (trace.isNew) trace.at = trace.start
    let most = -1
    for (const [service, visit] of visits) {
      this.#statements.addVisit.run(trace.id, service, trace.at, visit.spans, visit.errors, visit.bytes)
      const name = this.#texts.text(service)
      ledger.count(name, 'stored', visit.spans)
      ledger.count(name, 'spans', visit.spans)
      ledger.count(name, 'bytes', visit.bytes)
      if (visit.bytes > most) {
        most = visit.bytes
        trace.owner = service
      }
    }
    if (before !== undefined) {
      trace.owner = Number(this.#statements.mostBytes.get(trace.id)?.['service'] ?? trace.owner)
      ledger.count(this.#texts.text(before['owner']), 'ownedBytes', -Number(before['bytes']))
    } else ledger.sum('traces', 1)
    ledger.count(this.#texts.text(trace.owner), 'ownedBytes', trace.bytes)
    const added = trace.spans - Number(before?.['spans'] ?? 0)
    ledger.sum('spans', added)
    ledger.sum('stored', added)
    const { at, start, finish, next, spans, errors, bytes, owner, hasRoot, rootService, rootName, reason, weight } =
      trace
    const rest = [
      start,
      finish,
      next,
      spans,
      errors,
      bytes,
      owner,
      Number(hasRoot),
      rootService,
      rootName,
      reason,
      weight,
    ]
    if (before === undefined) this.#statements.insertTrace.run(trace.id, traceId, at, ...rest)
    else this.#statements.updateTrace.run(...rest, trace.id)
  }

  #resource({ resource }: SpanData): string {
    let text = this.#resources.get(resource)
    if (text === undefined) this.#resources.set(resource, (text = stringify(resource.attributes)))
    return text
  }

  #scope({ scope }: SpanData): string {
    let text = this.#scopes.get(scope)
    if (text === undefined) this.#scopes.set(scope, (text = scopeText(scope)))
    return text
  }
}

const statementTexts = {
  findTrace: 'SELECT * FROM traces WHERE trace_id = ?',
  spanIds: 'SELECT span_id, kind FROM spans WHERE id BETWEEN ? AND ?',
  mostBytes: 'SELECT service FROM visits WHERE trace = ? ORDER BY bytes DESC, service LIMIT 1',
  insertSpan: 'INSERT INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  insertTrace: `INSERT INTO traces(id, trace_id, at, start, finish, next, spans, errors, bytes, owner, has_root, root_service,
    root_name, reason, weight) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  updateTrace: `UPDATE traces SET start = ?, finish = ?, next = ?, spans = ?, errors = ?, bytes = ?, owner = ?,
    has_root = ?, root_service = ?, root_name = ?, reason = ?, weight = ? WHERE id = ?`,
  addVisit: `INSERT INTO visits(trace, service, at, spans, errors, bytes) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT(trace, service) DO UPDATE SET spans = spans + excluded.spans, errors = errors + excluded.errors,
    bytes = bytes + excluded.bytes`,
} as const

function newTrace(id: number): OpenTrace {
  return {
    id,
    isNew: true,
    at: 0,
    start: Infinity,
    finish: -Infinity,
    next: 0,
    spans: 0,
    errors: 0,
    bytes: traceBytes,
    owner: 0,
    hasRoot: false,
    rootService: null,
    rootName: null,
    reason: null,
    weight: 1,
  }
}

function openTrace(row: Record<string, SQLOutputValue>): OpenTrace {
  const number = (name: string): number => Number(row[name])
  return {
    id: number('id'),
    isNew: false,
    at: number('at'),
    start: number('start'),
    finish: number('finish'),
    next: number('next'),
    spans: number('spans'),
    errors: number('errors'),
    bytes: number('bytes'),
    owner: number('owner'),
    hasRoot: number('has_root') === 1,
    rootService: row['root_service'] as number | null,
    rootName: row['root_name'] as TextRef | null,
    reason: row['reason'] as TextRef | null,
    weight: number('weight'),
  }
}
