// A request or call that one of our own data paths handles (gateway, client): where in a trace it stands, and what it sends on.
// Data paths call the tracer directly, because they know what no instrumentation from outside can: the service, the attempt and
// why it ended. Invariant: what is sent on carries a valid trace context, whether or not this process has started telemetry.
import type { Outcome } from '@switchgear/core'
import { currentTelemetry } from '../current.ts'
import { extract } from '../propagation/inbound.ts'
import { type OutgoingPosition, traceIdHex } from '../propagation/incoming-parent.ts'
import { Propagation } from '../propagation/options.ts'
import { resilienceEvents } from '../sampling/resilience-events.ts'
import { activeContext } from '../trace/context.ts'
import { sampledFlag } from '../trace/parent.ts'
import { Span } from '../trace/span.ts'
import type { InstrumentationScope } from '../trace/span-data.ts'
import type { Tracer } from '../trace/tracer.ts'
import { finishCall } from './call-end.ts'
import { Departure, passage, type Sending, serverOf } from './departure.ts'
import { activeExchange, type HttpExchange } from './http-exchange.ts'
import type { ReceivedHeaders } from './http-options.ts'

const scope: InstrumentationScope = Object.freeze({ name: '@switchgear/client' })
const internal = 0
/** For processes that have started no telemetry: trace context goes through, baggage stays among the other headers. */
const passing = new Propagation({ incoming: ['tracecontext'], outgoing: ['tracecontext'] }, 'propagation')

/** Where a request stands in its trace. */
export class Hop {
  /** The span that everything about this request belongs to; undefined where none is recorded. Pass it as `CallOptions.scope`. */
  readonly span: Span | undefined
  readonly #position: OutgoingPosition
  readonly #tracer: Tracer | undefined
  readonly #exchange: HttpExchange | undefined
  /** Whether the span is ours to finish. */
  readonly #owned: boolean
  /** A fallback has answered, so that the caller is served whatever became of the service. */
  #replaced = false

  private constructor(
    position: OutgoingPosition,
    tracer: Tracer | undefined,
    exchange: HttpExchange | undefined,
    owned: boolean,
  ) {
    this.#position = position
    this.#tracer = tracer
    this.#exchange = exchange
    this.#owned = owned
    this.span = position instanceof Span && position.recording ? position : undefined
  }

  /**
   * A request that came in, in the turn in which its head did: the span that the HTTP instrumentation has begun for it, else
   * the position that its headers tell, else a new trace.
   *
   * @example
   * const hop = Hop.arrived(request.headers)
   */
  static arrived(headers: ReceivedHeaders): Hop {
    const { span } = activeContext()
    const exchange = activeExchange()
    const current = currentTelemetry()
    if (current !== undefined && exchange !== undefined && span instanceof Span) {
      return new Hop(span, current.tracer, exchange, false)
    }
    const { parent } = extract((name) => headers[name], passing)
    return new Hop(passage(parent), undefined, undefined, false)
  }

  /**
   * A call to a service that begins here, as a span of its own below the active one. `headers` are those the caller wants to
   * send: a valid `traceparent` among them is gone on with instead.
   */
  static called(service: string, read: (name: string) => string | undefined): Hop {
    const { parent } = extract(read, passing)
    const current = currentTelemetry()
    const context = activeContext()
    if (current === undefined || context.suppressed) return new Hop(passage(parent), undefined, undefined, false)
    const { tracer } = current
    const span = tracer.start(scope, service, internal, parent ?? context.span, tracer.clock.now())
    span.set('switchgear.pipeline', service)
    return new Hop(span, tracer, undefined, true)
  }

  /** 32 hex digits, made when asked for: most calls are never asked. */
  get traceId(): string {
    return traceIdHex(this.#position)
  }

  /** Whether the trace may be recorded, by this process or by others. */
  get sampled(): boolean {
    return (this.#position.flags & sampledFlag) !== 0
  }

  /** Whether the HTTP instrumentation counts this request into `metrics`, so that nobody else shall. */
  isCountedBy(metrics: object): boolean {
    return this.#exchange !== undefined && currentTelemetry()?.served === metrics
  }

  /** The route that serves the request: a pattern, never a path. */
  route(route: string): void {
    if (this.#exchange !== undefined) this.#exchange.route = route
  }

  /** Why the request is answered with an error, in place of its status. */
  fail(code: string): void {
    if (this.#exchange !== undefined) this.#exchange.errorType = code
  }

  /** The request is no traffic, such as a scrape: nothing is recorded of it and it is not counted. */
  leaveOut(): void {
    if (this.#exchange !== undefined) this.#exchange.leftOut = true
  }

  /** A fallback answers in place of the service. */
  fellBack(policy: string, cause: string): void {
    this.#replaced = true
    if (this.#tracer === undefined) return
    const attributes = { 'switchgear.policy': policy, 'error.type': cause }
    this.span?.event(resilienceEvents.fallback, attributes, this.#tracer.clock.now())
  }

  /** By its failure an endpoint was ejected: it gets no traffic for a while. */
  ejected(endpoint: URL, reason: string): void {
    if (this.#tracer === undefined) return
    const attributes = { ...serverOf(endpoint), 'switchgear.reason': reason }
    this.span?.event(resilienceEvents.ejection, attributes, this.#tracer.clock.now())
  }

  /** One attempt to send it on. End what it answers when its last byte has come, or when it has failed. */
  depart(sending: Sending): Departure {
    return new Departure(sending, this.#position, this.#tracer)
  }

  /** A call has ended. Harmless for a request that came in, which its instrumentation ends. */
  end(outcome: Outcome, error?: unknown): void {
    const { span } = this
    if (!this.#owned || span === undefined || this.#tracer === undefined) return
    finishCall(span, this.#replaced ? 'success' : outcome, error, this.#tracer.clock.now())
  }
}
