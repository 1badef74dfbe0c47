// Where a span hangs and whether it is recorded: roots, parents of other processes, of other tracers, and our own.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createTraceState, trace, TraceFlags } from '@opentelemetry/api'

import type { RemoteParent } from '../../src/trace/parent.ts'
import type { HeadSampler, SamplingDecision, SamplingRequest } from '../../src/trace/sampler.ts'
import { Traced } from './traced.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const spanId = 'b7ad6b7169203331'
const remote: RemoteParent = {
  traceA: 0x0af76519,
  traceB: 0x16cd43dd,
  traceC: 0x8448eb21 | 0,
  traceD: 0x1c80319c,
  spanA: 0xb7ad6b71 | 0,
  spanB: 0x69203331,
  flags: 1,
  traceState: 'a=1',
}

/** A sampler that notes what it was asked. */
function asked(decision: SamplingDecision): { sampler: HeadSampler; requests: SamplingRequest[] } {
  const requests: SamplingRequest[] = []
  const decide = (request: SamplingRequest): SamplingDecision => {
    requests.push({ ...request })
    return decision
  }
  return { sampler: { description: 'asked', decide }, requests }
}

test('each root gets a trace of its own, sampled and random', async () => {
  const traced = new Traced()
  const [one, two] = [traced.start(), traced.start()]
  assert.notEqual(one.traceIdHex(), two.traceIdHex())
  one.end()
  const data = await traced.only()
  assert.equal(data.flags, 0x103)
  assert.equal(data.parentSpanId, undefined)
})

test('below a remote parent the trace goes on, with its flags and trace state', async () => {
  const traced = new Traced()
  const span = traced.start('server', remote)
  assert.equal(span.spanContext().traceState?.serialize(), 'a=1')
  span.end()
  const data = await traced.only()
  assert.deepEqual([data.traceId, data.parentSpanId, data.traceState], [traceId, spanId, 'a=1'])
  // Known to be remote, sampled; not random, because the caller did not say so.
  assert.equal(data.flags, 0x301)
})

test('by default a remote parent decides, and its debug flag is stronger', async () => {
  const traced = new Traced()
  assert.equal(traced.start('no', { ...remote, flags: 2 }).recording, false)
  assert.equal(traced.start('no', { ...remote, flags: 2 }).spanContext().traceFlags, 2)
  const debug = traced.start('debug', { ...remote, flags: 0, debug: true })
  assert.equal(debug.recording, true)
  assert.equal(debug.flags & 1, 1)
  const never = new Traced({ sampler: { description: 'never', decide: () => ({ sampled: false }) } })
  assert.equal(never.start('debug', { ...remote, debug: true }).recording, true)
})

test('flags nobody knows yet do not travel on', () => {
  assert.equal(new Traced().start('server', { ...remote, flags: 0xff }).flags, 0x303)
})

test('a child hangs below its parent and inherits all that was decided', async () => {
  const { sampler, requests } = asked({ sampled: true, traceState: 'ot=th:8' })
  const traced = new Traced({ sampler })
  const server = traced.start('server', remote)
  const child = traced.start('child', server)
  const grandchild = traced.start('grandchild', child)
  for (const span of [grandchild, child, server]) span.end()
  const [c, b, a] = await traced.spans()
  assert.deepEqual([b?.parentSpanId, c?.parentSpanId], [a?.spanId, b?.spanId])
  assert.deepEqual([b?.traceId, c?.traceId], [traceId, traceId])
  assert.deepEqual([a?.flags, b?.flags, c?.flags], [0x301, 0x101, 0x101])
  assert.deepEqual([a?.traceState, c?.traceState], ['ot=th:8', 'ot=th:8'])
  assert.equal(requests.length, 1)
})

test('the sampler is told the parent, the random part of the id, and the name', () => {
  const { sampler, requests } = asked({ sampled: false })
  const traced = new Traced({ sampler })
  const root = traced.start('root')
  traced.start('server', { ...remote, flags: 3 })
  traced.start('child', root)
  assert.deepEqual(requests, [
    { parent: undefined, traceC: root.traceC, traceD: root.traceD, random: true, name: 'root' },
    { parent: { ...remote, flags: 3 }, traceC: remote.traceC, traceD: remote.traceD, random: true, name: 'server' },
  ])
})

test('below a span that is not sampled nothing is, and every span has an id of its own', async () => {
  const traced = new Traced({ sampler: { description: 'never', decide: () => ({ sampled: false }) } })
  const root = traced.start()
  const child = traced.start('child', root)
  assert.equal(child.recording, false)
  assert.equal(child.traceIdHex(), root.traceIdHex())
  assert.notEqual(child.spanIdHex(), root.spanIdHex())
  assert.equal(child.spanIdHex(), child.spanContext().spanId)
  child.end()
  root.end()
  assert.deepEqual(await traced.spans(), [])
  assert.deepEqual(traced.tracer.totals, { started: 0, ended: 0, dropped: 0, unsampled: 2, samplerErrors: 0 })
})

test('below a span of another tracer in this process its decision holds and the sampler is not asked', async () => {
  const { sampler, requests } = asked({ sampled: false })
  const traced = new Traced({ sampler })
  const context = { traceId, spanId, traceFlags: TraceFlags.SAMPLED, traceState: createTraceState('b=2') }
  const span = traced.start('ours', trace.wrapSpanContext(context))
  span.end()
  const data = await traced.only()
  assert.deepEqual([data.traceId, data.parentSpanId, data.traceState, data.flags], [traceId, spanId, 'b=2', 0x101])
  assert.equal(traced.start('ours', trace.wrapSpanContext({ ...context, traceFlags: 0 })).recording, false)
  assert.equal(requests.length, 0)
  traced.start('remote', trace.wrapSpanContext({ ...context, isRemote: true }))
  assert.equal(requests.length, 1)
  assert.equal(requests[0]?.parent?.traceState, 'b=2')
})

test('below a span context that is not valid a new trace begins', () => {
  const traced = new Traced()
  const invalid = { traceId: '0'.repeat(32), spanId, traceFlags: 0 }
  const span = traced.start('root', trace.wrapSpanContext(invalid))
  assert.equal(span.recording, true)
  assert.deepEqual([span.parentA, span.parentB], [0, 0])
})

test('a sampler that throws hurts nobody and is counted', () => {
  const decide = (): never => {
    throw new Error('broken')
  }
  const traced = new Traced({ sampler: { description: 'broken', decide } })
  assert.equal(traced.start().recording, false)
  assert.equal(traced.tracer.totals.samplerErrors, 1)
})
