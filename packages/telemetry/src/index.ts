// What an operator sees of a process and of a system: traces, metrics and logs. Everything that is named here is meant to be used
// from outside; `startTelemetry` puts it together.
export { type CurrentTelemetry, currentTelemetry } from './current.ts'
export { CallDurations } from './instrumentation/call-durations.ts'
export type { Departure, Sending } from './instrumentation/departure.ts'
export { Hop } from './instrumentation/hop.ts'
export { claim } from './instrumentation/http-claims.ts'
export { setRoute } from './instrumentation/http-exchange.ts'
export { excludeServer } from './instrumentation/http-exclusions.ts'
export { type HttpInstrumentation, instrumentHttp } from './instrumentation/http-instrumentation.ts'
export type { HttpInstrumentationOptions } from './instrumentation/http-options.ts'
export {
  type MessageFacts,
  type MessageHeaders,
  processing,
  processingBatch,
  publishing,
} from './instrumentation/messaging.ts'
export { instrumentPipelines, type PipelineInstrumentationOptions } from './instrumentation/pipelines.ts'
export { AccessLog, type AccessLevel, type AccessLogOptions, type AccessLogTotals } from './logs/access-log.ts'
export { accessRecord, type AccessFacts, type AccessRecord } from './logs/access-record.ts'
export { exchangeFacts, type GatewayExchange } from './logs/gateway-exchange.ts'
export { logRequests, type LogRequestsOptions } from './logs/log-requests.ts'
export { type PinoRedaction, pinoRedaction, redactingFormatter, redactingSerializers } from './logs/pino-redaction.ts'
export { redact, Redaction, type RedactionOptions } from './logs/redaction.ts'
export { traceFields, type TraceFields } from './logs/trace-fields.ts'
export { negotiateFormat } from './metrics/accept.ts'
export type { Compat } from './metrics/compat/compat.ts'
export type { Counter, CounterFamily } from './metrics/counter.ts'
export { Exposition } from './metrics/exposition.ts'
export type { EndpointSource } from './metrics/families/endpoints.ts'
export { telemetryFamilies, type TelemetrySources } from './metrics/families/telemetry.ts'
export type { Exemplar, Family, HistogramSeries, NumberSeries, Scrape } from './metrics/family.ts'
export type { Gauge, GaugeFamily } from './metrics/gauge.ts'
export type { Histogram, HistogramFamily, HistogramOptions } from './metrics/histogram.ts'
export { HttpClientDurations, HttpServerDurations } from './metrics/http-durations.ts'
export type {
  HttpClientObservation,
  HttpDurations,
  HttpMetrics,
  HttpServerObservation,
} from './metrics/http-metrics.ts'
export type { InstrumentOptions } from './metrics/instrument.ts'
export { createMetrics, type Metrics, type MetricsAnswer, type MetricsOptions } from './metrics/metrics.ts'
export { metricData } from './metrics/otlp-points.ts'
export type { SnapshotSource } from './metrics/policy-metrics.ts'
export { MetricRegistry, type MetricRegistryOptions } from './metrics/registry.ts'
export { contentTypes, type TextFormat } from './metrics/text-format.ts'
export { readEnvironment, type TelemetryVariables } from './otlp/environment.ts'
export { type OtlpExporter, otlpExporter } from './otlp/exporter.ts'
export type { IngestLimits } from './otlp/ingest-limits.ts'
export type { MetricData, MetricsExport } from './otlp/metric-data.ts'
export { type OtlpMetricExporter, otlpMetricExporter } from './otlp/metric-exporter.ts'
export type { OtlpOptions, OtlpProtocol } from './otlp/otlp-options.ts'
export type { ReceiverOptions, Take, TakeResult } from './otlp/receiver-options.ts'
export { createReceiver, type Receiver, type ReceiverTotals } from './otlp/receiver.ts'
export type { OtlpTotals } from './otlp/transport-totals.ts'
export { formatBaggage, parseBaggage } from './propagation/baggage.ts'
export { extract, type Inbound } from './propagation/inbound.ts'
export { Propagation, type PropagationFormat, type PropagationOptions, propagatorsOf } from './propagation/options.ts'
export { inject } from './propagation/outbound.ts'
export { HeaderPropagator } from './propagation/propagator.ts'
export { formatTraceparent, parseTraceparent } from './propagation/traceparent.ts'
export { alwaysOff, alwaysOn, parentBased, ratio } from './sampling/head.ts'
export { consistent, type ParentBasedOptions } from './sampling/head.ts'
export { keptResilienceEvents, samplingRatioKey, samplingReasonKey } from './sampling/resilience-events.ts'
export { resilienceEvents } from './sampling/resilience-events.ts'
export { samplerFromEnvironment } from './sampling/sampler-environment.ts'
export { type TailFilter, type TailTarget } from './sampling/tail-filter.ts'
export { type TailFilterOptions, tailFilter } from './sampling/tail-filter.ts'
export type { TailSamplerOptions, TraceBufferOptions } from './sampling/tail-options.ts'
export type { TailDecision } from './sampling/tail-sampler.ts'
export { TailSampler, type TailReason } from './sampling/tail-sampler.ts'
export { type TailTotals, type TakeSpans, TraceBuffer } from './sampling/trace-buffer.ts'
export { diagnosisVariable } from './start/diagnosis-file.ts'
export type { Beginnings, Diagnosis } from './start/diagnosis.ts'
export type { MetricOptions, TelemetryOptions, TraceOptions } from './start/options.ts'
export { endWithProcess } from './start/process-end.ts'
export { startTelemetry, type Telemetry } from './start/telemetry.ts'
export type { ComparedNode, Comparison, PathTotals } from './store/comparison.ts'
export type { CriticalPath, PathSegment } from './store/critical-path.ts'
export type { CalleeKind, Edge } from './store/edges.ts'
export { storeErrors } from './store/errors.ts'
export type { ServiceGraph } from './store/graph.ts'
export type { StoreTotals } from './store/ledger.ts'
export type { SpanStoreOptions } from './store/options.ts'
export type { FoundTraces, SpanQuery, TimeRange, TraceSummary } from './store/query.ts'
export { type AddResult, openSpanStore, type SpanStore, type StoredService } from './store/span-store.ts'
export type { TraceNode, TraceView } from './store/trace-view.ts'
export { AttributeSet } from './trace/attribute-set.ts'
export type { SpanConsumer } from './trace/consumer.ts'
export { ContextManager } from './trace/context-manager.ts'
export { activeContext, Context, enterContext, rootContext, runIn, suppress, suppressed } from './trace/context.ts'
export type { SpanLimits } from './trace/limits.ts'
export type { RemoteParent } from './trace/parent.ts'
export { TracerProvider } from './trace/provider.ts'
export { registerGlobally, type Registration } from './trace/registration.ts'
export type { HeadSampler, SamplingDecision, SamplingRequest } from './trace/sampler.ts'
export { SpanBlock } from './trace/span-block.ts'
export type {
  Attributes,
  AttributeValue,
  InstrumentationScope,
  Resource,
  SpanData,
  SpanEvent,
  SpanKind,
  SpanLink,
  SpanStatus,
} from './trace/span-data.ts'
export { Span } from './trace/span.ts'
export { Tracer, type TracerOptions, type TracerTotals } from './trace/tracer.ts'
