import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Registry } from '@switchgear/core'
import { createMetrics, openSpanStore, otlpExporter, TailSampler, TraceBuffer, Tracer } from '../../src/index.ts'
import { telemetryFamilies, type TelemetrySources } from '../../src/metrics/families/telemetry.ts'
import { samplesOf } from './samples.ts'

const show = (sources: TelemetrySources) => {
  const metrics = createMetrics({ registry: new Registry(), also: [] })
  const undo = telemetryFamilies(sources).map((family) => metrics.instruments.collect(family))
  return { read: () => samplesOf(metrics), undo: () => undo.forEach((end) => end()), metrics }
}

describe('families of telemetry itself', () => {
  it('count spans that were begun, delivered and lost', async (t) => {
    const tracer = new Tracer({ resource: { attributes: { 'service.name': 'shop' } } })
    t.after(() => tracer.close())
    const { read } = show({ tracer })
    const span = tracer.start({ name: 'test' }, 'work', 0, undefined, tracer.clock.now())
    tracer.start({ name: 'test' }, 'lost', 0, span, tracer.clock.now())
    span.finish(tracer.clock.now())
    const seen = await read()
    assert.deepEqual(seen['switchgear_spans_started_total'], { '': 2 })
    assert.deepEqual(seen['switchgear_spans_ended_total'], { '': 1 })
    assert.deepEqual(seen['switchgear_spans_dropped_total'], { '': 0 })
    assert.equal(seen['switchgear_export_items_total'], undefined)
    assert.equal(seen['switchgear_store_bytes'], undefined)
    await tracer.close()
    tracer.start({ name: 'test' }, 'late', 0, undefined, 0).finish(1)
    assert.equal((await read())['switchgear_spans_unsampled_total']?.[''], 1)
  })

  it('tell exporters by signal, the tail sampler and the store', async (t) => {
    const tracer = new Tracer({ resource: { attributes: { 'service.name': 'shop' } } })
    const exporter = otlpExporter({ endpoint: 'http://127.0.0.1:9/v1/traces', maxAttempts: 1 })
    const store = openSpanStore({ maxBytes: '8mb' })
    const tail = new TraceBuffer(new TailSampler(), () => undefined)
    t.after(async () => {
      store.close()
      tail.close()
      await exporter.close()
      await tracer.close()
    })
    tracer.addConsumer(exporter)
    tracer.start({ name: 'test' }, 'work', 0, undefined, tracer.clock.now()).finish(tracer.clock.now())
    await tracer.flush()
    const { read, undo, metrics } = show({ tracer, exporters: { traces: exporter, metrics: undefined }, store, tail })
    const seen = await read()
    assert.deepEqual(seen['switchgear_export_items_total'], { traces: 0 })
    assert.equal(seen['switchgear_export_dropped_total']?.['traces,gave_up'], 1)
    assert.equal(seen['switchgear_export_dropped_total']?.['traces,queue_full'], 0)
    assert.deepEqual(seen['switchgear_export_requests_total'], { traces: 1 })
    assert.deepEqual(seen['switchgear_export_queued'], { traces: 0 })
    assert.deepEqual(seen['switchgear_store_max_bytes'], { '': 8 * 1024 * 1024 })
    assert.equal(seen['switchgear_store_spans_dropped_total']?.['too_many_services'], 0)
    assert.equal(seen['switchgear_tail_traces_total']?.['kept,error'], 0)
    undo()
    assert.doesNotMatch(await metrics.text(), /switchgear_(spans|export|store|tail)/)
  })
})
