// Services that nobody configured: a name that discovery knows is one, and any other host passes.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Directory, endpoint, type Entry, type Roster, type RosterView } from '@switchgear/discovery'
import { createClient } from '../../src/index.ts'
import { httpOrigin } from '../origin.ts'

/** A directory whose answers a test gives. */
class Told implements Directory {
  readonly #rosters = new Map<string, { view: RosterView; listeners: Set<(view: RosterView) => void> }>()

  roster(service: string): Roster {
    const held = this.#held(service)
    return {
      service,
      get view() {
        return held.view
      },
      subscribe(listener) {
        held.listeners.add(listener)
        return () => held.listeners.delete(listener)
      },
      unreachable: () => undefined,
    }
  }

  services(): readonly string[] {
    return [...this.#rosters.keys()]
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  tell(service: string, ports: readonly number[]): void {
    const held = this.#held(service)
    const entries = ports.map((port): Entry => ({
      endpoint: endpoint({ address: '127.0.0.1', port }, service),
      presence: 'present',
    }))
    held.view = { ...held.view, state: 'live', entries, version: held.view.version + 1 }
    for (const listener of held.listeners) listener(held.view)
  }

  #held(service: string) {
    let held = this.#rosters.get(service)
    if (held === undefined) {
      const view: RosterView = { service, state: 'waiting', since: 0, error: undefined, entries: [], version: 0 }
      this.#rosters.set(service, (held = { view, listeners: new Set() }))
    }
    return held
  }
}

const get = { method: 'GET', path: '/' } as const

describe('a service that discovery finds', () => {
  it('waits for its first endpoint, and follows what is told', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.end('found'))
    const other = await httpOrigin(t, (_request, response) => response.end('other'))
    const discovery = new Told()
    const client = createClient({ services: { shop: {} }, discovery })
    t.after(() => client.close())
    const waiting = client.service('shop').fetch('/')
    setTimeout(() => discovery.tell('shop', [origin.port]), 50)
    assert.equal(await (await waiting).text(), 'found')
    discovery.tell('shop', [other.port])
    assert.equal(await (await client.service('shop').fetch('/')).text(), 'other')
  })

  it('ends a call that waits in vain: at its deadline, by its abort, with the client', async (t) => {
    const client = createClient({ services: { shop: {} }, discovery: new Told() })
    t.after(() => client.close())
    const service = client.service('shop')
    await assert.rejects(service.fetch('/', { deadline: performance.now() + 50 }), (error: Error & { code: string }) =>
      ['SG_NO_ENDPOINT', 'SG_DEADLINE_EXCEEDED'].includes(error.code),
    )
    await assert.rejects(service.fetch('/', { signal: AbortSignal.timeout(30) }), { name: 'TimeoutError' })
    const closing = assert.rejects(service.fetch('/'), { code: 'SG_CLIENT_CLOSED' })
    await new Promise((resolve) => setTimeout(resolve, 20))
    await client.close()
    await closing
    assert.equal(service.pipeline.snapshot().calls?.inFlight, 0)
  })
})

describe('a host that may be a service', () => {
  it('is one once discovery has endpoints for it, and passes otherwise', async (t) => {
    const origin = await httpOrigin(t, (request, response) => response.end(request.headers.host))
    const discovery = new Told()
    const client = createClient({ discovery, discovered: { policies: [{ bulkhead: {} }] } })
    t.after(() => client.close())
    discovery.tell('orders', [origin.port])
    const ask = async (host: string): Promise<string> =>
      (await client.dispatcher.request({ ...get, origin: host })).body.text()
    assert.equal(await ask('http://orders'), 'orders')
    assert.deepEqual(client.registry.names(), ['orders'])
    const waiting = Promise.all([ask('http://stock'), ask('http://stock')])
    setTimeout(() => discovery.tell('stock', [origin.port]), 30)
    assert.deepEqual(await waiting, ['stock', 'stock'])
    discovery.tell('nobody', [])
    await assert.rejects(ask('http://nobody'))
    assert.equal(await ask(origin.url), new URL(origin.url).host)
    assert.equal(await ask(`http://localhost:${origin.port}`), `localhost:${origin.port}`)
    assert.deepEqual(client.registry.names(), ['orders', 'stock'])
    assert.deepEqual(discovery.services(), ['orders', 'stock', 'nobody'])
  })

  it('is none without `discovered`', async (t) => {
    const discovery = new Told()
    const client = createClient({ discovery })
    t.after(() => client.close())
    await assert.rejects(client.dispatcher.request({ ...get, origin: 'http://orders.invalid' }))
    assert.throws(() => client.service('orders'), { code: 'SG_UNKNOWN_SERVICE' })
    assert.deepEqual(discovery.services(), [])
  })
})
