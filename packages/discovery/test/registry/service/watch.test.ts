import assert from 'node:assert/strict'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { createRegistryHandler } from '../../../src/registry/service/handler.ts'
import { type ServerSentEvent, SseParser } from '../../../src/registry/service/sse-parser.ts'
import { MemoryCatalog } from './memory-catalog.ts'
import { ask, ordersToken, rig, shopToken, until } from './rig.ts'

interface Watch {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly events: ServerSentEvent[]
  /** Events as `type` and parsed data. */
  readonly told: () => (readonly [string, Record<string, unknown>])[]
  readonly lastEventId: () => string
  comments: number
  isEnded: boolean
  close(): void
}

function watch(t: TestContext, port: number, path: string, headers: Record<string, string> = {}): Promise<Watch> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      const parser = new SseParser()
      const events: ServerSentEvent[] = []
      const one: Watch = {
        status: response.statusCode ?? 0,
        headers: response.headers,
        events,
        told: () => events.map(({ type, data }) => [type, JSON.parse(data) as Record<string, unknown>] as const),
        lastEventId: () => parser.lastEventId,
        comments: 0,
        isEnded: false,
        close: () => request.destroy(),
      }
      response.on('data', (chunk: Buffer) => {
        if (chunk.toString() === ':\n\n') one.comments++
        events.push(...parser.push(chunk))
      })
      response.on('end', () => (one.isEnded = true)).on('error', () => undefined)
      resolve(one)
    })
    request.on('error', reject)
    t.after(() => request.destroy())
  })
}

const path = '/v1/services/orders/watch'
const kinds = (one: Watch): string[] => one.told().map(([type, data]) => (type === 'change' ? String(data.kind) : type))

describe('a watch', () => {
  it('begins with a view, goes on with changes, and shows that it lives', async (t) => {
    const { catalog, port } = await rig(t, { heartbeat: 100 })
    catalog.put('orders', 'a')
    const one = await watch(t, port, path)
    assert.equal(one.status, 200)
    assert.equal(one.headers['content-type'], 'text/event-stream')
    assert.equal(one.headers['switchgear-heartbeat-ms'], '100')
    await until(() => one.events.length === 1, 'the view')
    const [type, view] = one.told()[0] ?? []
    const instances = view?.instances as unknown[] | undefined
    assert.deepEqual([type, view?.complete, view?.index, instances?.length], ['view', true, 1, 1])
    assert.equal(one.lastEventId(), `${catalog.epoch}:1`)
    catalog.put('orders', 'b')
    catalog.put('payments', 'x')
    catalog.sicken('orders', 'a', 'it answers 500')
    catalog.leave('orders', 'a')
    catalog.expire('orders', 'b')
    catalog.setComplete(false)
    await until(() => one.events.length === 6, 'all changes')
    assert.deepEqual(kinds(one), ['view', 'put', 'put', 'left', 'expired', 'complete'])
    const sick = one.told()[2]?.[1].instance as { health: string; reason: string }
    assert.deepEqual([sick.health, sick.reason], ['unhealthy', 'it answers 500'])
    assert.deepEqual(one.told()[5]?.[1], { service: 'orders', complete: false })
    assert.equal(one.lastEventId(), `${catalog.epoch}:6`)
    await until(() => one.comments >= 3, 'signs of life')
  })

  it('resumes with what was missed, and with a view where that is no longer kept', async (t) => {
    const { catalog, port } = await rig(t)
    catalog.put('orders', 'a')
    const first = await watch(t, port, path)
    await until(() => first.events.length === 1, 'the view')
    first.close()
    catalog.put('orders', 'b')
    catalog.leave('orders', 'a')
    const id = first.lastEventId()
    const resumed = await watch(t, port, path, { 'last-event-id': id })
    await until(() => resumed.events.length === 3, 'what was missed')
    assert.deepEqual(kinds(resumed), ['put', 'left', 'complete'])
    const current = await watch(t, port, path, { 'last-event-id': resumed.lastEventId() })
    await until(() => current.events.length === 1, 'a word on completeness')
    assert.deepEqual(kinds(current), ['complete'])
    for (const strange of [
      `other-epoch:${catalog.index}`,
      `${catalog.epoch}:999999`,
      'nonsense',
      ':',
      `${catalog.epoch}:-1`,
      `${catalog.epoch}:1e3`,
      'x'.repeat(1000),
    ]) {
      const other = await watch(t, port, path, { 'last-event-id': strange })
      await until(() => other.events.length === 1, `the view for ${strange.slice(0, 50)}`)
      assert.deepEqual(kinds(other), ['view'])
      other.close()
    }
    catalog.kept = 1
    catalog.put('orders', 'c')
    catalog.put('orders', 'd')
    const late = await watch(t, port, path, { 'last-event-id': id })
    await until(() => late.events.length === 1, 'a view')
    assert.deepEqual(kinds(late), ['view'])
  })

  it('is of many services, and resumes them all by one id', async (t) => {
    const { catalog, port } = await rig(t)
    for (const name of ['orders', 'payments', 'carts']) catalog.put(name, 'a')
    const query = '/v1/watch?service=orders&service=payments&service=ghost&service=orders'
    const one = await watch(t, port, query)
    await until(() => one.events.length === 3, 'three views')
    assert.deepEqual(
      one.told().map(([, data]) => data.service),
      ['orders', 'payments', 'ghost'],
    )
    assert.deepEqual(
      one.events.map(({ lastEventId }) => lastEventId),
      ['', '', `${catalog.epoch}:3`],
      'only the last has an id',
    )
    catalog.put('carts', 'b')
    catalog.put('payments', 'b')
    await until(() => one.events.length === 4, 'a change')
    one.close()
    catalog.put('orders', 'b')
    catalog.put('ghost', 'a')
    const resumed = await watch(t, port, query, { 'last-event-id': one.lastEventId() })
    await until(() => resumed.events.length === 5, 'what was missed')
    const puts = resumed.told().filter(([type]) => type === 'change')
    assert.deepEqual(
      puts.map(([, { service, id }]) => `${String(service)}/${String(id)}`),
      ['orders/b', 'ghost/a'],
    )
    assert.equal(resumed.lastEventId(), `${catalog.epoch}:7`)
  })

  it('tells of the services that its token does not read', async (t) => {
    const { catalog, port } = await rig(t, { read: 'token' })
    for (const name of ['orders', 'shop-cart']) catalog.put(name, 'a')
    const authorization = `Bearer ${ordersToken}`
    const one = await watch(t, port, '/v1/watch?service=shop-cart&service=orders', { authorization })
    await until(() => one.events.length === 2, 'both')
    assert.deepEqual(kinds(one), ['refused', 'view'])
    assert.equal(one.told()[0]?.[1].code, 'SG_REGISTRY_DENIED')
    const other = await watch(t, port, '/v1/watch?service=orders', { authorization: `Bearer ${shopToken}` })
    assert.equal(other.status, 403)
  })

  it('is one watch at the books for all who read a service, and none when they have gone', async (t) => {
    const { catalog, port, registry } = await rig(t)
    const all = await Promise.all(Array.from({ length: 20 }, () => watch(t, port, path)))
    await until(() => registry.handler.watchers === 20, 'all watch')
    assert.equal(catalog.listening, 1)
    catalog.put('orders', 'a')
    await until(() => all.every(({ events }) => events.length === 2), 'all hear')
    for (const one of all) one.close()
    await until(() => registry.handler.watchers === 0, 'all have gone')
    assert.equal(catalog.listening, 0)
  })

  it('ends in order when the registry ends, and leaves nothing', async (t) => {
    const { catalog, port, registry } = await rig(t)
    const one = await watch(t, port, path)
    await until(() => one.events.length === 1, 'the view')
    const begin = performance.now()
    await registry.stop()
    await until(() => one.isEnded, 'the end')
    assert.ok(performance.now() - begin < 2000)
    assert.equal(catalog.listening, 0)
    assert.equal(registry.url, undefined)
    await assert.rejects(ask(port, 'GET', '/v1/services'))
    await registry.stop()
  })

  it('ends when the books fail in the midst of it, and nothing else does', async (t) => {
    const errors: unknown[] = []
    const { catalog, port, registry } = await rig(t, { onError: (error) => errors.push(error) })
    const one = await watch(t, port, path)
    await until(() => one.events.length === 1, 'the view')
    catalog.since = () => {
      throw new RangeError('a page of the books is torn')
    }
    catalog.put('orders', 'a')
    await until(() => registry.handler.watchers === 0, 'the end')
    assert.deepEqual(errors.map(String), ['RangeError: a page of the books is torn'])
    assert.equal(catalog.listening, 0)
    assert.equal((await ask(port, 'GET', '/v1/services')).status, 200)
  })

  it('is not begun when the books take no more watches', async (t) => {
    const { catalog, port, registry } = await rig(t, { onError: () => undefined }, new FullCatalog())
    assert.equal((await watch(t, port, '/v1/watch?service=a&service=b&service=c')).status, 500)
    assert.equal(catalog.listening, 0, 'those that were begun are ended')
    assert.equal(registry.handler.watchers, 0)
  })
})

/** It takes two watches. */
class FullCatalog extends MemoryCatalog {
  override watch(...[service, listener]: Parameters<MemoryCatalog['watch']>): () => void {
    if (this.listening >= 2) throw new RangeError('full')
    return super.watch(service, listener)
  }
}

it('the handler serves below a prefix of another server, and is closed by itself', async (t) => {
  const catalog = new MemoryCatalog()
  const handler = createRegistryHandler({ catalog, read: 'open', onError: () => undefined })
  const server = createServer((request, response) => {
    const { url = '' } = request
    if (url.startsWith('/registry/')) handler.handle(request, response, url.slice('/registry'.length))
    else response.end('something else')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  catalog.put('orders', 'a')
  assert.deepEqual((await ask(port, 'GET', '/registry/v1/services')).json, { services: ['orders'] })
  assert.equal((await ask(port, 'GET', '/v1/services')).text, 'something else')
  const one = await watch(t, port, '/registry/v1/watch?service=orders')
  await until(() => one.events.length === 1, 'the view')
  handler.close()
  await until(() => one.isEnded, 'the end')
  const after = await ask(port, 'GET', '/registry/v1/services')
  assert.deepEqual([after.status, after.headers['retry-after']], [503, '1'])
})
