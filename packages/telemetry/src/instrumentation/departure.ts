// One attempt of a data path to send a request: the headers that carry its trace, and its span from the first byte to the last.
// Invariant: while it is under way the instrumentations of undici and node:http leave the request alone, since it is traced here.
import { currentTelemetry } from '../current.ts'
import type { OutgoingPosition } from '../propagation/incoming-parent.ts'
import { inject } from '../propagation/outbound.ts'
import { formatTraceparent } from '../propagation/traceparent.ts'
import { activeContext } from '../trace/context.ts'
import { IdSource } from '../trace/ids.ts'
import { randomFlag, type RemoteParent, sampledFlag } from '../trace/parent.ts'
import { Span } from '../trace/span.ts'
import type { Tracer } from '../trace/tracer.ts'
import { claim } from './http-claims.ts'
import { FactsBudget, PlaceFacts } from './request-facts.ts'
import { clientKind, httpScope } from './request-scope.ts'
import { QueryRedaction } from './request-url.ts'

/** What is sent. */
export interface Sending {
  readonly service: string
  readonly method: string
  readonly endpoint: URL
  /** With its query. */
  readonly path: string
  /** 1 for the first. */
  readonly attempt: number
  /** Whether the request has a `baggage` header already, which then is left as it is. */
  readonly hasBaggage: boolean
}

const standard = new QueryRedaction()
const budget = new FactsBudget(2000)
const places = new Map<string, PlaceFacts>()
const ids = new IdSource()
const nothing = (): void => undefined

/** A request on its way. */
export class Departure {
  /** What the request has to carry: a name, its value, the next name, and so on. */
  readonly fields: readonly string[]
  readonly #sending: Sending
  readonly #span: Span | undefined
  readonly #tracer: Tracer | undefined
  readonly #release: () => void

  constructor(sending: Sending, position: OutgoingPosition, tracer: Tracer | undefined) {
    this.#sending = sending
    this.#tracer = tracer
    const current = currentTelemetry()
    if (tracer === undefined || current === undefined || !(position instanceof Span)) {
      // The next position of the trace, which need not be kept: it is the commonest case and part of every call.
      const traceparent = formatTraceparent(position, ids.word(), ids.word())
      const { traceState } = position
      this.fields =
        traceState === '' ? ['traceparent', traceparent] : ['traceparent', traceparent, 'tracestate', traceState]
      // What is left out here is left out by the instrumentations, too: they would begin another trace than the header tells.
      this.#release = current === undefined ? nothing : claim(traceparent)
      return
    }
    const { propagation, redaction = standard } = current
    const span = tracer.start(httpScope, sending.method, clientKind, position, tracer.clock.now())
    this.#span = span
    const fields: string[] = []
    const write = (name: string, value: string): void => void fields.push(name, value)
    inject(write, span, sending.hasBaggage ? undefined : activeContext().baggage, propagation)
    this.fields = fields
    const at = fields.indexOf('traceparent')
    this.#release = at < 0 ? nothing : claim(fields[at + 1] as string)
    if (span.recording) describe(span, sending, redaction)
  }

  /** The same as `fields`, in pairs. */
  get headers(): (readonly [string, string])[] {
    return Array.from({ length: this.fields.length / 2 }, (_, index) => [
      this.fields[2 * index] as string,
      this.fields[2 * index + 1] as string,
    ])
  }

  /** It is over, with the status that came, if one did. `errorType` says why it failed: a code, or `aborted`. Once. */
  end(status: number | undefined, errorType: string | undefined): void {
    this.#release()
    const span = this.#span
    if (span?.recording !== true || this.#tracer === undefined) return
    const facts = placeOf(this.#sending).of(this.#sending.method, status ?? 0)
    span.name = facts.name
    span.shared = facts.attributes
    const problem = errorType ?? facts.errorType
    if (problem !== undefined) span.fail(problem)
    span.finish(this.#tracer.clock.now())
  }
}

function describe(span: Span, { endpoint, path, attempt }: Sending, redaction: QueryRedaction): void {
  span.set('url.full', redaction.url(endpoint.origin + path))
  span.set('switchgear.attempt', attempt)
  if (attempt > 1) span.set('http.request.resend_count', attempt - 1)
}

/** Address and port of an endpoint, as attributes. */
export function serverOf({ hostname, port, protocol }: URL): { 'server.address': string; 'server.port': number } {
  return {
    'server.address': hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
    'server.port': port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
  }
}

/** What all requests to one endpoint of one service have in common. */
function placeOf({ service, endpoint }: Sending): PlaceFacts {
  const key = `${service} ${endpoint.origin}`
  const known = places.get(key)
  if (known !== undefined) return known
  const place = new PlaceFacts(budget, undefined, { ...serverOf(endpoint), 'switchgear.service': service }, 400)
  if (places.size < budget.maxFacts) places.set(key, place)
  return place
}

/** The next position of a trace that this process does not record: the same trace and flags, an id of its own. */
export function passage(parent: OutgoingPosition | RemoteParent | undefined): OutgoingPosition {
  const spanA = ids.word()
  const spanB = ids.word()
  if (parent !== undefined) {
    const { traceA, traceB, traceC, traceD, flags, traceState } = parent
    return { traceA, traceB, traceC, traceD, spanA, spanB, flags, traceState }
  }
  // Nobody has decided against it, and services that follow the flag of their caller would otherwise record nothing.
  const flags = sampledFlag | randomFlag
  return {
    traceA: ids.word(),
    traceB: ids.word(),
    traceC: ids.word(),
    traceD: ids.word(),
    spanA,
    spanB,
    flags,
    traceState: '',
  }
}
