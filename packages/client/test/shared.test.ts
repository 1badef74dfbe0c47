// What services share on purpose, and which policies cannot guard a service at all.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fromSpec, type PolicyKind, type PolicySpec, Registry, sharedFrom } from '@switchgear/core'
import { createClient, createUpstream, isAdmitted } from '../src/index.ts'
import { httpOrigin, request } from './origin.ts'

describe('what is shared', () => {
  it('is one budget: what a service has spent, the other one lacks', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.writeHead(503).end())
    // One and a half of a retry, and half of one more after five seconds.
    const budgets = { checkout: { ratio: 0, minPerSecond: 0.15 } }
    const policies: PolicySpec[] = [{ retry: { maxAttempts: 2, delay: 0, budget: 'checkout' } }]
    const attempts: Record<string, number> = { orders: 0, payments: 0 }
    const client = createClient({
      services: {
        orders: { endpoints: [origin.url], policies },
        payments: { endpoints: [origin.url], policies },
      },
      shared: sharedFrom({ budgets }),
      onExchange: ({ service }) => (attempts[service] = (attempts[service] ?? 0) + 1),
    })
    t.after(() => client.close())
    for (const name of ['orders', 'payments']) await (await client.service(name).fetch('/')).text()
    assert.deepEqual(attempts, { orders: 2, payments: 1 })
  })

  it('is one circuit: failures of a service refuse calls to the other one, and not to a third', async (t) => {
    const failing = await httpOrigin(t, (_request, response) => response.writeHead(500).end())
    const healthy = await httpOrigin(t, (_request, response) => response.end('well'))
    const client = createClient({
      services: {
        orders: { endpoints: [failing.url], policies: [{ circuitBreaker: { shared: 'host' } }] },
        payments: { endpoints: [healthy.url], policies: [{ circuitBreaker: { shared: 'host' } }] },
        search: { endpoints: [healthy.url], policies: [{ circuitBreaker: { consecutiveFailures: 2 } }] },
      },
      shared: sharedFrom({ circuitBreakers: { host: { consecutiveFailures: 2 } } }),
    })
    t.after(() => client.close())
    for (let call = 0; call < 2; call++) await (await client.service('orders').fetch('/')).text()
    await assert.rejects(client.service('payments').fetch('/'), { code: 'SG_CIRCUIT_OPEN' })
    assert.equal(await (await client.service('search').fetch('/')).text(), 'well')
  })

  it('must be there', () => {
    const registry = new Registry()
    const service = { endpoints: ['http://127.0.0.1:1'], policies: [{ retry: { budget: 'checkout' } }] }
    assert.throws(() => createUpstream('a', service, { registry }), /retry\.budget must be .* got 'checkout'/)
    assert.equal(registry.get('a'), undefined)
  })
})

describe('the policies of a service', () => {
  const every: { readonly [K in PolicyKind]: Extract<PolicySpec, Readonly<Record<K, unknown>>> } = {
    circuitBreaker: { circuitBreaker: {} },
    retry: { retry: {} },
    timeout: { timeout: '1s' },
    bulkhead: { bulkhead: {} },
    fallback: { fallback: { value: 1 } },
    rateLimit: { rateLimit: {} },
    adaptiveLimit: { adaptiveLimit: {} },
    throttle: { throttle: {} },
    shed: { shed: {} },
    hedge: { hedge: {} },
    cache: { cache: {} },
    coalesce: { coalesce: {} },
    chaos: { chaos: { for: '1m' } },
  }

  for (const [kind, policy] of Object.entries(every)) {
    const admits = 'admit' in fromSpec({ policies: [policy] })
    it(`${admits ? 'may be' : 'must not be'} a ${kind}`, async () => {
      assert.equal(isAdmitted(kind), admits)
      const registry = new Registry()
      const make = () => createUpstream('shop', { endpoints: ['http://127.0.0.1:1'], policies: [policy] }, { registry })
      if (admits) return await make().close()
      const beside = kind === 'fallback' || kind === 'hedge'
      const instead = beside ? `stands in services.shop.${kind}` : 'make a pipeline of it in code'
      assert.throws(
        make,
        (error: Error) =>
          error.message.startsWith(`services.shop.policies[0] must not be a ${kind}: `) &&
          error.message.includes(instead),
      )
      // Nothing of it is left behind under the name.
      assert.equal(registry.get('shop'), undefined)
    })
  }

  it('decide by their largest limit how many connections there may be', async (t) => {
    const origin = await httpOrigin(t, () => undefined)
    const policies = [{ adaptiveLimit: { maxLimit: 130 } }]
    const upstream = createUpstream('shop', { endpoints: [origin.url], policies }, { registry: new Registry() })
    t.after(() => upstream.close())
    const requests = Array.from({ length: 140 }, () => request(upstream).catch(() => undefined))
    while (origin.open.size < 130) await new Promise((resolve) => setImmediate(resolve))
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(origin.open.size, 130)
    await upstream.close()
    await Promise.all(requests)
  })
})
