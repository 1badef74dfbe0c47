import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { type CatalogOptions, type OpenCatalog, openCatalog } from '../../../src/registry/open-catalog.ts'
import type { RegisterOptions } from '../../../src/registry/service/register-options.ts'
import { register, type Registering } from '../../../src/registry/service/register.ts'
import { registryResolver } from '../../../src/registry/service/registry-resolver.ts'
import { createRegistryServer, type RegistryServer } from '../../../src/registry/service/server.ts'
import { ask, ordersToken, tokens, until } from './rig.ts'
import { Recorder } from './watcher.ts'

interface Running {
  readonly catalog: OpenCatalog
  readonly server: RegistryServer
  readonly port: number
  kill(): Promise<void>
}

/** A registry over the real books, with leases short enough to see them end. */
async function run(t: TestContext, port: number, options: CatalogOptions = {}): Promise<Running> {
  const catalog = await openCatalog({ bounds: { longestLeaseMs: 1000 }, ...options })
  const server = createRegistryServer({ catalog, port, tokens, heartbeat: 200, drainTimeout: 100 })
  await server.start()
  let killed: Promise<void> | undefined
  const kill = (): Promise<void> => (killed ??= server.stop().then(() => catalog.close()))
  t.after(kill)
  return { catalog, server, port: (server.server.address() as AddressInfo).port, kill }
}

async function instance(
  t: TestContext,
  port: number,
  id: string,
  options: Partial<RegisterOptions> = {},
): Promise<Registering> {
  const registry = `http://127.0.0.1:${port}`
  const onProblem = (): void => undefined
  const registering = await register({
    ...{ service: 'orders', id, port: 8080, registry, token: ordersToken, lease: 1000, onProblem },
    ...options,
  })
  t.after(() => registering.close())
  return registering
}

function watchOrders(t: TestContext, port: number): Recorder {
  const resolver = registryResolver({ urls: `http://127.0.0.1:${port}` })
  t.after(() => resolver.close())
  const told = new Recorder()
  resolver.watch('orders', told)
  return told
}

const readinessOf = (told: Recorder, id: string): string | undefined =>
  told.last?.endpoints.find((endpoint) => endpoint.id === id)?.readiness

describe('registrations, books and resolver together', { concurrency: true }, () => {
  it('who deregisters has left; who falls silent is unready, then gone', async (t) => {
    const { port } = await run(t, 0)
    const told = watchOrders(t, port)
    const a = await instance(t, port, 'a')
    await instance(t, port, 'b')
    // Registered by somebody who then dies without a word.
    const path = '/v1/services/orders/instances/silent'
    const body = { port: 80, leaseMs: 1000 }
    assert.equal((await ask(port, 'PUT', path, { token: ordersToken, body })).status, 201)
    await until(() => told.ids === 'a,b,silent', 'all')
    a.ready(false)
    await until(() => readinessOf(told, 'a') === 'unready', 'a wants no traffic')
    a.ready(true)
    await until(() => readinessOf(told, 'a') === 'ready', 'a wants traffic')
    await a.close()
    await until(() => told.ids === 'b,silent', 'a has left')
    assert.deepEqual(
      told.snapshots.filter(({ left }) => left !== undefined).map(({ left }) => left),
      [['a']],
    )
    await until(() => readinessOf(told, 'silent') === 'unready', 'the silent one is unready')
    await until(() => told.last?.complete === true, 'the books vouch for all')
    await until(() => told.ids === 'b', 'the silent one is gone', 8000)
    assert.equal(readinessOf(told, 'b'), 'ready')
    assert.deepEqual(told.errors, [])
  })

  it('a registry that restarts with its file loses nobody', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'registry-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    const path = join(folder, 'registry.db')
    const first = await run(t, 0, { path })
    const told = watchOrders(t, first.port)
    for (const id of ['a', 'b', 'c']) await instance(t, first.port, id)
    await until(() => told.ids === 'a,b,c' && told.last?.complete === true, 'all', 8000)
    const seen = told.snapshots.length
    await first.kill()
    const second = await run(t, first.port, { path })
    await until(() => second.server.handler.watchers === 1 && told.snapshots.length > seen, 'it is heard again')
    await until(() => told.ids === 'a,b,c' && told.calls.at(-1) === 'found', 'all are there')
    const since = told.snapshots.slice(seen)
    assert.ok(since.every(({ endpoints, left }) => endpoints.length === 3 && left === undefined))
  })

  it('a registry that is killed and comes back empty says so, until everybody is back', async (t) => {
    const first = await run(t, 0)
    const told = watchOrders(t, first.port)
    const ids = ['a', 'b', 'c']
    const all = await Promise.all(ids.map((id) => instance(t, first.port, id)))
    await until(() => told.ids === 'a,b,c' && told.last?.complete === true, 'all', 8000)
    const seen = told.snapshots.length
    await first.kill()
    await until(() => told.calls.at(-1) === 'failed', 'the outage is told')
    await run(t, first.port)
    await until(() => told.ids === 'a,b,c' && told.last?.complete === true, 'all are back', 8000)
    // Whoever keeps endpoints has no reason to forget one: what misses somebody was never complete, and nobody left.
    for (const { endpoints, complete, left } of told.snapshots.slice(seen)) {
      assert.ok(!complete || endpoints.length === 3)
      assert.equal(left, undefined)
    }
    assert.ok(all.every(({ state }) => state === 'registered'))
  })

  it('an instance is looked at on its own address, and found unready while its check fails', async (t) => {
    let status = 200
    const asked: string[] = []
    const service = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`)
      response.writeHead(status).end()
    })
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      service.closeAllConnections()
      service.close()
    })
    const { port } = await run(t, 0)
    const told = watchOrders(t, port)
    await instance(t, port, 'a', {
      port: (service.address() as AddressInfo).port,
      health: { http: '/health?deep=1', interval: '1s', timeout: '500ms', failures: 1, successes: 1 },
    })
    await until(() => readinessOf(told, 'a') === 'ready' && asked.length > 0, 'it is well')
    assert.equal(asked[0], 'GET /health?deep=1')
    status = 500
    await until(() => readinessOf(told, 'a') === 'unready', 'it is not well')
    status = 204
    await until(() => readinessOf(told, 'a') === 'ready', 'it is well again')
  })

  it('a later life of an id takes over, and the earlier one does not come back', async (t) => {
    const { port, catalog } = await run(t, 0)
    const early = await instance(t, port, 'a', { port: 1111 })
    const late = await instance(t, port, 'a', { port: 2222 })
    const own = (): number | undefined => catalog.view('orders').instances[0]?.endpoint.port
    assert.equal(own(), 2222)
    await until(() => early.problem?.code === 'SG_STALE_REGISTRATION', 'the earlier one is told')
    assert.equal(own(), 2222)
    await early.close()
    assert.equal(own(), 2222, 'its end does not take the later one along')
    assert.equal(late.problem, undefined)
  })
})
