// Services that nobody configured: a name that discovery knows is one, and any other host passes.
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { VirtualClock } from '@switchgear/core/testing'
import {
  createDirectory,
  type Directory,
  endpoint,
  type Entry,
  type Roster,
  type RosterView,
  staticResolver,
} from '@switchgear/discovery'
import { Dispatcher, errors, getGlobalDispatcher, setGlobalDispatcher } from 'undici'
import { type Client, createClient } from '../../src/index.ts'
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

  release(service: string): boolean {
    const held = this.#rosters.get(service)
    if (held !== undefined && held.listeners.size > 0) return false
    this.#rosters.delete(service)
    return true
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

/** A client whose dispatcher passes what is none of its own to one that says so. */
function aside(t: TestContext, client: Client): Dispatcher {
  t.after(() => client.close())
  const before = getGlobalDispatcher()
  setGlobalDispatcher(
    new (class extends Dispatcher {
      override dispatch(_options: unknown, handler: Dispatcher.DispatchHandler): boolean {
        handler.onResponseError?.(undefined as never, new Error('passed'))
        return true
      }
    })(),
  )
  const { dispatcher } = client
  setGlobalDispatcher(before)
  return dispatcher
}

describe('a host that may be a service', () => {
  it('takes no place in the directory for good when it is none', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.end('paid'))
    const directory = createDirectory({ resolver: staticResolver({ payments: [origin.url] }), maxServices: 2 })
    t.after(() => directory.close())
    const dispatcher = aside(t, createClient({ discovery: directory, discovered: true }))
    for (let host = 0; host < 150; host++) {
      await assert.rejects(dispatcher.request({ ...get, origin: `http://typo-${host}` }), { message: 'passed' })
    }
    assert.deepEqual(directory.services(), [])
    const { body } = await dispatcher.request({ ...get, origin: 'http://payments' })
    assert.equal(await body.text(), 'paid')
  })

  it('is waited for once while the source is mute, until the source speaks', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.end('found'))
    const clock = new VirtualClock()
    const discovery = new Told()
    const client = createClient({ discovery, discovered: true, clock })
    const dispatcher = aside(t, client)
    const passes = (name: string): Promise<void> =>
      assert.rejects(dispatcher.request({ ...get, origin: `http://${name}` }), { message: 'passed' })
    const waiting = [passes('search'), passes('search'), passes('mail')]
    await clock.advance(1000)
    await Promise.all(waiting)
    await passes('search')
    await passes('mail')
    discovery.tell('search', [origin.port])
    discovery.tell('mail', [])
    const { body } = await dispatcher.request({ ...get, origin: 'http://search' })
    assert.equal(await body.text(), 'found')
    await passes('mail')
    assert.deepEqual(discovery.services(), ['search'])
    // Of many that are waited for in vain only so many are listened for, and none of them when all is over.
    const many = Array.from({ length: 150 }, (_, n) => passes(`vain-${n}`))
    await clock.advance(1000)
    await Promise.all(many)
    assert.equal(discovery.services().length, 101)
    await client.close()
    assert.deepEqual(discovery.services(), ['search'])
  })

  it('tells its handler of a request that cannot be sent, also after a wait', async (t) => {
    const origin = await httpOrigin(t, (_request, response) => response.end('no'))
    const discovery = new Told()
    const client = createClient({ discovery, discovered: true, services: { shop: { endpoints: [origin.url] } } })
    t.after(() => client.close())
    const locked = new ReadableStream()
    locked.getReader()
    const wrong: [object, object][] = [
      [{ headers: 'abc' }, errors.InvalidArgumentError],
      [{ method: 'POST', body: locked }, TypeError],
      [{ path: 7 }, errors.InvalidArgumentError],
      [{ method: undefined }, errors.InvalidArgumentError],
    ]
    for (const [index, [options, kind]] of wrong.entries()) {
      for (const name of ['shop', `late-${index}`]) {
        const ask = client.dispatcher.request({ ...get, origin: `http://${name}`, ...options } as never)
        if (name !== 'shop') setTimeout(() => discovery.tell(name, [origin.port]), 5)
        await assert.rejects(ask, kind, name)
      }
    }
  })

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
    assert.deepEqual(discovery.services(), ['orders', 'stock'])
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
