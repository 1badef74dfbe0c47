// The official schema of OTLP, read by an independent implementation of Protocol Buffers.
import path from 'node:path'
import protobuf from 'protobufjs'

const root = new protobuf.Root()
const folder = path.join(import.meta.dirname, 'proto')
root.resolvePath = (_origin, target) => path.join(folder, target)
root.loadSync([
  'opentelemetry/proto/collector/trace/v1/trace_service.proto',
  'opentelemetry/proto/collector/metrics/v1/metrics_service.proto',
])

export type Message = Readonly<Record<string, unknown>>

export const traceRequest = root.lookupType('opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest')
export const traceResponse = root.lookupType('opentelemetry.proto.collector.trace.v1.ExportTraceServiceResponse')
export const metricsRequest = root.lookupType('opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest')
export const metricsResponse = root.lookupType('opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceResponse')

const plain = { longs: String, bytes: String, enums: Number, defaults: false, arrays: false }

/** A message as a plain object: fields that were on the wire, 64-bit numbers as texts, bytes in base64. */
export function decoded(type: protobuf.Type, bytes: Uint8Array): Message {
  return type.toObject(type.decode(bytes), plain)
}

/** What `decoded` would answer for a JSON request: ids are hex in OTLP's JSON, unlike in the usual mapping. */
export function decodedJson(type: protobuf.Type, bytes: Uint8Array): Message {
  const object: unknown = JSON.parse(Buffer.from(bytes).toString(), (key, value: unknown) => {
    if ((key === 'traceId' || key === 'spanId' || key === 'parentSpanId') && typeof value === 'string')
      return base64(value)
    // The library takes numbers only.
    return key === 'doubleValue' || key === 'asDouble' ? Number(value) : value
  })
  return type.toObject(type.fromObject(object as Message), plain)
}

export function base64(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64')
}
