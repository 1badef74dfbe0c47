// OpenTelemetry's view of trace and baggage in headers, for other people's instrumentations. Invariant: it reads and writes
// what our own instrumentations do, through the same functions. It knows no context class and no span class.
import {
  type Context,
  createContextKey,
  propagation as propagationApi,
  type SpanContext,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  trace,
} from '@opentelemetry/api'
import { suppressed } from '../trace/context.ts'
import type { RemoteParent } from '../trace/parent.ts'
import type { FieldValue } from './field-text.ts'
import { extract } from './inbound.ts'
import { type IncomingParent, parentOf, spanIdHex, traceIdHex } from './incoming-parent.ts'
import { Propagation } from './options.ts'
import { inject, outgoingNames } from './outbound.ts'
import { TraceStateView, traceStateText } from './trace-state-view.ts'

/** B3's and Jaeger's debug flag, which a SpanContext has no place for. */
const debugKey = createContextKey('Switchgear trace debug')

/**
 * The propagator to register globally.
 *
 * @example
 * api.propagation.setGlobalPropagator(new HeaderPropagator())
 */
export class HeaderPropagator implements TextMapPropagator<unknown> {
  readonly #propagation: Propagation

  constructor(propagation: Propagation = new Propagation()) {
    this.#propagation = propagation
  }

  inject(context: Context, carrier: unknown, setter: TextMapSetter<unknown>): void {
    if (suppressed(context)) return
    const span = trace.getSpanContext(context)
    const position = span === undefined ? undefined : positionOf(span, context.getValue(debugKey) === true)
    const write = (name: string, value: string): void => setter.set(carrier, name, value)
    inject(write, position, propagationApi.getBaggage(context), this.#propagation)
  }

  /** The context with what came in. Where that is only B3's wish not to record, there is nothing that a context could say. */
  extract(context: Context, carrier: unknown, getter: TextMapGetter<unknown>): Context {
    const read = (name: string): FieldValue => textOf(getter.get(carrier, name))
    const { parent, asks, baggage } = extract(read, this.#propagation, () => getter.keys(carrier))
    let extracted = context
    if (parent !== undefined) extracted = trace.setSpanContext(extracted, spanContextOf(parent))
    if (parent?.debug === true || asks === 'debug') extracted = extracted.setValue(debugKey, true)
    return baggage === undefined ? extracted : propagationApi.setBaggage(extracted, baggage)
  }

  fields(): string[] {
    return outgoingNames(this.#propagation)
  }
}

/** What a carrier holds as text: those of message brokers hold bytes, whatever the getter's type says. */
function textOf(value: unknown): FieldValue {
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined
  return Array.isArray(value) ? value.map(String) : String(value)
}

/** A remote parent as OpenTelemetry's API has it. */
export function spanContextOf(parent: RemoteParent): SpanContext {
  return {
    traceId: traceIdHex(parent),
    spanId: spanIdHex(parent),
    traceFlags: parent.flags,
    isRemote: true,
    ...(parent.traceState === '' ? undefined : { traceState: new TraceStateView(parent.traceState) }),
  }
}

/** Anybody's span context as numbers; undefined when its ids are invalid. */
export function positionOf(span: SpanContext, debug: boolean = false): IncomingParent | undefined {
  const parent = parentOf(span.traceId.toLowerCase(), span.spanId.toLowerCase(), span.traceFlags, debug)
  if (parent !== undefined) parent.traceState = traceStateText(span.traceState)
  return parent
}
