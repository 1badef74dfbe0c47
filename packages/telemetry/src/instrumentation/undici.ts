// Spans of the requests that undici sends, be it the one that Node's `fetch` is made of or one from npm: all of them publish on
// the same channels. Invariant: a `traceparent` that the application set stays as it is; a request that goes out as HTTP/2 is
// traced here and not a second time by its stream (but by undici 6, which does not say when it sends one).
import { AsyncResource } from 'node:async_hooks'
import type { Socket } from 'node:net'
import { activeContext, type Context } from '../trace/context.ts'
import { ClaimSet, claims } from './http-claims.ts'
import type { HttpCall, HttpCalls } from './http-call.ts'
import type { Subscriptions } from './http-subscriptions.ts'
import { errorType, isCancellation } from './request-error.ts'
import { capture } from './request-headers.ts'
import { undiciScope } from './request-scope.ts'

/** Where a request carries its call: on itself, because a WeakMap costs a third of all that a call costs. */
const sendingKey = Symbol('switchgear.sending')

/** What undici publishes as a request, of the versions 6 to 8. */
interface UndiciRequest {
  [sendingKey]?: Sending | undefined
  readonly origin: string | URL
  readonly path: string
  readonly method: string
  /** Name, value, name, value; repeated headers as a list. */
  readonly headers: readonly unknown[]
  addHeader(name: string, value: string): unknown
}

interface Message {
  readonly request: UndiciRequest
}

interface Carried extends Message {
  readonly socket: Socket & { readonly alpnProtocol?: unknown }
}

interface Answered extends Message {
  readonly response: { readonly statusCode: number; readonly headers: unknown }
}

/** A call, and what it was given to take along; '' when it had that already. */
interface Sending {
  readonly call: HttpCall
  readonly traceparent: string
}

/** Traces what undici sends. */
export class UndiciSpans {
  readonly #calls: HttpCalls
  readonly #subscriptions: Subscriptions
  /** Requests under way on HTTP/2: a stream of node:http2 with one of these is one of them. */
  readonly carried: ClaimSet = new ClaimSet()
  #handlerKey: symbol | undefined = undefined

  constructor(calls: HttpCalls, subscriptions: Subscriptions) {
    this.#calls = calls
    this.#subscriptions = subscriptions
  }

  listen(): void {
    const calls = this.#calls
    const subscriptions = this.#subscriptions
    subscriptions.on('undici:request:create', ({ request }: Message) => this.#created(request))
    subscriptions.on('undici:client:sendHeaders', ({ request, socket }: Carried) => {
      const sending = request[sendingKey]
      if (sending === undefined) return
      const isHttp2 = socket.alpnProtocol === 'h2'
      // Its stream is made right after this.
      if (isHttp2 && sending.traceparent !== '') this.carried.add(sending.traceparent)
      calls.carriedBy(sending.call, socket, isHttp2 ? '2' : '1.1')
    })
    subscriptions.on('undici:request:headers', ({ request, response }: Answered) => {
      const call = request[sendingKey]?.call
      if (call === undefined) return
      call.status = response.statusCode
      const { responseHeaders } = calls.settings
      if (responseHeaders.length > 0) capture(call.span, responseHeaders, (name) => fieldOf(response.headers, name))
    })
    subscriptions.on('undici:request:trailers', ({ request }: Message) => this.#end(request, undefined))
    subscriptions.on('undici:request:error', ({ request, error }: Message & { error: unknown }) =>
      this.#end(request, error),
    )
  }

  #created(request: UndiciRequest): void {
    const context = this.#contextOf(request)
    if (context.suppressed) return
    const given = fieldOf(request.headers, 'traceparent')
    if (claims.has(given)) return
    const { method, path } = request
    const call = this.#calls.begin(undiciScope, context, method, String(request.origin), path)
    if (call === undefined) return
    let traceparent = ''
    if (given === undefined) {
      const write = (name: string, value: string): void => {
        request.addHeader(name, value)
        if (name === 'traceparent') traceparent = value
      }
      this.#calls.inject(write, call.span, context)
    }
    if (!call.span.recording && call.destination.durations === undefined) return
    const { requestHeaders } = this.#calls.settings
    if (requestHeaders.length > 0) capture(call.span, requestHeaders, (name) => fieldOf(request.headers, name))
    request[sendingKey] = { call, traceparent }
  }

  #end(request: UndiciRequest, error: unknown): void {
    const sending = request[sendingKey]
    if (sending === undefined) return
    request[sendingKey] = undefined
    if (this.carried.size > 0) this.carried.delete(sending.traceparent)
    if (error !== undefined && !isCancellation(error)) sending.call.problem = errorType(error)
    this.#calls.end(sending.call)
  }

  /**
   * Where the request was asked for. A pool that had no free connection makes it later, in the context of whatever freed one.
   * From 8.12 on undici keeps the caller's context itself; before that the handlers of its own methods, such as `request`, do.
   */
  #contextOf(request: UndiciRequest): Context {
    const bag = request as unknown as Readonly<Record<symbol, unknown>>
    if (this.#handlerKey === undefined || !(this.#handlerKey in request))
      this.#handlerKey = Object.getOwnPropertySymbols(request).find(({ description }) => description === 'handler')
    const handler = this.#handlerKey === undefined ? undefined : bag[this.#handlerKey]
    return handler instanceof AsyncResource ? handler.runInAsyncScope(activeContext) : activeContext()
  }
}

/** A header in undici's forms: names and values in one list, as texts or bytes, or an object. */
function fieldOf(headers: unknown, name: string): string | undefined {
  if (!Array.isArray(headers)) {
    const value = (headers as Readonly<Record<string, unknown>> | undefined)?.[name]
    return value === undefined ? undefined : String(value)
  }
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const key: unknown = headers[index]
    const text = typeof key === 'string' ? key : String(key)
    if (text.length === name.length && text.toLowerCase() === name) return String(headers[index + 1])
  }
  return undefined
}
