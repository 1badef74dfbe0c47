import assert from 'node:assert/strict'
import { test } from 'node:test'
import { play, type SimulationModel } from '@switchgear/simulator'

import { run } from './run.ts'

/** Within 3 % of what queueing theory says. */
function near(actual: number | undefined, expected: number, what: string): void {
  const error = Math.abs((actual ?? NaN) - expected) / expected
  assert.ok(error < 0.03, `${what}: ${actual} instead of ${expected}`)
}

/** A service with exponential work of `meanMs` and so many servers, and Poisson arrivals. */
function station(rate: number, meanMs: number, servers: number): SimulationModel {
  const service = { latency: { mean: meanMs }, concurrency: servers, queue: 1_000_000 }
  return { services: { station: service }, load: [{ to: 'station', rate }] }
}

/** The chance that an arrival must wait (Erlang C). */
function erlangC(servers: number, offered: number): number {
  let term = 1
  let sum = 1
  for (let n = 1; n < servers; n++) sum += term *= offered / n
  const busy = (term * (offered / servers)) / (1 - offered / servers)
  return busy / (sum + busy)
}

test('M/M/1: mean time in the system and mean waiting time', async () => {
  const { recorder, services } = await run(station(1000, 0.6, 1), { duration: '600s' })
  const mean = recorder.latency.mean ?? NaN
  near(mean, 1 / (1 / 0.6 - 1), 'time in the system')
  near(mean - 0.6, 0.6 * (0.6 / (1 - 0.6)), 'waiting')
  near((services[0]?.workMs ?? 0) / 600_000, 0.6, 'utilisation')
})

test('M/M/c: mean waiting time', async () => {
  const [rate, meanMs, servers] = [1000, 6, 8]
  const { recorder } = await run(station(rate, meanMs, servers), { duration: '1200s' })
  const waitingMs = (erlangC(servers, 6) * meanMs) / (servers - 6)
  near((recorder.latency.mean ?? NaN) - meanMs, waitingMs, 'waiting')
})

test('M/M/1: the time in the system is exponential', async () => {
  const { recorder } = await run(station(500, 1, 1), { duration: '600s' }, 3)
  near(recorder.latency.at(0.5), 2 * Math.log(2), 'median')
  near(recorder.latency.at(0.99), 2 * Math.log(100), 'p99')
})

test("Little's law: requests in the system are rate times time", async () => {
  const model = station(1000, 5, 8)
  const { series, totals } = await play({ model, scenario: { duration: '300s' }, step: 10 })
  const { recorder } = await run(model, { duration: '300s' })
  const inFlight = series.inFlight.reduce((sum, one) => sum + one, 0) / series.inFlight.length
  near(inFlight, (totals.offered / 300_000) * (recorder.latency.mean ?? NaN), 'in flight')
})

test('closed loop: throughput is users by time around', async () => {
  const services = { station: { latency: { mean: '20ms' }, concurrency: 1000 } }
  const model: SimulationModel = { services, load: [{ to: 'station', users: 500, thinkTime: { mean: '480ms' } }] }
  const { totals } = await play({ model, scenario: { duration: '120s' } })
  near(totals.good, 120 * 1000, 'requests')
})

test('a burst multiplies the rate and then ends, and the number of users likewise', async () => {
  const services = { station: { latency: 1, concurrency: 1000 } }
  const bursts = [{ at: '20s', for: '10s', factor: 3 }]
  for (const load of [{ rate: 1000 }, { users: 1000, thinkTime: { mean: 999 } }]) {
    const model: SimulationModel = { services, load: [{ to: 'station', ...load, bursts }] }
    const { series, outages } = await play({ model, scenario: { duration: '50s' } })
    const over = (from: number, to: number): number =>
      series.offered.slice(from, to).reduce((sum, one) => sum + one, 0) / (to - from)
    near(over(5, 20), 1000, 'before')
    near(over(22, 30), 3000, 'burst')
    near(over(32, 50), 1000, 'after')
    assert.deepEqual(outages, [{ fromMs: 20_000, toMs: 30_000, what: 'load x3' }])
  }
})
