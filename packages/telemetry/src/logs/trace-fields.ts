// Which span a log line belongs to. Invariant: every answer is an object of its own, because loggers write their fields into
// what a mixin gave them: a shared one would carry the fields of one line into all others.
import { isSpanContextValid } from '@opentelemetry/api'
import { activeContext } from '../trace/context.ts'
import { Span } from '../trace/span.ts'

/**
 * The fields of a log line that tie it to a trace.
 *
 * Source: OpenTelemetry specification, compatibility/logging_trace_context.md.
 */
export interface TraceFields {
  /** 32 hex digits. */
  trace_id: string
  /** 16 hex digits. */
  span_id: string
  /** The W3C flags as two hex digits: '01' sampled. */
  trace_flags: string
}

/**
 * The fields of the span that the running code belongs to; an empty object where there is none.
 *
 * @example
 * const logger = pino({ mixin: traceFields })
 */
export function traceFields(): Partial<TraceFields> {
  const { span } = activeContext()
  if (span === undefined) return {}
  if (span instanceof Span) {
    return { trace_id: span.traceIdHex(), span_id: span.spanIdHex(), trace_flags: flagsText(span.flags) }
  }
  const position = span.spanContext()
  if (!isSpanContextValid(position)) return {}
  return { trace_id: position.traceId, span_id: position.spanId, trace_flags: flagsText(position.traceFlags) }
}

/** Flags as in a `traceparent`. */
export function flagsText(flags: number): string {
  return (flags & 0xff).toString(16).padStart(2, '0')
}
