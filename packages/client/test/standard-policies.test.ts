import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Registry } from '@switchgear/core'
import { VirtualClock } from '@switchgear/core/testing'
import { createUpstream, standardPolicies } from '../src/index.ts'
import { clientOf, deadPort, httpOrigin, request } from './origin.ts'

describe('the standard policies', () => {
  it('stand in their order and are what a service gets that names none', async (t) => {
    const registry = new Registry()
    const upstream = createUpstream('shop', { endpoints: ['http://127.0.0.1:1'] }, { registry })
    t.after(() => upstream.close())
    assert.deepEqual(
      upstream.pipeline.policies.map(({ name }) => name),
      ['bulkhead', 'totalTimeout', 'retry', 'circuitBreaker', 'attemptTimeout'],
    )
    assert.equal(registry.get('shop'), upstream.pipeline)
    assert.ok(Object.isFrozen(standardPolicies))
  })

  it("are each service's own", (t) => {
    const registry = new Registry()
    const [one, two] = ['one', 'two'].map((name) =>
      createUpstream(name, { endpoints: ['http://127.0.0.1:1'] }, { registry }),
    )
    t.after(() => Promise.all([one?.close(), two?.close()]))
    one?.pipeline.policies.forEach((policy, index) => assert.notEqual(policy, two?.pipeline.policies[index]))
  })

  it('open the circuit of a service that hangs, once there are twenty tries to judge by', async (t) => {
    const clock = new VirtualClock()
    const origin = await httpOrigin(t, () => undefined)
    const { client, policy } = clientOf(t, { endpoints: [origin.url] }, { clock, random: () => 0.5 })
    const calls = Array.from({ length: 20 }, () =>
      client
        .service('shop')
        .fetch('/')
        .then(
          () => 'answered',
          (error: { code: string }) => error.code,
        ),
    )
    // Turns for the sockets and none for the clock: it stands still until it is moved.
    while (origin.accepted < 20) await new Promise((resolve) => setImmediate(resolve))
    await clock.advance(2999)
    assert.equal(policy('circuitBreaker').state, 'closed')
    await clock.advance(1)
    assert.equal(policy('circuitBreaker').state, 'open')
    await clock.advance(10_000)
    assert.deepEqual(new Set(await Promise.all(calls)), new Set(['SG_CIRCUIT_OPEN']))
    assert.equal(policy('circuitBreaker').totals.failures, 20)
  })
})

describe('a service with a dead endpoint', () => {
  it('keeps its circuit closed, and its callers see no error', async (t) => {
    const dead = await deadPort(t)
    const origin = await httpOrigin(t, (_request, response) => response.end('alive'))
    const { client, policy } = clientOf(t, { endpoints: [`http://127.0.0.1:${dead}`, origin.url] })
    for (let call = 0; call < 40; call++) assert.equal(await (await client.service('shop').fetch('/')).text(), 'alive')
    assert.equal(policy('circuitBreaker').state, 'closed')
    assert.ok(policy('circuitBreaker').totals.failures <= 6, 'it was asked again and again')
  })
})

describe('createUpstream', () => {
  it('reaches its endpoints through its dispatcher, and none after close', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.end('done'))
    const upstream = createUpstream('shop', { endpoints: [origin.url] }, { registry: new Registry() })
    t.after(() => upstream.close())
    const permit = upstream.pipeline.admit()
    assert.equal(permit.kind, 'permit')
    const { body } = await request(upstream)
    assert.equal(await body.text(), 'done')
    await upstream.close()
    await upstream.close()
    await assert.rejects(request(upstream))
  })

  it('has room for as many connections as its bulkhead admits', async (t) => {
    const origin = await httpOrigin(t, () => undefined)
    const upstream = createUpstream(
      'shop',
      { endpoints: [origin.url], policies: [{ bulkhead: { maxInFlight: 150 } }] },
      { registry: new Registry() },
    )
    t.after(() => upstream.close())
    const requests = Array.from({ length: 160 }, () => request(upstream).catch(() => undefined))
    while (origin.open.size < 150) await new Promise((resolve) => setImmediate(resolve))
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(origin.open.size, 150)
    await upstream.close()
    await Promise.all(requests)
  })
})
