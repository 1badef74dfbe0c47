import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { TestCollector } from './export-collector.ts'

const run = promisify(execFile)
const source = path.join(import.meta.dirname, '../../src/otlp/metric-exporter.ts')
const dead = 'http://127.0.0.1:1/'

/** Runs a process that sends one point and then does `last`; what it printed. */
async function printed(options: Readonly<Record<string, unknown>>, last: string): Promise<string> {
  const program = `
    const { otlpMetricExporter } = await import(${JSON.stringify(source)})
    const exporter = otlpMetricExporter(${JSON.stringify(options)})
    const points = [{ attributes: {}, timeMicros: 1, value: 1 }]
    const metrics = [{ type: 'gauge', name: 'g', description: '', unit: '', points }]
    exporter.send({ resource: { attributes: {} }, scope: { name: '' }, metrics })
    ${last}`
  const flags = ['--conditions=@switchgear/source', '--input-type=module', '-e', program]
  return (await run(process.execPath, flags, { timeout: 20_000 })).stdout
}

test('a waiting retry does not keep a process alive', async () => {
  const last = `
    await new Promise((resolve) => setTimeout(resolve, 200))
    console.log(exporter.totals.retries)`
  assert.equal(await printed({ endpoint: dead, backoff: '1h', maxBackoff: '1h' }, last), '1\n')
})

test('somebody who waits for the flush does', async () => {
  const last = `
    await exporter.flush()
    console.log(exporter.totals.dropped.gaveUp)`
  assert.equal(await printed({ endpoint: dead, maxAttempts: 2, backoff: 300 }, last), '1\n')
})

test('a request under way is finished, an idle connection is left', async (t) => {
  const collector = await TestCollector.start(t)
  assert.equal(await printed({ endpoint: collector.endpoint }, ''), '')
  assert.equal(collector.received.length, 1)
})
