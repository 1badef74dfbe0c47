// An event of a span in one line: what a policy did to the call, said as a person would.
import type { Attributes, AttributeValue, SpanEvent } from '@switchgear/telemetry'
import { duration } from '../quantity.ts'
import { printable } from './text.ts'

const prefix = 'switchgear.'
/** Of events that are none of ours. */
const mostForeign = 4

const ms = (value: AttributeValue): string => duration(Number(value))

/** How each attribute of our events is said; what is not here is said as `key value`. */
const phrases: Readonly<Record<string, (value: AttributeValue, all: Attributes) => string>> = {
  'switchgear.policy': () => '',
  'switchgear.circuit.from': () => '',
  'switchgear.circuit.state': (to, { 'switchgear.circuit.from': from }) =>
    from === undefined ? `circuit ${String(to)}` : `circuit ${String(from)} → ${String(to)}`,
  'switchgear.reason': String,
  'error.type': String,
  'switchgear.attempt': (attempt) => `attempt ${String(attempt)}`,
  'switchgear.delay_ms': (delay) => `waits ${ms(delay)}`,
  'switchgear.waited_ms': (waited) => `waited ${ms(waited)}`,
  'switchgear.after_ms': (after) => `after ${ms(after)}`,
  'switchgear.admitted': (admitted) => (admitted === true ? 'admitted' : 'not admitted'),
  'switchgear.cache.result': String,
  'switchgear.chaos.fault': String,
}

/**
 * Says what happened.
 *
 * @example
 * eventText(event) // 'retry by payments-retry: attempt 1, waits 52 ms, ECONNREFUSED'
 */
export function eventText({ name, attributes }: SpanEvent): string {
  if (name === 'exception') {
    const { 'exception.type': type = 'exception', 'exception.message': message = '' } = attributes
    return printable(message === '' ? String(type) : `${String(type)}: ${String(message)}`)
  }
  const isOurs = name.startsWith(prefix)
  const entries = Object.entries(attributes).slice(0, isOurs ? undefined : mostForeign)
  const said = entries.map(([key, value]) => phraseOf(key, value, attributes, isOurs)).filter((phrase) => phrase !== '')
  const { 'switchgear.policy': policy } = attributes
  const what = isOurs ? name.slice(prefix.length).replaceAll('_', ' ') : name
  const by = isOurs && policy !== undefined ? ` by ${String(policy)}` : ''
  return printable(`${what}${by}${said.length === 0 ? '' : `: ${said.join(', ')}`}`)
}

function phraseOf(key: string, value: AttributeValue, all: Attributes, isOurs: boolean): string {
  const phrase = isOurs && Object.hasOwn(phrases, key) ? phrases[key] : undefined
  return phrase === undefined ? `${key.replace(prefix, '')} ${String(value)}` : phrase(value, all)
}
