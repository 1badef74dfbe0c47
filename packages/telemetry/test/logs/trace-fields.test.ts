import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { trace as api, type SpanContext } from '@opentelemetry/api'
import { traceFields } from '../../src/logs/trace-fields.ts'
import { activeContext, runIn } from '../../src/trace/context.ts'
import { Traced } from '../trace/traced.ts'
import { alwaysOff } from '../../src/sampling/head.ts'
import { Lines } from './lines.ts'

const foreign: SpanContext = {
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  traceFlags: 1,
}

describe('the trace fields of a log line', () => {
  it('are those of the active span, with the names of the specification', () => {
    const span = new Traced().start()
    const fields = runIn(activeContext().withSpan(span), traceFields)
    assert.deepEqual(fields, { trace_id: span.traceIdHex(), span_id: span.spanIdHex(), trace_flags: '03' })
    assert.match(String(fields.trace_id), /^[0-9a-f]{32}$/)
    assert.match(String(fields.span_id), /^[0-9a-f]{16}$/)
  })

  it('say that a trace is not sampled', () => {
    const span = new Traced({ sampler: alwaysOff }).start()
    const fields = runIn(activeContext().withSpan(span), traceFields)
    assert.equal(fields.trace_flags, '02')
    assert.equal(fields.trace_id, span.traceIdHex())
    assert.equal(fields.span_id, span.spanIdHex())
  })

  it('are those of a span of another tracer too, when it has a valid position', () => {
    const within = (position: SpanContext): object =>
      runIn(activeContext().withSpan(api.wrapSpanContext(position)), traceFields)
    assert.deepEqual(within(foreign), { trace_id: foreign.traceId, span_id: foreign.spanId, trace_flags: '01' })
    assert.deepEqual(within({ ...foreign, traceId: '0'.repeat(32) }), {})
  })

  it('stand in each line of pino: two requests at once, each with its own trace', async () => {
    const traced = new Traced()
    const lines = new Lines({ mixin: traceFields })
    const serve = (name: string): Promise<string> => {
      const span = traced.start(name)
      return runIn(activeContext().withSpan(span), async () => {
        for (let step = 0; step < 5; step++) {
          lines.logger.info({ request: name, step }, 'working')
          await new Promise((resolve) => (step % 2 === 0 ? setTimeout(resolve, 1) : setImmediate(resolve)))
        }
        return span.traceIdHex()
      })
    }
    const [first, second] = await Promise.all([serve('first'), serve('second')])
    assert.notEqual(first, second)
    assert.equal(lines.all.length, 10)
    for (const line of lines.all) assert.equal(line['trace_id'], line['request'] === 'first' ? first : second)
    const order = lines.all.map(({ request }) => request)
    assert.notDeepEqual(order, order.toSorted(), 'the requests ran one after the other')
  })

  it('are none outside of a span, also after a line that had fields of its own', () => {
    const lines = new Lines({ mixin: traceFields })
    lines.logger.info({ trace_id: 'mine', order: 7 }, 'with')
    lines.logger.info('without')
    assert.deepEqual(lines.all, [
      { level: 30, trace_id: 'mine', order: 7, msg: 'with' },
      { level: 30, msg: 'without' },
    ])
  })
})
