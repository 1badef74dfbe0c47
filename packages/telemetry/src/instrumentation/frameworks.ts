// The routes of web frameworks: express leaves the one that matched on the request, fastify publishes it on a channel of its
// own. Invariant: only patterns are taken, never paths; a framework that is not there costs one look at the request.
import type { IncomingMessage } from 'node:http'
import { activeExchange, type HttpExchange } from './http-exchange.ts'
import type { Subscriptions } from './http-subscriptions.ts'

/** What express puts on a request. */
interface ExpressRequest {
  readonly route?: { readonly path?: unknown }
  readonly baseUrl?: unknown
}

/** The route of express or of a framework that is like it in this; undefined when none matched. */
export function routeOf(request: object): string | undefined {
  const { route, baseUrl } = request as ExpressRequest
  const path = route?.path
  if (path === undefined) return undefined
  const pattern = typeof path === 'string' ? path : String(path)
  return typeof baseUrl === 'string' && baseUrl !== '' ? baseUrl + pattern : pattern
}

/** What fastify publishes when a handler is about to run. */
interface FastifyMessage {
  readonly request?: { readonly raw?: IncomingMessage }
  readonly route?: { readonly url?: unknown }
}

/** Takes routes from fastify. `find` finds the request under way. */
export function followFastify(
  subscriptions: Subscriptions,
  find: (request: IncomingMessage) => HttpExchange | undefined,
): void {
  subscriptions.on('tracing:fastify.request.handler:start', ({ request, route }: FastifyMessage) => {
    if (typeof route?.url !== 'string') return
    const raw = request?.raw
    const exchange = activeExchange() ?? (raw === undefined ? undefined : find(raw))
    if (exchange !== undefined) exchange.route = route.url
  })
}
