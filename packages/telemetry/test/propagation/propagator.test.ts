import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createContextKey, propagation as api, ROOT_CONTEXT, type TextMapSetter, trace } from '@opentelemetry/api'
import { Propagation } from '../../src/propagation/options.ts'
import { HeaderPropagator, spanContextOf } from '../../src/propagation/propagator.ts'
import { parseTraceparent } from '../../src/propagation/traceparent.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const spanId = '00f067aa0ba902b7'

type Carrier = Record<string, unknown>
const setter: TextMapSetter<unknown> = { set: (carrier, name, value) => ((carrier as Carrier)[name] = value) }
const getter = {
  get: (carrier: unknown, name: string) => (carrier as Carrier)[name] as string | undefined,
  keys: (carrier: unknown) => Object.keys(carrier as Carrier),
}

function passed(carrier: Carrier, propagator: HeaderPropagator = new HeaderPropagator()): Carrier {
  const sent: Carrier = {}
  propagator.inject(propagator.extract(ROOT_CONTEXT, carrier, getter), sent, setter)
  return sent
}

describe('HeaderPropagator', () => {
  it('gives a remote span context, its trace state and baggage', () => {
    const carrier = { traceparent: `00-${traceId}-${spanId}-03`, tracestate: 'rojo=1', baggage: 'user=a%20b' }
    const context = new HeaderPropagator().extract(ROOT_CONTEXT, carrier, getter)
    const span = trace.getSpanContext(context)
    assert.ok(span)
    assert.deepEqual([span.traceId, span.spanId, span.traceFlags, span.isRemote], [traceId, spanId, 3, true])
    assert.equal(span.traceState?.get('rojo'), '1')
    assert.equal(api.getBaggage(context)?.getEntry('user')?.value, 'a b')
    assert.deepEqual(passed(carrier), carrier)
  })

  it('leaves the context as it is where nothing came in', () => {
    assert.equal(new HeaderPropagator().extract(ROOT_CONTEXT, {}, getter), ROOT_CONTEXT)
    const parent = parseTraceparent(`00-${traceId}-${spanId}-01`)
    assert.ok(parent)
    const outer = trace.setSpanContext(ROOT_CONTEXT, spanContextOf(parent))
    assert.equal(new HeaderPropagator().extract(outer, { traceparent: 'broken' }, getter), outer)
  })

  it('writes nothing where tracing is suppressed', () => {
    const key = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')
    const propagator = new HeaderPropagator()
    const carrier = { traceparent: `00-${traceId}-${spanId}-01`, baggage: 'a=1' }
    const context = propagator.extract(ROOT_CONTEXT, carrier, getter).setValue(key, true)
    const sent: Carrier = {}
    propagator.inject(context, sent, setter)
    assert.deepEqual(sent, {})
  })

  it('writes no invalid span context of others', () => {
    for (const [trace_, span] of [
      ['0'.repeat(32), spanId],
      [traceId, '0'.repeat(16)],
      [traceId.slice(1), spanId],
      ['x'.repeat(32), spanId],
    ] as const) {
      const context = trace.setSpanContext(ROOT_CONTEXT, { traceId: trace_, spanId: span, traceFlags: 1 })
      const sent: Carrier = {}
      new HeaderPropagator().inject(context, sent, setter)
      assert.deepEqual(sent, {})
    }
    const loud = { traceId: traceId.toUpperCase(), spanId, traceFlags: 0xff }
    const sent: Carrier = {}
    new HeaderPropagator().inject(trace.setSpanContext(ROOT_CONTEXT, loud), sent, setter)
    assert.deepEqual(sent, { traceparent: `00-${traceId}-${spanId}-03` })
  })

  it("keeps B3's debug flag", () => {
    const b3 = new HeaderPropagator(new Propagation({ outgoing: ['b3'] }))
    assert.deepEqual(passed({ b3: `${traceId}-${spanId}-d` }, b3), { b3: `${traceId}-${spanId}-d` })
    assert.deepEqual(passed({ b3: `${traceId}-${spanId}-1` }, b3), { b3: `${traceId}-${spanId}-1` })
  })

  it('reads carriers that hold bytes', () => {
    const carrier = { traceparent: Buffer.from(`00-${traceId}-${spanId}-01`), baggage: [Buffer.from('a=1'), 'b=2'] }
    assert.deepEqual(passed(carrier), { traceparent: `00-${traceId}-${spanId}-01`, baggage: 'a=1,b=2' })
  })

  it('names the fields that it writes', () => {
    assert.deepEqual(new HeaderPropagator().fields(), ['traceparent', 'tracestate', 'baggage'])
    const all = new Propagation({ outgoing: ['b3', 'b3multi', 'jaeger'] })
    const names = ['b3', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-sampled', 'x-b3-flags', 'uber-trace-id']
    assert.deepEqual(new HeaderPropagator(all).fields(), names)
  })
})
