// What the headers of a request tell about trace and baggage. Invariant: it never throws, whatever came in; `tracestate` is
// looked at only after a valid `traceparent`. Called once per request, so a request without headers makes no object.
import type { Baggage } from '@opentelemetry/api'
import type { RemoteParent } from '../trace/parent.ts'
import { type B3State, parseB3, parseB3Multi } from './b3.ts'
import { parseBaggage } from './baggage.ts'
import { combined, type FieldReader, first, single } from './field-text.ts'
import type { IncomingParent } from './incoming-parent.ts'
import { jaegerName, parseJaeger, readJaegerBaggage } from './jaeger.ts'
import type { Propagation } from './options.ts'
import { parseTraceparent } from './traceparent.ts'
import { parseTracestate } from './tracestate.ts'

/** What came in. */
export interface Inbound {
  /** Where the trace goes on; undefined: a new one begins. */
  readonly parent: RemoteParent | undefined
  /** B3 forbids recording, with ids or without. */
  readonly denied: boolean
  /**
   * What else B3 asks for: `accept` and `debug` that a new trace be recorded; `defer` that this process decides about the
   * trace of `parent`, which is marked as sampled for those who only follow it.
   */
  readonly asks: 'accept' | 'debug' | 'defer' | undefined
  readonly baggage: Baggage | undefined
}

/** Gives the names of all headers; asked only where a format puts something into names. */
export type FieldNames = () => Iterable<string>

const nothing: Inbound = Object.freeze({ parent: undefined, denied: false, asks: undefined, baggage: undefined })

/**
 * Reads trace and baggage. The first format with something valid in it counts, in the order W3C, B3 as one header, B3 as
 * several, Jaeger. `read` gets lower-case names; without `names` the baggage headers of Jaeger are not found.
 *
 * @example
 * const { parent, baggage } = extract((name) => request.headers[name], new Propagation())
 */
export function extract(read: FieldReader, propagation: Propagation, names?: FieldNames): Inbound {
  const { incoming } = propagation
  const baggage = extractBaggage(read, propagation, names)
  const parent = incoming.tracecontext ? traceContext(read) : undefined
  if (parent !== undefined) return { parent, denied: false, asks: undefined, baggage }
  const b3 = extractB3(read, propagation)
  if (b3 !== undefined) return ofB3(b3, baggage)
  const jaeger = incoming.jaeger ? read(jaegerName) : undefined
  const continued = jaeger === undefined ? undefined : parseJaeger(single(jaeger))
  if (continued === undefined && baggage === undefined) return nothing
  return { parent: continued, denied: false, asks: undefined, baggage }
}

function traceContext(read: FieldReader): IncomingParent | undefined {
  const text = read('traceparent')
  if (text === undefined) return undefined
  const parent = parseTraceparent(single(text))
  if (parent === undefined) return undefined
  const state = read('tracestate')
  if (state !== undefined) parent.traceState = parseTracestate(combined(state))
  return parent
}

function extractB3(read: FieldReader, { incoming }: Propagation): B3State | undefined {
  const text = incoming.b3 ? read('b3') : undefined
  const state = text === undefined ? undefined : parseB3(first(text))
  return state === undefined && incoming.b3multi ? parseB3Multi(read) : state
}

function ofB3({ parent, sampling }: B3State, baggage: Baggage | undefined): Inbound {
  const asks = sampling === 'deny' || (parent !== undefined && sampling !== 'defer') ? undefined : sampling
  return { parent, denied: sampling === 'deny', asks, baggage }
}

function extractBaggage(read: FieldReader, propagation: Propagation, names?: FieldNames): Baggage | undefined {
  const { incoming, drops } = propagation
  const text = incoming.baggage ? read('baggage') : undefined
  if (text !== undefined) return parseBaggage(combined(text), drops)
  return incoming.jaeger && names !== undefined ? readJaegerBaggage(names(), read, drops) : undefined
}
