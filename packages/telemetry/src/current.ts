// The telemetry that this process has started, for data paths that call the tracer directly. There is at most one.
import type { QueryRedaction } from './instrumentation/request-url.ts'
import type { EndpointSource } from './metrics/families/endpoints.ts'
import type { SnapshotSource } from './metrics/policy-metrics.ts'
import type { Propagation } from './propagation/options.ts'
import type { Tracer } from './trace/tracer.ts'

/** What a data path needs of it. */
export interface CurrentTelemetry {
  readonly tracer: Tracer
  readonly propagation: Propagation
  /** The metrics that the HTTP instrumentation counts served requests into; undefined where it counts none. */
  readonly served: object | undefined
  /** Shows the pipelines of a registry in the metrics from now on; the answer ends it. */
  show(registry: SnapshotSource): () => void
  /** Shows the endpoints of a service in the metrics from now on; the answer ends it. */
  showEndpoints(source: EndpointSource): () => void
  /** What is hidden of addresses, as `http.sensitiveParameters` says. Default: all that has the name of a secret. */
  readonly redaction?: QueryRedaction | undefined
}

let current: CurrentTelemetry | undefined

/** The telemetry of this process, if it was started. */
export function currentTelemetry(): CurrentTelemetry | undefined {
  return current
}

/** Begins or ends it. */
export function setCurrentTelemetry(telemetry: CurrentTelemetry | undefined): void {
  current = telemetry
}
