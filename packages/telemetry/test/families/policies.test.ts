import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as core from '@switchgear/core'
import { VirtualClock } from '@switchgear/core/testing'
import { createMetrics } from '../../src/index.ts'
import { samplesOf } from './samples.ts'

const fail = (): Promise<never> => Promise.reject(new Error('down'))
const sleep = (clock: core.Clock, ms: number): Promise<void> => new Promise((resolve) => clock.setTimer(resolve, ms))
const setUp = () => {
  const clock = new VirtualClock()
  const registry = new core.Registry({ clock, random: () => 0.5 })
  const metrics = createMetrics({ registry, also: [] })
  return { clock, registry, metrics, read: () => samplesOf(metrics) }
}

describe('families of policies', () => {
  it('count calls by outcome, and refusals by kind', async () => {
    const { registry, read } = setUp()
    const calls = registry.pipeline(
      's',
      core.bulkhead({ maxInFlight: 1 }),
      core.circuitBreaker({ consecutiveFailures: 1 }),
    )
    await calls.execute(() => 1)
    let end: (value: unknown) => void = () => undefined
    const held = calls.execute(() => new Promise((resolve) => (end = resolve)))
    await assert.rejects(calls.execute(() => 1))
    assert.equal((await read())['switchgear_calls_in_flight']?.['s'], 1)
    end(1)
    await held
    await assert.rejects(calls.execute(fail))
    await assert.rejects(calls.execute(() => 1))
    const seen = await read()
    assert.deepEqual(seen['switchgear_calls_total'], { 's,success': 2, 's,failure': 1, 's,ignored': 2 })
    assert.deepEqual(seen['switchgear_calls_in_flight'], { s: 0 })
    assert.deepEqual(seen['switchgear_refusals_total'], { 's,bulkhead': 1, 's,circuitBreaker': 1 })
    assert.deepEqual(seen['switchgear_registry_pipelines'], { '': 1 })
  })

  it('tell a circuit: transitions, window, remaining time, observing', async () => {
    const { clock, registry, read } = setUp()
    const circuit = registry.pipeline(
      's',
      core.circuitBreaker({
        failureRatio: 0.5,
        minimumThroughput: 4,
        slowCallRatio: 1,
        slowCallDuration: '1s',
        openFor: '30s',
      }),
    )
    registry.pipeline('o', core.circuitBreaker({ name: 'watch', mode: 'observe' }))
    await circuit.execute(() => 1)
    await circuit.execute(() => 1)
    await assert.rejects(circuit.execute(fail))
    let seen = await read()
    assert.deepEqual(seen['switchgear_circuit_failure_ratio'], { 's,circuitBreaker': 1 / 3 })
    assert.deepEqual(seen['switchgear_circuit_slow_ratio'], { 's,circuitBreaker': 0 })
    assert.deepEqual(seen['switchgear_circuit_observing'], { s: 0, o: 1 })
    await assert.rejects(circuit.execute(fail))
    await clock.advance(10_000)
    seen = await read()
    assert.deepEqual(seen['circuit_breaker_state'], { s: 1, o: 0 })
    assert.deepEqual(seen['switchgear_circuit_open_remaining_seconds'], { 's,circuitBreaker': 20, 'o,watch': 0 })
    assert.deepEqual(seen['switchgear_circuit_transitions_total'], { s: 1, o: 0 })
    assert.equal(seen['switchgear_circuit_calls_total']?.['s,success'], 2)
    assert.equal(seen['switchgear_circuit_calls_total']?.['s,failure'], 2)
    assert.equal(seen['switchgear_circuit_failure_ratio'], undefined)
    await clock.advance(20_000)
    const slow = circuit.execute(() => sleep(clock, 2000))
    await clock.advance(2000)
    await slow
    seen = await read()
    assert.equal(seen['switchgear_circuit_slow_calls_total']?.['s'], 1)
    assert.equal(seen['switchgear_circuit_reopenings']?.['s,circuitBreaker'], 1)
  })

  it('tell retries, hedges and timeouts', async () => {
    const { clock, registry, read } = setUp()
    const retried = registry.pipeline(
      'r',
      core.timeout({ name: 'total', after: '10s' }),
      core.retry({ maxAttempts: 2, delay: 10 }),
      core.timeout({ name: 'attempt', after: '1s' }),
    )
    let tries = 0
    const recovered = retried.execute(() => (++tries === 1 ? fail() : 'up'))
    const exhausted = assert.rejects(retried.execute(fail))
    const hanging = assert.rejects(retried.execute(() => new Promise(() => undefined)))
    await clock.advance(5000)
    await Promise.all([recovered, exhausted, hanging])
    const hedged = registry.pipeline('h', core.hedge({ delay: 10 }))
    let starts = 0
    const won = hedged.execute(() => (++starts === 1 ? sleep(clock, 1000) : Promise.resolve()))
    await clock.advance(2000)
    await won
    const seen = await read()
    assert.deepEqual(seen['switchgear_retries_total'], { r: 3 })
    assert.deepEqual(seen['switchgear_retry_recovered_total'], { r: 1 })
    assert.deepEqual(seen['switchgear_retry_exhausted_total'], { r: 2 })
    assert.ok((seen['switchgear_retry_budget_balance']?.['r,retry'] ?? 0) > 0)
    assert.deepEqual(seen['switchgear_timeouts_total'], { r: 2 })
    assert.deepEqual(seen['switchgear_timeout_abandoned_total'], { r: 0 })
    assert.deepEqual(seen['switchgear_timeout_seconds'], { 'r,total': 10, 'r,attempt': 1 })
    assert.deepEqual(seen['switchgear_hedges_total'], { h: 1 })
    assert.deepEqual(seen['switchgear_hedge_wins_total'], { h: 1 })
    assert.deepEqual(seen['switchgear_hedge_unaffordable_total'], { h: 0 })
    assert.deepEqual(seen['switchgear_hedge_delay_seconds'], { 'h,hedge': 0.01 })
    const balance = seen['switchgear_hedge_budget_balance']?.['h,hedge'] ?? NaN
    assert.ok(balance > 0 && balance < 10, `${balance}`)
  })

  it('tell limits of load', async () => {
    const { clock, registry, read } = setUp()
    const queued = registry.pipeline('b', core.bulkhead({ maxInFlight: 1, maxQueue: 1 }))
    const running = [1, 2].map(() => queued.execute(() => sleep(clock, 10)))
    await assert.rejects(queued.execute(() => 1))
    let seen = await read()
    for (const [name, value] of Object.entries({
      in_flight: 1,
      queued: 1,
      max_in_flight: 1,
      max_queue: 1,
      rejections_total: 1,
      waits_total: 1,
    })) {
      assert.deepEqual(seen[`switchgear_bulkhead_${name}`], { b: value }, name)
    }
    await clock.advance(100)
    await Promise.all(running)
    const limited = registry.pipeline('l', core.rateLimit({ limit: 2, window: '1h', maxKeys: 1 }))
    for (const key of ['one', 'one', 'one', 'two']) await limited.execute(() => 1, { key }).catch(() => undefined)
    const adaptive = registry.pipeline(
      'a',
      core.adaptiveLimit({ initialLimit: 1, minLimit: 1, maxLimit: 7, window: '100ms' }),
    )
    const inside = adaptive.execute(() => sleep(clock, 10))
    await assert.rejects(adaptive.execute(() => 1))
    seen = await read()
    assert.deepEqual(seen['switchgear_bulkhead_admitted_total'], { b: 2 })
    assert.deepEqual(seen['switchgear_rate_limit_admitted_total'], { l: 3 })
    assert.deepEqual(seen['switchgear_rate_limit_rejections_total'], { l: 1 })
    assert.deepEqual(seen['switchgear_rate_limit_keys'], { l: 1 })
    assert.deepEqual(seen['switchgear_rate_limit_evicted_keys_total'], { l: 1 })
    assert.deepEqual(seen['switchgear_rate_limit_store_errors_total'], { l: 0 })
    assert.deepEqual(seen['switchgear_adaptive_limit'], { a: 1 })
    assert.deepEqual(seen['switchgear_adaptive_limit_in_flight'], { a: 1 })
    assert.deepEqual(seen['switchgear_adaptive_limit_rejections_total'], { a: 1 })
    await clock.advance(10)
    await inside
  })

  it('tell throttles and sheds', async () => {
    const { registry, read } = setUp()
    registry.pipeline('s', core.shed())
    const throttled = registry.pipeline(
      't',
      core.throttle({ k: 1, minimumThroughput: 1 }),
      core.circuitBreaker({ consecutiveFailures: 1 }),
    )
    for (let call = 0; call < 20; call++) await throttled.execute(fail).catch(() => undefined)
    const seen = await read()
    assert.deepEqual(seen['switchgear_sheds_total'], { 's,0': 0, 's,1': 0, 's,2': 0, 's,3': 0 })
    assert.deepEqual(seen['switchgear_shed_refused_from'], { 's,shed': 4 })
    const ratio = seen['switchgear_throttle_refusal_ratio']?.['t,throttle'] ?? -1
    assert.ok(ratio >= 0 && ratio <= 1, `${ratio}`)
    const [admitted, refused] = ['admitted', 'rejections'].map(
      (name) => seen[`switchgear_throttle_${name}_total`]?.['t'] ?? NaN,
    )
    assert.equal((admitted ?? NaN) + (refused ?? NaN), 20)
  })

  it('tell what answers instead, and what disturbs', async () => {
    const { clock, registry, read } = setUp()
    const cached = registry.pipeline('c', core.cache({ ttl: '1s', maxEntries: 1 }), core.coalesce())
    for (const key of ['one', 'one', 'two']) await cached.execute(() => key, { key })
    const joined = [1, 2].map(() => cached.execute(() => sleep(clock, 10), { key: 'three' }))
    await clock.advance(10)
    await Promise.all(joined)
    const instead = registry.pipeline(
      'f',
      core.fallback(() => 'instead'),
      core.chaos({ for: '1m', errors: { rate: 1 } }),
    )
    await instead.execute(() => 1)
    let seen = await read()
    assert.equal(seen['switchgear_cache_results_total']?.['c,hit'], 1)
    assert.equal(seen['switchgear_cache_entries']?.['c'], 1)
    assert.equal(seen['switchgear_cache_max_entries']?.['c'], 1)
    assert.equal(seen['switchgear_cache_evicted_total']?.['c'], 2)
    assert.equal(seen['switchgear_coalesce_calls_total']?.['c,alone'], 0)
    assert.deepEqual(seen['switchgear_fallbacks_total'], { f: 1 })
    assert.deepEqual(seen['switchgear_fallback_failures_total'], { f: 0 })
    assert.deepEqual(seen['switchgear_chaos_active'], { f: 1 })
    assert.deepEqual(seen['switchgear_chaos_faults_total'], { 'f,delay': 0, 'f,error': 1, 'f,hang': 0 })
    await clock.advance(60_000)
    seen = await read()
    assert.deepEqual(seen['switchgear_chaos_active'], { f: 0 })
    assert.deepEqual(seen['switchgear_chaos_remaining_seconds'], { 'f,chaos': 0 })
  })

  it('share a series among policies of one kind and name, and never show a key or a message', async () => {
    const { registry, metrics, read } = setUp()
    const guarded = registry.pipeline(
      's',
      core.timeout('2s'),
      core.rateLimit({ limit: 1, window: '1h' }),
      core.timeout('1s'),
    )
    const error = (): Promise<never> => Promise.reject(new Error('https://example.com/secret'))
    for (let call = 0; call < 3; call++) await guarded.execute(error, { key: 'secret key' }).catch(() => undefined)
    const seen = await read()
    assert.deepEqual(seen['switchgear_timeout_seconds'], { 's,timeout': 1 })
    assert.deepEqual(seen['switchgear_rate_limit_rejections_total'], { s: 2 })
    assert.doesNotMatch(await metrics.text(), /secret|example/)
  })
})

describe('families of a registry', () => {
  const totals = { max: 7, evicted: 2, unregisteredCalls: 3 }
  const pipelines = [{ name: 's', calls: undefined, policies: [] }]
  const all = { ...totals, pipelines, restoreProblems: [] }

  it('tell its totals where they can be read', async () => {
    const lazy = {
      snapshot: () => assert.fail('all at once'),
      names: () => ['s'],
      get: () => ({ snapshot: () => pipelines[0] ?? assert.fail() }),
    }
    for (const registry of [{ snapshot: () => all }, { ...lazy, totals }]) {
      const seen = await samplesOf(createMetrics({ registry, also: [] }))
      assert.deepEqual(seen['switchgear_registry_max_pipelines'], { '': 7 })
      assert.deepEqual(seen['switchgear_registry_evicted_total'], { '': 2 })
      assert.deepEqual(seen['switchgear_registry_unregistered_calls_total'], { '': 3 })
    }
    assert.equal(
      (await samplesOf(createMetrics({ registry: lazy, also: [] })))['switchgear_registry_evicted_total'],
      undefined,
    )
  })

  it('lose only the pipeline whose policy throws', async () => {
    const registry = new core.Registry()
    const broken = {
      ...core.timeout('1s'),
      kind: 'layer' as const,
      name: 'x',
      wrap: (next: never) => next,
      snapshot: () => assert.fail('no'),
    }
    registry.pipeline('a', core.timeout('1s'))
    registry.pipeline('b', broken as unknown as core.Policy)
    registry.pipeline('c', core.timeout('1s'))
    const seen = await samplesOf(createMetrics({ registry, also: [] }))
    assert.deepEqual(seen['switchgear_timeouts_total'], { a: 0, c: 0 })
  })
})
