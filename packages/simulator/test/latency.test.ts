import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Latency } from '@switchgear/simulator'

import { chance } from '../src/chance.ts'
import { Histogram } from '../src/histogram.ts'
import { distributionOf } from '../src/latency.ts'

function draws(latency: Latency, count = 200_000): { readonly sorted: Float64Array; readonly mean: number } {
  const { sample, meanMs } = distributionOf(latency, 'latency')
  const random = chance(1, 'latency')
  const sorted = Float64Array.from({ length: count }, () => sample(random)).toSorted()
  const mean = sorted.reduce((sum, one) => sum + one, 0) / count
  assert.ok(Math.abs(mean - meanMs) <= meanMs * 0.02, `mean ${mean} instead of ${meanMs}`)
  return { sorted, mean }
}

const at = (sorted: Float64Array, quantile: number): number => sorted[Math.floor(quantile * sorted.length)] ?? NaN
const near = (actual: number, expected: number, within = 0.02): void =>
  assert.ok(Math.abs(actual - expected) <= expected * within, `${actual} instead of ${expected}`)

test('log-normal latencies hit their median and their p99', () => {
  const { sorted } = draws({ median: '20ms', p99: '100ms' })
  near(at(sorted, 0.5), 20)
  near(at(sorted, 0.99), 100)
})

test('exponential, uniform and constant latencies are what they say', () => {
  const exponential = draws({ mean: 30 }).sorted
  near(at(exponential, 0.5), 30 * Math.log(2))
  near(at(exponential, 0.99), 30 * Math.log(100))
  const uniform = draws({ min: 10, max: 30 }).sorted
  near(at(uniform, 0.25), 15)
  assert.ok((uniform[0] ?? 0) >= 10 && (uniform.at(-1) ?? 99) < 30)
  assert.deepEqual(new Set(draws('7ms', 100).sorted), new Set([7]))
})

test('any percentile of the histogram is within 1.5 %, and the mean and the largest are exact', () => {
  const { sorted, mean } = draws({ median: '5ms', p99: '200ms' }, 50_000)
  const histogram = new Histogram()
  for (const ms of sorted) histogram.add(ms)
  for (const quantile of [0.01, 0.1, 0.5, 0.9, 0.99, 0.999]) {
    near(histogram.at(quantile) ?? NaN, sorted[Math.ceil(quantile * sorted.length) - 1] ?? NaN, 0.015)
  }
  assert.equal(histogram.at(1), sorted.at(-1))
  near(histogram.mean ?? NaN, mean, 1e-9)
  histogram.clear()
  assert.equal(histogram.at(0.5), undefined)
  assert.deepEqual(histogram.percentiles(), { p50: undefined, p90: undefined, p99: undefined, max: undefined })
})

test('streams of chance differ by name and by seed, and repeat', () => {
  const first = (seed: number, name: string): number[] => Array.from({ length: 3 }, chance(seed, name))
  assert.deepEqual(first(1, 'load 0'), first(1, 'load 0'))
  const seen = [first(1, 'load 0'), first(1, 'load 1'), first(2, 'load 0')].map(String)
  assert.equal(new Set(seen).size, 3)
})
