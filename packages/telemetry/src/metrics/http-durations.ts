// The HTTP instruments in the form in which instrumentations use them: positional, with the series found in small maps.
// Invariant: what is remembered to find them is bounded by the bound of the series.
import { ExchangeSeries, knownMethod } from './exchange-series.ts'
import type { SampledIds } from './exemplars.ts'
import type { Gauge, GaugeFamily } from './gauge.ts'
import type { HistogramFamily } from './histogram.ts'
import type { MetricRegistry } from './registry.ts'

const unit = 'seconds'
const serverLabels = [
  'http_request_method',
  'http_route',
  'http_response_status_code',
  'error_type',
  'url_scheme',
] as const
const clientLabels = [
  'service',
  'http_request_method',
  'http_response_status_code',
  'error_type',
  'server_address',
  'server_port',
  'url_scheme',
] as const
const activeLabels = ['http_request_method', 'url_scheme'] as const

/**
 * `http_server_request_duration_seconds` and `http_server_active_requests`.
 *
 * @example
 * const durations = new HttpServerDurations(registry)
 * const active = durations.active('GET') // when the request begins
 * active.add(1)
 * durations.observe('GET', '/orders/:id', 200, '', 0.012, span) // at the last byte
 * active.add(-1)
 */
export class HttpServerDurations {
  readonly #durations: HistogramFamily<typeof serverLabels>
  readonly #active: GaugeFamily<typeof activeLabels>
  readonly #http = new Map<string, ExchangeSeries>()
  readonly #https = new Map<string, ExchangeSeries>()
  readonly #activeHttp = new Map<string, Gauge>()
  readonly #activeHttps = new Map<string, Gauge>()

  constructor(registry: MetricRegistry) {
    this.#durations = registry.histogram(
      'http_server_request_duration_seconds',
      'Duration of HTTP requests that were served.',
      serverLabels,
      { unit },
    )
    this.#active = registry.gauge('http_server_active_requests', 'HTTP requests that are being served.', activeLabels)
  }

  /**
   * A request was answered. `route` is the pattern that matched, '' when none did; `status` undefined when there was no
   * answer; `errorType` '' when it did not fail; `atMs` the monotonic time of its end, for the exemplar. Never throws.
   */
  observe(
    method: string,
    route: string,
    status: number | undefined,
    errorType: string,
    seconds: number,
    span?: SampledIds,
    scheme: string = 'http',
    atMs?: number,
  ): void {
    const routes = scheme === 'https' ? this.#https : this.#http
    const series = routes.get(route) ?? this.#route(routes, route, scheme === 'https' ? 'https' : 'http')
    series.find(method, status, errorType).observe(seconds, span, atMs)
  }

  /** The gauge of requests under way; add 1 at the start and -1 at the end. */
  active(method: string, scheme: string = 'http'): Gauge {
    const gauges = scheme === 'https' ? this.#activeHttps : this.#activeHttp
    const known = gauges.get(method)
    if (known !== undefined) return known
    const label = knownMethod(method)
    if (label !== method) return this.active(label, scheme)
    const made = this.#active.with(label, scheme === 'https' ? 'https' : 'http')
    gauges.set(label, made)
    return made
  }

  #route(routes: Map<string, ExchangeSeries>, route: string, scheme: string): ExchangeSeries {
    const made = new ExchangeSeries((method, status, errorType) =>
      this.#durations.with(method, route, status, errorType, scheme),
    )
    if (routes.size < this.#durations.maxSeries) routes.set(route, made)
    return made
  }
}

/** `http_client_request_duration_seconds`, per attempt. */
export class HttpClientDurations {
  readonly #durations: HistogramFamily<typeof clientLabels>
  readonly #peers = new Map<string, PeerDurations>()

  constructor(registry: MetricRegistry) {
    this.#durations = registry.histogram(
      'http_client_request_duration_seconds',
      'Duration of HTTP requests that were sent, per attempt.',
      clientLabels,
      { unit },
    )
  }

  /**
   * The durations of requests to one address for one service ('' when it is not a known service). Hold it where the address
   * is known, such as at an origin.
   */
  peer(service: string, scheme: string, address: string, port: number | undefined): PeerDurations {
    const end = `${scheme}://${address}:${port ?? ''}/${service}`
    const known = this.#peers.get(end)
    if (known !== undefined) return known
    const portLabel = port === undefined ? '' : String(port)
    const made = new PeerDurations((method, status, errorType) =>
      this.#durations.with(service, method, status, errorType, address, portLabel, scheme),
    )
    if (this.#peers.size < this.#durations.maxSeries) this.#peers.set(end, made)
    return made
  }
}

/** Durations of the requests to one peer. */
export class PeerDurations extends ExchangeSeries {
  /** A request was answered or has failed; as `HttpServerDurations.observe`. Never throws. */
  observe(
    method: string,
    status: number | undefined,
    errorType: string,
    seconds: number,
    span?: SampledIds,
    atMs?: number,
  ): void {
    this.find(method, status, errorType).observe(seconds, span, atMs)
  }
}
