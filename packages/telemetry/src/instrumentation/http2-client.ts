// Spans of the streams that node:http2 sends, gRPC among them. Invariant: a stream that undici or one of our data paths sends is
// theirs. Headers cannot be added here: when Node publishes a new stream, its headers are already encoded. Whoever sends
// streams without undici puts `traceparent` on them with OpenTelemetry's `propagation.inject`.
import type { ClientHttp2Stream, Http2Session, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'
import { activeContext } from '../trace/context.ts'
import { type ClaimSet, claims } from './http-claims.ts'
import type { HttpCall, HttpCalls } from './http-call.ts'
import type { Subscriptions } from './http-subscriptions.ts'
import { streamError } from './http2-error.ts'
import { describeGrpc, grpcError, grpcStatus, isGrpc } from './http2-grpc.ts'
import { errorType, isCancellation } from './request-error.ts'
import { capture } from './request-headers.ts'
import { http2Scope } from './request-scope.ts'

interface StreamMessage {
  readonly stream: ClientHttp2Stream
  readonly headers?: OutgoingHttpHeaders
}

/** A stream under way. */
interface Sent {
  readonly call: HttpCall
  readonly path: string
  readonly isGrpc: boolean
  rpcStatus: string | undefined
}

/** Traces what node:http2 sends. */
export class Http2ClientSpans {
  readonly #calls: HttpCalls
  readonly #carried: ClaimSet
  readonly #subscriptions: Subscriptions
  readonly #underWay = new WeakMap<ClientHttp2Stream, Sent>()

  /** `carried` are the requests that undici has under way. */
  constructor(calls: HttpCalls, carried: ClaimSet, subscriptions: Subscriptions) {
    this.#calls = calls
    this.#carried = carried
    this.#subscriptions = subscriptions
  }

  listen(): void {
    const subscriptions = this.#subscriptions
    subscriptions.on('http2.client.stream.created', ({ stream, headers }: StreamMessage) => {
      // Headers that were given as a raw list are not shown; there is nothing to make a span of.
      if (headers?.[':method'] !== undefined) this.#created(stream, headers)
    })
    subscriptions.on(
      'http2.client.stream.finish',
      ({ stream, headers }: StreamMessage & { headers: IncomingHttpHeaders }) => this.#answered(stream, headers),
    )
    subscriptions.on('http2.client.stream.error', ({ stream, error }: StreamMessage & { error: unknown }) => {
      const call = this.#underWay.get(stream)?.call
      // An error of the stream says no more than the code it was reset with.
      if (call !== undefined && !isCancellation(error) && errorType(error) !== 'ERR_HTTP2_STREAM_ERROR')
        call.problem = errorType(error)
    })
  }

  #created(stream: ClientHttp2Stream, headers: OutgoingHttpHeaders): void {
    const context = activeContext()
    const given = headers['traceparent']
    if (context.suppressed || claims.has(given) || this.#carried.has(given)) return
    const method = String(headers[':method'])
    const path = String(headers[':path'] ?? '/')
    const scheme = String(headers[':scheme'] ?? 'http')
    const authority = String(headers[':authority'] ?? headers['host'] ?? '')
    const call = this.#calls.begin(http2Scope, context, method, `${scheme}://${authority}`, path)
    if (call === undefined) return
    const sent: Sent = { call, path, isGrpc: isGrpc(headers), rpcStatus: undefined }
    this.#underWay.set(stream, sent)
    const { requestHeaders } = this.#calls.settings
    if (requestHeaders.length > 0) capture(call.span, requestHeaders, (name) => headers[name])
    if (sent.isGrpc) stream.once('trailers', (trailers) => (sent.rpcStatus = grpcStatus(trailers)))
    stream.once('close', () => this.#closed(stream, sent))
  }

  #answered(stream: ClientHttp2Stream, headers: IncomingHttpHeaders): void {
    const sent = this.#underWay.get(stream)
    if (sent === undefined) return
    sent.call.status = Number(headers[':status'] ?? 0)
    // When the stream was made the session may not have had a peer yet.
    this.#calls.carriedBy(sent.call, socketOf(stream.session), '2')
    sent.rpcStatus ??= grpcStatus(headers)
    const { responseHeaders } = this.#calls.settings
    if (responseHeaders.length > 0) capture(sent.call.span, responseHeaders, (name) => headers[name])
  }

  #closed(stream: ClientHttp2Stream, { call, path, isGrpc, rpcStatus }: Sent): void {
    try {
      const reset = streamError(stream.rstCode)
      // A stream that this side gave up is no error of it.
      if (call.problem === '' && reset !== 'aborted') call.problem = reset
      if (isGrpc) {
        if (rpcStatus !== undefined) call.problem = grpcError(rpcStatus, false)
        if (call.span.recording) describeGrpc(call.span, path, rpcStatus)
      }
      this.#calls.end(call)
    } catch (error) {
      this.#subscriptions.problem(error)
    }
  }
}

function socketOf(session: Http2Session | undefined): Http2Session['socket'] | undefined {
  // While a session connects it has no peer to tell of.
  return session === undefined || session.connecting ? undefined : session.socket
}
