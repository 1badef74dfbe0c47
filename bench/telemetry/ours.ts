// Our own tracer around the server, in its variants. Each answers a function that counts the spans made so far.
import { AsyncLocalStorage } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import { instrumentHttp } from '../../packages/telemetry/src/instrumentation/http-instrumentation.ts'
import { HttpServerDurations } from '../../packages/telemetry/src/metrics/http-durations.ts'
import { MetricRegistry } from '../../packages/telemetry/src/metrics/registry.ts'
import { otlpExporter } from '../../packages/telemetry/src/otlp/exporter.ts'
import { alwaysOff, parentBased } from '../../packages/telemetry/src/sampling/head.ts'
import type { SpanConsumer } from '../../packages/telemetry/src/trace/consumer.ts'
import { Tracer } from '../../packages/telemetry/src/trace/tracer.ts'

/** Spans that were made so far. */
export type CountSpans = () => Promise<number>

/** What any tracer that follows a request through asynchronous code must at least do. */
export function contextOnly(): CountSpans {
  const storage = new AsyncLocalStorage<object>()
  channel('http.server.request.start').subscribe((message) => storage.enterWith(message as object))
  return () => Promise.resolve(0)
}

/** Takes spans and does nothing with them. */
class Nowhere implements SpanConsumer {
  readonly name = 'nowhere'
  spans = 0

  consume({ size }: { readonly size: number }): void {
    this.spans += size
  }

  flush(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** The tracer with its HTTP instrumentation. */
export function instrumented(variant: string, collector: number): CountSpans {
  const sampler = variant === 'ours-unsampled' ? parentBased(alwaysOff) : undefined
  const tracer = new Tracer({ resource: { attributes: { 'service.name': 'bench' } }, sampler })
  const counting = new Nowhere()
  tracer.addConsumer(counting)
  if (variant === 'ours-otlp') tracer.addConsumer(otlpExporter({ endpoint: `http://127.0.0.1:${collector}/v1/traces` }))
  const serverDurations = variant === 'ours-metrics' ? new HttpServerDurations(new MetricRegistry()) : undefined
  const undo = instrumentHttp(tracer, { serverDurations })
  return async () => {
    await tracer.flush()
    if (undo.totals.errors > 0 || tracer.totals.dropped > 0) throw new Error(JSON.stringify(tracer.totals))
    return counting.spans
  }
}
