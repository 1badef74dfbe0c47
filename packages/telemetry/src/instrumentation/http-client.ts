// Spans of the requests that node:http and node:https send, from `diagnostics_channel`. Invariant: a `traceparent` that the
// application set stays as it is; a request ends with its 'close', which Node emits after the last byte and after every
// error, so one listener per request is all that is added to it.
import type { ClientRequest, IncomingMessage } from 'node:http'
import { activeContext } from '../trace/context.ts'
import { claims } from './http-claims.ts'
import type { HttpCall, HttpCalls } from './http-call.ts'
import type { Subscriptions } from './http-subscriptions.ts'
import { errorType, isCancellation } from './request-error.ts'
import { capture } from './request-headers.ts'
import { httpScope } from './request-scope.ts'

interface Sent {
  readonly request: ClientRequest
}

/** Traces what node:http sends. */
export class HttpClientSpans {
  readonly #calls: HttpCalls
  readonly #underWay = new WeakMap<ClientRequest, HttpCall>()
  readonly #subscriptions: Subscriptions

  constructor(calls: HttpCalls, subscriptions: Subscriptions) {
    this.#calls = calls
    this.#subscriptions = subscriptions
  }

  listen(): void {
    const subscriptions = this.#subscriptions
    subscriptions.on('http.client.request.created', ({ request }: Sent) => this.#created(request))
    subscriptions.on('http.client.request.error', ({ request, error }: Sent & { error: unknown }) => {
      const call = this.#underWay.get(request)
      if (call !== undefined && !isCancellation(error)) call.problem = errorType(error)
    })
    subscriptions.on('http.client.response.finish', ({ request, response }: Sent & { response: IncomingMessage }) =>
      this.#answered(request, response),
    )
  }

  #created(request: ClientRequest): void {
    const context = activeContext()
    if (context.suppressed) return
    const given = request.getHeader('traceparent')
    if (claims.has(given)) return
    const { method, path, protocol } = request
    const call = this.#calls.begin(httpScope, context, method, `${protocol}//${hostOf(request)}`, path)
    if (call === undefined) return
    // Headers that were given as a list are on their way already; nothing can be added to them.
    if (given === undefined && !request.headersSent)
      this.#calls.inject((name, value) => request.setHeader(name, value), call.span, context)
    if (!call.span.recording && call.destination.durations === undefined) return
    const { requestHeaders } = this.#calls.settings
    if (requestHeaders.length > 0) capture(call.span, requestHeaders, (name) => request.getHeader(name))
    this.#underWay.set(request, call)
    request.once('close', this.#closed(request, call))
  }

  /** Node publishes this when the head has come, in spite of the channel's name. */
  #answered(request: ClientRequest, response: IncomingMessage): void {
    const call = this.#underWay.get(request)
    if (call === undefined) return
    call.status = response.statusCode ?? 0
    this.#calls.carriedBy(call, request.socket, response.httpVersion)
    const { responseHeaders } = this.#calls.settings
    if (responseHeaders.length > 0) capture(call.span, responseHeaders, (name) => response.headers[name])
    responses.set(call, response)
  }

  #closed(request: ClientRequest, call: HttpCall): () => void {
    return () => {
      try {
        this.#underWay.delete(request)
        // A body that broke off is told to the response only. Without an error it was the caller who had enough of it.
        const failure = responses.get(call)?.errored
        if (call.problem === '' && failure != null && !isCancellation(failure)) call.problem = errorType(failure)
        this.#calls.end(call)
      } catch (error) {
        this.#subscriptions.problem(error)
      }
    }
  }
}

const responses = new WeakMap<HttpCall, IncomingMessage>()

/** As the Host header says it, where there is one; else where the request goes. */
function hostOf(request: ClientRequest): string {
  const header = request.getHeader('host')
  return typeof header === 'string' && header !== '' ? header : request.host
}
