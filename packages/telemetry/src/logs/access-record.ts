// One line of an access log: what was asked for, what was answered, how long it took, which trace it belongs to. Invariant: a
// field stands in a line only when its value is known, and texts that clients choose are redacted and cut.
// Source of the names: OpenTelemetry semantic conventions for HTTP spans and metrics, 1.44.
import { serverAttributes } from '../instrumentation/connection.ts'
import { knownMethod } from '../instrumentation/request-facts.ts'
import type { Redaction } from './redaction.ts'

/** What is known of a request when it is over. Undefined or absent where it is not. */
export interface AccessFacts {
  readonly method: string
  readonly durationMs: number
  /** Undefined when none was sent. */
  readonly status?: number | undefined
  readonly scheme?: string | undefined
  /** What was asked for: path and query. Secrets in it are redacted. */
  readonly target?: string | undefined
  /** The pattern that matched. */
  readonly route?: string | undefined
  /** As in the Host header. */
  readonly host?: string | undefined
  readonly clientAddress?: string | undefined
  readonly userAgent?: string | undefined
  /** Of HTTP: '1.1'. */
  readonly protocolVersion?: string | undefined
  /** Why it failed; a status of 500 or more needs none. */
  readonly errorType?: string | undefined
  /** 32 hex digits. */
  readonly traceId?: string | undefined
  /** 16 hex digits. */
  readonly spanId?: string | undefined
  /** Two hex digits. */
  readonly traceFlags?: string | undefined
  readonly requestBodyBytes?: number | undefined
  readonly responseBodyBytes?: number | undefined
  /** More fields; they are redacted. */
  readonly extra?: Readonly<Record<string, string | number | boolean | undefined>> | undefined
}

/** A line. */
export type AccessRecord = Record<string, string | number | boolean>

/** The line of a request. */
export function accessRecord(facts: AccessFacts, redaction: Redaction): AccessRecord {
  const { method, status, target, host, extra } = facts
  const known = knownMethod(method)
  const record: AccessRecord = { 'http.request.method': known }
  const set = (name: string, value: string | number | boolean | undefined): void => {
    if (value !== undefined) record[name] = typeof value === 'string' ? redaction.text(value) : value
  }
  if (known !== method) set('http.request.method_original', method)
  set('url.scheme', facts.scheme)
  if (target !== undefined) setTarget(record, target, redaction)
  // A pattern of the application: `/token/:id` has no secret in it.
  if (facts.route !== undefined) record['http.route'] = facts.route
  set('http.response.status_code', status)
  record['http.server.request.duration'] = Math.round(facts.durationMs * 1000) / 1e6
  if (host !== undefined) {
    for (const [name, value] of Object.entries(serverAttributes(host))) set(name, value as string | number)
  }
  set('client.address', facts.clientAddress)
  set('user_agent.original', facts.userAgent)
  set('network.protocol.version', facts.protocolVersion)
  set('http.request.body.size', facts.requestBodyBytes)
  set('http.response.body.size', facts.responseBodyBytes)
  set('error.type', errorTypeOf(facts))
  if (extra !== undefined) Object.assign(record, redaction.redact(extra))
  set('trace_id', facts.traceId)
  set('span_id', facts.spanId)
  set('trace_flags', facts.traceFlags)
  return record
}

/** Why it failed, if it did: what is known, else its status. */
export function errorTypeOf({ errorType, status }: AccessFacts): string | undefined {
  if (errorType !== undefined && errorType !== '') return errorType
  return status !== undefined && status >= 500 ? String(status) : undefined
}

function setTarget(record: AccessRecord, target: string, redaction: Redaction): void {
  const mark = target.indexOf('?')
  record['url.path'] = redaction.text(mark < 0 ? target : target.slice(0, mark))
  if (mark >= 0) record['url.query'] = redaction.query(target.slice(mark + 1))
}
