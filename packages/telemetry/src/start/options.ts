// What `startTelemetry` can be told. Everything has a default, and what the code leaves open the OTEL_* variables say.
import type { SnapshotSource } from '../metrics/policy-metrics.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { HttpInstrumentationOptions } from '../instrumentation/http-options.ts'
import type { OtlpOptions } from '../otlp/otlp-options.ts'
import type { PropagationOptions } from '../propagation/options.ts'
import type { TailFilterOptions } from '../sampling/tail-filter.ts'
import type { SpanConsumer } from '../trace/consumer.ts'
import type { SpanLimits } from '../trace/limits.ts'
import type { HeadSampler } from '../trace/sampler.ts'
import type { TracerOptions } from '../trace/tracer.ts'
import type { ServiceIdentity } from './resource.ts'

/** Options of the traces. */
export interface TraceOptions extends Pick<TracerOptions, 'maxBlocks' | 'flushEvery'> {
  /** Default: OTEL_TRACES_SAMPLER, else as the caller says and always where there is none. */
  readonly sampler?: HeadSampler | undefined
  /** Default: the OTEL_*_LIMIT variables, else those of the OpenTelemetry specification. */
  readonly limits?: SpanLimits | undefined
  /**
   * Where spans go by OTLP/HTTP; `false`: nowhere. Default: OTEL_TRACES_EXPORTER and OTEL_EXPORTER_OTLP_*, else
   * http://localhost:4318/v1/traces, where a Switchgear or any other collector listens.
   */
  readonly export?: OtlpOptions | false | undefined
  /**
   * Tail sampling in this process, before the export. Leave it out where spans go to a Switchgear store: that decides on
   * whole traces, and this sees only the part of them that is in this process. Default: none.
   */
  readonly tail?: TailFilterOptions | undefined
  /** Further receivers of all spans. */
  readonly consumers?: readonly SpanConsumer[] | undefined
}

/** Options of the metrics. */
export interface MetricOptions {
  /** Where HTTP and call durations are counted: what `/metrics` shows. Default: metrics of its own, of `registry`. */
  readonly metrics?: Metrics | undefined
  /** The pipelines of metrics of its own. Default: none. */
  readonly registry?: SnapshotSource | undefined
  /** Where metrics go by OTLP/HTTP; `false`: nowhere. Default: only where OTEL_METRICS_EXPORTER names `otlp`. */
  readonly export?: (OtlpOptions & { readonly interval?: number | undefined }) | false | undefined
}

/** Options of `startTelemetry`. */
export interface TelemetryOptions extends ServiceIdentity {
  readonly traces?: TraceOptions | undefined
  readonly metrics?: MetricOptions | undefined
  /** Spans and durations of HTTP; `false`: none. */
  readonly http?: HttpInstrumentationOptions | false | undefined
  /** Spans and durations of guarded calls. Default true. */
  readonly pipelines?: boolean | undefined
  /** Default: OTEL_PROPAGATORS, else W3C both ways, B3 and Jaeger inwards. */
  readonly propagation?: PropagationOptions | undefined
  /** Whether to stand behind `@opentelemetry/api`. Default true. */
  readonly global?: boolean | undefined
  /** Default `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** Told in words what is wrong, each thing once a minute at most. Default: a process warning. */
  readonly onProblem?: ((message: string) => void) | undefined
}
