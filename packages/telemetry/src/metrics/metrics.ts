// The metrics of one process: what the policies have counted, how long HTTP requests took, what else is put into its registry,
// and what an application keeps in prom-client. The registry is its own, so that two of them never get in each other's way.
import type { Duration } from '@switchgear/core'
import { register } from 'prom-client'
import type { MetricData } from '../otlp/metric-data.ts'
import { negotiateFormat } from './accept.ts'
import { type Compat, compatFamilies } from './compat/compat.ts'
import { Exposition } from './exposition.ts'
import { type EndpointSource, ShownEndpoints } from './families/endpoints.ts'
import type { PromRegistry } from './foreign.ts'
import { type HttpInstruments, httpMetrics } from './http-metrics.ts'
import { policyMetrics, type SnapshotSource } from './policy-metrics.ts'
import { processMetrics } from './process-metrics.ts'
import { MetricRegistry } from './registry.ts'
import { contentTypes, type TextFormat } from './text-format.ts'

/** Options of `createMetrics`. */
export interface MetricsOptions {
  /** The pipelines to show: a `Registry` of `@switchgear/core`. */
  readonly registry: SnapshotSource
  /** Most label combinations of each metric; the rest is counted under `_overflow`. Default 1000. */
  readonly maxSeries?: number | undefined
  /** Registries of prom-client whose families are appended. Default: its global `register`. */
  readonly also?: readonly PromRegistry[] | undefined
  /** How long a family of `also` may take to collect before it is left out. Default '1s'. */
  readonly collectTimeout?: Duration | undefined
  /** Names of others to show beside ours, for their published dashboards: 'resilience4j', 'istio'. Default none. */
  readonly compat?: readonly Compat[] | undefined
  /** Of this process, for the labels of `compat`. Default 'unknown'. */
  readonly service?: string | undefined
  /** Of this process, for the labels of `compat`. */
  readonly namespace?: string | undefined
  /** Whether to show CPU, memory and event loop of the process as well. Default false. */
  readonly process?: boolean | undefined
}

/** Metrics to observe into and to read. */
export interface Metrics extends HttpInstruments {
  /** For metrics of your own, and those of the subsystems. */
  readonly instruments: MetricRegistry
  /** Shows the endpoints of services from now on; `show` answers what ends it. */
  readonly endpoints: { show(source: EndpointSource): () => void }
  /** Value of the `content-type` header that goes with `text()`. */
  readonly contentType: string
  /** Everything, in the Prometheus text format or, when asked, as OpenMetrics. */
  text(format?: TextFormat): Promise<string>
  /** Everything as what OTLP exports: the same numbers. */
  points(): Promise<MetricData[]>
  /** Everything for a request with this Accept header, slice by slice, so that a long scrape delays nobody. */
  answer(accept: string | undefined): MetricsAnswer
}

/** What a scraper gets. */
export interface MetricsAnswer {
  readonly contentType: string
  readonly body: AsyncGenerator<string>
}

/**
 * Makes the metrics of a process. The series of every circuit breaker in `registry` exist from the first scrape on.
 *
 * Throws `SG_BAD_OPTIONS` when `maxSeries` is not a whole number of at least 1, or `collectTimeout` not a duration.
 *
 * @example
 * const metrics = createMetrics({ registry })
 * const client = createClient({ services, registry, onExchange: (exchange) => metrics.httpClient.observe(exchange) })
 * const { contentType, body } = metrics.answer(request.headers.accept)
 * response.setHeader('content-type', contentType)
 * await pipeline(body, response)
 */
export function createMetrics(options: MetricsOptions): Metrics {
  const { registry, maxSeries, also = [register], collectTimeout, compat = [], process = false } = options
  const { service, namespace } = options
  const instruments = new MetricRegistry({ maxSeries })
  policyMetrics(registry, instruments)
  const http = httpMetrics(instruments)
  for (const family of compatFamilies(compat, registry, instruments, { service, namespace }))
    instruments.collect(family)
  const endpoints = new ShownEndpoints()
  for (const family of endpoints.families) instruments.collect(family)
  const shown = process ? [processMetrics(), ...also] : also
  const exposition = new Exposition(instruments, { also: shown, collectTimeout })
  return {
    ...http,
    instruments,
    endpoints,
    contentType: contentTypes.text,
    text: (format) => exposition.text(format),
    points: () => exposition.points(),
    answer: (accept) => {
      const format = negotiateFormat(accept)
      return { contentType: contentTypes[format], body: exposition.expose(format) }
    },
  }
}
