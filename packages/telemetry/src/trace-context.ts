// The W3C trace context of a call: reading, continuing and writing the `traceparent` header. Invariant: what is written is
// always valid, whatever came in; a header that breaks the rules is as good as none. It records nothing: spans do not live here.
import { randomFillSync } from 'node:crypto'

/** One position in a trace. Ids are lower-case hex and never all zero. */
export interface TraceContext {
  /** 32 hex digits, the same for the whole trace. */
  readonly traceId: string
  /** 16 hex digits, this one operation. */
  readonly spanId: string
  /** The operation that caused this one, where `childOf` continued a trace. */
  readonly parentId?: string
  /** Whether the trace may be recorded. */
  readonly sampled: boolean
  /** Whether the trace id was made by chance, so that others may sample by it. */
  readonly random: boolean
}

const sampledFlag = 0b01
const randomFlag = 0b10
/** `version-traceid-parentid-flags`; a later version may append more after another dash. */
const grammar = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const zeros = /^0+$/

/**
 * Reads a `traceparent` header; undefined when there is none or it breaks a rule, and then a new trace begins.
 *
 * @example
 * parseTraceparent('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01')?.sampled // true
 */
export function parseTraceparent(header: string | null | undefined): TraceContext | undefined {
  const match = header == null ? null : grammar.exec(header)
  if (match === null) return undefined
  const [, version = '', traceId = '', spanId = '', flagDigits = '', rest] = match
  // Version 00 ends after its flags; of a later one the parts known from 00 are used. ff is reserved for never.
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  if (zeros.test(traceId) || zeros.test(spanId)) return undefined
  const flags = Number.parseInt(flagDigits, 16)
  return { traceId, spanId, sampled: (flags & sampledFlag) !== 0, random: (flags & randomFlag) !== 0 }
}

/**
 * The next operation: the same trace, its flags and a new span id; without a parent a new trace. A new trace is marked as
 * sampled, because nobody has decided against it and services that follow their parent's flag would otherwise record nothing.
 *
 * @example
 * const context = childOf(parseTraceparent(request.headers.traceparent))
 */
export function childOf(parent: TraceContext | undefined): TraceContext {
  const spanId = newId(8)
  if (parent === undefined) return { traceId: newId(16), spanId, sampled: true, random: true }
  return { traceId: parent.traceId, spanId, parentId: parent.spanId, sampled: parent.sampled, random: parent.random }
}

/**
 * Writes the header of version 00. Flags that this version does not define are not passed on.
 *
 * @example
 * headers.set('traceparent', formatTraceparent(childOf(undefined)))
 */
export function formatTraceparent(context: TraceContext): string {
  const flags = (context.sampled ? sampledFlag : 0) | (context.random ? randomFlag : 0)
  return `00-${context.traceId}-${context.spanId}-${flags.toString(16).padStart(2, '0')}`
}

/** Random bytes in stock: asking for few at a time costs more than all the rest of an id. */
const stock = Buffer.alloc(4096)
let taken = stock.length

function newId(bytes: number): string {
  if (taken + bytes > stock.length) {
    randomFillSync(stock)
    taken = 0
  }
  const id = stock.toString('hex', taken, (taken += bytes))
  // Zero is the one invalid id. It will hardly ever come up, but a trace lost to it could not be explained.
  return zeros.test(id) ? newId(bytes) : id
}
