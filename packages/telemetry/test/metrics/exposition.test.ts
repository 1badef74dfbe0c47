import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { Registry } from '@switchgear/core'
import fc from 'fast-check'
import { Exposition } from '../../src/metrics/exposition.ts'
import type { Family } from '../../src/metrics/family.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { MetricRegistry } from '../../src/metrics/registry.ts'
import { boundText, type TextFormat } from '../../src/metrics/text-format.ts'
import { parse, value } from './text-parser.ts'

fc.configureGlobal({ seed: Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101) })

const formats: readonly TextFormat[] = ['text', 'openmetrics']
const textOf = (registry: MetricRegistry, format: TextFormat) => new Exposition(registry, { also: [] }).text(format)
const span = { traceA: 1, traceB: 2, traceC: 3, traceD: 4, spanA: 5, spanB: 6, flags: 1 }

/** One of everything. */
function everything(): MetricRegistry {
  const registry = new MetricRegistry({ maxSeries: 2 })
  registry.counter('orders_total', 'Orders by "country" \\ region.\nTwo lines.', ['country']).with('FR').add(3, span)
  registry.gauge('depth', 'Depth.', []).with().set(-1.5)
  const bytes = registry.histogram('size_bytes', 'Size.', ['kind'], { unit: 'bytes', bounds: [1, 1024, 2 ** 20] })
  for (const size of [0, 1, 2, 5e6]) bytes.with('a').observe(size, span)
  const latency = registry.histogram('latency_seconds', 'Latency.', [], { unit: 'seconds' })
  for (const seconds of [0.001, 0.2, 20]) latency.with().observe(seconds)
  registry.collect({
    name: 'calls_seconds',
    help: 'A summary.',
    type: 'summary',
    unit: 'seconds',
    bounds: [],
    labelNames: ['name'],
    series: () => [{ labels: ['x'], counts: [4], sum: 2.5 }],
  })
  return registry
}

describe('the text', () => {
  for (const format of formats) {
    it(`is read by a strict parser: ${format}`, async () => {
      const parsed = parse(await textOf(everything(), format), format)
      const open = format === 'openmetrics'
      const orders = parsed.families.get(open ? 'orders' : 'orders_total')
      assert.equal(orders?.type, 'counter')
      assert.equal(orders.help, 'Orders by "country" \\ region.\nTwo lines.')
      assert.equal(value(parsed, 'orders_total', { country: 'FR' }), 3)
      assert.equal(value(parsed, 'depth'), -1.5)
      assert.equal(parsed.families.get('size_bytes')?.unit, open ? 'bytes' : undefined)
      assert.equal(value(parsed, 'size_bytes_count', { kind: 'a' }), 4)
      assert.equal(value(parsed, 'size_bytes_sum', { kind: 'a' }), 5_000_003)
      const buckets = parsed.families.get('size_bytes')?.samples.filter(({ name }) => name.endsWith('_bucket'))
      assert.deepEqual(
        buckets?.map(({ labels, value: count }) => [labels['le'], count]),
        open
          ? [
              ['1.0', 2],
              ['1024.0', 3],
              ['1.048576e+06', 3],
              ['+Inf', 4],
            ]
          : [
              ['1', 2],
              ['1024', 3],
              ['1048576', 3],
              ['+Inf', 4],
            ],
      )
      assert.equal(value(parsed, 'calls_seconds_count', { name: 'x' }), 4)
      assert.equal(value(parsed, 'calls_seconds_sum', { name: 'x' }), 2.5)
      const exemplars = [...parsed.families.values()].flatMap(({ samples }) =>
        samples.filter(({ exemplar }) => exemplar),
      )
      assert.deepEqual(
        exemplars.map(({ name, labels }) => `${name} ${labels['le'] ?? ''}`),
        open ? ['orders_total ', 'size_bytes_bucket 1.0', 'size_bytes_bucket 1024.0', 'size_bytes_bucket +Inf'] : [],
      )
    })
  }

  it(
    'passes promtool',
    { skip: spawnSync('promtool', ['--version']).error && 'promtool is not installed' },
    async () => {
      const registry = new Registry()
      const metrics = createMetrics({ registry, also: [] })
      metrics.httpServer.observe({ method: 'GET', route: '/a"\\\n', status: 200, seconds: 0.1, span })
      metrics.httpClient.observe({ service: 's', method: 'GET', errorCode: 'SG_TIMEOUT', seconds: 0.1 })
      for (const text of [await metrics.text(), await textOf(everything(), 'text')]) {
        const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
          input: text,
          encoding: 'utf8',
        })
        assert.equal(status, 0, `${stdout}${stderr}${text}`)
      }
    },
  )

  it('writes bounds in OpenMetrics as everybody does', () => {
    const expected: [number, string][] = [
      [0, '0.0'],
      [1, '1.0'],
      [10, '10.0'],
      [0.005, '0.005'],
      [2.5, '2.5'],
      [0.0001, '0.0001'],
      [0.00001, '1e-05'],
      [1e-10, '1e-10'],
      [100_000, '100000.0'],
      [1e6, '1e+06'],
      [1_234_567, '1.234567e+06'],
      [1e21, '1e+21'],
      [1e100, '1e+100'],
      [Infinity, '+Inf'],
    ]
    for (const [bound, text] of expected) assert.equal(boundText(bound, 'openmetrics'), text)
  })

  it('gives back any number', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.double(), { minLength: 1, maxLength: 50 }), async (numbers) => {
        const registry = new MetricRegistry()
        const gauges = registry.gauge('g', 'G.', ['at'])
        numbers.forEach((number, index) => gauges.with(String(index)).set(number))
        for (const format of formats) {
          const { families } = parse(await textOf(registry, format), format)
          const seen = families.get('g')?.samples.map((sample) => sample.value)
          assert.ok(numbers.every((number, index) => Object.is(seen?.[index], number)))
        }
      }),
      { numRuns: 50 },
    )
  })

  it('gives back any label value and any help', async () => {
    const tricky = fc.string({
      unit: fc.constantFrom('\\', '"', '\n', 'n', '{', '}', ',', '=', '#', ' ', '\r', '\0', 'é'),
    })
    const anyText = fc.oneof(tricky, fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }))
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(anyText, anyText), { maxLength: 20 }), anyText, async (pairs, help) => {
        const registry = new MetricRegistry()
        const counters = registry.counter('c_total', help, ['one', 'two'])
        const expected = new Map<string, number>()
        for (const [one, two] of pairs) {
          counters.with(one, two).add()
          const key = JSON.stringify([one, two])
          expected.set(key, (expected.get(key) ?? 0) + 1)
        }
        for (const format of formats) {
          const { families } = parse(await textOf(registry, format), format)
          const family = families.get(format === 'text' ? 'c_total' : 'c')
          assert.equal(family?.help, help)
          const seen = family.samples.map((sample) => [
            JSON.stringify([sample.labels['one'], sample.labels['two']]),
            sample.value,
          ])
          assert.deepEqual(seen, [...expected])
        }
      }),
    )
  })

  it('survives a family that throws, before and between its series', async () => {
    const registry = new MetricRegistry()
    const head = { help: 'H.', type: 'gauge', labelNames: ['a'] } as const
    const broken: Family[] = [
      {
        ...head,
        name: 'at_once',
        series: () => {
          throw new Error('broken')
        },
      },
      {
        ...head,
        name: 'half_way',
        *series() {
          yield { labels: ['x'], value: 1 }
          throw new Error('broken')
        },
      },
      { ...head, name: 'wrong_labels', series: () => [{ labels: [], value: 1 }] },
    ]
    for (const family of broken) registry.collect(family)
    registry.gauge('after', 'A.', []).with().set(4)
    const { families, comments } = parse(await textOf(registry, 'text'), 'text')
    assert.deepEqual(
      comments,
      broken.map(({ name }) => `# ${name} is missing: error`),
    )
    assert.equal(families.get('after')?.samples[0]?.value, 4)
    assert.equal(families.get('half_way')?.samples.length, 1)
    const open = parse(await textOf(registry, 'openmetrics'), 'openmetrics')
    assert.equal(value(open, 'switchgear_metrics_skipped_families_total', { metric: 'at_once', reason: 'error' }), 1)
  })

  it('is the same in one text and in slices', async () => {
    const registry = new MetricRegistry({ maxSeries: 10_000 })
    const counters = registry.counter('c_total', 'C.', ['key'])
    for (let index = 0; index < 5000; index++) counters.with(`key ${index}`).add(index)
    const exposition = new Exposition(registry, { also: [] })
    const slices: string[] = []
    for await (const slice of exposition.expose('text')) slices.push(slice)
    assert.ok(slices.length > 2, `${slices.length} slices`)
    assert.ok(slices.every((slice) => slice.endsWith('\n')))
    assert.equal(slices.join(''), await exposition.text())
  })

  it('may be abandoned', async () => {
    const body = new Exposition(everything(), { also: [] }).expose('text')
    await body.next()
    await body.return(undefined)
    assert.deepEqual(await body.next(), { value: undefined, done: true })
  })

  it('is answered in the format that was asked for', async () => {
    const metrics = createMetrics({ registry: new Registry(), also: [] })
    const { contentType, body } = metrics.answer('application/openmetrics-text;version=1.0.0')
    let text = ''
    for await (const slice of body) text += slice
    assert.equal(contentType, 'application/openmetrics-text; version=1.0.0; charset=utf-8')
    parse(text, 'openmetrics')
    const plain = metrics.answer(undefined)
    assert.equal(plain.contentType, metrics.contentType)
    await plain.body.return(undefined)
  })
})
