// OpenTelemetry's own SDK around the server, as its documentation sets it up. Answers a function that counts the spans.
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { CountSpans } from './ours.ts'

type Exporter = ConstructorParameters<typeof BatchSpanProcessor>[0]['exporter']

/** The SDK with its HTTP instrumentation. */
export function stock(variant: string, collector: number): CountSpans {
  let spans = 0
  const counted = (exporter: Pick<OTLPTraceExporter, 'export' | 'shutdown'>): Exporter =>
    ({
      export: (batch: Parameters<OTLPTraceExporter['export']>[0], done: Parameters<OTLPTraceExporter['export']>[1]) => {
        spans += batch.length
        exporter.export(batch, done)
      },
      shutdown: () => exporter.shutdown(),
      forceFlush: () => Promise.resolve(),
    }) as unknown as Exporter
  const nowhere: Pick<OTLPTraceExporter, 'export' | 'shutdown'> = {
    export: (_, done) => done({ code: 0 }),
    shutdown: () => Promise.resolve(),
  }
  const otlp = variant === 'stock-otlp'
  const exporter = otlp ? new OTLPTraceExporter({ url: `http://127.0.0.1:${collector}/v1/traces` }) : nowhere
  const root = variant === 'stock-ratio' ? new TraceIdRatioBasedSampler(0.01) : new AlwaysOnSampler()
  // The default queue of 2048 drops spans under this load, and a dropped span is a cheap one.
  const processor = new BatchSpanProcessor({
    exporter: counted(exporter),
    maxQueueSize: 100_000,
    scheduledDelayMillis: 500,
  })
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'bench' }),
    sampler: new ParentBasedSampler({ root }),
    spanProcessors: [processor],
  })
  trace.setGlobalTracerProvider(provider)
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const instrumentation = new HttpInstrumentation()
  instrumentation.setTracerProvider(provider)
  instrumentation.enable()
  return async () => {
    await processor.forceFlush()
    return spans
  }
}
