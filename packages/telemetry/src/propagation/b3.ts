// The B3 headers of Zipkin, as one (`b3`) and as several (`x-b3-*`). Invariant: ids of 64 bits are padded with zeros on the
// left; a header that breaks the rules is as good as none. The parent's parent is never read on nor written: our spans do
// not share their id with the caller's.
import { sampledFlag } from '../trace/parent.ts'
import { type FieldReader, type FieldWriter, first, trimmed } from './field-text.ts'
import { isHex } from './hex.ts'
import { type IncomingParent, type OutgoingPosition, parentOf, spanIdHex, traceIdHex } from './incoming-parent.ts'

/** What B3 says about recording; `defer`: nothing, the receiver decides. */
export type B3Sampling = 'deny' | 'accept' | 'debug' | 'defer'

/** What B3 headers told: where to continue, whether to record, or both. */
export interface B3State {
  /** Undefined where only a decision was sent, which counts for a new trace. */
  readonly parent: IncomingParent | undefined
  readonly sampling: B3Sampling
}

/** The headers of the format with several, in the order in which they are written. */
export const b3MultiNames = ['x-b3-traceid', 'x-b3-spanid', 'x-b3-sampled', 'x-b3-flags'] as const

const singleStates: ReadonlyMap<string | undefined, B3Sampling> = new Map([
  [undefined, 'defer'],
  ['0', 'deny'],
  ['1', 'accept'],
  ['d', 'debug'],
])
/** Older tracers wrote words. */
const multiStates: ReadonlyMap<string | undefined, B3Sampling> = new Map([
  [undefined, 'defer'],
  ['0', 'deny'],
  ['false', 'deny'],
  ['1', 'accept'],
  ['true', 'accept'],
])

/**
 * Reads the single header `{trace}-{span}-{state}-{parent}`, its last one or two parts missing, or a state alone.
 *
 * Source: openzipkin/b3-propagation, "Single Header".
 *
 * @example
 * parseB3('0')?.sampling // 'deny'
 */
export function parseB3(text: string | undefined): B3State | undefined {
  if (text === undefined) return undefined
  const [trace = '', span, state, parentSpan, ...more] = firstLine(text).split('-')
  if (span === undefined) {
    const sampling = singleStates.get(trace)
    return sampling === undefined ? undefined : { parent: undefined, sampling }
  }
  const sampling = singleStates.get(state)
  if (sampling === undefined || more.length > 0) return undefined
  if (parentSpan !== undefined && !isSpanId(parentSpan)) return undefined
  return stateOf(trace, span, sampling)
}

/**
 * Reads the headers `x-b3-traceid`, `-spanid`, `-sampled` and `-flags`; the first line of each counts.
 *
 * Source: openzipkin/b3-propagation, "Multiple Headers".
 */
export function parseB3Multi(read: FieldReader): B3State | undefined {
  const trace = line(read, 'x-b3-traceid')
  const sampled = line(read, 'x-b3-sampled')
  const sampling = line(read, 'x-b3-flags') === '1' ? 'debug' : multiStates.get(sampled?.toLowerCase())
  // A state that is none is a broken header and not a missing one.
  if (sampling === undefined) return undefined
  if (trace === undefined) return sampling === 'defer' ? undefined : { parent: undefined, sampling }
  const span = line(read, 'x-b3-spanid')
  return span === undefined ? undefined : stateOf(trace, span, sampling)
}

/** Writes the single header. */
export function formatB3(span: OutgoingPosition): string {
  const state = span.debug === true ? 'd' : String(span.flags & sampledFlag)
  return `${traceIdHex(span)}-${spanIdHex(span)}-${state}`
}

/** Writes the headers of the format with several. Debug implies the decision, which is then not sent. */
export function writeB3Multi(write: FieldWriter, span: OutgoingPosition): void {
  write('x-b3-traceid', traceIdHex(span))
  write('x-b3-spanid', spanIdHex(span))
  if (span.debug === true) write('x-b3-flags', '1')
  else write('x-b3-sampled', String(span.flags & sampledFlag))
}

function stateOf(trace: string, span: string, sampling: B3Sampling): B3State | undefined {
  // Nobody decided against a deferred trace, so a receiver that only follows its parent records it.
  const flags = sampling === 'deny' ? 0 : sampledFlag
  const parent = parentOf(trace.length === 16 ? trace.padStart(32, '0') : trace, span, flags, sampling === 'debug')
  return parent === undefined ? undefined : { parent, sampling }
}

function isSpanId(text: string): boolean {
  return text.length === 16 && isHex(text, 0, 16)
}

function line(read: FieldReader, name: string): string | undefined {
  const text = first(read(name))
  return text === undefined ? undefined : firstLine(text)
}

/** Node combines lines by a comma; no value of B3 has one. */
function firstLine(text: string): string {
  const end = text.indexOf(',')
  return trimmed(end < 0 ? text : text.slice(0, end))
}
