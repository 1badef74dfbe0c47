// What the headers of a request that came in say of trace and baggage, read without an object or a closure per request.
// Invariant: it never throws, whatever came in.
import type { Baggage } from '@opentelemetry/api'
import { extract } from '../propagation/inbound.ts'
import { traceIdHex, spanIdHex } from '../propagation/incoming-parent.ts'
import type { Propagation } from '../propagation/options.ts'
import type { IdSource } from '../trace/ids.ts'
import type { RemoteParent } from '../trace/parent.ts'
import type { Span } from '../trace/span.ts'
import type { CapturedHeader, ReceivedHeaders } from './http-options.ts'
import { redacted } from './request-url.ts'

/** Where a request that came in goes on. */
export interface Arrival {
  /** What the span hangs below. */
  readonly parent: RemoteParent | undefined
  readonly baggage: Baggage | undefined
  /** A caller whose trace is not gone on with, to be linked to. */
  readonly stranger: RemoteParent | undefined
}

const none: ReceivedHeaders = Object.freeze({})
const silent: Arrival = Object.freeze({ parent: undefined, baggage: undefined, stranger: undefined })

/** Reads the headers that carry traces. One for an instrumentation. */
export class TraceHeaders {
  readonly #propagation: Propagation
  readonly #trusts: boolean
  readonly #ids: IdSource
  #headers: ReceivedHeaders = none
  readonly #read = (name: string): string | readonly string[] | undefined => this.#headers[name]
  readonly #names = (): Iterable<string> => Object.keys(this.#headers)

  /** `ids` are for traces that must not be recorded and bring no ids along. */
  constructor(propagation: Propagation, trusts: boolean, ids: IdSource) {
    this.#propagation = propagation
    this.#trusts = trusts
    this.#ids = ids
  }

  read(headers: ReceivedHeaders): Arrival {
    if (isSilent(headers)) return silent
    this.#headers = headers
    // Names are looked through only where Jaeger's baggage can be, which comes with Jaeger's trace.
    const names = headers['uber-trace-id'] === undefined ? undefined : this.#names
    const { parent, denied, baggage } = extract(this.#read, this.#propagation, names)
    this.#headers = none
    if (!this.#trusts) return { parent: undefined, baggage: undefined, stranger: parent }
    return { parent: denied && parent === undefined ? this.#denied() : parent, baggage, stranger: undefined }
  }

  /** B3 can forbid to record without naming a trace: then one begins that is not sampled, for those who follow the caller. */
  #denied(): RemoteParent {
    const word = (): number => this.#ids.word()
    return {
      traceA: word(),
      traceB: word(),
      traceC: word(),
      traceD: word(),
      spanA: word(),
      spanB: word(),
      flags: 0,
      traceState: '',
    }
  }
}

/** Whether none of the headers that begin any format is there: most often so at the edge, and quickly seen. */
function isSilent(headers: ReceivedHeaders): boolean {
  return (
    headers['traceparent'] === undefined &&
    headers['baggage'] === undefined &&
    headers['b3'] === undefined &&
    headers['x-b3-traceid'] === undefined &&
    headers['x-b3-sampled'] === undefined &&
    headers['x-b3-flags'] === undefined &&
    headers['uber-trace-id'] === undefined
  )
}

/** Makes a caller whose trace is not gone on with visible in the trace that begins. */
export function linkTo(parent: RemoteParent, span: Span): void {
  span.link({
    traceId: traceIdHex(parent),
    spanId: spanIdHex(parent),
    traceState: parent.traceState,
    flags: parent.flags | 0x300,
    attributes: {},
    droppedAttributes: 0,
  })
}

/** Sets the headers to keep. `read` gets lower-case names. */
export function capture(
  span: Span,
  headers: readonly CapturedHeader[],
  read: (name: string) => number | string | readonly string[] | undefined,
): void {
  for (const { header, attribute, isSecret } of headers) {
    const value = read(header)
    if (value === undefined) continue
    const lines = typeof value === 'object' ? value : [String(value)]
    span.set(attribute, isSecret ? lines.map(() => redacted) : [...lines])
  }
}
