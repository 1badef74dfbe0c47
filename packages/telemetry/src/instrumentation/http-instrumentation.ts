// Spans of HTTP from `diagnostics_channel`: no loader flag, no replaced module. Owns which parts are on. Invariant: the undo
// takes back every subscription and listener; an error in here never reaches the application.
//
// Which channels there are decides Node; a channel that is missing stays silent, and that part makes no spans. Node 22.23, 24
// and 26 have all that are used, and so does undici from version 6 on, which is what Node 22 brings along.
import type { Tracer } from '../trace/tracer.ts'
import { followFastify } from './frameworks.ts'
import { HttpCalls } from './http-call.ts'
import { HttpClientSpans } from './http-client.ts'
import { excludeServer } from './http-exclusions.ts'
import { type HttpInstrumentationOptions, HttpSettings } from './http-options.ts'
import { HttpServerSpans } from './http-server.ts'
import { Subscriptions } from './http-subscriptions.ts'
import { Http2ClientSpans } from './http2-client.ts'
import { Http2ServerSpans } from './http2-server.ts'
import { FactsBudget } from './request-facts.ts'
import type { QueryRedaction } from './request-url.ts'
import { UndiciSpans } from './undici.ts'

/** Monotone counts. */
export interface HttpInstrumentationTotals {
  /** Errors of the instrumentation itself; the first was told to `onProblem`. */
  readonly errors: number
  /** Requests whose set of attributes was not kept, because `maxFacts` are. */
  readonly factsOverflows: number
}

/** Calling it ends the instrumentation. Requests being served then are given up; those being sent still end. */
export interface HttpInstrumentation {
  (): void
  readonly totals: HttpInstrumentationTotals
  /** What it hides of addresses, for whoever makes spans of requests besides. */
  readonly redaction: QueryRedaction
}

/**
 * Makes a span of every HTTP request that this process serves and sends, and lets the trace go on in both. Once per process.
 * Throws OptionsError.
 *
 * @example
 * const undo = instrumentHttp(tracer, { ignore: ({ path }) => path === '/healthz' })
 */
export function instrumentHttp(tracer: Tracer, options: HttpInstrumentationOptions = {}): HttpInstrumentation {
  const settings = new HttpSettings(options)
  const subscriptions = new Subscriptions(settings.onProblem)
  const budget = new FactsBudget(settings.maxFacts, tracer.limits.attributeValueLength)
  const calls = new HttpCalls(tracer, settings, budget)
  for (const server of options.excludedServers ?? []) excludeServer(server)
  if (settings.server) {
    const servers = new HttpServerSpans(tracer, settings, budget, subscriptions)
    servers.listen()
    followFastify(subscriptions, (request) => servers.find(request))
  }
  if (settings.client) new HttpClientSpans(calls, subscriptions).listen()
  const undici = new UndiciSpans(calls, subscriptions)
  if (settings.undici) undici.listen()
  if (settings.http2) {
    new Http2ServerSpans(tracer, settings, budget, subscriptions).listen()
    new Http2ClientSpans(calls, undici.carried, subscriptions).listen()
  }
  const totals = {
    get errors(): number {
      return subscriptions.errors
    },
    get factsOverflows(): number {
      return budget.overflows
    },
  }
  return Object.assign(() => subscriptions.close(), { totals, redaction: settings.redaction })
}
