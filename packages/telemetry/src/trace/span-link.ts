// Links and span contexts of the OpenTelemetry API in our form. Texts from outside are checked here, so that behind it
// every id is valid.
import { createTraceState, isSpanContextValid, type Link, type SpanContext } from '@opentelemetry/api'

import { cleanAttributes } from './attributes.ts'
import { wordOfHex } from './ids.ts'
import type { CompleteLimits } from './limits.ts'
import type { RemoteParent } from './parent.ts'
import type { SpanLink } from './span-data.ts'

/** A link as it is kept; undefined when its ids are not valid, or are empty and it says nothing besides. */
export function linkOf(link: Link, limits: CompleteLimits): SpanLink | undefined {
  const context = link?.context
  if (!isValid(context) && !isEmpty(context)) return undefined
  const traceState = traceStateOf(context)
  const { droppedAttributesCount: before } = link
  const { attributes, dropped } = cleanAttributes(
    link.attributes,
    limits.attributePerLinkCount,
    limits.attributeValueLength,
  )
  // The specification wants ids of zeros kept beside something to say ("Specifying links", trace/api.md); receivers take them,
  // since in OTLP an id need only have its length.
  if (!isValid(context) && traceState === '' && Object.keys(attributes).length === 0) return undefined
  return {
    traceId: context.traceId.toLowerCase(),
    spanId: context.spanId.toLowerCase(),
    traceState,
    flags: flagsOf(context) | 0x100 | (context.isRemote === true ? 0x200 : 0),
    attributes,
    droppedAttributes: dropped + (typeof before === 'number' && before > 0 ? before : 0),
  }
}

/** The position a span context stands for; undefined when it is not valid. */
export function positionOf(context: SpanContext): RemoteParent | undefined {
  if (!isValid(context)) return undefined
  const { traceId, spanId } = context
  return {
    traceA: wordOfHex(traceId, 0),
    traceB: wordOfHex(traceId, 8),
    traceC: wordOfHex(traceId, 16),
    traceD: wordOfHex(traceId, 24),
    spanA: wordOfHex(spanId, 0),
    spanB: wordOfHex(spanId, 8),
    flags: flagsOf(context),
    traceState: traceStateOf(context),
  }
}

// A context that was made by hand, in plain JavaScript, often has its trace state as text.
function traceStateOf({ traceState }: SpanContext): string {
  if (typeof traceState === 'string') return createTraceState(traceState).serialize()
  const text: unknown = typeof traceState?.serialize === 'function' ? traceState.serialize() : ''
  return typeof text === 'string' ? text : ''
}

function flagsOf({ traceFlags }: SpanContext): number {
  return typeof traceFlags === 'number' ? traceFlags & 0xff : 0
}

/** Whether one of the ids is of zeros and both have the form of one. */
function isEmpty(context: SpanContext | undefined): context is SpanContext {
  const { traceId, spanId } = context ?? {}
  const isForm = typeof traceId === 'string' && typeof spanId === 'string' && /^[0-9a-f]{48}$/i.test(traceId + spanId)
  return isForm && spanId.length === 16 && (/^0+$/.test(traceId) || /^0+$/.test(spanId))
}

function isValid(context: SpanContext | undefined): context is SpanContext {
  return typeof context?.traceId === 'string' && typeof context.spanId === 'string' && isSpanContextValid(context)
}
