import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VirtualClock } from '@switchgear/core/testing'
import fc from 'fast-check'
import { Exposition } from '../../src/metrics/exposition.ts'
import { Scrape } from '../../src/metrics/family.ts'
import { durationBounds, type HistogramFamily } from '../../src/metrics/histogram.ts'
import { longestLabel } from '../../src/metrics/label-text.ts'
import { MetricRegistry } from '../../src/metrics/registry.ts'
import { parse, value } from './text-parser.ts'

fc.configureGlobal({ seed: Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101) })

const span = { traceA: 1, traceB: -2, traceC: 3, traceD: 4, spanA: 5, spanB: -1, flags: 0x101 }
const read = async (registry: MetricRegistry) => parse(await new Exposition(registry, { also: [] }).text(), 'text')
const rows = (family: HistogramFamily<readonly ['key']>) =>
  [...family.series()].map(({ labels, counts, sum }) => ({ key: labels[0], counts: Array.from(counts), sum }))

describe('instruments', () => {
  it('count, and start at 0 where there is no label', async () => {
    const registry = new MetricRegistry()
    const plain = registry.counter('plain_total', 'Plain.', [])
    const byKey = registry.counter('keyed_total', 'By key.', ['key'])
    assert.equal(value(await read(registry), 'plain_total'), 0)
    plain.with().add()
    plain.with().add(2.5)
    byKey.with('a').add()
    const parsed = await read(registry)
    assert.equal(value(parsed, 'plain_total'), 3.5)
    assert.equal(value(parsed, 'keyed_total', { key: 'a' }), 1)
    assert.equal(value(parsed, 'keyed_total', { key: 'b' }), undefined)
  })

  it('keep gauges as they were set, whatever the number', () => {
    const gauges = new MetricRegistry().gauge('g', 'G.', ['key'])
    const numbers = [0, -0, 1.5, -3, Infinity, -Infinity, Number.NaN]
    numbers.forEach((number, index) => gauges.with(String(index)).set(number))
    assert.ok([...gauges.series()].every((series, index) => Object.is(series.value, numbers[index])))
    gauges.with('0').add(3)
    gauges.with('0').add(-5)
    assert.equal([...gauges.series()][0]?.value, -2)
  })

  it('drop and count what is no amount', async () => {
    const registry = new MetricRegistry()
    const counter = registry.counter('c_total', 'C.', []).with()
    const histogram = registry.histogram('h', 'H.', []).with()
    for (const bad of [Number.NaN, -1, -Infinity, Infinity]) {
      counter.add(bad, span)
      histogram.observe(bad, span)
    }
    const parsed = await read(registry)
    assert.equal(value(parsed, 'c_total'), 0)
    assert.equal(value(parsed, 'h_count'), 0)
    assert.equal(value(parsed, 'switchgear_metrics_invalid_total', { metric: 'c_total' }), 4)
    assert.equal(value(parsed, 'switchgear_metrics_invalid_total', { metric: 'h' }), 4)
  })

  it('keep a bound series valid while the columns grow', () => {
    const registry = new MetricRegistry({ maxSeries: 5000 })
    const counters = registry.counter('c_total', 'C.', ['key'])
    const histograms = registry.histogram('h', 'H.', ['key'])
    const first = counters.with('0')
    const early = histograms.with('0')
    for (let index = 1; index < 5000; index++) {
      counters.with(String(index)).add(index, span, index)
      histograms.with(String(index)).observe(index, span, index)
    }
    first.add(7)
    early.observe(7)
    assert.equal(first, counters.with('0'))
    const series = [...counters.series()]
    assert.equal(series.length, 5000)
    assert.ok(series.every((one, index) => one.value === (index === 0 ? 7 : index)))
    assert.equal(series[0]?.exemplar, undefined)
    assert.equal(series[4999]?.exemplar?.value, 4999)
    assert.ok(rows(histograms).every((row, index) => row.sum === (index === 0 ? 7 : index)))
  })

  it('put what is beyond the bound into one series and count it', async () => {
    const registry = new MetricRegistry({ maxSeries: 3 })
    const counters = registry.counter('c_total', 'C.', ['a', 'b'])
    const wide = registry.counter('wide_total', 'W.', ['a'], { maxSeries: 100 })
    const held = counters.with('0', 'x')
    for (let index = 0; index < 10; index++) {
      counters.with(String(index), 'x').add(index)
      wide.with(String(index)).add()
    }
    held.add(100)
    assert.equal(held.overflow, false)
    assert.equal(counters.with('11', 'x').overflow, true)
    // Asking for it by its name gives the same series, not a second one with the same labels.
    counters.with('_overflow', '_overflow').add(1)
    const parsed = await read(registry)
    assert.equal(parsed.families.get('c_total')?.samples.length, 4)
    assert.equal(value(parsed, 'c_total', { a: '_overflow', b: '_overflow' }), 3 + 4 + 5 + 6 + 7 + 8 + 9 + 1)
    assert.equal(value(parsed, 'switchgear_metrics_overflows_total', { metric: 'c_total' }), 8)
    assert.equal(value(parsed, 'switchgear_metrics_overflows_total', { metric: 'wide_total' }), 0)
    assert.equal(value(parsed, 'c_total', { a: '0' }), 100)
  })

  it('show no overflow before there is one, also when its name was asked for', async () => {
    const registry = new MetricRegistry()
    const counters = registry.counter('c_total', 'C.', ['a'])
    const overflow = counters.with('_overflow')
    assert.equal((await read(registry)).families.get('c_total')?.samples.length, 0)
    overflow.add()
    assert.equal(value(await read(registry), 'c_total', { a: '_overflow' }), 1)
  })

  it('remember the last sampled span of each bucket with its time', async () => {
    const clock = new VirtualClock()
    const registry = new MetricRegistry({ clock })
    const series = registry.histogram('h_seconds', 'H.', [], { unit: 'seconds', bounds: [1, 2] }).with()
    const counter = registry.counter('c_total', 'C.', []).with()
    await clock.advance(5000)
    series.observe(0.5, { ...span, traceA: 9 })
    series.observe(0.7, span, clock.now() - 1000)
    series.observe(0.8, { ...span, flags: 0 })
    series.observe(0.9)
    series.observe(3, span)
    counter.add(2, span)
    const text = await new Exposition(registry, { also: [] }).text('openmetrics')
    const ids = { trace_id: '00000001fffffffe0000000300000004', span_id: '00000005ffffffff' }
    const { families } = parse(text, 'openmetrics')
    const exemplars = families.get('h_seconds')?.samples.map(({ exemplar }) => exemplar)
    const now = clock.wallNow() / 1000
    assert.deepEqual(exemplars?.slice(0, 3), [
      { labels: ids, value: 0.7, timestamp: now - 1 },
      undefined,
      { labels: ids, value: 3, timestamp: now },
    ])
    assert.deepEqual(families.get('c')?.samples[0]?.exemplar, { labels: ids, value: 2, timestamp: now })
    assert.ok(!(await new Exposition(new MetricRegistry(), { also: [] }).text()).includes('trace_id'))
  })

  it('keep every exemplar in its own place', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(40), fc.nat(3), fc.integer(), fc.double({ noNaN: true, min: 0, max: 1 })), {
          maxLength: 200,
          size: 'max',
        }),
        (observations) => {
          const family = new MetricRegistry().histogram('h', 'H.', ['key'], { bounds: [1, 2, 3] })
          const last = new Map<string, number>()
          for (let key = 0; key <= 40; key++) family.with(String(key))
          for (const [key, bucket, traceA, part] of observations) {
            const seen = Math.min(bucket + Math.max(part, 0.001), bucket + 1)
            family.with(String(key)).observe(seen, { ...span, traceA }, 0)
            last.set(`${key} ${bucket}`, seen)
          }
          for (const { labels, exemplars } of family.series()) {
            for (let bucket = 0; bucket < 4; bucket++) {
              assert.equal(exemplars?.[bucket]?.value, last.get(`${labels[0]} ${bucket}`))
            }
          }
        },
      ),
      { numRuns: 50 },
    )
  })

  it('agree with a naive histogram', () => {
    const observed = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.double({ min: 0, max: 20, noNaN: true })), {
      maxLength: 100,
      size: 'max',
    })
    const bounds = fc.uniqueArray(fc.double({ min: 0, max: 15, noNaN: true }), { maxLength: 20, size: 'max' })
    fc.assert(
      fc.property(observed, bounds, fc.boolean(), (values, drawn, advised) => {
        const limits = advised ? [...durationBounds] : drawn.map((bound) => bound + 0).toSorted((a, b) => a - b)
        const family = new MetricRegistry().histogram('h', 'H.', ['key'], { bounds: limits })
        // On the bound itself as well: bounds are inclusive.
        const all = [...values, ...limits.map((limit): [string, number] => ['b', limit])]
        for (const [key, number] of all) family.with(key).observe(number)
        const expected = [...new Set(all.map(([key]) => key))].map((key) => {
          const own = all.filter(([of]) => of === key).map(([, number]) => number)
          const counts = [...limits, Infinity].map(
            (limit, index) => own.filter((number) => number <= limit && number > (limits[index - 1] ?? -1)).length,
          )
          return { key, counts, sum: own.reduce((sum, number) => sum + number, 0) }
        })
        assert.deepEqual(rows(family), expected)
      }),
    )
  })

  it('yield copies: a later observation changes nothing that was read', () => {
    const registry = new MetricRegistry()
    const family = registry.histogram('h', 'H.', [], { bounds: [1] })
    family.with().observe(0.5)
    const [before] = [...family.series()]
    family.with().observe(0.5)
    assert.deepEqual(Array.from(before?.counts ?? []), [1, 0])
    assert.equal(before?.sum, 0.5)
  })

  it('tell label sets apart that look alike', () => {
    const family = new MetricRegistry().counter('c_total', 'C.', ['a', 'b'])
    const tricky = ['', '\0', '"', '\\', '\\"', ',', '",b="', 'x', 'x\0', '\n', '\\n']
    for (const a of tricky) for (const b of tricky) family.with(a, b).add()
    assert.equal([...family.series()].length, tricky.length ** 2)
    assert.ok([...family.series()].every((series) => series.value === 1))
  })

  it('cut long values and mend broken Unicode, so that what arrives is what was counted', () => {
    const family = new MetricRegistry().counter('c_total', 'C.', ['a'])
    family.with('x'.repeat(longestLabel + 1)).add()
    family.with('x'.repeat(longestLabel + 2)).add()
    family.with('\ud800').add()
    family.with('\udfff').add()
    const seen = [...family.series()].map(({ labels, value: number }) => [labels[0], number])
    assert.deepEqual(seen, [
      ['x'.repeat(longestLabel), 2],
      ['\ufffd', 2],
    ])
  })

  it('refuse the wrong number of label values', () => {
    const family = new MetricRegistry().counter('c_total', 'C.', ['a', 'b'] as readonly string[])
    assert.throws(() => family.with('x'), { code: 'SG_BAD_OPTIONS', message: /must be 2 \(a, b\), got 1/ })
  })
})

it('a scrape takes each source once', () => {
  const scrape = new Scrape()
  const source = {}
  let taken = 0
  const take = (): number => ++taken
  assert.deepEqual([scrape.once(source, take), scrape.once(source, take), scrape.once({}, take)], [1, 1, 2])
  assert.equal(new Scrape().once(source, take), 3)
})
