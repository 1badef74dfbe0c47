// The estimate behind a hedge: within a bucket of the true percentile, O(1), and able to follow change.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fewestSamples, Latencies } from '../../src/hedge/latencies.ts'
import { seededRandom } from '../../src/testing/index.ts'

const seed = Number(process.env.SWITCHGEAR_SEED ?? 20_260_101)

test('nothing is estimated before there are twenty samples', () => {
  const latencies = new Latencies(0.95)
  for (let sample = 1; sample < fewestSamples; sample++) {
    latencies.record(100)
    assert.equal(latencies.estimateMs, undefined)
  }
  latencies.record(100)
  const estimate = latencies.estimateMs ?? 0
  assert.ok(estimate >= 100 && estimate < 110, `${estimate}`)
})

test('the estimate is the upper end of the bucket that holds the percentile, whatever was recorded', () => {
  const samples = fc.array(fc.double({ min: 0.2, max: 100_000, noNaN: true }), { minLength: 20, maxLength: 500 })
  fc.assert(
    fc.property(samples, fc.constantFrom(0.5, 0.9, 0.95, 0.99, 1), (all, percentile) => {
      const latencies = new Latencies(percentile)
      for (const ms of all) latencies.record(ms)
      const estimate = latencies.estimateMs as number
      const below = all.filter((ms) => ms <= estimate * (1 + 1e-9)).length
      const wellBelow = all.filter((ms) => ms <= (estimate * (1 - 1e-9)) / 2 ** (1 / 8)).length
      // Enough samples lie at or below it, and one bucket less would not have been enough.
      assert.ok(below >= percentile * all.length - 1e-6)
      assert.ok(wellBelow <= percentile * all.length + 1e-6)
    }),
    { seed, numRuns: 300 },
  )
})

test('it forgets by halving all counts at every 512th sample, and tracks the percentile through that', () => {
  const random = seededRandom(seed)
  const latencies = new Latencies(0.95)
  let counts = new Map<number, number>()
  for (let sample = 1; sample <= 4000; sample++) {
    const ms = 10 * (1 + (sample % 1500) / 100) * random() + 0.2
    latencies.record(ms)
    const bucket = Math.floor(Math.log2(ms / 0.125) * 8)
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1)
    const sum = (from: number): number => [...counts].reduce((all, [at, count]) => all + (at >= from ? count : 0), 0)
    if (sum(0) === 512) counts = new Map([...counts].map(([at, count]) => [at, Math.floor(count / 2)]))
    let expected = 0
    while (sum(expected + 1) > (1 - 0.95) * sum(0)) expected++
    if (sample >= 20) assert.equal(latencies.estimateMs, 0.125 * 2 ** ((expected + 1) / 8), `sample ${sample}`)
  }
})

test('it follows a dependency that becomes ten times slower, and one that recovers, within a thousand calls', () => {
  const random = seededRandom(seed)
  const latencies = new Latencies(0.95)
  const run = (calls: number, scale: number): number => {
    for (let call = 0; call < calls; call++) latencies.record(scale * (0.5 + random()))
    return latencies.estimateMs as number
  }
  const calm = run(5000, 10)
  const slow = run(1000, 100)
  const again = run(3000, 10)
  assert.ok(calm > 13 && calm < 17, `${calm}`)
  assert.ok(slow > 130 && slow < 170, `${slow}`)
  assert.ok(again > 13 && again < 17, `${again}`)
})

test('what is shorter or longer than all buckets counts in the first and in the last', () => {
  const [short, long] = [new Latencies(0.95), new Latencies(0.95)]
  for (let sample = 0; sample < 20; sample++) {
    short.record(0)
    long.record(10 ** 9)
  }
  assert.ok((short.estimateMs as number) < 0.2)
  assert.ok(Math.abs((long.estimateMs as number) - 131_072) < 1)
})

test('another percentile is asked of the same samples', () => {
  const latencies = new Latencies(0.99)
  for (let ms = 1; ms <= 200; ms++) latencies.record(ms)
  const p99 = latencies.estimateMs as number
  latencies.percentile = 0.5
  const p50 = latencies.estimateMs as number
  assert.ok(p99 >= 198 && p99 < 220 && p50 >= 100 && p50 < 110, `${p99} ${p50}`)
})

test('an estimate that is taken over is the same one, for every bucket, and gives way to what is measured', () => {
  const source = new Latencies(1)
  for (let ms = 0.2; ms < 100_000; ms *= 1.05) {
    source.assume(undefined)
    for (let sample = 0; sample < 20; sample++) source.record(ms)
    const copy = new Latencies(0.95)
    copy.assume(source.estimateMs)
    assert.equal(copy.estimateMs, source.estimateMs)
  }
  for (let sample = 0; sample < 2000; sample++) source.record(10)
  source.percentile = 0.95
  assert.ok((source.estimateMs as number) < 11)
})
