// What becomes of work whose caller gave up.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Guards, play, type Policies, type ServiceModel, type SimulationModel } from '@switchgear/simulator'

import { run } from './run.ts'

const model = (stock: ServiceModel, app: ServiceModel = {}, patience = '60s'): SimulationModel => ({
  services: { app: { latency: '1ms', calls: [{ to: 'stock' }], ...app }, stock },
  load: [{ to: 'app', rate: 100, patience }],
})
const scenario = { duration: '20s' }
const timeout: Policies = { stock: { policies: [{ timeout: '50ms' }] } }

test('without a need to cancel the work goes on and is wasted; who cancels frees the slot', async () => {
  const stubborn = await play({ model: model({ latency: '100ms', concurrency: 50 }), scenario, policies: timeout })
  assert.equal(stubborn.totals.good, 0)
  assert.ok(stubborn.totals.wastedShare > 0.85, `${stubborn.totals.wastedShare}`)
  const obeying = await play({
    model: model({ latency: '100ms', concurrency: 50, cancels: true }),
    scenario,
    policies: timeout,
  })
  const [worked, cancelled] = [stubborn.services[1], obeying.services[1]]
  // 49.5 ms instead of 100 ms each: the abort is at once, the way there took half a millisecond.
  assert.ok(Math.abs((cancelled?.workMs ?? 0) / (worked?.workMs ?? 1) - 0.495) < 0.01)
  assert.equal(cancelled?.wasted, obeying.totals.failed)
  assert.ok((cancelled?.maxInFlight ?? 99) < (worked?.maxInFlight ?? 0))
})

test('an answer that comes before the timeout is no waste', async () => {
  const { totals } = await play({ model: model({ latency: '40ms' }), scenario, policies: timeout })
  assert.equal(totals.wastedShare, 0)
  assert.equal(totals.goodShare, 1)
})

test('a superseded attempt is waste although its call goes on', async () => {
  const policies: Policies = {
    stock: { policies: [{ retry: { maxAttempts: 2, delay: 1, budget: { ratio: 1 } } }, { timeout: '50ms' }] },
  }
  const { totals, services } = await play({ model: model({ latency: { min: 30, max: 70 } }), scenario, policies })
  assert.ok(totals.goodShare > 0.7)
  const stock = services[1]
  assert.ok((stock?.wasted ?? 0) > totals.offered * 0.4, `${stock?.wasted}`)
})

test('an impatient user: the work behind the answer that nobody waits for is wasted too', async () => {
  const { totals, services } = await play({ model: model({ latency: '100ms' }, {}, '50ms'), scenario })
  assert.equal(totals.good, 0)
  assert.equal(totals.latency.max, 50)
  // The answer of stock was received by app, whose own answer nobody received.
  assert.equal(services[1]?.wasted, 0)
  assert.ok(totals.wastedShare > 0.99)
})

test('cancelling goes down the calls where all services do', async () => {
  const cancels = true
  const { totals, services } = await play({
    model: model({ latency: '100ms', cancels }, { cancels }, '50ms'),
    scenario,
    policies: { stock: { policies: [{ retry: { maxAttempts: 3 } }, { circuitBreaker: {} }] } },
  })
  assert.equal(totals.good, 0)
  assert.ok((services[1]?.maxInFlight ?? 99) < 20)
  // Ended by its caller's abort: no failure of stock, so no retry and no open circuit.
  assert.ok(totals.amplification > 0.99 && totals.amplification <= 1, `${totals.amplification}`)
  assert.ok((services[1]?.workMs ?? 0) / (services[1]?.received ?? 1) < 50)
})

test('a foreign guard that leaves it to the function to obey its signal', async () => {
  const guards: Guards = (_to, _from, { clock }) => ({
    call(send) {
      const controller = new AbortController()
      const timer = clock.setTimer(() => controller.abort(new Error('too late')), 50)
      return send(controller).finally(() => timer.cancel())
    },
  })
  const { totals } = await play({ model: model({ latency: '100ms' }), scenario, guards })
  assert.equal(totals.good, 0)
  assert.ok(Math.abs((totals.latency.p50 ?? 0) - 51) < 1)
  assert.ok(totals.wastedShare > 0.85)
})

test('optional calls fail without harm, improbable ones are made as often as they say', async () => {
  const services = {
    app: {
      latency: '1ms',
      calls: [
        { to: 'stock', required: false },
        { to: 'ads', probability: 0.25 },
      ],
    },
    stock: { failureRatio: 1 },
    ads: { latency: '1ms' },
  }
  const { totals, services: seen } = await play({ model: { services, load: [{ to: 'app', rate: 500 }] }, scenario })
  assert.equal(totals.goodShare, 1)
  assert.ok(Math.abs((seen[2]?.received ?? 0) / totals.offered - 0.25) < 0.02)
  assert.ok(Math.abs(totals.amplification - 1) < 0.02)
})

test('a user tries again at once, so often and no more', async () => {
  const services = { app: { latency: '1ms', failureRatio: 1 } }
  const { totals } = await play({ model: { services, load: [{ to: 'app', rate: 100, userRetries: 2 }] }, scenario })
  const { firsts } = (await run({ services, load: [{ to: 'app', rate: 100, userRetries: 2 }] }, scenario)).recorder
  assert.ok(totals.offered >= firsts * 3 - 3 && totals.offered <= firsts * 3)
})

test('nothing is kept of requests that are over', async () => {
  const simulation = await run(model({ latency: '10ms' }), { duration: '300s' })
  assert.ok(simulation.recorder.offered > 29_000)
  // The next arrival and whoever is under way; not one per request.
  assert.ok(simulation.clock.pending < 50, `${simulation.clock.pending}`)
  assert.ok(simulation.recorder.inFlight < 20)
})
