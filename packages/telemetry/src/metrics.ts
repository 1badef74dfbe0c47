// The metrics of one process in Prometheus text: what the policies have counted and how long HTTP requests took. Owns a
// prom-client registry of its own, so that two of them, or an application's own metrics, never get in each other's way.
import { OptionsError } from '@switchgear/core'
import { Registry as PromRegistry } from 'prom-client'
import { httpMetrics, type HttpMetrics } from './http-metrics.ts'
import { policyMetrics, type SnapshotSource } from './policy-metrics.ts'

/** Options of `createMetrics`. */
export interface MetricsOptions {
  /** The pipelines to show: a `Registry` of `@switchgear/core`. */
  readonly registry: SnapshotSource
  /** Most label combinations of each HTTP histogram; the rest is counted under `_overflow`. Default 1000. */
  readonly maxSeries?: number | undefined
}

/** Metrics to observe into and to read. */
export interface Metrics extends HttpMetrics {
  /** Value of the `content-type` header that goes with `text()`. */
  readonly contentType: string
  /** Everything, in the Prometheus text format. */
  text(): Promise<string>
}

/**
 * Makes the metrics of a process. The series of every circuit breaker in `registry` exist from the first scrape on.
 *
 * Throws `SG_BAD_OPTIONS` when `maxSeries` is not a whole number of at least 1.
 *
 * @example
 * const metrics = createMetrics({ registry })
 * const client = createClient({ services, registry, onExchange: (exchange) => metrics.httpClient.observe(exchange) })
 * response.setHeader('content-type', metrics.contentType).end(await metrics.text())
 */
export function createMetrics({ registry, maxSeries = 1000 }: MetricsOptions): Metrics {
  if (!Number.isInteger(maxSeries) || maxSeries < 1) {
    throw new OptionsError(`metrics.maxSeries must be a whole number >= 1, got ${String(maxSeries)}`)
  }
  const prometheus = new PromRegistry()
  policyMetrics(registry, prometheus)
  const { httpServer, httpClient } = httpMetrics(prometheus, maxSeries)
  return {
    httpServer,
    httpClient,
    contentType: prometheus.contentType,
    text: () => prometheus.metrics(),
  }
}
