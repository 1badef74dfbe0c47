// What the same table says of OpenTelemetry's own propagator and tracer, so that a comparison with them rests on a run and not on
// a memory. Rows in which W3C leaves a choice and ours is another one are set aside by rule, not by name.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Context, defaultTextMapGetter, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import { type HeaderPair, type Requirement, requirements, violations } from '../propagation/requirements.ts'

const propagator = new W3CTraceContextPropagator()
const tracer = new TracerProvider().getTracer('stock')
const edges = /^[ \t]+|[ \t]+$/g

/** The headers as node:http gives them to an instrumentation: lower-case names, trimmed lines, combined. */
function received(incoming: readonly HeaderPair[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, line] of incoming) {
    const [lower, value] = [name.toLowerCase(), line.replaceAll(edges, '')]
    headers[lower] = headers[lower] === undefined ? value : `${headers[lower]}, ${value}`
  }
  return headers
}

function sent(context: Context): HeaderPair[] {
  const headers: HeaderPair[] = []
  propagator.inject(context, headers, { set: (_carrier, name, value) => headers.push([name, value]) })
  return headers
}

function handle({ incoming, calls }: Requirement): HeaderPair[][] {
  const context = propagator.extract(ROOT_CONTEXT, received(incoming), defaultTextMapGetter)
  return Array.from({ length: calls }, () => sent(trace.setSpan(context, tracer.startSpan('call', {}, context))))
}

/** Whether what was found is within what W3C allows, if not what we do. */
function isChoice({ incoming, expect }: Requirement, found: readonly string[], calls: HeaderPair[][]): boolean {
  const state = calls[0]?.find(([name]) => name === 'tracestate')?.[1] ?? ''
  // An empty list SHOULD not be sent.
  if (expect.tracestate === '' && found.every((violation) => violation === "invalid tracestate ''")) return true
  if (found.some((violation) => !violation.startsWith('tracestate '))) return false
  const { tracestate: list = '' } = received(incoming)
  const members = list.split(',').map((member) => member.replaceAll(edges, ''))
  // Of a broken list one may drop everything or only what is broken.
  if (expect.tracestate === '' && state.split(',').every((member) => members.includes(member))) return true
  // Which one of two members with one key stays is not said.
  return new Set(members.map((member) => member.split('=')[0])).size < members.length
}

test('stock OpenTelemetry misses these rows that MUST hold, and no other', (t) => {
  const missed = requirements
    .filter((requirement) => requirement.level === 'MUST')
    .filter((requirement) => {
      const calls = handle(requirement)
      const found = violations(requirement, calls, [])
      return found.length > 0 && !isChoice(requirement, found, calls)
    })
    .map(({ id }) => id)
  t.diagnostic(`${missed.length} of ${requirements.length} rows`)
  assert.deepEqual(missed, [
    // The flag "random" of the caller is not sent on.
    'traceparent.flags.bits',
    'traceparent.flags.all',
    'traceparent.random.set',
    // Keys of level 2 are taken for broken ones, and their members are lost.
    'tracestate.key.digit',
    'tracestate.key.at.last',
    'tracestate.key.at.twice',
    'tracestate.key.tenant.242',
    'tracestate.key.system.15',
  ])
})

test('stock OpenTelemetry without a tracer sends flags on that are not defined, in a header that is not valid', () => {
  const incoming: HeaderPair[] = [['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fc']]
  const context = propagator.extract(ROOT_CONTEXT, received(incoming), defaultTextMapGetter)
  assert.deepEqual(sent(context), [['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0fc']])
})
