// How a span becomes columns and comes back. Attributes are compact JSON, in which a key and its value stand side by side as
// JSON.stringify writes them: the search relies on it. Invariant: `decode(encode(span))` equals the span.
import { kinds, statuses } from '../trace/span-block.ts'
import type {
  Attributes,
  AttributeValue,
  InstrumentationScope,
  SpanData,
  SpanEvent,
  SpanLink,
} from '../trace/span-data.ts'

/** A span ready to be written; only its texts are still to be interned. */
export interface EncodedSpan {
  readonly span: SpanData
  readonly spanId: Buffer
  readonly parentId: Buffer | null
  readonly attributes: string
  /** What only few spans have, or null. */
  readonly extra: string | null
  /** About what it takes in the file. */
  readonly bytes: number
}

const traceIdShape = /^[0-9a-f]{32}$/
const spanIdShape = /^[0-9a-f]{16}$/

/** Fixed columns, row header and the span's part of the pages' slack, measured on files of 50 000 spans. */
const rowBytes = 70

/** Undefined when it cannot be kept: an id, a time or a value that no finished span has. */
export function encode(span: SpanData): EncodedSpan | undefined {
  try {
    const times =
      Number.isFinite(span.startMicros) && Number.isSafeInteger(span.durationNanos) && span.durationNanos >= 0
    const { parentSpanId, name, scope, resource } = span
    const ids = traceIdShape.test(span.traceId) && spanIdShape.test(span.spanId)
    const parent = parentSpanId === undefined || spanIdShape.test(parentSpanId)
    // Here and not when it is written: one that is no span must not cost the others of its batch.
    const named = typeof name === 'string' && typeof scope.name === 'string'
    if (!ids || !parent || !named || !times || !kinds.includes(span.kind) || !statuses.includes(span.status))
      return undefined
    const spanId = Buffer.from(span.spanId, 'hex')
    const parentId = parentSpanId === undefined ? null : Buffer.from(parentSpanId, 'hex')
    // It throws where there is no resource.
    serviceOf(resource.attributes)
    const attributes = stringify(span.attributes)
    const extra = extraOf(span)
    const bytes = rowBytes + Buffer.byteLength(attributes) + (extra === null ? 0 : Buffer.byteLength(extra))
    return { span, spanId, parentId, attributes, extra, bytes }
  } catch {
    // What is no span (a number that JSON refuses, a missing field) is the sender's fault; the caller counts it.
    return undefined
  }
}

/** The columns that `decode` needs, with the texts put back. */
export interface StoredSpan {
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly name: string
  readonly kind: number
  readonly status: number
  readonly startMicros: number
  readonly durationNanos: number
  readonly flags: number
  readonly scope: string
  readonly resource: string
  readonly attributes: string
  readonly extra: string | null
}

/** The span that was encoded. */
export function decode(traceId: string, row: StoredSpan): SpanData {
  const [traceState = '', statusMessage = '', events = [], links = [], ...dropped] = extraFrom(row.extra)
  return {
    traceId,
    spanId: row.spanId,
    parentSpanId: row.parentSpanId,
    traceState,
    flags: row.flags,
    name: row.name,
    kind: kinds[row.kind] ?? 'internal',
    startMicros: row.startMicros,
    durationNanos: row.durationNanos,
    status: statuses[row.status] ?? 'unset',
    statusMessage,
    attributes: parseAttributes(row.attributes),
    events,
    links,
    droppedAttributes: dropped[0] ?? 0,
    droppedEvents: dropped[1] ?? 0,
    droppedLinks: dropped[2] ?? 0,
    resource: { attributes: parseAttributes(row.resource) },
    scope: scopeFrom(row.scope),
  }
}

/** A scope as text. */
export function scopeText({ name, version, schemaUrl }: InstrumentationScope): string {
  return JSON.stringify([name, version ?? null, schemaUrl ?? null])
}

function scopeFrom(text: string): InstrumentationScope {
  const [name, version, schemaUrl] = JSON.parse(text) as [string, string | null, string | null]
  return { name, ...(version !== null && { version }), ...(schemaUrl !== null && { schemaUrl }) }
}

/** Attributes as text. */
export function stringify(attributes: Attributes): string {
  // A replacer costs several times the rest, so it is used only where there is something to replace.
  return Object.values(attributes).some(isOdd) ? JSON.stringify(attributes, odd) : JSON.stringify(attributes)
}

/** Attributes of a text. */
export function parseAttributes(text: string): Attributes {
  return parse(text) as Attributes
}

/** The name of the service of a resource. */
export function serviceOf(attributes: Attributes): string {
  const name: AttributeValue | undefined = attributes['service.name']
  return typeof name === 'string' && name !== '' ? name : 'unknown_service'
}

type Extra = [string, string, readonly SpanEvent[], readonly SpanLink[], number, number, number]

function extraOf(span: SpanData): string | null {
  const { traceState, statusMessage, events, links, droppedAttributes, droppedEvents, droppedLinks } = span
  const dropped = droppedAttributes + droppedEvents + droppedLinks
  if (traceState === '' && statusMessage === '' && events.length + links.length + dropped === 0) return null
  return JSON.stringify([traceState, statusMessage, events, links, droppedAttributes, droppedEvents, droppedLinks], odd)
}

function extraFrom(text: string | null): Partial<Extra> {
  return text === null ? [] : (parse(text) as Extra)
}

// JSON has no NaN and no infinities, which OTLP's doubles may be. No attribute is a list of lists, so one can stand for them.
function odd(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? [[String(value)]] : value
}

function isOdd(value: AttributeValue): boolean {
  return typeof value === 'number' ? !Number.isFinite(value) : typeof value === 'object' && value.some(isOdd)
}

function parse(text: string): unknown {
  if (!text.includes('[["')) return JSON.parse(text)
  return JSON.parse(text, (_key, value: unknown) => {
    if (!Array.isArray(value) || value.length !== 1) return value
    const [inner] = value as unknown[]
    return Array.isArray(inner) && inner.length === 1 && typeof inner[0] === 'string' ? Number(inner[0]) : value
  })
}
