// Spans of events and messages, by the OpenTelemetry semantic conventions for messaging: for our event bus, and for queues of an
// application's own. The trace context travels in the message's headers. Invariant: the name of a span has few different values;
// a message's body is never looked at.
import type { Baggage } from '@opentelemetry/api'
import { currentTelemetry } from '../current.ts'
import { extract } from '../propagation/inbound.ts'
import { inject } from '../propagation/outbound.ts'
import { activeContext, runIn } from '../trace/context.ts'
import type { RemoteParent } from '../trace/parent.ts'
import type { Span } from '../trace/span.ts'
import { kinds } from '../trace/span-block.ts'
import type { AttributeValue, InstrumentationScope } from '../trace/span-data.ts'
import type { Tracer } from '../trace/tracer.ts'
import { errorType } from './request-error.ts'
import { linkTo } from './request-headers.ts'

const scope: InstrumentationScope = Object.freeze({ name: '@switchgear/telemetry/messaging' })
const producer = kinds.indexOf('producer')
const consumer = kinds.indexOf('consumer')

/** Headers of a message. Those written have lower-case names; of those read the case does not matter. */
export type MessageHeaders = Record<string, string>

/** What is said of a message, or of a batch of them. */
export interface MessageFacts {
  /** `messaging.system`, such as 'nats'. */
  readonly system: string
  /** The topic, subject or queue; one with an id in it only beside `template`. */
  readonly destination: string
  /** The destination with few different values, such as 'orders.{region}'. */
  readonly template?: string | undefined
  readonly messageId?: string | undefined
  readonly conversationId?: string | undefined
  readonly partition?: string | undefined
  readonly consumerGroup?: string | undefined
  /** Messages of a batch. */
  readonly batch?: number | undefined
  /** Bytes. */
  readonly bodySize?: number | undefined
}

/**
 * Publishes: `send` gets the headers to put on the message, and what it answers or throws ends the span. Without telemetry it is
 * called with no headers.
 *
 * @example
 * await publishing({ system: 'nats', destination: 'orders.paid' }, (headers) => bus.publish('orders.paid', event, { headers }))
 */
export async function publishing<T>(facts: MessageFacts, send: (headers: MessageHeaders) => Promise<T>): Promise<T> {
  const current = currentTelemetry()
  const context = activeContext()
  if (current === undefined || context.suppressed) return send({})
  const { tracer, propagation } = current
  const span = begin(tracer, 'publish', 'send', producer, context.span, facts)
  const headers: MessageHeaders = {}
  inject((name, value) => (headers[name] = value), span, context.baggage, propagation)
  return follow(tracer, span, context.baggage, () => send(headers))
}

/**
 * Processes one message: `handle` runs below the span of whoever published it, as the next step of its trace.
 *
 * @example
 * await processing({ system: 'nats', destination: 'orders.paid' }, message.headers, () => onPaid(message.data))
 */
export async function processing<T>(
  facts: MessageFacts,
  headers: Readonly<MessageHeaders>,
  handle: () => Promise<T>,
): Promise<T> {
  const current = currentTelemetry()
  const context = activeContext()
  if (current === undefined || context.suppressed) return handle()
  const { parent, baggage } = extract(reading(headers), current.propagation)
  const span = begin(current.tracer, 'process', 'process', consumer, parent ?? context.span, facts)
  return follow(current.tracer, span, baggage ?? context.baggage, handle)
}

/**
 * Processes several messages in one go: a trace has one parent, so the span stays where it is and links to each message's.
 *
 * @example
 * await processingBatch({ system: 'nats', destination: 'orders.paid' }, messages.map(({ headers }) => headers), handleAll)
 */
export async function processingBatch<T>(
  facts: MessageFacts,
  batch: readonly Readonly<MessageHeaders>[],
  handle: () => Promise<T>,
): Promise<T> {
  const current = currentTelemetry()
  const context = activeContext()
  if (current === undefined || context.suppressed) return handle()
  const all = { batch: batch.length, ...facts }
  const span = begin(current.tracer, 'process', 'process', consumer, context.span, all)
  if (span.recording) {
    for (const headers of batch) {
      const { parent } = extract(reading(headers), current.propagation)
      if (parent !== undefined) linkTo(parent, span)
    }
  }
  return follow(current.tracer, span, context.baggage, handle)
}

/** Finds headers by lower-case name: some brokers deliver `Traceparent`. */
function reading(headers: Readonly<MessageHeaders>): (name: string) => string | undefined {
  let lower: Map<string, string> | undefined
  return (name) => {
    const exact = headers[name]
    if (exact !== undefined) return exact
    lower ??= new Map(Object.entries(headers).map(([key, value]) => [key.toLowerCase(), value]))
    return lower.get(name)
  }
}

function begin(
  tracer: Tracer,
  operation: string,
  type: string,
  kind: number,
  parent: Parameters<Tracer['start']>[3] | RemoteParent,
  facts: MessageFacts,
): Span {
  const { destination, template = destination } = facts
  const span = tracer.start(scope, `${operation} ${template}`, kind, parent, tracer.clock.now())
  if (!span.recording) return span
  const attributes: readonly (readonly [string, AttributeValue | undefined])[] = [
    ['messaging.system', facts.system],
    ['messaging.operation.name', operation],
    ['messaging.operation.type', type],
    ['messaging.destination.name', destination],
    ['messaging.destination.template', facts.template],
    ['messaging.destination.partition.id', facts.partition],
    ['messaging.message.id', facts.messageId],
    ['messaging.message.conversation_id', facts.conversationId],
    ['messaging.message.body.size', facts.bodySize],
    ['messaging.batch.message_count', facts.batch],
    ['messaging.consumer.group.name', facts.consumerGroup],
  ]
  for (const [key, value] of attributes) if (value !== undefined) span.set(key, value)
  return span
}

async function follow<T>(tracer: Tracer, span: Span, baggage: Baggage | undefined, run: () => Promise<T>): Promise<T> {
  try {
    return await runIn(activeContext().withSpan(span).withBaggage(baggage), run)
  } catch (error) {
    span.fail(errorType(error))
    throw error
  } finally {
    span.finish(tracer.clock.now())
  }
}
