// What a policy tells, as an event of a span: its name, its attributes, and what is left out because it may be somebody's secret
// (the key of a cache, the message of a foreign error).
import type { PolicyEvent } from '@switchgear/core'
import { resilienceEvents } from '../sampling/resilience-events.ts'
import type { Attributes, AttributeValue } from '../trace/span-data.ts'
import { errorType } from './request-error.ts'

type EventType = PolicyEvent['type']

/** Those that are about one call. A changed limit or level of shedding is about all of them, and shows in the metrics. */
const names: Readonly<Partial<Record<EventType, string>>> = {
  transition: resilienceEvents.transition,
  rejected: resilienceEvents.rejected,
  wouldReject: resilienceEvents.wouldReject,
  retry: resilienceEvents.retry,
  queued: resilienceEvents.queued,
  timeout: resilienceEvents.timeout,
  abandoned: resilienceEvents.abandoned,
  fallback: resilienceEvents.fallback,
  hedge: resilienceEvents.hedge,
  hedgeWon: resilienceEvents.hedgeWon,
  cache: resilienceEvents.cache,
  coalesced: resilienceEvents.coalesced,
  chaos: resilienceEvents.chaos,
}

/** Name of the span event for an event of a policy; undefined for one that belongs to no span. */
export function spanEventName(type: EventType): string | undefined {
  return names[type]
}

/**
 * Attributes of the span event.
 *
 * @example
 * spanEventAttributes(event) // { 'switchgear.policy': 'retry', 'switchgear.attempt': 1, 'switchgear.delay_ms': 50, … }
 */
export function spanEventAttributes(event: PolicyEvent): Attributes {
  const own = ownAttributes(event)
  return own === undefined ? { 'switchgear.policy': event.policy } : { 'switchgear.policy': event.policy, ...own }
}

function ownAttributes(event: PolicyEvent): Record<string, AttributeValue> | undefined {
  switch (event.type) {
    case 'transition':
      return {
        'switchgear.circuit.from': event.from,
        'switchgear.circuit.state': event.to,
        'switchgear.reason': event.reason,
      }
    case 'rejected':
    case 'wouldReject':
      return {
        'error.type': event.code,
        ...(event.state === undefined ? {} : { 'switchgear.circuit.state': event.state }),
      }
    case 'retry':
      return {
        'switchgear.attempt': event.attempt,
        'switchgear.delay_ms': event.delayMs,
        'error.type': errorType(event.error),
      }
    case 'queued':
      return { 'switchgear.waited_ms': event.waitedMs, 'switchgear.admitted': event.admitted }
    case 'timeout':
      return { 'switchgear.after_ms': event.afterMs }
    case 'fallback':
      return { 'error.type': errorType(event.error) }
    case 'hedge':
      return { 'switchgear.delay_ms': event.delayMs }
    case 'cache':
      return { 'switchgear.cache.result': event.result }
    case 'chaos':
      return { 'switchgear.chaos.fault': event.fault, 'switchgear.delay_ms': event.delayMs }
    default:
      return undefined
  }
}
