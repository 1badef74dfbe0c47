// The bodies of answers, in the format of the request: ExportTraceServiceResponse when spans were taken, google.rpc.Status when
// the request failed, with a BadRequest as its detail where a field is to blame.
// https://opentelemetry.io/docs/specs/otlp/#otlphttp-response, google/rpc/status.proto, google/rpc/error_details.proto
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { sized, varint } from './decode-wire.ts'
import type { Refusal } from './receiver-refusal.ts'

/** The two encodings of OTLP/HTTP. */
export type Format = 'protobuf' | 'json'

/** An answer that is ready to be written. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

const contentTypes: Readonly<Record<Format, string>> = { protobuf: 'application/x-protobuf', json: 'application/json' }
const badRequestType = 'type.googleapis.com/google.rpc.BadRequest'
/** A path in a message is as deep as the sender made it. */
const maxMessage = 1024

/** google.rpc.Code of the statuses that a receiver answers with; UNKNOWN, 2, for others. */
const rpcCodes: Readonly<Record<number, number>> = {
  400: 3,
  403: 7,
  404: 5,
  405: 12,
  408: 4,
  413: 8,
  415: 3,
  421: 7,
  429: 8,
  431: 8,
  500: 13,
  503: 14,
}

/** 200. With nothing to tell, `partial_success` stays unset, as the specification demands; a message alone is a warning. */
export function taken(format: Format, rejected: number, message: string): Answer {
  const errorMessage = message.slice(0, maxMessage)
  const isFull = rejected === 0 && errorMessage === ''
  if (format === 'json') {
    const partialSuccess = { rejectedSpans: String(rejected), errorMessage }
    return answer(format, 200, json(isFull ? {} : { partialSuccess }))
  }
  const writer = new BinaryWriter()
  if (!isFull) {
    writer.uint32(sized(1)).fork()
    writer.uint32(varint(1)).int64(rejected).uint32(sized(2)).string(errorMessage).join()
  }
  return answer(format, 200, writer.finish())
}

/** The answer to a request that is refused. */
export function refused(format: Format, refusal: Refusal): Answer {
  const { status, field, headers } = refusal
  const message = refusal.message.slice(0, maxMessage)
  const code = rpcCodes[status] ?? 2
  if (format === 'json') {
    const violation = { field: field.slice(0, maxMessage), description: message }
    const details = field === '' ? [] : [{ '@type': badRequestType, fieldViolations: [violation] }]
    return answer(format, status, json({ code, message, details }), headers)
  }
  const writer = new BinaryWriter().uint32(varint(1)).int32(code).uint32(sized(2)).string(message)
  if (field !== '') {
    writer.uint32(sized(3)).fork().uint32(sized(1)).string(badRequestType)
    writer.uint32(sized(2)).fork().uint32(sized(1)).fork()
    writer.uint32(sized(1)).string(field.slice(0, maxMessage)).uint32(sized(2)).string(message)
    writer.join().join().join()
  }
  return answer(format, status, writer.finish(), headers)
}

function answer(format: Format, status: number, body: Uint8Array, more: Readonly<Record<string, string>> = {}): Answer {
  const headers = { 'content-type': contentTypes[format], 'content-length': String(body.length), ...more }
  return { status, headers: { ...headers, 'x-content-type-options': 'nosniff' }, body }
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}
