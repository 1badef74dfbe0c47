// What an operator sees of a process: metrics in Prometheus text, and the trace context that calls carry.
export type { HttpClientObservation, HttpDurations, HttpMetrics, HttpServerObservation } from './http-metrics.ts'
export { createMetrics, type Metrics, type MetricsOptions } from './metrics.ts'
export type { SnapshotSource } from './policy-metrics.ts'
export { childOf, formatTraceparent, parseTraceparent, type TraceContext } from './trace-context.ts'
