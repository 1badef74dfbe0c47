// Requests that this process sends, whichever client sends them: what their spans are called and say, where they hang and
// what they take along. Invariant: a call ends once; what is kept per host is bounded; one that is ignored, claimed or made
// where nothing is traced leaves no sign.
import type { Socket } from 'node:net'
import type { PeerDurations } from '../metrics/http-durations.ts'
import type { OutgoingPosition } from '../propagation/incoming-parent.ts'
import { inject } from '../propagation/outbound.ts'
import type { FieldWriter } from '../propagation/field-text.ts'
import { AttributeSet } from '../trace/attribute-set.ts'
import type { Context } from '../trace/context.ts'
import type { Span } from '../trace/span.ts'
import type { AttributeValue, InstrumentationScope } from '../trace/span-data.ts'
import type { Tracer } from '../trace/tracer.ts'
import type { HttpSettings } from './http-options.ts'
import { type FactsBudget, PlaceFacts } from './request-facts.ts'
import { clientKind } from './request-scope.ts'
import { parseAuthority, plainAddress } from './request-url.ts'

/** A scheme with a host: what all requests to it share. */
export interface Destination {
  readonly origin: string
  readonly host: string
  readonly isExcluded: boolean
  readonly facts: PlaceFacts
  readonly durations: PeerDurations | undefined
}

/** A request being sent. */
export class HttpCall {
  readonly span: Span
  readonly method: string
  readonly startMs: number
  readonly destination: Destination
  /** 0 until a head has come. */
  status: number = 0
  /** Why it fails, as `error.type`; '' when it does not. */
  problem: string = ''
  isOver: boolean = false

  constructor(span: Span, method: string, startMs: number, destination: Destination) {
    this.span = span
    this.method = method
    this.startMs = startMs
    this.destination = destination
  }
}

/** Begins and ends calls. One for all clients. */
export class HttpCalls {
  readonly settings: HttpSettings
  readonly #tracer: Tracer
  readonly #budget: FactsBudget
  readonly #destinations = new Map<string, Destination>()
  /** What all requests on a connection share. */
  readonly #peers = new WeakMap<Socket, AttributeSet>()

  constructor(tracer: Tracer, settings: HttpSettings, budget: FactsBudget) {
    this.#tracer = tracer
    this.settings = settings
    this.#budget = budget
  }

  /** Undefined when the request is to be left alone. `origin` is `scheme://host[:port]`, `path` may be a whole address. */
  begin(
    scope: InstrumentationScope,
    context: Context,
    method: string,
    origin: string,
    path: string,
  ): HttpCall | undefined {
    const destination = this.#destinations.get(origin) ?? this.#destination(origin)
    const { settings } = this
    if (destination.isExcluded) return undefined
    if (settings.ignore?.({ side: 'client', method, host: destination.host, path }) === true) return undefined
    const startMs = this.#tracer.clock.now()
    const span = this.#tracer.start(scope, method, clientKind, context.span, startMs)
    if (span.recording) {
      const { redaction } = settings
      span.set('url.full', path.startsWith('/') ? origin + redaction.target(path) : redaction.url(path))
    }
    return new HttpCall(span, method, startMs, destination)
  }

  /** Writes the headers of a call. */
  inject(write: FieldWriter, span: OutgoingPosition, context: Context): void {
    inject(write, span, context.baggage, this.settings.propagation)
  }

  /** Says which connection carries a call. */
  carriedBy(call: HttpCall, socket: Socket | undefined | null, version: string): void {
    if (socket === undefined || socket === null || !call.span.recording) return
    let peer = this.#peers.get(socket)
    if (peer === undefined)
      this.#peers.set(socket, (peer = peerAttributes(socket, version, this.#tracer.limits.attributeValueLength)))
    call.span.shared = peer
  }

  /** Ends a call; later ends are ignored. */
  end(call: HttpCall): void {
    if (call.isOver) return
    call.isOver = true
    const { span, method, status, problem, startMs, destination } = call
    const { durations } = destination
    if (!span.recording && durations === undefined) return
    const endMs = this.#tracer.clock.now()
    const facts = destination.facts.of(method, status)
    const errorType = problem === '' ? (facts.errorType ?? '') : problem
    durations?.observe(
      facts.method,
      status === 0 ? undefined : status,
      errorType,
      (endMs - startMs) / 1000,
      span,
      endMs,
    )
    if (!span.recording) return
    if (span.name === method) span.name = facts.name
    span.sharedMore = facts.attributes
    if (errorType !== '') span.fail(errorType)
    span.finish(endMs)
  }

  #destination(origin: string): Destination {
    const from = origin.indexOf('://')
    const scheme = from < 0 ? 'http' : origin.slice(0, from)
    const host = from < 0 ? origin : origin.slice(from + 3)
    const { address, port = defaultPort(scheme) } = parseAuthority(host)
    const attributes: Record<string, AttributeValue> = { 'server.address': address }
    if (port !== undefined) attributes['server.port'] = port
    const { excludedHosts, clientDurations } = this.settings
    const lower = address.toLowerCase()
    const isKept = this.#destinations.size < this.settings.maxFacts
    const destination: Destination = {
      origin,
      host,
      isExcluded: excludedHosts.has(lower) || excludedHosts.has(`${lower}:${port}`) || excludedHosts.has(host),
      facts: new PlaceFacts(this.#budget, undefined, attributes, 400, isKept),
      durations: clientDurations?.peer('', scheme, address, port),
    }
    if (isKept) this.#destinations.set(origin, destination)
    return destination
  }
}

function defaultPort(scheme: string): number | undefined {
  if (scheme === 'https') return 443
  return scheme === 'http' ? 80 : undefined
}

function peerAttributes({ remoteAddress, remotePort }: Socket, version: string, maxLength: number): AttributeSet {
  const attributes: Record<string, AttributeValue> = { 'network.protocol.version': version }
  if (remoteAddress !== undefined) attributes['network.peer.address'] = plainAddress(remoteAddress)
  if (remoteAddress !== undefined && remotePort !== undefined) attributes['network.peer.port'] = remotePort
  return new AttributeSet(attributes, maxLength)
}
