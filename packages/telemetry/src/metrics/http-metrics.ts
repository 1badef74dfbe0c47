// Durations of HTTP requests, served and sent, named by the OpenTelemetry semantic conventions. A histogram also counts, so
// request counts need no metric of their own. Invariant: whatever clients send, the number of series stays bounded.
import type { SampledIds } from './exemplars.ts'
import { HttpClientDurations, HttpServerDurations } from './http-durations.ts'
import type { MetricRegistry } from './registry.ts'

/** What both sides know of a request. */
interface HttpObservation {
  readonly method: string
  readonly status?: number | undefined
  readonly seconds: number
  /** Default 'http'. */
  readonly scheme?: string | undefined
  /** The span of the request: the exemplar when it is sampled. */
  readonly span?: SampledIds | undefined
}

/** A request that this process has answered. */
export interface HttpServerObservation extends HttpObservation {
  /** The pattern that matched, never the raw path. Absent when no route matched. */
  readonly route?: string | undefined
  /** Why it failed, such as `SG_CIRCUIT_OPEN`. Default: the status, when it is 500 or more. */
  readonly errorCode?: string | undefined
}

/** A request that this process has sent: one attempt, not the whole call. */
export interface HttpClientObservation extends HttpObservation {
  readonly service: string
  /** Why it failed, such as `SG_TIMEOUT`. Default: the status, when it is 400 or more. */
  readonly errorCode?: string | undefined
  /** Host that the request was meant for. */
  readonly serverAddress?: string | undefined
  readonly serverPort?: number | undefined
}

/** Takes observations. It never throws for what a client may have sent. */
export interface HttpDurations<Observation> {
  observe(observation: Observation): void
}

/** The two sides of HTTP. */
export interface HttpMetrics {
  readonly httpServer: HttpDurations<HttpServerObservation>
  readonly httpClient: HttpDurations<HttpClientObservation>
}

/** The instruments of HTTP in one registry, in the two forms in which they are used. */
export interface HttpInstruments extends HttpMetrics {
  readonly serverDurations: HttpServerDurations
  readonly clientDurations: HttpClientDurations
}

/** Registers the histograms of both sides and the gauge of active requests. */
export function httpMetrics(registry: MetricRegistry): HttpInstruments {
  const serverDurations = new HttpServerDurations(registry)
  const clientDurations = new HttpClientDurations(registry)
  return {
    serverDurations,
    clientDurations,
    httpServer: {
      observe: ({ method, route = '', status, errorCode, seconds, span, scheme }) =>
        serverDurations.observe(method, route, status, errorCode ?? failed(status, 500), seconds, span, scheme),
    },
    httpClient: {
      observe: ({ service, method, status, errorCode, seconds, span, scheme = 'http', serverAddress, serverPort }) => {
        const peer = clientDurations.peer(service, scheme, serverAddress ?? '', serverPort)
        peer.observe(method, status, errorCode ?? failed(status, 400), seconds, span)
      },
    },
  }
}

function failed(status: number | undefined, from: number): string {
  return status !== undefined && status >= from ? String(status) : ''
}
