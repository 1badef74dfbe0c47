import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Registry } from '@switchgear/core'
import fc from 'fast-check'
import { register } from 'prom-client'
import { createMetrics, type Metrics } from '../../src/metrics/metrics.ts'
import { parse, value } from './text-parser.ts'

fc.configureGlobal({ seed: Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101) })

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
    const labels =
      'http_request_method="GET",http_route="/orders",http_response_status_code="200",error_type="",url_scheme="http"'
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
    assert.match(overflow ?? '', /http_request_method="_overflow".*error_type="_overflow",.*\} 490$/)
    const overflows = await linesOf(tested, 'switchgear_metrics_overflows_total{')
    assert.ok(overflows.includes(`switchgear_metrics_overflows_total{metric="${server}"} 490`))
    assert.ok(overflows.includes(`switchgear_metrics_overflows_total{metric="${client}"} 0`))
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

describe('http durations', () => {
  it('find the same series by every way', async () => {
    const tested = metrics()
    tested.httpServer.observe({ method: 'GET', route: '/a', status: 503, seconds: 1 })
    tested.serverDurations.observe('GET', '/a', 503, '503', 1)
    tested.serverDurations.observe('GET', '/a', 503, '503', 1, undefined, 'https')
    tested.serverDurations.observe('GET', '/a', undefined, 'aborted', 1)
    tested.serverDurations.observe('GET', '/a', 503, '', 1)
    tested.httpClient.observe({
      service: 's',
      method: 'GET',
      status: 200,
      seconds: 1,
      serverAddress: 'h',
      serverPort: 1,
    })
    const peer = tested.clientDurations.peer('s', 'http', 'h', 1)
    peer.observe('GET', 200, '', 1)
    assert.equal(peer, tested.clientDurations.peer('s', 'http', 'h', 1))
    assert.notEqual(peer, tested.clientDurations.peer('s', 'https', 'h', 1))
    const text = parse(await tested.text(), 'text')
    const count = (labels: Record<string, string>) => value(text, `${server}_count`, labels)
    assert.equal(count({ error_type: '503', url_scheme: 'http' }), 2)
    assert.equal(count({ error_type: '503', url_scheme: 'https' }), 1)
    assert.equal(count({ error_type: 'aborted', http_response_status_code: '' }), 1)
    assert.equal(count({ error_type: '', http_response_status_code: '503' }), 1)
    const sent = { service: 's', server_address: 'h', server_port: '1', url_scheme: 'http' }
    assert.equal(value(text, `${client}_count`, sent), 2)
  })

  it('count each request where it belongs, in whatever order they come', async () => {
    const request = fc.record({
      method: fc.constantFrom('GET', 'POST', 'BREW'),
      route: fc.constantFrom('/a', '/b', ''),
      status: fc.constantFrom(200, 404, 500, undefined),
      error: fc.constantFrom('', '500', 'aborted'),
      scheme: fc.constantFrom('http', 'https'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(request, { maxLength: 200, size: 'max' }), async (requests) => {
        const tested = metrics()
        const expected = new Map<string, number>()
        for (const { method, route, status, error, scheme } of requests) {
          tested.serverDurations.observe(method, route, status, error, 0.1, undefined, scheme)
          const labels = [method === 'BREW' ? '_OTHER' : method, route, String(status ?? ''), error, scheme]
          expected.set(labels.join(), (expected.get(labels.join()) ?? 0) + 1)
        }
        const { families } = parse(await tested.text(), 'text')
        const counts = families.get(server)?.samples.filter(({ name }) => name === `${server}_count`) ?? []
        assert.deepEqual(new Map(counts.map((sample) => [Object.values(sample.labels).join(), sample.value])), expected)
      }),
    )
  })

  it('count what is under way', async () => {
    const tested = metrics()
    const active = tested.serverDurations.active('GET')
    active.add(1)
    active.add(1)
    tested.serverDurations.active('BREW', 'https').add(1)
    active.add(-1)
    const text = parse(await tested.text(), 'text')
    const name = 'http_server_active_requests'
    assert.equal(value(text, name, { http_request_method: 'GET', url_scheme: 'http' }), 1)
    assert.equal(value(text, name, { http_request_method: '_OTHER', url_scheme: 'https' }), 1)
  })

  it('keep the span of a request as exemplar', async () => {
    const span = { traceA: 1, traceB: 2, traceC: 3, traceD: 4, spanA: 5, spanB: 6, flags: 1 }
    const tested = metrics()
    tested.httpServer.observe({ method: 'GET', route: '/a', status: 200, seconds: 0.006, span })
    const { families } = parse(await tested.text('openmetrics'), 'openmetrics')
    const [bucket] = families.get(server)?.samples.filter(({ exemplar }) => exemplar !== undefined) ?? []
    assert.equal(bucket?.labels['le'], '0.01')
    assert.equal(bucket?.exemplar?.labels['trace_id'], '00000001000000020000000300000004')
  })

  it('stay bounded whatever routes, error types and peers come', async () => {
    const tested = metrics(20)
    for (let index = 0; index < 2000; index++) {
      tested.serverDurations.observe(`M${index}`, `/r${index}`, index, `e${index}`, 0.1)
      tested.clientDurations.peer(`s${index}`, 'http', `h${index}`, index).observe('GET', 200, '', 0.1)
    }
    const text = parse(await tested.text(), 'text')
    for (const name of [server, client]) {
      assert.equal(countOfSeries(text, name), 21)
      assert.equal(value(text, 'switchgear_metrics_overflows_total', { metric: name }), 1980)
    }
  })
})

function countOfSeries(text: ReturnType<typeof parse>, name: string): number | undefined {
  return text.families.get(name)?.samples.filter((sample) => sample.name === `${name}_count`).length
}
