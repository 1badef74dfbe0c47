// The endpoints of services in /metrics: by state, ejections by reason, and what two callers of one service have together.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Registry } from '@switchgear/core'
import { createMetrics, type EndpointSource } from '../../src/index.ts'

const source = (service: string, more: Partial<EndpointSource> = {}): EndpointSource => ({
  service,
  views: [{ state: 'healthy' }, { state: 'healthy' }, { state: 'ejected' }],
  isPanicking: false,
  isStale: false,
  ejections: { 'consecutive-failures': 2, unreachable: 0 },
  ...more,
})

async function lines(metrics: ReturnType<typeof createMetrics>): Promise<string[]> {
  return (await metrics.text()).split('\n').filter((line) => /^switchgear_(endpoint|discovery)/.test(line))
}

test('a service without calls shows every state, so that a panel has no gap', async () => {
  const metrics = createMetrics({ registry: new Registry(), also: [] })
  assert.deepEqual(await lines(metrics), [])
  const hide = metrics.endpoints.show(source('payments'))
  assert.deepEqual(await lines(metrics), [
    'switchgear_endpoints{service="payments",state="healthy"} 2',
    'switchgear_endpoints{service="payments",state="ejected"} 1',
    'switchgear_endpoints{service="payments",state="absent"} 0',
    'switchgear_endpoints{service="payments",state="draining"} 0',
    'switchgear_endpoints{service="payments",state="unready"} 0',
    'switchgear_endpoint_ejections_total{service="payments",reason="consecutive_failures"} 2',
    'switchgear_endpoint_ejections_total{service="payments",reason="unreachable"} 0',
    'switchgear_endpoints_panicking{service="payments"} 0',
    'switchgear_discovery_stale{service="payments"} 0',
  ])
  hide()
  assert.deepEqual(await lines(metrics), [])
})

test('two callers of one service are one series', async () => {
  const metrics = createMetrics({ registry: new Registry(), also: [] })
  metrics.endpoints.show(source('payments', { isStale: true }))
  metrics.endpoints.show(source('payments', { isPanicking: true }))
  metrics.endpoints.show(source('orders'))
  const shown = await lines(metrics)
  for (const line of [
    'switchgear_endpoints{service="payments",state="healthy"} 4',
    'switchgear_endpoint_ejections_total{service="payments",reason="consecutive_failures"} 4',
    'switchgear_endpoints_panicking{service="payments"} 1',
    'switchgear_discovery_stale{service="payments"} 1',
    'switchgear_endpoints{service="orders",state="healthy"} 2',
  ])
    assert.ok(shown.includes(line), line)
})
