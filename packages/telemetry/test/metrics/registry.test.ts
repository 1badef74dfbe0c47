import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Family } from '../../src/metrics/family.ts'
import { MetricRegistry } from '../../src/metrics/registry.ts'

const refused = (message: RegExp) => ({ code: 'SG_BAD_OPTIONS', message })
const gauge = (name: string): Family => ({ name, help: 'H.', type: 'gauge', labelNames: [], series: () => [] })

describe('a metric registry', () => {
  it('refuses names that cannot be written', () => {
    const registry = new MetricRegistry()
    for (const name of ['', '1a', 'a-b', 'a b', 'é', 'a\n']) {
      assert.throws(() => registry.gauge(name, 'H.', []), refused(/metric name has to match/), JSON.stringify(name))
    }
    for (const label of ['', '1a', 'a:b', '__a', 'a b']) {
      assert.throws(() => registry.gauge('g', 'H.', [label]), refused(/label name of g has to match/), label)
    }
    assert.throws(() => registry.gauge('g', 'H.', ['a', 'a']), refused(/label names of g has to differ/))
    assert.throws(() => registry.histogram('h', 'H.', ['le']), refused(/reserved/))
    assert.throws(() => registry.counter('c', 'H.', []), refused(/has to end with _total, got 'c'/))
    assert.throws(() => registry.histogram('h', 'H.', [], { unit: 'seconds' }), refused(/suffix _seconds, got 'h'/))
    assert.throws(() => registry.counter('c_total', 'H.', [], { unit: 'bytes' }), refused(/suffix _bytes/))
    assert.ok(registry.counter('c_bytes_total', 'H.', ['le'], { unit: 'bytes' }))
    assert.ok(registry.gauge('a:B_9', 'H.', ['_a']))
  })

  it('refuses bounds that are no bounds', () => {
    const registry = new MetricRegistry()
    const long = Array.from({ length: 65 }, (_, index) => index)
    for (const bounds of [[1, 1], [2, 1], [-1], [Number.NaN], [Infinity], long]) {
      assert.throws(() => registry.histogram('h', 'H.', [], { bounds }), refused(/bounds of h/), bounds.join())
    }
    assert.ok(registry.histogram('h', 'H.', [], { bounds: [] }))
    assert.ok(registry.histogram('zero', 'H.', [], { bounds: [0, 1] }))
  })

  it('refuses a bad bound of label sets', () => {
    for (const maxSeries of [0, -1, 1.5, Number.NaN]) {
      assert.throws(() => new MetricRegistry({ maxSeries }), refused(/metrics\.maxSeries must be .*>= 1, got/))
      assert.throws(() => new MetricRegistry().gauge('g', 'H.', [], { maxSeries }), refused(/metrics\.maxSeries/))
    }
  })

  it('refuses a name that is taken, also by a sample of another family', () => {
    const pairs: [string, string][] = [
      ['a', 'a'],
      ['a_total', 'a'],
      ['a', 'a_total'],
      ['a_histogram', 'a_histogram_count'],
      ['a_histogram_bucket', 'a_histogram'],
    ]
    for (const [one, two] of pairs) {
      const registry = new MetricRegistry()
      const make = (name: string): unknown => {
        if (name.endsWith('_total')) return registry.counter(name, 'H.', [])
        return name.endsWith('_histogram') ? registry.histogram(name, 'H.', []) : registry.gauge(name, 'H.', [])
      }
      make(one)
      assert.throws(() => make(two), refused(new RegExp(`got '${two}', taken by '${one}'`)))
    }
    assert.throws(
      () => new MetricRegistry().counter('switchgear_metrics_overflows_total', 'H.', []),
      refused(/taken by 'switchgear_metrics_overflows_total'/),
    )
  })

  it('shows a family until its owner takes it back', () => {
    const registry = new MetricRegistry()
    const before = registry.families().length
    const remove = registry.collect(gauge('g'))
    assert.equal(registry.families().length, before + 1)
    remove()
    remove()
    assert.equal(registry.families().length, before)
    const again = registry.collect(gauge('g'))
    remove()
    assert.equal(registry.families().length, before + 1)
    again()
  })

  it('leaves nothing behind when it refuses', () => {
    const registry = new MetricRegistry()
    const before = registry.families().length
    assert.throws(() => registry.histogram('h', 'H.', [], { bounds: [2, 1] }))
    assert.throws(() => registry.counter('c', 'H.', []))
    assert.equal(registry.families().length, before)
    assert.ok(registry.histogram('h', 'H.', []))
  })
})
