import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  bulkhead,
  circuitBreaker,
  type CircuitState,
  type PipelineSnapshot,
  Registry,
  retry,
  timeout,
} from '@switchgear/core'
import { VirtualClock } from '@switchgear/core/testing'
import { createMetrics } from '../../src/index.ts'

const fail = (): Promise<never> => Promise.reject(new Error('down'))

/** The samples of one metric: `label="value",...` to number. */
function samples(text: string, name: string): Record<string, number> {
  const found: Record<string, number> = {}
  for (const line of text.split('\n')) {
    const match = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (match?.[1] === name) found[match[2] ?? ''] = Number(match[3])
  }
  return found
}

describe('policy metrics of a real registry', () => {
  it('show every breaker from the start and nothing for a pipeline without one', async () => {
    const registry = new Registry({ clock: new VirtualClock() })
    registry.pipeline('payments', circuitBreaker())
    registry.pipeline('mail', timeout('1s'))
    const text = await createMetrics({ registry }).text()
    for (const name of ['state', 'isolated', 'disabled', 'failures_total', 'rejections_total']) {
      assert.deepEqual(samples(text, `circuit_breaker_${name}`), { 'service="payments"': 0 }, name)
    }
    assert.deepEqual(samples(text, 'switchgear_timeouts_total'), { 'service="mail"': 0 })
    assert.deepEqual(samples(text, 'switchgear_retries_total'), {})
  })

  it('follow a breaker through open, half-open and closed', async () => {
    const clock = new VirtualClock()
    const registry = new Registry({ clock })
    const payments = registry.pipeline(
      'payments',
      circuitBreaker({ consecutiveFailures: 2, openFor: '1s', successesToClose: 1 }),
    )
    const metrics = createMetrics({ registry })
    const state = async (): Promise<number | undefined> =>
      samples(await metrics.text(), 'circuit_breaker_state')['service="payments"']

    await assert.rejects(payments.execute(fail))
    await assert.rejects(payments.execute(fail))
    assert.equal(await state(), 1)
    await assert.rejects(payments.execute(fail))
    const text = await metrics.text()
    assert.deepEqual(samples(text, 'circuit_breaker_failures_total'), { 'service="payments"': 2 })
    assert.deepEqual(samples(text, 'circuit_breaker_rejections_total'), { 'service="payments"': 1 })
    await clock.advance(1000)
    assert.equal(await state(), 2)
    await payments.execute(() => 'up')
    assert.equal(await state(), 0)
    assert.deepEqual(samples(await metrics.text(), 'circuit_breaker_failures_total'), { 'service="payments"': 2 })
  })

  it('tell isolated and disabled apart from open and closed', async () => {
    const registry = new Registry({ clock: new VirtualClock() })
    const isolated = circuitBreaker()
    const disabled = circuitBreaker()
    registry.pipeline('a', isolated)
    registry.pipeline('b', disabled)
    isolated.isolate('maintenance')
    disabled.disable()
    const text = await createMetrics({ registry }).text()
    assert.deepEqual(samples(text, 'circuit_breaker_state'), { 'service="a"': 1, 'service="b"': 0 })
    assert.deepEqual(samples(text, 'circuit_breaker_isolated'), { 'service="a"': 1, 'service="b"': 0 })
    assert.deepEqual(samples(text, 'circuit_breaker_disabled'), { 'service="a"': 0, 'service="b"': 1 })
  })

  it('count retries, timeouts and bulkhead slots', async () => {
    const clock = new VirtualClock()
    const registry = new Registry({ clock })
    const guarded = registry.pipeline(
      'stock',
      bulkhead({ maxInFlight: 1 }),
      retry({ maxAttempts: 2, delay: 10, jitter: 0 }),
      timeout(100),
    )
    const metrics = createMetrics({ registry })
    const hanging = assert.rejects(guarded.execute(() => new Promise(() => {})))
    await assert.rejects(
      guarded.execute(() => 1),
      { code: 'SG_BULKHEAD_FULL' },
    )
    const during = await metrics.text()
    assert.deepEqual(samples(during, 'switchgear_bulkhead_in_flight'), { 'service="stock"': 1 })
    assert.deepEqual(samples(during, 'switchgear_bulkhead_rejections_total'), { 'service="stock"': 1 })
    await clock.advance(300)
    await hanging
    const after = await metrics.text()
    assert.deepEqual(samples(after, 'switchgear_retries_total'), { 'service="stock"': 1 })
    assert.deepEqual(samples(after, 'switchgear_timeouts_total'), { 'service="stock"': 2 })
    assert.deepEqual(samples(after, 'switchgear_bulkhead_in_flight'), { 'service="stock"': 0 })
    assert.deepEqual(samples(after, 'switchgear_bulkhead_queued'), { 'service="stock"': 0 })
  })

  it('let the series of an evicted pipeline disappear and come back with its own totals', async () => {
    const clock = new VirtualClock()
    const registry = new Registry({ clock, max: 1 })
    const first = registry.pipeline('first', circuitBreaker())
    const metrics = createMetrics({ registry })
    const failures = async () => samples(await metrics.text(), 'circuit_breaker_failures_total')
    await assert.rejects(first.execute(fail))
    await first.execute(() => 'up')
    assert.deepEqual(await failures(), { 'service="first"': 1 })
    await clock.advance(600_000)
    registry.pipeline('second', circuitBreaker())
    assert.deepEqual(await failures(), { 'service="second"': 0 })
    await clock.advance(600_000)
    await assert.rejects(first.execute(fail))
    assert.deepEqual(await failures(), { 'service="first"': 2 })
  })

  it('escape what a service may be called', async () => {
    const registry = new Registry({ clock: new VirtualClock() })
    registry.pipeline('a"b\\c\nd', circuitBreaker())
    const text = await createMetrics({ registry }).text()
    assert.ok(text.includes('circuit_breaker_state{service="a\\"b\\\\c\\nd"} 0'), text)
  })
})

const breaker = (state: CircuitState, failures = 0, rejections = 0): PipelineSnapshot['policies'][number] => ({
  policy: 'circuitBreaker',
  version: 1,
  name: 'circuitBreaker',
  state,
  reopenings: 0,
  openRemainingMs: 0,
  takenAt: 0,
  reason: undefined,
  mode: 'protect',
  consecutiveFailures: 0,
  window: { calls: 0, failures: 0, slow: 0 },
  probesInFlight: 0,
  slowFromMs: undefined,
  usualMs: undefined,
  totals: { successes: 0, failures, ignored: 0, slow: 0, rejections, transitions: 0, fleetErrors: 0 },
})
const source = (...pipelines: { name: string; policies: PipelineSnapshot['policies'] }[]) => {
  const held = { pipelines, taken: 0 }
  const snapshot = () => {
    held.taken++
    const seen = held.pipelines.map((pipeline) => ({ ...pipeline, calls: undefined }))
    return { pipelines: seen, max: 1000, evicted: 0, unregisteredCalls: 0, restoreProblems: [] }
  }
  return Object.assign(held, { snapshot })
}

describe('policy metrics of a given snapshot', () => {
  it('show the worst of several breakers and add up their totals', async () => {
    const cases: [CircuitState[], number][] = [
      [['closed', 'half-open', 'open'], 1],
      [['half-open', 'isolated'], 1],
      [['closed', 'half-open', 'disabled'], 2],
      [['disabled', 'closed'], 0],
    ]
    for (const [states, expected] of cases) {
      const policies = states.map((state, index) => breaker(state, index + 1, 10 * (index + 1)))
      const text = await createMetrics({ registry: source({ name: 's', policies }) }).text()
      assert.deepEqual(samples(text, 'circuit_breaker_state'), { 'service="s"': expected }, states.join())
      const sum = (states.length * (states.length + 1)) / 2
      assert.deepEqual(samples(text, 'circuit_breaker_failures_total'), { 'service="s"': sum })
      assert.deepEqual(samples(text, 'circuit_breaker_rejections_total'), { 'service="s"': 10 * sum })
    }
  })

  it('let the series of an evicted pipeline disappear, and count from its own totals when it returns', async () => {
    const registry = source(
      { name: 'a', policies: [breaker('closed', 7)] },
      { name: 'b', policies: [breaker('closed', 1)] },
    )
    const metrics = createMetrics({ registry })
    const failures = async () => samples(await metrics.text(), 'circuit_breaker_failures_total')
    assert.deepEqual(await failures(), { 'service="a"': 7, 'service="b"': 1 })
    const [evicted] = registry.pipelines.splice(0, 1)
    assert.deepEqual(await failures(), { 'service="b"': 1 })
    assert.ok(evicted !== undefined)
    registry.pipelines.push(evicted)
    assert.deepEqual(await failures(), { 'service="a"': 7, 'service="b"': 1 })
  })

  it('take one snapshot per scrape, also when two scrapes overlap', async () => {
    const registry = source({ name: 's', policies: [breaker('open', 3)] })
    const metrics = createMetrics({ registry })
    const [one, two] = await Promise.all([metrics.text(), metrics.text()])
    assert.equal(one, two)
    assert.ok(registry.taken <= 2, `took ${registry.taken} snapshots`)
    registry.taken = 0
    await metrics.text()
    assert.equal(registry.taken, 1)
  })
})
