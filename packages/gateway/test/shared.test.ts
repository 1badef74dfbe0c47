// Circuit breakers and budgets that several services of a gateway share on purpose.
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { sharedFrom } from '@switchgear/core'
import { call, service, stand, tearDown } from './stand.ts'

afterEach(tearDown)

test('a shared circuit that opens for one service is open for the other one', async () => {
  const failing = await service((_request, response) => response.writeHead(500).end())
  const healthy = await service((_request, response) => response.end('well'))
  const policies = [{ circuitBreaker: { shared: 'host' } }]
  const { url } = await stand({
    routes: [
      { path: '/orders', service: 'orders' },
      { path: '/payments', service: 'payments' },
    ],
    services: {
      orders: { endpoints: [failing.origin], policies },
      payments: { endpoints: [healthy.origin], policies },
    },
    shared: sharedFrom({ circuitBreakers: { host: { consecutiveFailures: 2 } } }),
  })
  assert.equal((await call(`${url}/payments`)).text, 'well')
  for (let request = 0; request < 2; request++) assert.equal((await call(`${url}/orders`)).status, 500)
  const refused = await call(`${url}/payments`)
  assert.equal(refused.status, 503)
  assert.equal(refused.problem().code, 'SG_CIRCUIT_OPEN')
  assert.equal(healthy.requests.length, 1)
})

test('a shared budget that one service has used up is used up for the other one', async () => {
  const failing = await service((_request, response) => response.writeHead(503).end())
  const policies = [{ retry: { maxAttempts: 2, delay: 0, budget: 'all' } }]
  const services = {
    orders: { endpoints: [failing.origin], policies },
    payments: { endpoints: [failing.origin], policies },
  }
  const routes = Object.keys(services).map((name) => ({ path: `/${name}`, service: name }))
  // One and a half of a retry, and half of one more after five seconds.
  const { url } = await stand({
    routes,
    services,
    shared: sharedFrom({ budgets: { all: { ratio: 0, minPerSecond: 0.15 } } }),
  })
  await call(`${url}/orders`)
  assert.equal(failing.requests.length, 2)
  await call(`${url}/payments`)
  assert.equal(failing.requests.length, 3)
})
