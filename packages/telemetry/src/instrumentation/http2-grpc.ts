// gRPC on top of an HTTP/2 stream: how a call is recognised, what it is called and when it failed. Invariant: the method is
// shown as `_OTHER` when the server says that it has no such method, because then the caller made the name up.
//
// Source: OpenTelemetry semantic conventions for gRPC; gRPC over HTTP2.
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'
import type { Span } from '../trace/span.ts'

/** By their numbers. */
const statusNames = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
]

/** The statuses that tell of a failure of the server itself rather than of its caller. */
const serverErrors: ReadonlySet<string> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
])

/** Headers or trailers of either direction. */
export type Http2Fields = IncomingHttpHeaders | OutgoingHttpHeaders | undefined

/** Whether the headers of a request are those of a gRPC call. */
export function isGrpc(headers: Http2Fields): boolean {
  const type = headers?.['content-type']
  if (typeof type !== 'string' || !type.startsWith('application/grpc')) return false
  // application/grpc-web has its status in the body, where nobody looks.
  const next = type.charAt('application/grpc'.length)
  return next === '' || next === '+' || next === ';'
}

/** The name of the status in trailers, or in the headers of an answer without a body; undefined when there is none. */
export function grpcStatus(fields: Http2Fields): string | undefined {
  const status = fields?.['grpc-status']
  if (status === undefined) return undefined
  return statusNames[Number(status)] ?? 'UNKNOWN'
}

/** What `error.type` becomes; '' when the call did not fail for this side. */
export function grpcError(status: string, isServer: boolean): string {
  return (isServer ? serverErrors.has(status) : status !== 'OK') ? status : ''
}

/** Names the span and sets what a gRPC call says of itself. */
export function describeGrpc(span: Span, path: string, status: string | undefined): void {
  const method = path.startsWith('/') ? path.slice(1) : path
  span.set('rpc.system.name', 'grpc')
  if (status === 'UNIMPLEMENTED') {
    span.set('rpc.method', '_OTHER')
    span.set('rpc.method_original', method)
    span.name = 'grpc'
  } else {
    span.set('rpc.method', method)
    span.name = method
  }
  if (status !== undefined) span.set('rpc.status_code', status)
}
