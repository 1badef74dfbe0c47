import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createMetrics } from '../../src/index.ts'
import { CallDurations } from '../../src/instrumentation/call-durations.ts'
import { compatFamilies } from '../../src/metrics/compat/compat.ts'
import { needs, peer } from '../peers.ts'
import { allPolicies } from './traffic.ts'

const alerts = fileURLToPath(new URL('../../alerts/', import.meta.url))

/** Exit code and everything that was said. */
function promtool(
  args: readonly string[],
  input: string = '',
): Promise<{ readonly code: number | null; readonly said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(peer('promtool') ?? '', args, { cwd: alerts, timeout: 60_000 })
    let said = ''
    for (const output of [child.stdout, child.stderr]) output.setEncoding('utf8').on('data', (text) => (said += text))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, said }))
    child.stdin.end(input)
  })
}

describe('promtool', needs('promtool'), () => {
  it('accepts the rules', async () => {
    const { code, said } = await promtool(['check', 'rules', 'switchgear.rules.yml'])
    assert.equal(code, 0, said)
  })

  it('finds that the alerts fire and do not fire as tested', async () => {
    const { code, said } = await promtool(['test', 'rules', 'switchgear.rules.test.yml'])
    assert.equal(code, 0, said)
  })

  it('has nothing to say about names and help of our metrics', async () => {
    const registry = allPolicies()
    const metrics = createMetrics({ registry, also: [] })
    const durations = new CallDurations(metrics.instruments)
    durations.observe('everything', 'success', undefined, 0.1, undefined, 0)
    metrics.httpServer.observe({ method: 'GET', route: '/', status: 200, seconds: 0.1 })
    await registry.get('everything')?.execute(() => 'done')
    const { code, said } = await promtool(['check', 'metrics'], await metrics.text())
    assert.deepEqual({ code, said }, { code: 0, said: '' })
  })

  it('can read the metrics under the names of others', async () => {
    const registry = allPolicies()
    const metrics = createMetrics({ registry, also: [] })
    metrics.httpServer.observe({ method: 'GET', route: '/', status: 200, seconds: 0.1 })
    for (const family of compatFamilies(['resilience4j', 'istio'], registry, metrics.instruments)) {
      metrics.instruments.collect(family)
    }
    const { said } = await promtool(['check', 'metrics'], await metrics.text())
    // Milliseconds are Istio's choice, and all that it has to say.
    const lines = said
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('istio_request_duration_milliseconds use base unit'))
    assert.deepEqual(lines, [])
  })
})
