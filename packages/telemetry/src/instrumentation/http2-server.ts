// Spans of the streams that node:http2 serves, its compatibility API and gRPC among them. Invariant: listeners of a stream run
// in the context of its request (see http-emitter.ts), and a stream that was pushed belongs to the request it was pushed for.
import type { Http2Session, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { Context, enterContext } from '../trace/context.ts'
import type { AttributeSet } from '../trace/attribute-set.ts'
import type { Tracer } from '../trace/tracer.ts'
import { connectionAttributes, serverAttributes } from './connection.ts'
import { isExcludedServer } from './http-exclusions.ts'
import { emitIn } from './http-emitter.ts'
import { HttpExchange } from './http-exchange.ts'
import type { HttpSettings } from './http-options.ts'
import type { Subscriptions } from './http-subscriptions.ts'
import { streamError } from './http2-error.ts'
import { describeGrpc, grpcError, grpcStatus, isGrpc } from './http2-grpc.ts'
import { type FactsBudget, RouteFacts } from './request-facts.ts'
import { capture, linkTo, TraceHeaders } from './request-headers.ts'
import { http2Scope, quietContext, serverKind } from './request-scope.ts'

interface StreamMessage {
  readonly stream: ServerHttp2Stream
  readonly headers: IncomingHttpHeaders
}

/** What all streams of a session share. */
interface SessionFacts {
  readonly scheme: string
  readonly host: string | undefined
  readonly userAgent: string | undefined
  readonly shared: AttributeSet
  readonly isExcluded: boolean
}

/** A stream under way. */
interface Served {
  readonly exchange: HttpExchange
  readonly headers: IncomingHttpHeaders
  readonly scheme: string
}

/** Traces what node:http2 serves. */
export class Http2ServerSpans {
  readonly #tracer: Tracer
  readonly #settings: HttpSettings
  readonly #subscriptions: Subscriptions
  readonly #facts: RouteFacts
  readonly #traceHeaders: TraceHeaders
  readonly #sessions = new WeakMap<Http2Session, SessionFacts>()
  readonly #underWay = new WeakMap<ServerHttp2Stream, Served>()

  constructor(tracer: Tracer, settings: HttpSettings, budget: FactsBudget, subscriptions: Subscriptions) {
    this.#tracer = tracer
    this.#settings = settings
    this.#facts = new RouteFacts(budget)
    this.#subscriptions = subscriptions
    this.#traceHeaders = new TraceHeaders(settings.propagation, settings.trustIncoming, tracer.ids)
  }

  listen(): void {
    const subscriptions = this.#subscriptions
    subscriptions.on('http2.server.stream.created', ({ stream, headers }: StreamMessage) => {
      // A pushed stream is part of the answer to another request.
      if (stream.pushAllowed === undefined || headers[':method'] === undefined || stream.sentHeaders !== undefined)
        return
      this.#created(stream, headers)
    })
    subscriptions.on('http2.server.stream.close', ({ stream }: StreamMessage) => this.#closed(stream))
  }

  #created(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const { session } = stream
    if (session === undefined) return
    const facts = this.#sessions.get(session) ?? this.#open(session, headers)
    const method = headers[':method'] ?? ''
    const path = headers[':path'] ?? ''
    const { enrich, ignore, serverDurations } = this.#settings
    const host = headers[':authority'] ?? headers.host ?? ''
    if (facts.isExcluded || ignore?.({ side: 'server', method, host, path }) === true) {
      this.#enter(stream, quietContext)
      return
    }
    const { parent, baggage, stranger } = this.#traceHeaders.read(headers)
    serverDurations?.active(method, facts.scheme).add(1)
    const startMs = this.#tracer.clock.now()
    const span = this.#tracer.start(http2Scope, method, serverKind, parent, startMs)
    const exchange = new HttpExchange(span, method, startMs, stream)
    this.#underWay.set(stream, { exchange, headers, scheme: facts.scheme })
    if (span.recording) {
      this.#describe(exchange, headers, path, host, facts)
      if (stranger !== undefined) linkTo(stranger, span)
    }
    const context = new Context(span, baggage, Infinity, undefined, false, exchange)
    this.#enter(stream, enrich === undefined ? context : enrich(context, headers))
  }

  #enter(stream: ServerHttp2Stream, context: Context): void {
    enterContext(context)
    emitIn(context, stream)
  }

  #describe(
    { span }: HttpExchange,
    headers: IncomingHttpHeaders,
    path: string,
    host: string,
    facts: SessionFacts,
  ): void {
    const { redaction, requestHeaders } = this.#settings
    span.shared = facts.shared
    if (!isGrpc(headers)) {
      const mark = path.indexOf('?')
      span.set('url.path', mark < 0 ? path : path.slice(0, mark))
      if (mark >= 0) span.set('url.query', redaction.query(path.slice(mark + 1)))
    }
    if (host !== facts.host) for (const [key, value] of Object.entries(serverAttributes(host))) span.set(key, value)
    const userAgent = headers['user-agent']
    if (userAgent !== facts.userAgent && userAgent !== undefined) span.set('user_agent.original', userAgent)
    if (requestHeaders.length > 0) capture(span, requestHeaders, (name) => headers[name])
  }

  #closed(stream: ServerHttp2Stream): void {
    const served = this.#underWay.get(stream)
    if (served === undefined) return
    this.#underWay.delete(stream)
    const { exchange, headers, scheme } = served
    const { span, method, route, startMs } = exchange
    const { serverDurations } = this.#settings
    exchange.carrier = undefined
    serverDurations?.active(method, scheme).add(-1)
    if (exchange.leftOut) return
    const endMs = this.#tracer.clock.now()
    const { sentHeaders } = stream
    const status = Number(sentHeaders?.[':status'] ?? 0)
    const facts = this.#facts.of(method, route, status)
    const grpc = isGrpc(headers)
    const rpcStatus = grpc ? (grpcStatus(stream.sentTrailers) ?? grpcStatus(sentHeaders)) : undefined
    let errorType = streamError(stream.rstCode) || exchange.errorType || (facts.errorType ?? '')
    if (rpcStatus !== undefined) errorType = grpcError(rpcStatus, true)
    const seconds = (endMs - startMs) / 1000
    serverDurations?.observe(facts.method, route ?? '', status || undefined, errorType, seconds, span, scheme, endMs)
    if (!span.recording) return
    const renamed = span.name !== method
    const { name } = span
    if (grpc) describeGrpc(span, headers[':path'] ?? '', rpcStatus)
    else span.name = facts.name
    if (renamed) span.name = name
    span.sharedMore = facts.attributes
    if (errorType !== '') span.fail(errorType)
    const { responseHeaders } = this.#settings
    if (responseHeaders.length > 0) capture(span, responseHeaders, (header) => sentHeaders?.[header])
    span.finish(endMs)
  }

  #open(session: Http2Session, headers: IncomingHttpHeaders): SessionFacts {
    const { socket } = session
    const scheme = session.encrypted === true ? 'https' : 'http'
    const host = headers[':authority'] ?? headers.host
    const userAgent = headers['user-agent']
    const { attributeValueLength } = this.#tracer.limits
    const shared = connectionAttributes(socket, { scheme, version: '2', host, userAgent }, attributeValueLength)
    const { server } = socket as { server?: object }
    const facts = { scheme, host, userAgent, shared, isExcluded: isExcludedServer(server) }
    this.#sessions.set(session, facts)
    return facts
  }
}
