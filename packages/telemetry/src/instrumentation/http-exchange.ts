// A request that is being served, from its head to its last byte. Invariant: it travels in the context of everything the
// request causes, under whatever spans are begun there, so that `setRoute` finds it; when it is over it holds no request.
import { type Context as ApiContext, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api'
import { activeContext, type Context, rootContext } from '../trace/context.ts'
import type { Span } from '../trace/span.ts'

const exchangeKey = createContextKey('Switchgear HTTP exchange')

/** A request being served. It is the innermost layer of its context: the values of keys that nobody else knows. */
export class HttpExchange implements ApiContext {
  readonly span: Span
  /** What the name of the span is unless an application gives another one. */
  readonly method: string
  readonly startMs: number
  /** The pattern that matched. */
  route: string | undefined = undefined
  /** Why it failed, in place of its status, where the application knows; '' where it does not. */
  errorType: string = ''
  /** It is no traffic, such as a scrape: when it is over, nothing is recorded or counted. Its context is traced until then. */
  leftOut: boolean = false
  /** In which it is served. */
  context: Context = rootContext
  /** The response of node:http or the stream of node:http2; undefined when it is over, or nobody asks how it ends. */
  carrier: object | undefined

  constructor(span: Span, method: string, startMs: number, carrier: object | undefined) {
    this.span = span
    this.method = method
    this.startMs = startMs
    this.carrier = carrier
  }

  getValue(key: symbol): unknown {
    return key === exchangeKey ? this : undefined
  }

  setValue(key: symbol, value: unknown): ApiContext {
    return ROOT_CONTEXT.setValue(exchangeKey, this).setValue(key, value)
  }

  deleteValue(key: symbol): ApiContext {
    return key === exchangeKey ? ROOT_CONTEXT : this
  }
}

/** The request that the running code serves. */
export function activeExchange(): HttpExchange | undefined {
  return activeContext().getValue(exchangeKey) as HttpExchange | undefined
}

/**
 * Says which route serves the request that the running code belongs to: it becomes `http.route` and the end of the span's
 * name. A pattern, never a path: there must be few of them. True when there is such a request and it is not over.
 *
 * @example
 * setRoute('/orders/:id') // the span becomes 'GET /orders/:id'
 */
export function setRoute(route: string): boolean {
  const exchange = activeExchange()
  if (exchange?.carrier === undefined) return false
  exchange.route = route
  return true
}
