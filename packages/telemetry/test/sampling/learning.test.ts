// What the tail sampler learns and spends: the percentile of a route, how often a route is seen, the byte budget.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@switchgear/core/testing'
import { ByteBudget } from '../../src/sampling/byte-budget.ts'
import { LatencySketch } from '../../src/sampling/latency-sketch.ts'
import { RouteStats, RouteTable } from '../../src/sampling/route-table.ts'
import { seed } from './spans.ts'

/** Standard normal by Box and Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

const random = seededRandom(seed)
const distributions: Readonly<Record<string, () => number>> = {
  uniform: () => 5 + 95 * random(),
  exponential: () => -40 * Math.log(1 - random()),
  lognormal: () => 20 * Math.exp(0.6 * normal(random)),
  bimodal: () => (random() < 0.9 ? 2 + random() : 200 + 50 * random()),
}

test('about 1 % of what follows is above the learned percentile, whatever the distribution', () => {
  for (const [name, draw] of Object.entries(distributions)) {
    const sketch = new LatencySketch()
    for (let n = 0; n < 2000; n++) sketch.record(draw())
    let slow = 0
    const asked = 50_000
    for (let n = 0; n < asked; n++) {
      const ms = draw()
      if (ms > sketch.p99Ms) slow++
      sketch.record(ms)
    }
    assert.ok(slow / asked > 0.007 && slow / asked < 0.013, `${name}: ${(100 * slow) / asked} %`)
  }
})

test('a route that always takes the same time has no slow requests', () => {
  for (const ms of [Number.NaN, -1, 0, 0.01, 0.0625, 1, 10.05, 333, 200_000, Infinity]) {
    const sketch = new LatencySketch()
    for (let n = 0; n < 3000; n++) sketch.record(ms)
    assert.ok(sketch.p99Ms > 0 && sketch.p99Ms < 140_000)
    assert.ok(ms > 131_000 || !(ms > sketch.p99Ms), `${ms} above ${sketch.p99Ms}`)
  }
})

test('the percentile is exact to a bucket', () => {
  const sketch = new LatencySketch()
  const samples = Array.from({ length: 1000 }, (_, n) => n + 1)
  for (const ms of samples) sketch.record(ms)
  assert.ok(sketch.p99Ms >= 990 / 1.023 && sketch.p99Ms <= 990 * 1.023, String(sketch.p99Ms))
})

test('it follows a route that becomes slower or quicker, and halves at 2048 samples', () => {
  const sketch = new LatencySketch()
  for (let n = 0; n < 2047; n++) sketch.record(10)
  assert.equal(sketch.samples, 2047)
  sketch.record(10)
  assert.equal(sketch.samples, 1024)
  for (let n = 0; n < 200; n++) sketch.record(100)
  assert.ok(sketch.p99Ms >= 100 && sketch.p99Ms < 103)
  for (let n = 0; n < 12_000; n++) sketch.record(10)
  assert.ok(sketch.p99Ms >= 10 && sketch.p99Ms < 10.3, String(sketch.p99Ms))
})

test('a route counts what came in the last window, weighing the window before by what is still within reach', () => {
  const stats = new RouteStats(0)
  for (let n = 0; n < 10; n++) assert.equal(stats.visit(500, 1000), n)
  assert.equal(stats.visit(1000, 1000), 10, 'all of the window before')
  assert.equal(stats.visit(1500, 1000), 1 + 5)
  assert.equal(stats.visit(2000, 1000), 2)
  assert.equal(stats.visit(9000, 1000), 0, 'long ago')
})

test('the table holds so many routes; further ones overflow until one was idle for two windows', () => {
  const table = new RouteTable(2, 1000, 0)
  const first = table.find('a', '/1', 0)
  assert.notEqual(first, undefined)
  assert.notEqual(table.find('b', '/1', 0), first, 'the same route of another service')
  assert.equal(table.find('a', '/1', 100), first)
  assert.equal(table.find('a', '/3', 100), undefined)
  assert.deepEqual([table.size, table.overflowed], [2, 1])
  first?.visit(1500, 1000)
  assert.equal(table.find('a', '/1', 1500), first)
  assert.notEqual(table.find('a', '/3', 2000), undefined, "takes the place of b's")
  assert.equal(table.find('b', '/1', 2000), undefined)
  assert.equal(table.find('a', '/1', 2000), first)
})

test('a budget grants its burst, then its rate, and lends to those who may overdraw', () => {
  const budget = new ByteBudget(1000, 5000, 2000, 0)
  assert.equal(budget.take(5000, 0, false), true)
  assert.equal(budget.take(1, 0, false), false)
  assert.equal(budget.take(1000, 1000, false), true, 'refilled to the byte')
  assert.equal(budget.take(1, 1000, false), false)
  assert.equal(budget.take(2000, 1000, true), true, 'all of the overdraft')
  assert.equal(budget.take(1, 1000, true), false)
  assert.equal(budget.balance(1000), -2000)
  assert.equal(budget.take(1, 3000, false), false, 'the debt is paid first')
  assert.equal(budget.take(1, 3001, false), true)
  assert.equal(budget.balance(1_000_000), 5000, 'never more than the burst')
})

test('a trace larger than the burst passes when the bucket is full, and is paid off', () => {
  const budget = new ByteBudget(1000, 5000, 0, 0)
  assert.equal(budget.take(20_000, 0, false), true)
  assert.equal(budget.take(1, 15_000, false), false)
  assert.equal(budget.take(1, 15_001, false), true)
  assert.equal(budget.take(6000, 15_002, false), false)
})

test('a budget survives a clock that goes back', () => {
  const budget = new ByteBudget(1000, 1000, 0, 5000)
  assert.equal(budget.take(1000, 5000, false), true)
  assert.equal(budget.balance(4000), 0)
  assert.equal(budget.balance(5500), 500)
})
