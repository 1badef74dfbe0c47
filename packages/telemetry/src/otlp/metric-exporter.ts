// Metrics on their way out by OTLP/HTTP. Owns the cutting of large registries into requests; when to collect is the
// caller's, sending is the transport's.
import { setImmediate } from 'node:timers/promises'
import { encodeMetrics } from './encode-metrics.ts'
import { encodeMetricsJson } from './json-metrics.ts'
import {
  countPoints,
  type HistogramPoint,
  type MetricData,
  type MetricsExport,
  type NumberPoint,
} from './metric-data.ts'
import { type CompleteOptions, completeOptions, type OtlpOptions } from './otlp-options.ts'
import type { OtlpTotals } from './transport-totals.ts'
import { OtlpTransport } from './transport.ts'

/** Sends metrics to a collector. */
export interface OtlpMetricExporter {
  /**
   * Sends metrics, which must not change any more. They are encoded `maxBatch` points at a time, and between two requests the
   * thread is given back, so that a large registry does not hold it up.
   */
  send(data: MetricsExport): void
  /** Resolves when all that was sent is delivered or has been dropped and counted; `signal` ends the wait. */
  flush(signal?: AbortSignal): Promise<void>
  /** Flushes and frees everything. */
  close(signal?: AbortSignal): Promise<void>
  readonly totals: OtlpTotals
}

/** Room for an export of 100 000 histograms at once, which a registry may send every minute. */
const defaults: OtlpOptions = Object.freeze({ maxBatch: 2000, maxQueueSize: 500_000, maxQueueBytes: 64 * 1024 * 1024 })

/**
 * An exporter of metrics. It has the options of `otlpExporter`; other defaults are: `endpoint` 'http://localhost:4318/v1/metrics',
 * `maxBatch` 2000 points, `maxQueueSize` 500 000 points, `maxQueueBytes` 64 MiB.
 *
 * @throws OptionsError naming the option, its bound and its value
 */
export function otlpMetricExporter(options: OtlpOptions = {}): OtlpMetricExporter {
  return new MetricExporter(completeOptions({ ...defaults, ...given(options) }, 'otlpMetrics', 'metrics'))
}

class MetricExporter implements OtlpMetricExporter {
  readonly #options: CompleteOptions
  readonly #transport: OtlpTransport
  /** One export after the other; each step of it never rejects. */
  #encoding: Promise<void> = Promise.resolve()
  /** Points that are not encoded yet. */
  #waiting = 0

  constructor(options: CompleteOptions) {
    this.#options = options
    this.#transport = new OtlpTransport(options)
  }

  get totals(): OtlpTotals {
    return this.#transport.totals
  }

  send(data: MetricsExport): void {
    const count = countPoints(data)
    if (this.#waiting > 0 && this.#waiting + count > this.#options.maxQueueSize) {
      this.#transport.drop('queueFull', count, `${count} points dropped: earlier ones are not even encoded`)
      return
    }
    this.#waiting += count
    this.#encoding = this.#encoding.then(() => this.#encode(data))
  }

  async flush(signal?: AbortSignal): Promise<void> {
    await this.#encoding
    await this.#transport.flush(signal)
  }

  async close(signal?: AbortSignal): Promise<void> {
    await this.#encoding
    await this.#transport.close(signal)
  }

  async #encode(data: MetricsExport): Promise<void> {
    let isFirst = true
    for (const part of parts(data, this.#options.maxBatch)) {
      if (!isFirst) await setImmediate()
      isFirst = false
      const count = countPoints(part)
      this.#offer(part, count)
      this.#waiting -= count
    }
  }

  #offer(part: MetricsExport, count: number): void {
    const encode = this.#options.json ? encodeMetricsJson : encodeMetrics
    let body: Uint8Array
    try {
      body = encode(part)
    } catch (error) {
      // Only values that are none of OpenTelemetry's types, or a lack of memory, can do that.
      this.#transport.drop('unencodable', count, `${count} points cannot be encoded: ${(error as Error).name}`)
      return
    }
    this.#transport.offer(body, count)
  }
}

/** An option that is undefined is one that is not given. */
function given(options: OtlpOptions): OtlpOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

/** Exports of at most `most` points; a metric with more is cut. Metrics without points are left out: OTLP wants no empty envelopes. */
export function* parts({ resource, scope, metrics }: MetricsExport, most: number): Generator<MetricsExport> {
  let batch: MetricData[] = []
  let room = most
  for (const metric of metrics) {
    for (let from = 0; from < metric.points.length;) {
      const cut = cutOut(metric, from, from + room)
      batch.push(cut)
      from += cut.points.length
      room -= cut.points.length
      if (room > 0) continue
      yield { resource, scope, metrics: batch }
      batch = []
      room = most
    }
  }
  if (batch.length > 0) yield { resource, scope, metrics: batch }
}

function cutOut(metric: MetricData, from: number, to: number): MetricData {
  if (from === 0 && to >= metric.points.length) return metric
  const points: readonly (NumberPoint | HistogramPoint)[] = metric.points.slice(from, to)
  // The type of the points belongs to the type of the metric, which a spread loses.
  return { ...metric, points } as MetricData
}
