// Spans of the requests that node:http and node:https serve, from `diagnostics_channel`: begun when a head is parsed, ended
// when the last byte of the answer was handed to the operating system, or when the connection closed before that.
// Invariant: everything the handler causes runs in the context of its own request, never in that of another one on the
// same connection. Not seen: upgrades and CONNECT, which Node does not publish, and requests no parser accepted.
// Listeners of a body are the one thing Node would call elsewhere; see http-emitter.ts.
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Context, enterContext } from '../trace/context.ts'
import type { Tracer } from '../trace/tracer.ts'
import { Connection, serverAttributes } from './connection.ts'
import { routeOf } from './frameworks.ts'
import { isExcludedServer } from './http-exclusions.ts'
import { emitIn } from './http-emitter.ts'
import { HttpExchange } from './http-exchange.ts'
import type { HttpSettings } from './http-options.ts'
import type { Subscriptions } from './http-subscriptions.ts'
import { type FactsBudget, RouteFacts } from './request-facts.ts'
import { capture, linkTo, TraceHeaders } from './request-headers.ts'
import { httpScope, quietContext, serverKind } from './request-scope.ts'

/** What `http.server.request.start` and `http.server.response.finish` publish. */
interface ServerMessage {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly socket: Socket & { readonly encrypted?: boolean }
  readonly server: Server
}

/** What an aborted request failed with. */
const aborted = 'aborted'

/** Traces what node:http serves. */
export class HttpServerSpans {
  readonly #tracer: Tracer
  readonly #settings: HttpSettings
  readonly #subscriptions: Subscriptions
  readonly #facts: RouteFacts
  readonly #headers: TraceHeaders
  readonly #connections = new WeakMap<Socket, Connection>()
  /** Those that still have our listener. */
  readonly #open = new Set<Connection>()

  constructor(tracer: Tracer, settings: HttpSettings, budget: FactsBudget, subscriptions: Subscriptions) {
    this.#tracer = tracer
    this.#settings = settings
    this.#subscriptions = subscriptions
    this.#facts = new RouteFacts(budget)
    this.#headers = new TraceHeaders(settings.propagation, settings.trustIncoming, tracer.ids)
  }

  listen(): void {
    const subscriptions = this.#subscriptions
    // After an error, the context of the request before on this connection must not stay.
    const recover = (): void => enterContext(quietContext)
    subscriptions.on('http.server.request.start', (message: ServerMessage) => this.#started(message), recover)
    subscriptions.on('http.server.response.finish', (message: ServerMessage) => this.#finished(message))
    subscriptions.onClose(() => this.#close())
  }

  /** The request under way that node:http knows as `request`. */
  find(request: IncomingMessage): HttpExchange | undefined {
    return this.#connections.get(request.socket)?.find(request)
  }

  #started(message: ServerMessage): void {
    const { request, response, socket, server } = message
    if (isExcludedServer(server) || this.#isIgnored(request)) {
      enterContext(quietContext)
      return
    }
    const { enrich, serverDurations } = this.#settings
    const { headers } = request
    const method = request.method ?? ''
    const { parent, baggage, stranger } = this.#headers.read(headers)
    const startMs = this.#tracer.clock.now()
    const span = this.#tracer.start(httpScope, method, serverKind, parent, startMs)
    // Where nobody asks how the request ends, only the context is needed.
    const followed = span.recording || serverDurations !== undefined
    const exchange = new HttpExchange(span, method, startMs, followed ? response : undefined)
    if (followed) {
      const connection = this.#connections.get(socket) ?? this.#connect(message)
      connection.begin(exchange)
      serverDurations?.active(method, connection.scheme).add(1)
      if (span.recording) this.#describe(exchange, request, connection)
      if (stranger !== undefined) linkTo(stranger, span)
    }
    let context = new Context(span, baggage, Infinity, undefined, false, exchange)
    if (enrich !== undefined) context = enrich(context, headers)
    exchange.context = context
    if (hasBody(headers)) emitIn(context, request)
    enterContext(context)
  }

  #finished({ request, response, socket }: ServerMessage): void {
    const connection = this.#connections.get(socket)
    const exchange = connection?.end(response)
    if (connection === undefined || exchange === undefined) return
    exchange.route ??= routeOf(request)
    this.#end(exchange, response, connection, '')
  }

  #abort(exchange: HttpExchange, connection: Connection): void {
    try {
      const response = exchange.carrier as ServerResponse
      exchange.route ??= routeOf(response.req)
      this.#end(exchange, response, connection, aborted)
    } catch (error) {
      this.#subscriptions.problem(error)
    }
  }

  #end(exchange: HttpExchange, response: ServerResponse, connection: Connection, problem: string): void {
    exchange.carrier = undefined
    const { span, method, route, startMs } = exchange
    const { serverDurations } = this.#settings
    serverDurations?.active(method, connection.scheme).add(-1)
    if (exchange.leftOut) return
    const endMs = this.#tracer.clock.now()
    // What was to be sent when a connection closed before is nobody's status.
    const status = problem === '' || response.headersSent ? response.statusCode : 0
    let { facts } = connection
    if (facts?.status !== status || facts.target !== route || facts.original !== method)
      connection.facts = facts = this.#facts.of(method, route, status)
    const errorType = problem || exchange.errorType || (facts.errorType ?? '')
    serverDurations?.observe(
      facts.method,
      route ?? '',
      status === 0 ? undefined : status,
      errorType,
      (endMs - startMs) / 1000,
      span,
      connection.scheme,
      endMs,
    )
    if (!span.recording) return
    // An application that renamed the span knows better.
    if (span.name === method) span.name = facts.name
    span.sharedMore = facts.attributes
    if (errorType !== '') span.fail(errorType)
    const { responseHeaders } = this.#settings
    if (responseHeaders.length > 0) capture(span, responseHeaders, (name) => response.getHeader(name))
    span.finish(endMs)
  }

  /** Sets what is known at the start; what the connection's first request said is shared. */
  #describe({ span }: HttpExchange, request: IncomingMessage, connection: Connection): void {
    const { redaction, requestHeaders, trustForwarded } = this.#settings
    const { url = '', headers } = request
    span.shared = connection.shared
    const mark = url.indexOf('?')
    span.set('url.path', mark < 0 ? url : url.slice(0, mark))
    if (mark >= 0) span.set('url.query', redaction.query(url.slice(mark + 1)))
    const { host, 'user-agent': userAgent } = headers
    if (host !== connection.host && host !== undefined)
      for (const [key, value] of Object.entries(serverAttributes(host))) span.set(key, value)
    if (userAgent !== connection.userAgent && userAgent !== undefined) span.set('user_agent.original', userAgent)
    if (trustForwarded) forwarded(span, headers)
    if (requestHeaders.length > 0) capture(span, requestHeaders, (name) => headers[name])
  }

  #connect({ request, socket }: ServerMessage): Connection {
    const { host, 'user-agent': userAgent } = request.headers
    const scheme = socket.encrypted === true ? 'https' : 'http'
    const connection: Connection = new Connection(
      socket,
      { scheme, version: request.httpVersion, host, userAgent },
      this.#tracer.limits.attributeValueLength,
      (exchange) => this.#abort(exchange, connection),
      () => this.#open.delete(connection),
    )
    this.#connections.set(socket, connection)
    this.#open.add(connection)
    return connection
  }

  #isIgnored(request: IncomingMessage): boolean {
    const { ignore } = this.#settings
    if (ignore === undefined) return false
    const { method = '', url = '', headers } = request
    return ignore({ side: 'server', method, host: headers.host ?? '', path: url })
  }

  #close(): void {
    for (const connection of this.#open) connection.forget()
    this.#open.clear()
  }
}

/** Whether more than a head comes; asked for every request. */
function hasBody(headers: IncomingMessage['headers']): boolean {
  const length = headers['content-length']
  return (length !== undefined && length !== '0') || headers['transfer-encoding'] !== undefined
}

/** Takes what a trusted proxy says of its client. */
function forwarded(span: HttpExchange['span'], headers: IncomingMessage['headers']): void {
  const client = firstOf(headers['x-forwarded-for'])
  const scheme = firstOf(headers['x-forwarded-proto'])
  if (client !== '') span.set('client.address', client)
  if (scheme === 'http' || scheme === 'https') span.set('url.scheme', scheme)
}

function firstOf(list: string | string[] | undefined): string {
  const text = typeof list === 'string' ? list : (list?.[0] ?? '')
  const comma = text.indexOf(',')
  return (comma < 0 ? text : text.slice(0, comma)).trim()
}
