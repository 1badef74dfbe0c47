// Metrics by OTLP every interval: the same numbers as /metrics shows. Owns the timer; a collection that takes longer than the
// interval is waited for, never doubled. What cannot be sent is dropped and counted by the transport.
import { parseDuration, type Clock, systemClock, type Timer } from '@switchgear/core'
import type { Metrics } from '../metrics/metrics.ts'
import { type OtlpMetricExporter, otlpMetricExporter } from '../otlp/metric-exporter.ts'
import type { Resource } from '../trace/span-data.ts'
import type { Sending } from './from-environment.ts'

/** One minute, as the OpenTelemetry specification says. */
const defaultIntervalMs = 60_000

/** Pushes the metrics of a registry. */
export class MetricPush {
  readonly #metrics: Pick<Metrics, 'points'>
  readonly #resource: Resource
  readonly exporter: OtlpMetricExporter
  readonly #intervalMs: number
  readonly #clock: Clock
  #timer: Timer | undefined = undefined
  #collecting: Promise<void> | undefined = undefined
  #closed = false

  constructor(metrics: Pick<Metrics, 'points'>, resource: Resource, { interval, ...options }: Sending) {
    this.#metrics = metrics
    this.#resource = resource
    this.#intervalMs = parseDuration(interval ?? defaultIntervalMs, 'metrics.export.interval', 1)
    this.#clock = options.clock ?? systemClock
    this.exporter = otlpMetricExporter(options)
    this.#wait()
  }

  /** Sends what there is now, and waits until it is delivered or dropped. */
  async flush(signal?: AbortSignal): Promise<void> {
    await this.#collect()
    await this.exporter.flush(signal)
  }

  async close(signal?: AbortSignal): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#timer?.cancel()
    await this.#collect()
    await this.exporter.close(signal)
  }

  #wait(): void {
    this.#timer = this.#clock.setTimer(() => void this.#tick(), this.#intervalMs)
    // Telling how a process is doing is no reason for it to go on.
    this.#timer.hold?.(false)
  }

  async #tick(): Promise<void> {
    await this.#collect()
    if (!this.#closed) this.#wait()
  }

  #collect(): Promise<void> {
    return (this.#collecting ??= this.#send().finally(() => (this.#collecting = undefined)))
  }

  async #send(): Promise<void> {
    const metrics = await this.#metrics.points()
    this.exporter.send({ resource: this.#resource, scope: { name: '@switchgear/telemetry' }, metrics })
  }
}
