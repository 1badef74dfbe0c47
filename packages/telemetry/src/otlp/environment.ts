// The OTEL_* environment variables as options. Owns which variable means what, by "OpenTelemetry Environment Variable
// Specification" and "OpenTelemetry Protocol Exporter". Invariant: a pure function of the variables; what is not set, or is
// wrong and therefore ignored, is left out, so that whoever applies it keeps his default.
import type { SpanLimits } from '../trace/limits.ts'
import { VariableReader, type Variables } from './environment-values.ts'
import { given } from './given.ts'
import type { OtlpOptions, OtlpProtocol } from './otlp-options.ts'

/** What the variables say about one exporter: options for it, and files that somebody else has to read. */
export interface OtlpVariables extends Pick<OtlpOptions, 'headers' | 'compression' | 'protocol'> {
  /** With the path of the signal. */
  readonly endpoint?: string
  /** Milliseconds. */
  readonly timeout?: number
  /** PEM files: who is trusted, the client's certificate, its key. */
  readonly caFile?: string
  readonly certFile?: string
  readonly keyFile?: string
}

/** What can be done with spans. */
export type TracesExporterName = 'otlp' | 'console' | 'none'
/** What can be done with metrics. */
export type MetricsExporterName = 'otlp' | 'prometheus' | 'console' | 'none'

/** Everything that the variables say. Fields are left out where nothing valid is said. */
export interface TelemetryVariables {
  /** OTEL_SDK_DISABLED; false when not set. */
  readonly disabled: boolean
  /** OTEL_RESOURCE_ATTRIBUTES, and OTEL_SERVICE_NAME as `service.name`, which goes before. */
  readonly resourceAttributes: Readonly<Record<string, string>>
  readonly traces: {
    readonly exporters?: readonly TracesExporterName[]
    readonly otlp: OtlpVariables
    /** OTEL_BSP_SCHEDULE_DELAY, milliseconds. */
    readonly flushEvery?: number
    /** OTEL_BSP_MAX_QUEUE_SIZE, spans. */
    readonly maxQueueSize?: number
    /** OTEL_BSP_MAX_EXPORT_BATCH_SIZE, spans; at most the queue's size. */
    readonly maxBatch?: number
    /** OTEL_BSP_EXPORT_TIMEOUT, milliseconds. */
    readonly flushTimeout?: number
    /** OTEL_TRACES_SAMPLER, in lower case, not interpreted. */
    readonly sampler?: string
    /** OTEL_TRACES_SAMPLER_ARG as given; only beside a sampler. */
    readonly samplerArgument?: string
  }
  readonly metrics: {
    readonly exporters?: readonly MetricsExporterName[]
    readonly otlp: OtlpVariables
    /** OTEL_METRIC_EXPORT_INTERVAL, milliseconds. */
    readonly interval?: number
    /** OTEL_METRIC_EXPORT_TIMEOUT, milliseconds. */
    readonly flushTimeout?: number
  }
  /** The limits of a span. */
  readonly limits: SpanLimits
  /** OTEL_PROPAGATORS, in lower case, each once, not interpreted. */
  readonly propagators?: readonly string[]
  /** What was wrong and therefore ignored, for people. No secrets. */
  readonly warnings: readonly string[]
}

/**
 * Reads the OTEL_* variables.
 *
 * @example
 * const { traces, warnings } = readEnvironment(process.env)
 * const exporter = otlpExporter(traces.otlp)
 */
export function readEnvironment(variables: Variables): TelemetryVariables {
  const reader = new VariableReader(variables)
  const serviceName = reader.text('OTEL_SERVICE_NAME')
  return given<TelemetryVariables>({
    disabled: reader.flag('OTEL_SDK_DISABLED'),
    resourceAttributes: {
      ...reader.pairs('OTEL_RESOURCE_ATTRIBUTES'),
      ...(serviceName === undefined ? {} : { 'service.name': serviceName }),
    },
    traces: tracesOf(reader),
    metrics: given<TelemetryVariables['metrics']>({
      exporters: reader.choices('OTEL_METRICS_EXPORTER', ['otlp', 'prometheus', 'console']),
      otlp: otlpOf(reader, 'METRICS'),
      interval: reader.count('OTEL_METRIC_EXPORT_INTERVAL', 1),
      flushTimeout: reader.timeoutMs('OTEL_METRIC_EXPORT_TIMEOUT'),
    }),
    limits: limitsOf(reader),
    propagators: reader.words('OTEL_PROPAGATORS'),
    // A variable for several limits, or for both signals, is read more than once.
    warnings: [...new Set(reader.warnings)],
  })
}

function tracesOf(reader: VariableReader): TelemetryVariables['traces'] {
  const maxQueueSize = reader.count('OTEL_BSP_MAX_QUEUE_SIZE', 1)
  let maxBatch = reader.count('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 1)
  // 2048 is what the specification says where the queue's size is not set.
  if (maxBatch !== undefined && maxBatch > (maxQueueSize ?? 2048)) {
    const bound = `at most OTEL_BSP_MAX_QUEUE_SIZE, which is ${maxQueueSize ?? 2048}`
    reader.warnings.push(`OTEL_BSP_MAX_EXPORT_BATCH_SIZE must be ${bound}, got '${maxBatch}'; it is ignored`)
    maxBatch = undefined
  }
  const sampler = reader.text('OTEL_TRACES_SAMPLER')?.toLowerCase()
  return given<TelemetryVariables['traces']>({
    exporters: reader.choices('OTEL_TRACES_EXPORTER', ['otlp', 'console']),
    otlp: otlpOf(reader, 'TRACES'),
    flushEvery: atLeastOne(reader.count('OTEL_BSP_SCHEDULE_DELAY')),
    maxQueueSize,
    maxBatch,
    flushTimeout: reader.timeoutMs('OTEL_BSP_EXPORT_TIMEOUT'),
    sampler,
    samplerArgument: sampler === undefined ? undefined : reader.text('OTEL_TRACES_SAMPLER_ARG'),
  })
}

/** A variable of the signal goes before the one for all signals. */
function otlpOf(reader: VariableReader, signal: 'TRACES' | 'METRICS'): OtlpVariables {
  const read = <T>(option: string, how: (name: string) => T | undefined): T | undefined =>
    how(`OTEL_EXPORTER_OTLP_${signal}_${option}`) ?? how(`OTEL_EXPORTER_OTLP_${option}`)
  const text = (name: string): string | undefined => reader.text(name)
  return given<OtlpVariables>({
    endpoint: endpointOf(reader, signal),
    headers: read('HEADERS', (name) => reader.headers(name)),
    compression: read('COMPRESSION', (name) => reader.choice(name, ['gzip', 'none'])),
    timeout: read('TIMEOUT', (name) => reader.timeoutMs(name)),
    protocol: read('PROTOCOL', (name) => protocolOf(reader, name)),
    caFile: read('CERTIFICATE', text),
    certFile: read('CLIENT_CERTIFICATE', text),
    keyFile: read('CLIENT_KEY', text),
  })
}

/** "Without delay" is the next millisecond: a timer of 0 would spin. */
function atLeastOne(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.max(1, ms)
}

function protocolOf(reader: VariableReader, name: string): OtlpProtocol | undefined {
  const isGrpc = reader.text(name)?.toLowerCase() === 'grpc'
  const why = isGrpc ? ' (gRPC is not spoken: collectors take http/protobuf, mostly on port 4318)' : ''
  return reader.choice<OtlpProtocol>(name, ['http/protobuf', 'http/json'], why)
}

/** The signal's own endpoint as it is; else the common one with the signal's path behind its own. */
function endpointOf(reader: VariableReader, signal: 'TRACES' | 'METRICS'): string | undefined {
  const own = reader.url(`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`)
  if (own !== undefined) return own.href
  const base = reader.url('OTEL_EXPORTER_OTLP_ENDPOINT')
  if (base === undefined) return undefined
  base.pathname = `${base.pathname.replace(/\/$/, '')}/v1/${signal.toLowerCase()}`
  return base.href
}

/** A limit of spans goes before the one for all attributes. */
function limitsOf(reader: VariableReader): SpanLimits {
  const count = (name: string): number | undefined => reader.count(`OTEL_${name}_LIMIT`)
  const length = count('SPAN_ATTRIBUTE_VALUE_LENGTH') ?? count('ATTRIBUTE_VALUE_LENGTH')
  return given<SpanLimits>({
    attributeCount: count('SPAN_ATTRIBUTE_COUNT') ?? count('ATTRIBUTE_COUNT'),
    attributeValueLength: length,
    eventCount: count('SPAN_EVENT_COUNT'),
    linkCount: count('SPAN_LINK_COUNT'),
    attributePerEventCount: count('EVENT_ATTRIBUTE_COUNT') ?? count('ATTRIBUTE_COUNT'),
    attributePerLinkCount: count('LINK_ATTRIBUTE_COUNT') ?? count('ATTRIBUTE_COUNT'),
  })
}
