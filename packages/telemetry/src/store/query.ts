// What may be asked of the store. Everything is checked here, strictly, because questions come from a console and from scripts;
// nothing of a question ever becomes SQL text.
import { storeError } from './errors.ts'

/**
 * Which traces to find. All that is said of spans (service, route, attributes, text) must hold for one and the same span, and
 * then duration and errors are meant of that span too; else they are meant of the whole trace.
 */
export interface SpanQuery {
  readonly service?: string | undefined
  /** The attribute `http.route` or the name of the span. */
  readonly route?: string | undefined
  /** Inclusive. */
  readonly minDurationNanos?: number | undefined
  /** Inclusive. */
  readonly maxDurationNanos?: number | undefined
  readonly errorsOnly?: boolean | undefined
  /** Each must be an attribute of the span or of its resource, with this value and type. At most 16. */
  readonly attributes?: Readonly<Record<string, string | number | boolean>> | undefined
  /** Microseconds since the epoch, inclusive: when the trace began, as far as was known when it first came in. */
  readonly fromMicros?: number | undefined
  /** Exclusive. */
  readonly toMicros?: number | undefined
  /**
   * Part of the span's name, of an attribute's key or value, of an event or of the status message; ASCII letters match in
   * either case. At most 256 characters.
   */
  readonly text?: string | undefined
  /** Traces in one answer, 1 to 1000. Default 50. */
  readonly limit?: number | undefined
  /** From an earlier answer to the same question: goes on after it. */
  readonly cursor?: string | undefined
}

/** A trace in a list. */
export interface TraceSummary {
  readonly traceId: string
  /** Of the span without parent, or of the earliest span as long as that one has not come. */
  readonly rootService: string
  readonly rootName: string
  readonly startMicros: number
  /** From the start of its first span to the end of its last. */
  readonly durationNanos: number
  readonly spans: number
  readonly errors: number
  /** Those with the most spans first; at most 100. */
  readonly services: readonly { readonly name: string; readonly spans: number; readonly errors: number }[]
  /** Why a sampler kept it, where that is known. */
  readonly samplingReason: string | undefined
}

/** An answer of `find`, the newest first. */
export interface FoundTraces {
  readonly traces: readonly TraceSummary[]
  /** Where to go on; undefined when everything was searched. */
  readonly cursor: string | undefined
  /** Whether the search ended because its time was up; `cursor` then goes on from there. */
  readonly timedOut: boolean
}

/** When traces began. */
export interface TimeRange {
  /** Microseconds since the epoch, inclusive. Default: the oldest. */
  readonly fromMicros?: number | undefined
  /** Exclusive. Default: the newest. */
  readonly toMicros?: number | undefined
}

/** A place in the list of traces: the newest first, by time and then by arrival. */
export interface Position {
  readonly at: number
  readonly id: number
}

/** A checked question. */
export interface CheckedQuery {
  readonly service: string | undefined
  readonly route: string | undefined
  readonly minNanos: number
  readonly maxNanos: number
  readonly errorsOnly: boolean
  readonly attributes: readonly (readonly [string, string | number | boolean])[]
  readonly text: string | undefined
  readonly limit: number
  readonly from: number
  /** Everything searched lies before it. */
  readonly before: Position
}

const known = Object.freeze({
  service: 0,
  route: 0,
  minDurationNanos: 0,
  maxDurationNanos: 0,
  errorsOnly: 0,
  attributes: 0,
  fromMicros: 0,
  toMicros: 0,
  text: 0,
  limit: 0,
  cursor: 0,
} satisfies Record<keyof SpanQuery, 0>)

/** Throws `SG_BAD_QUERY` naming field, bound and value. */
export function checkQuery(query: SpanQuery): CheckedQuery {
  check(typeof query === 'object' && query !== null && !Array.isArray(query), 'query', 'an object', query)
  for (const key of Object.keys(query)) {
    if (Object.hasOwn(known, key)) continue
    const fields = Object.keys(known).join(', ')
    throw storeError('SG_BAD_QUERY', `${key.slice(0, 64)} is no field of a query; known are ${fields}`)
  }
  const { errorsOnly = false, limit = 50, attributes = {} } = query
  check(typeof errorsOnly === 'boolean', 'errorsOnly', 'true or false', errorsOnly)
  check(Number.isInteger(limit) && limit >= 1 && limit <= 1000, 'limit', 'a whole number in [1, 1000]', limit)
  const isObject = typeof attributes === 'object' && attributes !== null && !Array.isArray(attributes)
  check(isObject, 'attributes', 'an object', attributes)
  const entries = Object.entries(attributes)
  check(entries.length <= 16, 'attributes', 'an object of at most 16 attributes', entries.length)
  for (const [key, value] of entries) checkAttribute(key, value)
  const { from, to } = checkRange(query)
  return {
    service: textOf(query.service, 'service', 1024),
    route: textOf(query.route, 'route', 4096),
    minNanos: numberOf(query.minDurationNanos, 'minDurationNanos', 0),
    maxNanos: numberOf(query.maxDurationNanos, 'maxDurationNanos', Infinity),
    errorsOnly,
    attributes: entries,
    text: textOf(query.text, 'text', 256),
    limit,
    from,
    before: query.cursor === undefined ? { at: to, id: 0 } : positionOf(query.cursor),
  }
}

/** Throws `SG_BAD_QUERY`. */
export function checkRange(range: TimeRange): { readonly from: number; readonly to: number } {
  const from = numberOf(range.fromMicros, 'fromMicros', -Infinity)
  const to = numberOf(range.toMicros, 'toMicros', Infinity)
  return { from, to }
}

/** Throws `SG_BAD_QUERY` unless it is 32 hex digits; answers them in lower case. */
export function checkTraceId(traceId: string): string {
  check(typeof traceId === 'string' && /^[0-9a-f]{32}$/i.test(traceId), 'traceId', '32 hex digits', traceId)
  return traceId.toLowerCase()
}

/** A position as text. */
export function cursorOf({ at, id }: Position): string {
  return `${at}_${id}`
}

function positionOf(cursor: string): Position {
  const match = typeof cursor === 'string' ? /^(-?\d{1,17}(?:\.\d{1,12})?)_(\d{1,12})$/.exec(cursor) : null
  check(match !== null, 'cursor', 'the cursor of an earlier answer', cursor)
  return { at: Number(match?.[1]), id: Number(match?.[2]) }
}

function checkAttribute(key: string, value: unknown): void {
  const simple =
    typeof value === 'boolean' || Number.isFinite(value) || (typeof value === 'string' && value.length <= 4096)
  check(key !== '' && key.length <= 256, 'attributes', 'keyed by 1 to 256 characters', key)
  check(simple, `attributes.${key}`, 'a text of at most 4096 characters, a finite number, true or false', value)
}

function textOf(value: unknown, name: string, most: number): string | undefined {
  const holds = value === undefined || (typeof value === 'string' && value !== '' && value.length <= most)
  check(holds, name, `a text of 1 to ${most} characters`, value)
  return value as string | undefined
}

function numberOf(value: unknown, name: string, absent: number): number {
  if (value === undefined) return absent
  check(typeof value === 'number' && value >= 0 && value < Infinity, name, 'a number >= 0', value)
  return Number(value)
}

function check(holds: boolean, name: string, bound: string, value: unknown): void {
  if (holds) return
  const isText = typeof value === 'string'
  const got = isText ? `'${value.slice(0, 64)}'` : typeof value === 'object' ? 'an object' : String(value).slice(0, 64)
  throw storeError('SG_BAD_QUERY', `${name} must be ${bound}, got ${got}`)
}
