import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as elapse } from 'node:timers/promises'
import type { Resolver } from '../../../src/resolver.ts'
import { catalogResolver } from '../../../src/registry/service/catalog-resolver.ts'
import { registryResolver } from '../../../src/registry/service/registry-resolver.ts'
import { MemoryCatalog } from './memory-catalog.ts'
import { ordersToken, rig, until } from './rig.ts'
import { Recorder } from './watcher.ts'

function resolverOf(t: TestContext, urls: string | readonly string[], token?: string): Resolver {
  const resolver = registryResolver({ urls, token })
  t.after(() => resolver.close())
  return resolver
}

const ways: readonly (readonly [name: string, make: (t: TestContext, catalog: MemoryCatalog) => Promise<Resolver>])[] =
  [
    ['over HTTP', async (t, catalog) => resolverOf(t, (await rig(t, {}, catalog)).url)],
    ['in process', (_t, catalog) => Promise.resolve(catalogResolver(catalog))],
  ]

for (const [name, make] of ways)
  describe(`the registry as a resolver, ${name}`, () => {
    it('finds what there is and what changes', async (t) => {
      const catalog = new MemoryCatalog()
      const resolver = await make(t, catalog)
      catalog.put('orders', 'a')
      const told = new Recorder()
      resolver.watch('orders', told)
      assert.equal(told.calls.length, 0, 'nothing within the call')
      await until(() => told.ids === 'a', 'the first')
      assert.deepEqual([told.last?.complete, told.last?.left], [true, undefined])
      assert.equal(told.last?.endpoints[0]?.readiness, 'ready')
      catalog.put('orders', 'b')
      await until(() => told.ids === 'a,b', 'the second')
      catalog.sicken('orders', 'a')
      await until(() => told.last?.endpoints.find(({ id }) => id === 'a')?.readiness === 'unready', 'a sick one')
      catalog.leave('orders', 'a')
      await until(() => told.ids === 'b', 'one left')
      assert.deepEqual(told.last?.left, ['a'])
      catalog.expire('orders', 'b')
      await until(() => told.ids === '', 'one expired')
      assert.deepEqual([told.last?.complete, told.last?.left], [true, undefined], 'it fell silent: it is only missing')
      assert.deepEqual(told.errors, [])
      await resolver.close()
      await until(() => catalog.listening === 0, 'nobody watches')
    })

    it('finds a name that does not exist as a complete snapshot of nothing', async (t) => {
      const catalog = new MemoryCatalog()
      const resolver = await make(t, catalog)
      const told = new Recorder()
      resolver.watch('nobody', told)
      await until(() => told.snapshots.length === 1, 'an answer')
      assert.deepEqual(told.last, { endpoints: [], complete: true })
      await resolver.close()
    })

    it('does not take the silent for gone while the registry may not know all', async (t) => {
      const catalog = new MemoryCatalog()
      catalog.complete = false
      const resolver = await make(t, catalog)
      for (const id of ['a', 'b', 'c']) catalog.put('orders', id)
      const told = new Recorder()
      resolver.watch('orders', told)
      await until(() => told.ids === 'a,b,c', 'all')
      assert.equal(told.last?.complete, false)
      catalog.expire('orders', 'a')
      await until(() => told.ids === 'b,c', 'without the silent one')
      assert.deepEqual([told.last?.complete, told.last?.left], [false, undefined])
      catalog.leave('orders', 'b')
      await until(() => told.ids === 'c', 'without the one that left')
      assert.deepEqual([told.last?.complete, told.last?.left], [false, ['b']])
      catalog.setComplete(true)
      await until(() => told.last?.complete === true, 'complete')
      assert.deepEqual([told.ids, told.last?.left], ['c', undefined])
      await resolver.close()
    })

    it('tells several watchers of a name, a late one what is known, and one that has closed nothing', async (t) => {
      const catalog = new MemoryCatalog()
      const resolver = await make(t, catalog)
      catalog.put('orders', 'a')
      const [first, second, third] = [new Recorder(), new Recorder(), new Recorder()]
      const watching = resolver.watch('orders', first)
      await until(() => first.ids === 'a', 'the first hears')
      const late = resolver.watch('orders', second)
      assert.equal(second.calls.length, 0)
      resolver.watch('orders', third).close()
      await until(() => second.ids === 'a', 'the second hears')
      watching.close()
      watching.close()
      catalog.put('orders', 'b')
      await until(() => second.ids === 'a,b', 'the second hears more')
      assert.equal(first.ids, 'a')
      assert.equal(third.calls.length, 0)
      late.close()
      await until(() => catalog.listening === 0, 'nobody watches')
      const again = new Recorder()
      resolver.watch('orders', again)
      await until(() => again.ids === 'a,b', 'a new watch')
      await resolver.close()
      catalog.put('orders', 'c')
      await elapse(20)
      assert.equal(again.ids, 'a,b')
    })

    it('names no service by what is no name, and watches nothing once it is closed', async (t) => {
      const resolver = await make(t, new MemoryCatalog())
      for (const wrong of ['', 'a b', '../x', 'a/b', '-a', 'a'.repeat(254)])
        assert.throws(() => resolver.watch(wrong, new Recorder()), { code: 'SG_BAD_OPTIONS' }, wrong)
      await resolver.close()
      await resolver.close()
      assert.throws(() => resolver.watch('orders', new Recorder()), { code: 'SG_BAD_OPTIONS' })
    })

    it('is not hurt by a watcher that throws', async (t) => {
      const catalog = new MemoryCatalog()
      const resolver = await make(t, catalog)
      catalog.put('orders', 'a')
      const warned = once(process, 'warning')
      const found = (): never => {
        throw new Error('a watcher that throws')
      }
      resolver.watch('orders', { found, failed: found })
      const told = new Recorder()
      resolver.watch('orders', told)
      await until(() => told.ids === 'a', 'the other one hears')
      assert.match(String((await warned)[0]), /a watcher that throws/)
      await resolver.close()
    })
  })

it('two hundred services are four connections, and one that joins late is found', async (t) => {
  const { catalog, url, registry } = await rig(t)
  const resolver = resolverOf(t, url)
  const names = Array.from({ length: 200 }, (_, at) => `service-${at}`)
  const all = names.map((name) => {
    catalog.put(name, 'a')
    const told = new Recorder()
    resolver.watch(name, told)
    return told
  })
  await until(() => all.every(({ ids }) => ids === 'a'), 'all are found')
  assert.equal(registry.handler.watchers, 4)
  const late = new Recorder()
  catalog.put('late', 'x')
  resolver.watch('late', late)
  await until(() => late.ids === 'x', 'the late one is found')
  for (const name of names) catalog.put(name, 'b')
  await until(() => all.every(({ ids }) => ids === 'a,b'), 'all hear of changes')
  await until(() => registry.handler.watchers === 4, 'still four connections')
  assert.ok(all.every(({ errors }) => errors.length === 0))
})

it('a service that joins while another one changes misses nothing', async (t) => {
  const { catalog, url } = await rig(t)
  const resolver = resolverOf(t, url)
  const all = new Map<string, Recorder>()
  for (let round = 0; round < 30; round++) {
    const name = `service-${round}`
    for (const other of all.keys()) catalog.put(other, `at-${round}`)
    const told = new Recorder()
    all.set(name, told)
    catalog.put(name, 'first')
    resolver.watch(name, told)
    await elapse(round % 3 === 0 ? 15 : 1)
  }
  for (const [name, told] of all) {
    const expected = catalog.view(name).instances.length
    await until(() => told.last?.endpoints.length === expected, `${name} is found whole`)
  }
})

it('what is wrong with its options is said by name, without the token', () => {
  for (const [options, message] of [
    [{ urls: [] }, /registryResolver\.urls/],
    [{ urls: 'nonsense' }, /registryResolver\.urls\[0\]/],
    [{ urls: 'http://a', token: 'hunter2 hunter2' }, /registryResolver\.token/],
    [{ urls: 'http://a', maxServices: 0 }, /registryResolver\.maxServices/],
    [{ urls: 'http://a', url: 'b' }, /url is not an option/],
  ] as const)
    assert.throws(
      () => registryResolver(options as never),
      (error: Error) => {
        assert.match(error.message, message)
        return !error.message.includes('hunter2')
      },
    )
})

it('it watches no more services than it may', async (t) => {
  const resolver = registryResolver({ urls: 'http://127.0.0.1:9', maxServices: 2 })
  t.after(() => resolver.close())
  resolver.watch('a', new Recorder())
  const watching = resolver.watch('b', new Recorder())
  resolver.watch('b', new Recorder()).close()
  assert.throws(() => resolver.watch('c', new Recorder()), { code: 'SG_REGISTRY_BUSY' })
  watching.close()
  resolver.watch('c', new Recorder())
})

it('neither a watch nor a registration keeps a process alive', async (t) => {
  const { catalog, url } = await rig(t)
  catalog.put('orders', 'a')
  const source = new URL('../../../src/registry/service/', import.meta.url)
  const program = `
    const { registryResolver } = await import(${JSON.stringify(new URL('registry-resolver.ts', source).href)})
    const { register } = await import(${JSON.stringify(new URL('register.ts', source).href)})
    const url = ${JSON.stringify(url)}
    await register({ service: 'orders', id: 'b', port: 80, registry: url, token: ${JSON.stringify(ordersToken)} })
    const held = setInterval(() => undefined, 1000)
    await new Promise((found) => registryResolver({ urls: url }).watch('orders', { found, failed: console.error }))
    clearInterval(held)
    let overAt
    setTimeout(() => { overAt = performance.now() }, 300)
    process.on('exit', () => console.log('ended', Math.round(performance.now() - overAt)))`
  const args = ['--conditions=@switchgear/source', '--input-type=module', '-e', program]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const [code] = (await once(child, 'exit')) as [number | null]
  assert.equal(code, 0)
  // Well before the next heartbeat, the next sign of life or anything else could end it.
  const [, endedAfterMs] = /^ended (\d+)$/m.exec(text) ?? []
  assert.ok(Number(endedAfterMs) < 1000, text)
})
