import assert from 'node:assert/strict'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as elapse } from 'node:timers/promises'
import { inspect } from 'node:util'
import { registryResolver } from '../../../src/registry/service/registry-resolver.ts'
import type { Resolver } from '../../../src/resolver.ts'
import { MemoryCatalog } from './memory-catalog.ts'
import { rig, until } from './rig.ts'
import { Recorder } from './watcher.ts'

interface Found {
  readonly told: Recorder
  readonly resolver: Resolver
}

function watchOrders(t: TestContext, urls: string | readonly string[], token?: string): Found {
  const resolver = registryResolver({ urls, token })
  t.after(() => resolver.close())
  const told = new Recorder()
  resolver.watch('orders', told)
  return { told, resolver }
}

async function listen(
  t: TestContext,
  listener: RequestListener,
): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const viewOf = (ids: readonly string[]): string => {
  const instances = ids.map((id) => ({
    endpoint: { id, address: '10.0.0.1', port: 80, weight: 1, metadata: {}, readiness: 'ready' },
    ...{ incarnation: 1, health: 'healthy', since: 0 },
  }))
  return `event: view\nid: e:1\ndata: ${JSON.stringify({ service: 'orders', epoch: 'e', index: 1, complete: true, instances })}\n\n`
}

const stream = { 'content-type': 'text/event-stream', 'switchgear-heartbeat-ms': '100' }

describe('a registry that goes away', { concurrency: true }, () => {
  it('and comes back with its books: what was missed is told, and nothing twice', async (t) => {
    const first = await rig(t)
    first.catalog.put('orders', 'a')
    const { told } = watchOrders(t, first.url)
    await until(() => told.ids === 'a', 'the first')
    await first.registry.stop()
    first.catalog.leave('orders', 'a')
    first.catalog.put('orders', 'b')
    await until(() => told.calls.includes('failed'), 'the outage is told')
    assert.deepEqual(told.codes[0], 'SG_REGISTRY_UNREACHABLE')
    assert.equal(told.ids, 'a', 'nothing is lost by it')
    await rig(t, { port: first.port }, first.catalog)
    await until(() => told.ids === 'b', 'what was missed')
    assert.deepEqual(told.last?.left, ['a'], 'it resumed: a view would not know who left')
    assert.equal(told.calls.at(-1), 'found')
  })

  it('and comes back with the same books unchanged: it is heard again', async (t) => {
    const first = await rig(t)
    first.catalog.put('orders', 'a')
    const { told } = watchOrders(t, first.url)
    await until(() => told.ids === 'a', 'the first')
    await first.registry.stop()
    await until(() => told.calls.includes('failed'), 'the outage is told')
    await rig(t, { port: first.port }, first.catalog)
    await until(() => told.calls.at(-1) === 'found', 'it is heard again')
    assert.deepEqual([told.ids, told.last?.complete], ['a', true])
  })

  it('and comes back empty: what it says is not complete until it vouches for it', async (t) => {
    const first = await rig(t)
    for (const id of ['a', 'b']) first.catalog.put('orders', id)
    const { told } = watchOrders(t, first.url)
    await until(() => told.ids === 'a,b', 'the first')
    await first.registry.stop()
    const empty = new MemoryCatalog()
    empty.complete = false
    await rig(t, { port: first.port }, empty)
    await until(() => told.ids === '', 'the empty registry is heard')
    assert.deepEqual(told.last, { endpoints: [], complete: false })
    empty.put('orders', 'a')
    await until(() => told.ids === 'a', 'one is back')
    assert.equal(told.last?.complete, false)
    empty.setComplete(true)
    await until(() => told.last?.complete === true, 'it vouches for all')
    assert.equal(told.ids, 'a')
    assert.ok(
      told.snapshots.every(({ left }) => left === undefined),
      'nobody said that anybody left',
    )
  })

  it('and another one is there: no outage is told', async (t) => {
    const catalog = new MemoryCatalog()
    catalog.put('orders', 'a')
    const [first, second] = [await rig(t, {}, catalog), await rig(t, {}, catalog)]
    const { told } = watchOrders(t, [first.url, second.url])
    await until(() => told.ids === 'a', 'the first')
    await first.registry.stop()
    catalog.put('orders', 'b')
    await until(() => told.ids === 'a,b', 'the second')
    assert.equal(second.registry.handler.watchers, 1)
    assert.deepEqual(told.errors, [])
  })

  it('and is not asked without end: the waits grow', async (t) => {
    let attempts = 0
    const { url } = await listen(t, (_request, response) => {
      attempts++
      response.writeHead(503).end()
    })
    const resolver = registryResolver({ urls: url })
    t.after(() => resolver.close())
    const all = Array.from({ length: 64 }, (_, at) => {
      const told = new Recorder()
      resolver.watch(`service-${at}`, told)
      return told
    })
    await elapse(1500)
    assert.ok(attempts >= 3 && attempts <= 8, `${attempts} attempts for 64 services in 1.5 s`)
    assert.ok(all.every(({ errors }) => errors.length >= 3))
    const before = attempts
    resolver.watch('another', new Recorder())
    resolver.watch('service-0', new Recorder()).close()
    await elapse(50)
    assert.ok(attempts <= before + 2, 'a service that joins does not shorten the wait')
  })

  it('right behind the view, again and again, is not asked without end', async (t) => {
    let attempts = 0
    const { url } = await listen(t, (_request, response) => {
      attempts++
      response.writeHead(200, stream).end(viewOf(['a']))
    })
    const { told } = watchOrders(t, url)
    await elapse(1500)
    assert.ok(attempts >= 3 && attempts <= 8, `${attempts} attempts`)
    assert.equal(told.ids, 'a')
  })
})

describe('a registry that is not well', { concurrency: true }, () => {
  it('falls silent: another one is taken within three intervals', async (t) => {
    const silent = await listen(t, (_request, response) => {
      response.writeHead(200, stream)
      response.write(viewOf(['old']))
    })
    const { catalog, url } = await rig(t)
    catalog.put('orders', 'new')
    const { told } = watchOrders(t, [silent.url, url])
    await until(() => told.ids === 'old', 'the first view')
    const begun = performance.now()
    await until(() => told.ids === 'new', 'the other registry')
    const took = performance.now() - begun
    assert.ok(took >= 200 && took < 2000, `${took} ms of silence`)
    assert.deepEqual(told.errors, [])
  })

  it('is not taken for silent while it only comments', async (t) => {
    let connections = 0
    const { url } = await listen(t, (_request, response) => {
      connections++
      response.writeHead(200, stream)
      response.write(viewOf(['a']))
      const beat = setInterval(() => response.write(':\n\n'), 100)
      response.on('close', () => clearInterval(beat))
    })
    const { told } = watchOrders(t, url)
    await elapse(1000)
    assert.deepEqual([connections, told.errors.length, told.ids], [1, 0, 'a'])
  })

  it('never answers: it is given up', async (t) => {
    const deaf = await listen(t, () => undefined)
    const resolver = registryResolver({ urls: deaf.url, connectTimeout: 100 })
    t.after(() => resolver.close())
    const told = new Recorder()
    resolver.watch('orders', told)
    await until(() => told.errors.length > 0, 'a failure')
    assert.match(String(told.errors[0]?.message), /nothing was heard for 200 ms/)
  })

  for (const [what, body] of [
    ['no JSON', 'event: view\ndata: {\n\n'],
    ['a list', 'event: view\ndata: []\n\n'],
    ['no view', 'event: view\ndata: {"service":"orders"}\n\n'],
    ['an instance without an address', viewOf(['b']).replace('10.0.0.1', '')],
    ['an address that is a URL', viewOf(['b']).replace('10.0.0.1', 'http://x/')],
    ['a port that is none', viewOf(['b']).replace('"port":80', '"port":"80"')],
    ['a readiness that is none', viewOf(['b']).replace('"ready"', '"perhaps"')],
    ['metadata that is none', viewOf(['b']).replace('"metadata":{}', '"metadata":7')],
    ['a change of nothing', 'event: change\ndata: {"service":"orders","index":2,"id":"b","kind":"put"}\n\n'],
    ['an event without end', `data: ${'x'.repeat(17 * 1024 * 1024)}`],
  ] as const)
    it(`says ${what}: that is told, and what was found stays`, async (t) => {
      let isFirst = true
      const { url } = await listen(t, (_request, response) => {
        response.writeHead(200, stream)
        response.write((isFirst ? viewOf(['a']) : '') + body)
        isFirst = false
      })
      const { told } = watchOrders(t, url)
      await until(() => told.errors.length > 0, 'a failure')
      assert.equal(told.codes[0], 'SG_REGISTRY_ANSWER')
      assert.ok(told.errors.every((error) => inspect(error, { depth: 5 }).length < 10_000))
      assert.equal(told.ids, 'a')
    })

  it('says more than we know: events of a later version are left alone', async (t) => {
    const { url } = await listen(t, (_request, response) => {
      response.writeHead(200, stream)
      response.write(`event: weather\ndata: rain\n\n${viewOf(['a']).replace('"service"', '"more":[1],"service"')}`)
      const beat = setInterval(() => response.write(':\n\n'), 100)
      response.on('close', () => clearInterval(beat))
    })
    const { told } = watchOrders(t, url)
    await until(() => told.ids === 'a', 'the view')
    assert.deepEqual(told.errors, [])
  })

  it('is something else: a page, a redirect, an error', async (t) => {
    for (const [status, headers, code] of [
      [200, { 'content-type': 'text/html' }, 'SG_REGISTRY_ANSWER'],
      [302, { location: 'http://127.0.0.1:1/' }, 'SG_REGISTRY_ANSWER'],
      [404, {}, 'SG_REGISTRY_ANSWER'],
    ] as const) {
      const { url } = await listen(t, (_request, response) => response.writeHead(status, headers).end('<html>'))
      const { told } = watchOrders(t, url)
      await until(() => told.errors.length > 0, 'a failure')
      assert.equal(told.codes[0], code)
    }
  })

  it('wants a token: the refusal is told without it, and the right one is taken', async (t) => {
    const token = 'reader-token-0123456789'
    const { catalog, url } = await rig(t, { read: 'token', readTokens: [{ token, services: ['orders'] }] })
    catalog.put('orders', 'a')
    const without = watchOrders(t, url)
    await until(() => without.told.errors.length > 0, 'a refusal')
    assert.equal(without.told.codes[0], 'SG_REGISTRY_DENIED')
    const wrong = watchOrders(t, url, 'wrong-token-0123456789ab')
    await until(() => wrong.told.errors.length > 0, 'a refusal')
    assert.ok(!inspect(wrong.told.errors, { depth: 9, showHidden: true }).includes('wrong-token'))
    const right = watchOrders(t, url, token)
    await until(() => right.told.ids === 'a', 'the view')
    const other = new Recorder()
    right.resolver.watch('payments', other)
    await until(() => other.errors.length > 0, 'a refusal of one service')
    assert.equal(other.codes[0], 'SG_REGISTRY_DENIED')
    catalog.put('orders', 'b')
    await until(() => right.told.ids === 'a,b', 'the other one goes on')
  })
})
