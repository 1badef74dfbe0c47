import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VirtualClock } from '@switchgear/core/testing'
import { Exposition } from '../../src/metrics/exposition.ts'
import { httpMetrics } from '../../src/metrics/http-metrics.ts'
import { metricData } from '../../src/metrics/otlp-points.ts'
import { MetricRegistry } from '../../src/metrics/registry.ts'
import type { MetricData } from '../../src/otlp/metric-data.ts'
import { parse, value } from './text-parser.ts'

const span = { traceA: 1, traceB: 2, traceC: 3, traceD: 4, spanA: 5, spanB: 6, flags: 1 }
const find = (all: readonly MetricData[], name: string): MetricData => {
  const found = all.find((metric) => metric.name === name)
  assert.ok(found !== undefined, `${name} in ${all.map((metric) => metric.name).join()}`)
  return found
}

describe('metrics for OTLP', () => {
  it('have the names, units and attributes of the semantic conventions', async () => {
    const clock = new VirtualClock()
    const registry = new MetricRegistry({ clock })
    const startMicros = clock.wallNow() * 1000
    const { httpServer, httpClient, serverDurations } = httpMetrics(registry)
    httpServer.observe({ method: 'GET', route: '/a', status: 200, seconds: 0.02, span })
    httpClient.observe({ service: 'pay', method: 'PUT', status: 503, seconds: 2, serverAddress: 'h', serverPort: 80 })
    serverDurations.active('GET').add(2)
    await clock.advance(1000)
    const all = await metricData(registry)
    const served = find(all, 'http.server.request.duration')
    assert.ok(served.type === 'histogram')
    assert.equal(served.unit, 's')
    assert.equal(served.points.length, 1)
    const point = served.points[0]
    assert.deepEqual(point?.attributes, {
      'http.request.method': 'GET',
      'http.route': '/a',
      'http.response.status_code': 200,
      'url.scheme': 'http',
    })
    assert.equal(point?.startMicros, startMicros)
    assert.equal(point?.timeMicros, startMicros + 1e6)
    assert.equal(point?.count, 1)
    assert.equal(point?.sum, 0.02)
    assert.deepEqual(point?.buckets, [0, 0, 1, ...Array.from({ length: 12 }, () => 0)])
    assert.deepEqual(point?.exemplars, [
      { traceId: '00000001000000020000000300000004', spanId: '0000000500000006', value: 0.02, timeMicros: startMicros },
    ])
    const sent = find(all, 'http.client.request.duration')
    assert.deepEqual(sent.points[0]?.attributes, {
      service: 'pay',
      'http.request.method': 'PUT',
      'http.response.status_code': 503,
      'error.type': '503',
      'server.address': 'h',
      'server.port': 80,
      'url.scheme': 'http',
    })
    const active = find(all, 'http.server.active_requests')
    assert.ok(active.type === 'sum')
    assert.equal(active.monotonic, false)
    assert.equal(active.unit, '{request}')
    assert.equal(active.points[0]?.value, 2)
  })

  it('keep every other name, without the suffix of counters', async () => {
    const registry = new MetricRegistry()
    registry.counter('circuit_breaker_failures_total', 'F.', ['service']).with('a').add(3, span)
    registry.gauge('circuit_breaker_state', 'S.', ['service']).with('a').set(2)
    registry.histogram('size_bytes', 'B.', [], { unit: 'bytes' })
    registry.gauge('never_set', 'N.', ['a'])
    const all = await metricData(registry)
    const failures = find(all, 'circuit_breaker_failures')
    assert.ok(failures.type === 'sum')
    assert.equal(failures.monotonic, true)
    assert.equal(failures.description, 'F.')
    assert.equal(failures.points[0]?.exemplars?.length, 1)
    const state = find(all, 'circuit_breaker_state')
    assert.ok(state.type === 'gauge')
    assert.equal(state.points[0]?.startMicros, undefined)
    assert.equal(find(all, 'size_bytes').unit, 'By')
    assert.ok(all.every((metric) => metric.name !== 'never_set'))
  })

  it('have the numbers of the text', async () => {
    const registry = new MetricRegistry({ maxSeries: 5 })
    const counters = registry.counter('c_total', 'C.', ['key'])
    const histograms = registry.histogram('h', 'H.', ['key'], { bounds: [1, 10, 100] })
    for (let index = 0; index < 200; index++) {
      counters.with(`k${index % 8}`).add(index)
      histograms.with(`k${index % 8}`).observe(index)
    }
    const text = parse(await new Exposition(registry, { also: [] }).text(), 'text')
    const all = await metricData(registry)
    const counted = find(all, 'c')
    assert.ok(counted.type === 'sum')
    assert.equal(counted.points.length, 6)
    for (const point of counted.points) {
      assert.equal(point.value, value(text, 'c_total', { key: String(point.attributes['key']) }))
    }
    const measured = find(all, 'h')
    assert.ok(measured.type === 'histogram')
    assert.equal(measured.points.length, 6)
    for (const { attributes, sum, count, buckets, bounds } of measured.points) {
      const labels = { key: String(attributes['key']) }
      assert.equal(sum, value(text, 'h_sum', labels))
      assert.equal(count, value(text, 'h_count', labels))
      let total = 0
      Array.from(buckets).forEach((bucket, index) => {
        total += bucket
        assert.equal(total, value(text, 'h_bucket', { ...labels, le: index === 3 ? '+Inf' : String(bounds[index]) }))
      })
    }
  })

  it('leave out a family that throws, and count it', async () => {
    const registry = new MetricRegistry()
    const series = (): never => {
      throw new Error('broken')
    }
    registry.collect({ name: 'broken', help: 'B.', type: 'gauge', labelNames: [], series })
    registry.gauge('fine', 'F.', []).with().set(1)
    const all = await metricData(registry)
    assert.ok(all.every(({ name }) => name !== 'broken'))
    assert.equal(find(all, 'fine').points.length, 1)
    const text = parse(await new Exposition(registry, { also: [] }).text(), 'text')
    assert.equal(value(text, 'switchgear_metrics_skipped_families_total', { metric: 'broken', reason: 'error' }), 1)
  })
})
