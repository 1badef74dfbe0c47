import assert from 'node:assert/strict'
import { test } from 'node:test'
import { otlpExporter } from '../../src/otlp/exporter.ts'
import { certificate, privateKey } from '../instrumentation/tls-pair.ts'
import { ok, TestCollector } from './export-collector.ts'
import { spans } from './export-spans.ts'

test('https: with the trusted certificate it arrives, without it nothing is sent', async (t) => {
  const collector = await TestCollector.start(t, ok, { key: privateKey, cert: certificate })
  const endpoint = collector.endpoint.replace('http://127.0.0.1', 'https://localhost')
  for (const [tls, exported, gaveUp] of [
    [{ ca: certificate }, 1, 0],
    [{}, 0, 1],
  ] as const) {
    const exporter = otlpExporter({ endpoint, tls, maxAttempts: 2, backoff: 1 })
    t.after(() => exporter.close())
    exporter.take(spans(1))
    await exporter.flush()
    assert.deepEqual([exporter.totals.exported, exporter.totals.dropped.gaveUp], [exported, gaveUp])
    if (gaveUp > 0) assert.match(exporter.totals.lastProblem?.message ?? '', /self-signed certificate/)
  }
  assert.equal(collector.received.length, 1)
})
