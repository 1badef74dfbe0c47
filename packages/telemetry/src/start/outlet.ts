// The way of spans out of the process: an exporter, and the tail sampler before it where there is one.
import type { TelemetryVariables } from '../otlp/environment.ts'
import { type OtlpExporter, otlpExporter } from '../otlp/exporter.ts'
import { withoutCredentials } from '../otlp/otlp-options.ts'
import { type TailFilter, tailFilter } from '../sampling/tail-filter.ts'
import type { SpanConsumer } from '../trace/consumer.ts'
import { exporterOptions } from './from-environment.ts'
import type { TraceOptions } from './options.ts'

const defaultEndpoint = 'http://localhost:4318/v1/traces'

/** Where spans go by OTLP, if anywhere. */
export class Outlet {
  readonly exporter: OtlpExporter | undefined
  readonly tail: TailFilter | undefined
  /** Without credentials; undefined where spans are not exported. */
  readonly endpoint: string | undefined

  constructor(options: TraceOptions, variables: TelemetryVariables, onProblem: (message: string) => void) {
    const sending = variables.disabled ? undefined : exporterOptions(options.export, variables, 'traces', onProblem)
    if (sending === undefined) return
    this.exporter = otlpExporter(sending)
    this.endpoint = withoutCredentials(String(sending.endpoint ?? defaultEndpoint))
    if (options.tail !== undefined) this.tail = tailFilter(this.exporter, options.tail)
  }

  /** Whoever is to get the finished spans. */
  get consumer(): SpanConsumer | undefined {
    return this.tail ?? this.exporter
  }
}
