import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { Registry } from '@switchgear/core'
import { VirtualClock } from '@switchgear/core/testing'
import {
  Counter,
  Gauge,
  Histogram,
  type OpenMetricsContentType,
  register,
  Registry as PromRegistry,
  Summary,
} from 'prom-client'
import { Exposition } from '../../src/metrics/exposition.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { MetricRegistry } from '../../src/metrics/registry.ts'
import { parse, value } from './text-parser.ts'

const skipped = 'switchgear_metrics_skipped_families_total'

const gauge = (registry: PromRegistry, name: string, collect: () => void | Promise<void>): Gauge =>
  new Gauge({ name, help: 'Collected.', registers: [registry], collect })

/** An application's registry with one of each type. */
function application(): PromRegistry {
  const own = new PromRegistry()
  own.setDefaultLabels({ app: 'shop', zone: 'default' })
  const registers = [own]
  new Counter({ name: 'jobs', help: 'Jobs.\nAll "of" them.', labelNames: ['kind'], registers }).inc(
    { kind: 'a"\\\n' },
    2,
  )
  new Gauge({ name: 'heat', help: 'Heat.', labelNames: ['zone'], registers }).set({ zone: 'north' }, Number.NaN)
  new Histogram({ name: 'wait_seconds', help: 'Wait.', buckets: [1, 2], registers }).observe(1.5)
  new Summary({ name: 'sizes', help: 'Sizes.', percentiles: [0.5, 1], registers }).observe(3)
  return own
}

describe('families of prom-client', () => {
  afterEach(() => register.clear())

  it('are appended in both formats', async () => {
    const withExemplars = new PromRegistry<OpenMetricsContentType>()
    withExemplars.setContentType(PromRegistry.OPENMETRICS_CONTENT_TYPE)
    const enableExemplars = true
    const mails = new Counter({ name: 'mails_total', help: 'Mails.', registers: [withExemplars], enableExemplars })
    mails.inc({ labels: {}, value: 5, exemplarLabels: { trace_id: 'abc' } })
    const exposition = new Exposition(new MetricRegistry(), { also: [application(), withExemplars] })
    const text = parse(await exposition.text(), 'text')
    const open = parse(await exposition.text('openmetrics'), 'openmetrics')
    // prom-client takes `_total` out of the names of such a registry for good as soon as it writes one.
    await withExemplars.metrics()
    assert.equal(value(parse(await exposition.text(), 'text'), 'mails_total'), 5)
    for (const [parsed, jobs, one] of [
      [text, 'jobs', '1'],
      [open, 'jobs_total', '1.0'],
    ] as const) {
      assert.equal(value(parsed, jobs, { kind: 'a"\\\n', app: 'shop', zone: 'default' }), 2)
      assert.equal(parsed.families.get('jobs')?.help, 'Jobs.\nAll "of" them.')
      assert.equal(value(parsed, 'mails_total'), 5)
      assert.ok(Number.isNaN(value(parsed, 'heat', { zone: 'north', app: 'shop' })))
      assert.equal(value(parsed, 'wait_seconds_bucket', { le: one }), 0)
      assert.equal(value(parsed, 'wait_seconds_count'), 1)
      assert.equal(value(parsed, 'sizes', { quantile: '0.5' }), 3)
      assert.equal(value(parsed, 'sizes_sum'), 3)
    }
    assert.deepEqual(open.families.get('mails')?.samples[0]?.exemplar?.labels, { trace_id: 'abc' })
  })

  it('come from the global registry when nothing else is said, also those made later', async () => {
    const metrics = createMetrics({ registry: new Registry() })
    new Gauge({ name: 'late', help: 'Late.' }).set(1)
    assert.equal(value(parse(await metrics.text(), 'text'), 'late'), 1)
    const closed = createMetrics({ registry: new Registry(), also: [] })
    assert.equal(value(parse(await closed.text(), 'text'), 'late'), undefined)
  })

  it('are left out and counted when the name is taken', async () => {
    const [one, two] = [new PromRegistry(), new PromRegistry()]
    new Gauge({ name: 'ours', help: 'Theirs.', registers: [one] }).set(2)
    new Gauge({ name: 'both', help: 'Both.', registers: [one] }).set(1)
    new Gauge({ name: 'both', help: 'Both.', registers: [two] }).set(2)
    new Gauge({ name: 'orders', help: 'Orders.', registers: [two] }).set(3)
    const registry = new MetricRegistry()
    registry.gauge('ours', 'Ours.', []).with().set(1)
    registry.counter('orders_total', 'Orders.', [])
    const exposition = new Exposition(registry, { also: [one, two] })
    const text = parse(await exposition.text(), 'text')
    assert.equal(value(text, 'ours'), 1)
    assert.equal(value(text, 'both'), 1)
    assert.deepEqual(text.comments, ['# ours is missing: duplicate', '# both is missing: duplicate'])
    // Only in OpenMetrics does `orders_total` take the name `orders`.
    assert.equal(value(text, 'orders'), 3)
    const open = parse(await exposition.text('openmetrics'), 'openmetrics')
    assert.equal(value(open, 'orders'), undefined)
    const after = parse(await exposition.text(), 'text')
    assert.equal(value(after, skipped, { metric: 'orders', reason: 'duplicate' }), 1)
    assert.equal(value(after, skipped, { metric: 'both', reason: 'duplicate' }), 2)
  })

  it('cost only themselves when they throw or hang, and a hanging one is asked once', async () => {
    const clock = new VirtualClock()
    const own = new PromRegistry()
    let asked = 0
    let wake = (): void => {}
    const hang = (): Promise<void> => {
      asked++
      return new Promise((resolve) => (wake = resolve))
    }
    const broken = (): never => {
      throw new Error('database password is 1234')
    }
    gauge(own, 'hanging', hang)
    gauge(own, 'throwing', broken)
    gauge(own, 'rejecting', () => Promise.reject(new Error('no')))
    new Gauge({ name: 'fine', help: 'F.', registers: [own] }).set(7)
    const exposition = new Exposition(new MetricRegistry({ clock }), { also: [own], collectTimeout: '2s' })

    const first = exposition.text()
    await clock.advance(1999)
    assert.equal(await Promise.race([first, Promise.resolve('waiting')]), 'waiting')
    await clock.advance(1)
    const text = await first
    assert.ok(!text.includes('1234'))
    const parsed = parse(text, 'text')
    assert.deepEqual(parsed.comments, [
      '# hanging is missing: timeout',
      '# throwing is missing: error',
      '# rejecting is missing: error',
    ])
    assert.equal(value(parsed, 'fine'), 7)

    // No clock moves now: a family that still hangs costs no second wait.
    const second = parse(await exposition.text('openmetrics'), 'openmetrics')
    assert.equal(asked, 1)
    assert.equal(value(second, skipped, { metric: 'hanging', reason: 'timeout' }), 1)
    wake()
    await new Promise((resolve) => setImmediate(resolve))
    const third = exposition.text()
    await clock.advance(2000)
    assert.equal(value(parse(await third, 'text'), skipped, { metric: 'hanging', reason: 'timeout' }), 2)
    assert.equal(asked, 2)
  })

  it('wait no longer than five deadlines in all', async () => {
    const clock = new VirtualClock()
    const own = new PromRegistry()
    for (let index = 0; index < 20; index++) {
      gauge(own, `g${index}`, () => new Promise(() => {}))
    }
    const text = new Exposition(new MetricRegistry({ clock }), { also: [own], collectTimeout: 100 }).text()
    for (let step = 0; step < 5; step++) await clock.advance(100)
    assert.equal(parse(await text, 'text').comments.length, 20)
  })

  it('hang in real time without holding up the rest', async () => {
    const own = new PromRegistry()
    gauge(own, 'hanging', () => new Promise(() => {}))
    const metrics = createMetrics({ registry: new Registry(), also: [own], collectTimeout: 30 })
    const before = performance.now()
    assert.match(await metrics.text(), /# hanging is missing: timeout/)
    const took = performance.now() - before
    assert.ok(took > 25 && took < 5000, `${took} ms`)
  })

  it('refuse a deadline that is none', () => {
    for (const collectTimeout of [0, -1, 'soon', Number.NaN]) {
      assert.throws(() => createMetrics({ registry: new Registry(), collectTimeout }), {
        code: 'SG_BAD_OPTIONS',
        message: /metrics\.collectTimeout must be/,
      })
    }
  })

  it('tell of the process when asked, once for all', async () => {
    const [one, two] = [0, 1].map(() => createMetrics({ registry: new Registry(), also: [], process: true }))
    for (const metrics of [one, two]) {
      const text = parse((await metrics?.text()) ?? '', 'text')
      assert.ok((value(text, 'process_resident_memory_bytes') ?? 0) > 1e6)
      assert.ok((value(text, 'process_cpu_seconds_total') ?? 0) > 0)
      assert.notEqual(value(text, 'nodejs_eventloop_lag_seconds'), undefined)
    }
    let open = ''
    for await (const slice of one?.answer('application/openmetrics-text').body ?? []) open += slice
    assert.ok((value(parse(open, 'openmetrics'), 'process_cpu_seconds_total') ?? 0) > 0)
    const plain = createMetrics({ registry: new Registry(), also: [] })
    assert.ok(!(await plain.text()).includes('process_cpu'))
  })
})
