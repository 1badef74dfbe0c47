import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as core from '@switchgear/core'
import { VirtualClock } from '@switchgear/core/testing'
import { CallDurations, createMetrics, type Metrics } from '../../src/index.ts'
import { type Compat, compatFamilies } from '../../src/metrics/compat/compat.ts'
import { samplesOf } from './samples.ts'

const fail = (): Promise<never> => Promise.reject(new Error('down'))
const setUp = (compat: readonly Compat[]) => {
  const registry = new core.Registry({ clock: new VirtualClock() })
  const metrics = createMetrics({ registry, also: [] })
  const identity = { service: 'orders', namespace: 'shop' }
  for (const family of compatFamilies(compat, registry, metrics.instruments, identity))
    metrics.instruments.collect(family)
  return { registry, metrics }
}

describe('names of Resilience4j', () => {
  it('tell states, windows, retries, bulkheads and timeouts', async () => {
    const { registry, metrics } = setUp(['resilience4j'])
    const breaker = core.circuitBreaker({ failureRatio: 0.5, minimumThroughput: 4 })
    const isolated = core.circuitBreaker()
    const guarded = registry.pipeline(
      's',
      core.bulkhead({ maxInFlight: 4 }),
      core.retry({ maxAttempts: 1 }),
      breaker,
      core.timeout('1s'),
    )
    registry.pipeline('i', isolated)
    registry.pipeline('o', core.circuitBreaker({ mode: 'observe' }))
    registry.pipeline('l', core.rateLimit())
    isolated.isolate('maintenance')
    for (const work of [() => 1, () => 1, () => 1, fail]) await guarded.execute(work).catch(() => undefined)
    let seen = await samplesOf(metrics)
    const inState = (): string[] =>
      Object.entries(seen['resilience4j_circuitbreaker_state'] ?? {}).flatMap(([labels, value]) =>
        value === 1 ? [labels] : [],
      )
    assert.deepEqual(inState(), ['s,closed', 'i,forced_open', 'o,metrics_only'])
    assert.deepEqual(seen['resilience4j_circuitbreaker_failure_rate'], { s: 25, i: -1, o: -1 })
    assert.equal(seen['resilience4j_circuitbreaker_buffered_calls']?.['s,successful'], 3)
    assert.equal(seen['resilience4j_circuitbreaker_buffered_calls']?.['s,failed'], 1)
    assert.deepEqual(seen['resilience4j_bulkhead_available_concurrent_calls'], { s: 4 })
    assert.deepEqual(seen['resilience4j_bulkhead_max_allowed_concurrent_calls'], { s: 4 })
    assert.deepEqual(seen['resilience4j_timelimiter_calls_total'], { 's,timeout': 0 })
    assert.deepEqual(seen['resilience4j_ratelimiter_waiting_threads'], { l: 0 })
    // Nobody measures durations here: the counts are the breaker's own and the sum is unknown.
    assert.equal(seen['resilience4j_circuitbreaker_calls_seconds_count']?.['s,successful'], 3)
    assert.equal(seen['resilience4j_circuitbreaker_calls_seconds_sum']?.['s,successful'], NaN)
    await guarded.execute(fail).catch(() => undefined)
    await guarded.execute(fail).catch(() => undefined)
    await guarded.execute(fail).catch(() => undefined)
    seen = await samplesOf(metrics)
    assert.deepEqual(inState(), ['s,open', 'i,forced_open', 'o,metrics_only'])
    assert.equal(seen['resilience4j_circuitbreaker_not_permitted_calls_total']?.['s,not_permitted'], 1)
  })

  it('take count and sum from measured durations where there are some', async () => {
    const { registry, metrics } = setUp(['resilience4j'])
    registry.pipeline('s', core.circuitBreaker())
    const durations = new CallDurations(metrics.instruments)
    for (const seconds of [1, 2]) durations.observe('s', 'success', undefined, seconds, undefined, 0)
    durations.observe('unguarded', 'success', undefined, 5, undefined, 0)
    const seen = await samplesOf(metrics)
    assert.deepEqual(seen['resilience4j_circuitbreaker_calls_seconds_count'], {
      's,successful': 2,
      's,failed': 0,
      's,ignored': 0,
    })
    assert.equal(seen['resilience4j_circuitbreaker_calls_seconds_sum']?.['s,successful'], 3)
  })
})

describe('names of Istio', () => {
  const served = (metrics: Metrics, route: string, status: number, seconds: number): void =>
    metrics.httpServer.observe({ method: 'GET', route, status, seconds })

  it('add up what was served and sent, by code', async () => {
    const { metrics } = setUp(['istio'])
    served(metrics, '/a', 200, 0.02)
    served(metrics, '/b', 200, 0.3)
    served(metrics, '/b', 503, 0.3)
    metrics.httpClient.observe({
      service: 'payments',
      method: 'POST',
      status: 201,
      seconds: 0.004,
      serverAddress: '10.0.0.1',
    })
    metrics.httpClient.observe({ service: 'payments', method: 'POST', seconds: 1, errorCode: 'SG_TIMEOUT' })
    const seen = await samplesOf(metrics)
    const own = 'unknown,unknown,orders,shop,orders,orders,shop,http'
    const payments = 'orders,shop,payments,unknown,payments,payments,unknown,http'
    assert.deepEqual(seen['istio_requests_total'], {
      [`destination,${own},200,-,none`]: 2,
      [`destination,${own},503,-,none`]: 1,
      [`source,${payments},201,-,unknown`]: 1,
      [`source,${payments},0,-,unknown`]: 1,
    })
    const sums = seen['istio_request_duration_milliseconds_sum'] ?? {}
    assert.equal(sums[`destination,${own},200,-,none`], 320)
    assert.equal(sums[`source,${payments},201,-,unknown`], 4)
    const buckets = seen['istio_request_duration_milliseconds_bucket'] ?? {}
    assert.equal(buckets[`25,destination,${own},200,-,none`], 1)
    assert.equal(buckets[`5,source,${payments},201,-,unknown`], 1)
  })
})

describe('compat', () => {
  it('shows nothing unless asked, each kind once, and refuses what it does not know', async () => {
    const { metrics } = setUp([])
    assert.doesNotMatch(await metrics.text(), /istio|resilience4j/)
    assert.ok(setUp(['istio', 'istio', 'resilience4j']).metrics.instruments.families().length > 80)
    for (const bad of [['envoy'], 'istio', [undefined]]) {
      assert.throws(() => setUp(bad as unknown as Compat[]), { code: 'SG_BAD_OPTIONS', message: /metrics\.compat/ })
    }
  })
})
