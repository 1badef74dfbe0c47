// The access log of a server of node:http or node:https. Invariant: every request gets exactly one line, when its response closed or,
// where it never got its turn, when its connection did; there is one listener on a connection however many requests it
// carries; after `stop` no listener is left. The size of an answer is known where its `Content-Length` was given to `setHeader`. Not seen: upgrades, CONNECT, and requests that Node hands to `checkContinue`.
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import { checkFunction, checkKeys } from '@switchgear/core/options'
import { routeOf } from '../instrumentation/frameworks.ts'
import { activeExchange, type HttpExchange } from '../instrumentation/http-exchange.ts'
import { plainAddress } from '../instrumentation/request-url.ts'
import { parseTraceparent } from '../propagation/traceparent.ts'
import { traceIdHex } from '../propagation/incoming-parent.ts'
import type { AccessFacts } from './access-record.ts'
import type { AccessLog } from './access-log.ts'
import { flagsText, traceFields } from './trace-fields.ts'

/** How requests are logged. */
export interface LogRequestsOptions {
  /** Takes client and scheme from `x-forwarded-for` and `x-forwarded-proto`: only behind a proxy that sets them. Default false. */
  readonly trustForwarded?: boolean | undefined
  /** Requests that get no line, such as health checks. Default: none. */
  readonly ignore?: ((request: IncomingMessage) => boolean) | undefined
}

/** What a request failed with when its connection closed before the last byte was sent. */
const aborted = 'aborted'

/**
 * Logs the requests of `server` until the function that it answers is called. Requests under way then get no line.
 *
 * @example
 * const stop = logRequests(server, new AccessLog({ log: (record) => logger.info(record, 'request') }))
 */
export function logRequests(
  server: HttpServer | HttpsServer,
  accessLog: AccessLog,
  options: LogRequestsOptions = {},
): () => void {
  checkKeys(options, ['trustForwarded', 'ignore'], 'logRequests')
  if (options.ignore !== undefined) checkFunction(options.ignore, 'logRequests.ignore')
  const log = new RequestLog(accessLog, options)
  // In front of the application's listener, which may answer at once.
  server.prependListener('request', log.began)
  return () => {
    server.off('request', log.began)
    log.stop()
  }
}

class RequestLog {
  readonly #accessLog: AccessLog
  readonly #options: LogRequestsOptions
  readonly #connections = new Map<Socket, Connection>()

  constructor(accessLog: AccessLog, options: LogRequestsOptions) {
    this.#accessLog = accessLog
    this.#options = options
  }

  readonly began = (request: IncomingMessage, response: ServerResponse): void => {
    const { trustForwarded = false } = this.#options
    if (this.#ignores(request)) return
    const { socket } = request
    let connection = this.#connections.get(socket)
    if (connection === undefined) {
      connection = new Connection(socket, () => this.#connections.delete(socket))
      this.#connections.set(socket, connection)
    }
    connection.add(new ServedRequest(request, response, this.#accessLog, trustForwarded))
  }

  #ignores(request: IncomingMessage): boolean {
    try {
      return this.#options.ignore?.(request) === true
    } catch {
      // A throw here would end the process; a line too many says where to look.
      return false
    }
  }

  stop(): void {
    for (const connection of this.#connections.values()) connection.forget()
    this.#connections.clear()
  }
}

/** A connection with its requests under way. */
class Connection {
  readonly #socket: Socket
  readonly #onClose: () => void
  readonly #underWay = new Set<ServedRequest>()

  constructor(socket: Socket, onClose: () => void) {
    this.#socket = socket
    this.#onClose = onClose
    socket.once('close', this.#closed)
  }

  add(request: ServedRequest): void {
    this.#underWay.add(request)
    request.listen(() => this.#underWay.delete(request))
  }

  forget(): void {
    this.#socket.off('close', this.#closed)
    for (const request of this.#underWay) request.forget()
    this.#underWay.clear()
  }

  readonly #closed = (): void => {
    // Only some versions of Node close the responses that never got their turn.
    for (const request of this.#underWay) request.end()
    this.#onClose()
  }
}

/** A request from its head to the end of its response. */
class ServedRequest {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #accessLog: AccessLog
  readonly #startMs: number
  readonly #exchange: HttpExchange | undefined
  /** The trace is recorded by nobody: only the log asks for its route. */
  readonly #follows: boolean
  /** What is not known any more when the connection is closed. */
  readonly #before: Pick<AccessFacts, 'clientAddress' | 'scheme' | 'target' | 'traceId' | 'spanId' | 'traceFlags'>
  #onEnd: () => void = () => {}

  constructor(request: IncomingMessage, response: ServerResponse, accessLog: AccessLog, trustForwarded: boolean) {
    this.#request = request
    this.#response = response
    this.#accessLog = accessLog
    this.#startMs = accessLog.clock.now()
    this.#exchange = activeExchange()
    this.#follows = this.#exchange !== undefined && this.#exchange.carrier === undefined
    if (this.#follows && this.#exchange !== undefined) this.#exchange.carrier = response
    // Frameworks rewrite `url` where they mount one application in another, so it is read here.
    this.#before = { ...origin(request, trustForwarded), target: request.url, ...traceOf(request) }
  }

  listen(onEnd: () => void): void {
    this.#onEnd = onEnd
    this.#response.once('close', this.end)
  }

  forget(): void {
    this.#response.off('close', this.end)
    if (this.#follows && this.#exchange !== undefined) this.#exchange.carrier = undefined
  }

  readonly end = (): void => {
    this.forget()
    this.#onEnd()
    if (this.#exchange?.leftOut !== true) this.#accessLog.write(this.#facts())
  }

  #facts(): AccessFacts {
    const request = this.#request
    const response = this.#response
    const exchange = this.#exchange
    const { method = '', httpVersion, headers } = request
    const whole = response.writableFinished
    const status = whole || response.headersSent ? response.statusCode : undefined
    return {
      ...this.#before,
      method,
      durationMs: this.#accessLog.clock.now() - this.#startMs,
      status,
      route: exchange?.route ?? routeOf(request),
      host: headers.host,
      userAgent: headers['user-agent'],
      protocolVersion: httpVersion,
      errorType: whole ? exchange?.errorType : aborted,
      requestBodyBytes: request.complete ? bytesOf(headers['content-length']) : undefined,
      responseBodyBytes: whole && hasBody(method, status) ? bytesOf(response.getHeader('content-length')) : undefined,
    }
  }
}

/** The span that serves the request; else the trace that its caller says it belongs to. */
function traceOf({ headers }: IncomingMessage): Pick<AccessFacts, 'traceId' | 'spanId' | 'traceFlags'> {
  const { trace_id: traceId, span_id: spanId, trace_flags: traceFlags } = traceFields()
  if (traceId !== undefined) return { traceId, spanId, traceFlags }
  const { traceparent } = headers
  const parent = typeof traceparent === 'string' ? parseTraceparent(traceparent) : undefined
  return parent === undefined ? {} : { traceId: traceIdHex(parent), traceFlags: flagsText(parent.flags) }
}

function origin(request: IncomingMessage, trustForwarded: boolean): Pick<AccessFacts, 'clientAddress' | 'scheme'> {
  const { remoteAddress, encrypted } = request.socket as Socket & { readonly encrypted?: boolean }
  const peer = remoteAddress === undefined ? undefined : plainAddress(remoteAddress)
  const scheme = encrypted === true ? 'https' : 'http'
  if (!trustForwarded) return { clientAddress: peer, scheme }
  const forwarded = first(request.headers['x-forwarded-proto'])
  return {
    clientAddress: first(request.headers['x-forwarded-for']) || peer,
    scheme: forwarded === 'http' || forwarded === 'https' ? forwarded : scheme,
  }
}

function first(list: string | string[] | undefined): string {
  return (
    String(list ?? '')
      .split(',', 1)[0]
      ?.trim() ?? ''
  )
}

function hasBody(method: string, status: number | undefined): boolean {
  return method !== 'HEAD' && status !== 204 && status !== 304
}

/** Bytes of a `Content-Length`. */
function bytesOf(length: number | string | string[] | undefined): number | undefined {
  const text = String(length)
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
