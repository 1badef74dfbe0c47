import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MetricsExport } from '../../src/otlp/metric-data.ts'
import { otlpMetricExporter } from '../../src/otlp/metric-exporter.ts'
import { decoded, type Message, metricsRequest, metricsResponse } from './encode-schema.ts'
import { inTurn, ok, status, TestCollector } from './export-collector.ts'

function gauge(points: number): MetricsExport {
  return {
    resource: { attributes: { 'service.name': 'shop' } },
    scope: { name: 'metrics' },
    metrics: [
      { type: 'gauge', name: 'empty', description: '', unit: '', points: [] },
      {
        type: 'gauge',
        name: 'queue.length',
        description: 'Waiting calls.',
        unit: '{call}',
        points: Array.from({ length: points }, (_, n) => ({ attributes: { n }, timeMicros: 1, value: n })),
      },
    ],
  }
}

function pointCounts(request: Message): number[] {
  const groups = request.resourceMetrics as { scopeMetrics: { metrics: { gauge: { dataPoints: unknown[] } }[] }[] }[]
  return groups.flatMap((group) =>
    group.scopeMetrics.flatMap((scope) => scope.metrics.map((metric) => metric.gauge.dataPoints.length)),
  )
}

test('metrics go out in requests of 2000 points, with retry and partial success as spans', async (t) => {
  const partialSuccess = { rejectedDataPoints: 7, errorMessage: 'old' }
  const wire = metricsResponse.encode(metricsResponse.fromObject({ partialSuccess })).finish()
  const collector = await TestCollector.start(t, inTurn(status(503), status(200, wire), ok))
  const exporter = otlpMetricExporter({ endpoint: collector.endpoint, backoff: 1 })
  t.after(() => exporter.close())
  exporter.send(gauge(4500))
  exporter.send(gauge(0))
  await exporter.flush()
  const counts = collector.received.map(({ body }) => pointCounts(decoded(metricsRequest, body)))
  assert.deepEqual(counts, [[2000], [2000], [2000], [500]])
  const { exported, dropped, retries } = exporter.totals
  assert.deepEqual([exported, dropped.rejected, retries], [4493, 7, 1])
})

test('metrics as JSON', async (t) => {
  const collector = await TestCollector.start(t)
  const exporter = otlpMetricExporter({ endpoint: collector.endpoint, protocol: 'http/json', maxBatch: 10 })
  t.after(() => exporter.close())
  exporter.send(gauge(12))
  await exporter.flush()
  assert.deepEqual(
    collector.received.map(({ body }) => pointCounts(JSON.parse(body.toString()) as Message)),
    [[10], [2]],
  )
  assert.throws(() => otlpMetricExporter({ maxBatch: -1 }), {
    message: 'otlpMetrics.maxBatch must be a whole number >= 1, got -1',
  })
})

test('a large export gives the thread back between requests, and the next one comes behind it', async (t) => {
  const collector = await TestCollector.start(t)
  const exporter = otlpMetricExporter({ endpoint: collector.endpoint, maxBatch: 100, maxQueueSize: 1000 })
  t.after(() => exporter.close())
  let turns = 0
  const count = (): void => {
    turns++
    if (exporter.totals.exported + exporter.totals.queued < 900) setImmediate(count)
  }
  setImmediate(count)
  exporter.send(gauge(900))
  exporter.send(gauge(101))
  exporter.send(gauge(30))
  await exporter.flush()
  assert.ok(turns >= 8, `${turns} turns`)
  const counts = collector.received.flatMap(({ body }) => pointCounts(decoded(metricsRequest, body)))
  assert.deepEqual(counts, [...Array.from({ length: 9 }, () => 100), 30])
  assert.deepEqual([exporter.totals.exported, exporter.totals.dropped.queueFull], [930, 101])
})

test('close sends what is not encoded yet', async (t) => {
  const collector = await TestCollector.start(t)
  const exporter = otlpMetricExporter({ endpoint: collector.endpoint, maxBatch: 10 })
  exporter.send(gauge(95))
  await exporter.close()
  exporter.send(gauge(1))
  await exporter.close()
  assert.deepEqual([exporter.totals.exported, exporter.totals.dropped.closed], [95, 1])
})
