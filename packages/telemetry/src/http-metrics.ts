// Durations of HTTP requests, served and sent, named by the OpenTelemetry semantic conventions. A histogram also counts,
// so request counts need no metric of their own. Invariant: whatever clients send, the number of series stays bounded.
import { Counter, Histogram, type Registry as PromRegistry } from 'prom-client'

/** A request that this process has answered. */
export interface HttpServerObservation {
  readonly method: string
  /** The pattern that matched, never the raw path. Absent when no route matched. */
  readonly route?: string | undefined
  readonly status?: number | undefined
  /** Why it failed, such as `SG_CIRCUIT_OPEN`. Default: the status, when it is 500 or more. */
  readonly errorCode?: string | undefined
  readonly seconds: number
}

/** A request that this process has sent: one attempt, not the whole call. */
export interface HttpClientObservation {
  readonly service: string
  readonly method: string
  readonly status?: number | undefined
  /** Why it failed, such as `SG_TIMEOUT`. Default: the status, when it is 400 or more. */
  readonly errorCode?: string | undefined
  readonly seconds: number
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

/** The bounds that the semantic conventions advise, in seconds. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const methods: ReadonlySet<string> = new Set('CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE'.split(' '))
const overflow = '_overflow'

/** Registers both histograms. `maxSeries` bounds the label combinations of each. */
export function httpMetrics(registry: PromRegistry, maxSeries: number): HttpMetrics {
  const overflows = new Counter({
    name: 'switchgear_metrics_overflows_total',
    help: 'Observations counted under _overflow, because their metric had reached its bound of label combinations.',
    labelNames: ['metric'],
    registers: [registry],
  })
  const series = (name: string, help: string, labelNames: readonly string[]): BoundedSeries =>
    new BoundedSeries(new Histogram({ name, help, labelNames, buckets, registers: [registry] }), overflows, {
      name,
      labels: labelNames.length,
      maxSeries,
    })

  const served = series('http_server_request_duration_seconds', 'Duration of HTTP requests that were served.', [
    'http_request_method',
    'http_route',
    'http_response_status_code',
    'error_type',
  ])
  const sent = series(
    'http_client_request_duration_seconds',
    'Duration of HTTP requests that were sent, per attempt.',
    ['service', 'http_request_method', 'http_response_status_code', 'error_type'],
  )
  return {
    httpServer: {
      observe: ({ method, route, status, errorCode, seconds }) =>
        served.observe([knownMethod(method), route ?? '', text(status), errorType(errorCode, status, 500)], seconds),
    },
    httpClient: {
      observe: ({ service, method, status, errorCode, seconds }) =>
        sent.observe([service, knownMethod(method), text(status), errorType(errorCode, status, 400)], seconds),
    },
  }
}

/** A histogram whose label combinations are counted; those beyond the bound share one series. */
class BoundedSeries {
  readonly #histogram: Histogram
  readonly #known = new Map<string, Histogram.Internal<string>>()
  readonly #maxSeries: number
  readonly #rest: readonly string[]
  readonly #overflows: Counter.Internal

  constructor(
    histogram: Histogram,
    overflows: Counter<'metric'>,
    { name, labels, maxSeries }: { name: string; labels: number; maxSeries: number },
  ) {
    this.#histogram = histogram
    this.#maxSeries = maxSeries
    this.#rest = Array.from({ length: labels }, () => overflow)
    this.#overflows = overflows.labels(name)
    // Shown from the start: a counter that appears only when it happens cannot be told from one that is missing.
    this.#overflows.inc(0)
  }

  observe(values: readonly string[], seconds: number): void {
    const key = values.join('\0')
    let series = this.#known.get(key)
    if (series === undefined) {
      if (this.#known.size >= this.#maxSeries) {
        this.#overflows.inc()
        this.#histogram.labels(...this.#rest).observe(seconds)
        return
      }
      series = this.#histogram.labels(...values)
      this.#known.set(key, series)
    }
    series.observe(seconds)
  }
}

/** Methods are the client's words, and it may invent them. */
function knownMethod(method: string): string {
  return methods.has(method) ? method : '_OTHER'
}

function text(status: number | undefined): string {
  return status === undefined ? '' : String(status)
}

function errorType(errorCode: string | undefined, status: number | undefined, from: number): string {
  return errorCode ?? (status !== undefined && status >= from ? String(status) : '')
}
