// The headers that a call takes along. Invariant: what is written is valid in every format; an empty `tracestate` or
// `baggage` is not written. It decides nothing about the span: whoever calls has made a new one for this call.
import type { Baggage } from '@opentelemetry/api'
import { b3MultiNames, formatB3, writeB3Multi } from './b3.ts'
import { formatBaggage } from './baggage.ts'
import type { FieldWriter } from './field-text.ts'
import type { OutgoingPosition } from './incoming-parent.ts'
import { formatJaeger, jaegerName, writeJaegerBaggage } from './jaeger.ts'
import type { Propagation } from './options.ts'
import { formatTraceparent } from './traceparent.ts'
import { cutTracestate } from './tracestate.ts'

/**
 * Writes the position in the trace and the baggage in all formats that are on. Names are lower-case. Either may be missing.
 *
 * @example
 * inject((name, value) => request.setHeader(name, value), span, context.baggage, new Propagation())
 */
export function inject(
  write: FieldWriter,
  span: OutgoingPosition | undefined,
  baggage: Baggage | undefined,
  propagation: Propagation,
): void {
  if (span !== undefined) injectSpan(write, span, propagation)
  if (baggage !== undefined) injectBaggage(write, baggage, propagation)
}

function injectSpan(write: FieldWriter, span: OutgoingPosition, { outgoing, maxTracestate }: Propagation): void {
  if (outgoing.tracecontext) {
    write('traceparent', formatTraceparent(span))
    const state = span.traceState === '' ? '' : cutTracestate(span.traceState, maxTracestate)
    if (state !== '') write('tracestate', state)
  }
  if (outgoing.b3) write('b3', formatB3(span))
  if (outgoing.b3multi) writeB3Multi(write, span)
  if (outgoing.jaeger) write(jaegerName, formatJaeger(span))
}

function injectBaggage(write: FieldWriter, baggage: Baggage, { outgoing, drops }: Propagation): void {
  if (outgoing.baggage) {
    const text = formatBaggage(baggage, drops)
    if (text !== undefined) write('baggage', text)
  }
  if (outgoing.jaeger) writeJaegerBaggage(write, baggage, drops)
}

/** The names of all headers that may be written; those of Jaeger's baggage depend on its keys and are not among them. */
export function outgoingNames({ outgoing }: Propagation): string[] {
  const names: string[] = []
  if (outgoing.tracecontext) names.push('traceparent', 'tracestate')
  if (outgoing.baggage) names.push('baggage')
  if (outgoing.b3) names.push('b3')
  if (outgoing.b3multi) names.push(...b3MultiNames)
  if (outgoing.jaeger) names.push(jaegerName)
  return names
}
