import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Registry } from '@switchgear/core'
import { register } from 'prom-client'
import { createMetrics, type Metrics } from '../src/index.ts'

const server = 'http_server_request_duration_seconds'
const client = 'http_client_request_duration_seconds'
const metrics = (maxSeries?: number): Metrics => createMetrics({ registry: new Registry(), maxSeries })

async function linesOf(source: Metrics, start: string): Promise<string[]> {
  return (await source.text()).split('\n').filter((line) => line.startsWith(start))
}

describe('http metrics', () => {
  it('time what was served by method, route and status', async () => {
    const tested = metrics()
    for (const seconds of [0.02, 0.3])
      tested.httpServer.observe({ method: 'GET', route: '/orders', status: 200, seconds })
    const labels = 'http_request_method="GET",http_route="/orders",http_response_status_code="200",error_type=""'
    assert.deepEqual(await linesOf(tested, `${server}_count`), [`${server}_count{${labels}} 2`])
    assert.deepEqual(await linesOf(tested, `${server}_sum`), [`${server}_sum{${labels}} 0.32`])
    const text = await tested.text()
    assert.ok(text.includes(`${server}_bucket{le="0.025",${labels}} 1`), text)
    assert.ok(text.includes(`${server}_bucket{le="0.5",${labels}} 2`), text)
  })

  it('name why it failed: the code, else the status', async () => {
    const tested = metrics()
    tested.httpServer.observe({ method: 'GET', status: 404, seconds: 1 })
    tested.httpServer.observe({ method: 'GET', status: 502, seconds: 1 })
    tested.httpClient.observe({ service: 'pay', method: 'GET', status: 404, seconds: 1 })
    tested.httpClient.observe({ service: 'pay', method: 'GET', errorCode: 'SG_TIMEOUT', seconds: 1 })
    const served = await linesOf(tested, `${server}_count`)
    assert.equal(served.length, 2)
    assert.match(served[0] ?? '', /code="404",error_type=""/)
    assert.match(served[1] ?? '', /code="502",error_type="502"/)
    const sent = await linesOf(tested, `${client}_count`)
    assert.match(sent[0] ?? '', /service="pay",.*code="404",error_type="404"/)
    assert.match(sent[1] ?? '', /service="pay",.*code="",error_type="SG_TIMEOUT"/)
  })

  it('put methods nobody knows under _OTHER', async () => {
    const tested = metrics()
    for (const method of ['BREW', 'get', 'X'.repeat(1000)])
      tested.httpServer.observe({ method, status: 405, seconds: 0.1 })
    const lines = await linesOf(tested, `${server}_count`)
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /http_request_method="_OTHER".* 3$/)
  })

  it('bound the label combinations, count the rest in one series and say so', async () => {
    const tested = metrics(10)
    for (let index = 0; index < 500; index++) {
      tested.httpServer.observe({ method: 'GET', route: `/r${index}`, status: 200, seconds: 0.1 })
    }
    tested.httpServer.observe({ method: 'GET', route: '/r3', status: 200, seconds: 0.1 })
    const lines = await linesOf(tested, `${server}_count`)
    assert.equal(lines.length, 11)
    assert.equal(lines.filter((line) => /http_route="\/r3".* 2$/.test(line)).length, 1)
    const overflow = lines.find((line) => line.includes('http_route="_overflow"'))
    assert.match(overflow ?? '', /http_request_method="_overflow".*error_type="_overflow"\} 490$/)
    assert.deepEqual(await linesOf(tested, 'switchgear_metrics_overflows_total{'), [
      `switchgear_metrics_overflows_total{metric="${server}"} 490`,
      `switchgear_metrics_overflows_total{metric="${client}"} 0`,
    ])
  })

  it('keep to a registry of their own', async () => {
    const [one, two] = [metrics(), metrics()]
    one.httpServer.observe({ method: 'GET', status: 200, seconds: 1 })
    assert.equal((await linesOf(one, `${server}_count`)).length, 1)
    assert.equal((await linesOf(two, `${server}_count`)).length, 0)
    assert.deepEqual(await register.getMetricsAsJSON(), [])
    assert.match(one.contentType, /^text\/plain; version=0\.0\.4/)
  })

  it('refuse a bad bound by name', () => {
    for (const maxSeries of [0, 1.5, Number.NaN, -1]) {
      assert.throws(() => metrics(maxSeries), { code: 'SG_BAD_OPTIONS', message: /metrics\.maxSeries must be .* got/ })
    }
  })
})
