// The books as a whole: what is on disk after a kill, what is said of completeness, and that closing leaves nothing.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test, type TestContext } from 'node:test'
import type { SwitchgearError } from '@switchgear/core'
import { seededRandom, VirtualClock } from '@switchgear/core/testing'
import { openCatalog, type CatalogOptions, type OpenCatalog } from '../../src/registry/open-catalog.ts'
import { format } from '../../src/registry/store/schema.ts'
import { Store } from '../../src/registry/store/store.ts'
import { orders, registration, seed } from './samples.ts'

const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'switchgear-registry-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

async function opened(
  t: TestContext,
  options: CatalogOptions = {},
): Promise<{ catalog: OpenCatalog; clock: VirtualClock; problems: SwitchgearError[] }> {
  const clock = new VirtualClock()
  const problems: SwitchgearError[] = []
  const onProblem = (problem: SwitchgearError): void => void problems.push(problem)
  const random = seededRandom(seed)
  const catalog = await openCatalog({ clock, random, onProblem, probe: async () => undefined, ...options })
  t.after(() => catalog.close())
  return { catalog, clock, problems }
}

/** The file as a kill at this moment would leave it. */
function killed(path: string): string {
  const copy = `${path}-killed`
  for (const end of ['', '-wal']) if (existsSync(path + end)) copyFileSync(path + end, copy + end)
  return copy
}

describe('after a restart', () => {
  test('everything is there: instances, secrets, health; leases begin anew and the epoch is another', async (t) => {
    const path = join(folder(t), 'registry.db')
    const first = await opened(t, { path })
    assert.equal(first.catalog.view('orders').complete, false, 'without books it cannot know')
    const { secret } = first.catalog.register(
      registration({ endpoint: { address: '127.0.0.1', port: 1, metadata: { a: 'b' } } }),
    )
    const silent = first.catalog.register(registration({ id: 'silent' }))
    const gone = first.catalog.register(registration({ id: 'gone' }))
    first.catalog.deregister('orders', 'gone', gone.secret)
    for (let n = 0; n < 4; n++) {
      await first.clock.advance(5000)
      first.catalog.heartbeat('orders', 'a', secret, n < 2)
    }
    await first.clock.advance(1000)
    const before = first.catalog.view('orders')
    assert.deepEqual(
      before.instances.map(({ health }) => health),
      ['healthy', 'unhealthy'],
    )
    const { mode } = statSync(path)
    assert.equal(mode & 0o777, 0o600)

    const second = await opened(t, { path: killed(path) })
    const after = second.catalog.view('orders')
    assert.equal(after.complete, true)
    assert.deepEqual(after.instances, before.instances)
    assert.notEqual(after.epoch, before.epoch)
    assert.equal(second.catalog.since('orders', before.epoch, before.index), undefined)
    assert.equal(second.catalog.name, first.catalog.name)
    await second.clock.advance(14_000)
    assert.equal(second.catalog.view('orders').instances[0]?.health, 'healthy')
    second.catalog.heartbeat('orders', 'a', secret)
    second.catalog.heartbeat('orders', 'silent', silent.secret)
    assert.deepEqual(
      second.catalog.view('orders').instances.map(({ health }) => health),
      ['healthy', 'healthy'],
    )
    assert.throws(() => second.catalog.heartbeat('orders', 'a', silent.secret), code('SG_WRONG_SECRET'))
    assert.throws(
      () => second.catalog.register(registration({ id: 'gone', incarnation: gone.incarnation })),
      code('SG_STALE_REGISTRATION'),
    )
    assert.equal(readFileSync(path).includes(secret), false)
  })

  test('without books it is not complete until the longest lease has passed, and says so to watchers', async (t) => {
    const { catalog, clock } = await opened(t, { bounds: { longestLeaseMs: 60_000 } })
    const heard: unknown[] = []
    catalog.watch('orders', (change) => heard.push(change))
    await clock.advance(59_000)
    assert.equal(catalog.view('orders').complete, false)
    await clock.advance(1000)
    assert.equal(catalog.view('orders').complete, true)
    assert.deepEqual(heard, [undefined])
    assert.throws(() => catalog.register(registration({ leaseMs: 60_001 })), /registration\.leaseMs/)
  })

  test('heartbeats do not write; a change of health does, within a moment', async (t) => {
    const path = join(folder(t), 'registry.db')
    const { catalog, clock } = await opened(t, { path })
    const { secret } = catalog.register(orders)
    const size = () => statSync(`${path}-wal`).size
    const before = size()
    for (let n = 0; n < 50; n++) {
      await clock.advance(5000)
      catalog.heartbeat('orders', 'a', secret)
    }
    assert.equal(size(), before)
    await clock.advance(16_000)
    assert.ok(size() > before)
    assert.equal(catalog.counts.unwritten, 0)
    // The heartbeat that heals is such a change, too.
    catalog.heartbeat('orders', 'a', secret)
    await clock.advance(250)
    const second = await opened(t, { path: killed(path) })
    assert.equal(second.catalog.view('orders').instances[0]?.health, 'healthy')
  })
})

describe('the file', () => {
  test('a damaged one is set aside and reported, and the books are not complete', async (t) => {
    const path = join(folder(t), 'registry.db')
    writeFileSync(path, 'this is no database, but long enough to look like one'.repeat(50))
    const { catalog, problems } = await opened(t, { path })
    assert.deepEqual(
      problems.map((problem) => problem.code),
      ['SG_BOOKS_CORRUPT'],
    )
    assert.equal(readdirSync(join(path, '..')).filter((name) => name.includes('.corrupt-')).length, 1)
    assert.equal(catalog.view('orders').complete, false)
    catalog.register(orders)
  })

  test('a row that cannot be read is reported and left out, and the books are not complete', async (t) => {
    const path = join(folder(t), 'registry.db')
    const first = await opened(t, { path })
    for (const id of ['a', 'b']) first.catalog.register(registration({ id }))
    await first.catalog.close()
    const db = new DatabaseSync(path)
    db.exec("UPDATE instances SET record = '{}' WHERE key = 'orders/a'")
    db.close()
    const { catalog, problems } = await opened(t, { path })
    assert.match(problems[0]?.message ?? '', /orders\/a/)
    assert.deepEqual(
      catalog.view('orders').instances.map(({ endpoint }) => endpoint.id),
      ['b'],
    )
    assert.equal(catalog.view('orders').complete, false)
  })

  test('a newer one, another program’s, one in use, and one that cannot be are refused by name', async (t) => {
    const at = folder(t)
    const path = join(at, 'registry.db')
    const { catalog } = await opened(t, { path })
    await assert.rejects(openCatalog({ path }), code('SG_BOOKS_LOCKED'))
    await catalog.close()
    const db = new DatabaseSync(path)
    db.exec('PRAGMA user_version = 99')
    db.close()
    const before = readFileSync(path)
    await assert.rejects(openCatalog({ path }), /SG_BOOKS_VERSION|format 99/)
    assert.deepEqual(readFileSync(path), before)
    const foreign = join(at, 'foreign.db')
    const other = new DatabaseSync(foreign)
    other.exec('CREATE TABLE x(y)')
    other.close()
    await assert.rejects(openCatalog({ path: foreign }), code('SG_BOOKS_FOREIGN'))
    await assert.rejects(openCatalog({ path: join(at, 'no', 'folder.db') }), code('SG_BOOKS_FAILED'))
  })

  test('an older one is migrated after a copy', (t) => {
    const path = join(folder(t), 'registry.db')
    const parts = { path, clock: new VirtualClock(), onProblem: assert.fail, everything: () => [] }
    new Store(parts).close()
    const next = { ...format, version: 2, migrations: [{ from: 1, sql: 'CREATE TABLE extra(x)' }] }
    new Store({ ...parts, format: next }).close()
    const versions = [path, `${path}.v1`].map((file) => {
      const db = new DatabaseSync(file)
      const version = db.prepare('PRAGMA user_version').get()?.['user_version']
      db.close()
      return version
    })
    assert.deepEqual(versions, [2, 1])
  })

  test('a full disk is reported once, nothing stops, and it is written once there is room', async (t) => {
    const path = join(folder(t), 'registry.db')
    const full = { now: false }
    const { catalog, clock, problems } = await opened(t, { path })
    // As SQLite says it, at the only place where it is told.
    const exec = DatabaseSync.prototype.exec
    t.mock.method(DatabaseSync.prototype, 'exec', function (this: DatabaseSync, sql: string) {
      if (full.now && sql.startsWith('COMMIT')) {
        Reflect.apply(exec, this, ['ROLLBACK'])
        throw Object.assign(new Error('database or disk is full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 })
      }
      Reflect.apply(exec, this, [sql])
    })
    full.now = true
    const { secret } = catalog.register(orders)
    catalog.register(registration({ id: 'b' }))
    await clock.advance(3000)
    catalog.heartbeat('orders', 'a', secret)
    assert.deepEqual(
      problems.map((problem) => problem.code),
      ['SG_BOOKS_FULL'],
    )
    assert.equal(catalog.view('orders').instances.length, 2)
    assert.equal(catalog.counts.unwritten, 2)
    full.now = false
    await clock.advance(1000)
    assert.equal(catalog.counts.unwritten, 0)
    const second = await opened(t, { path: killed(path) })
    assert.equal(second.catalog.view('orders').instances.length, 2)
  })
})

test('instances are checked from registration to deregistration, and a change of registration changes the check', async (t) => {
  const targets: string[] = []
  let reason: string | undefined
  const { catalog, clock } = await opened(t, {
    probe: async ({ address, facts }) => {
      targets.push(`${address}:${facts.port}`)
      return reason
    },
  })
  const changes: string[] = []
  catalog.watch('orders', (change) => changes.push(`${change?.kind} ${change?.instance?.health}`))
  const check = { kind: 'tcp', port: 9 } as const
  catalog.register(registration({ heartbeats: false, check }))
  await clock.advance(1250)
  assert.equal(catalog.view('orders').instances[0]?.health, 'healthy')
  reason = 'ECONNREFUSED'
  await clock.advance(45_000)
  assert.equal(catalog.view('orders').instances[0]?.reason, 'its check fails: tcp: ECONNREFUSED')
  reason = undefined
  const { secret } = catalog.register(registration({ heartbeats: false, check: { kind: 'tcp', port: 10 } }))
  const before = targets.length
  await clock.advance(25_000)
  assert.ok(targets.slice(before).every((target) => target === '127.0.0.1:10'))
  catalog.deregister('orders', 'a', secret)
  const after = targets.length
  await clock.advance(60_000)
  assert.equal(targets.length, after)
  assert.deepEqual(changes.slice(0, 3), ['put unhealthy', 'put healthy', 'put unhealthy'])
  assert.equal(changes.at(-1), 'left undefined')
})

test('with a real server the check follows it, and closing leaves neither timer nor socket', async (t) => {
  const server = createServer((socket) => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const catalog = await openCatalog()
  t.after(() => catalog.close())
  const healthy = new Promise<void>((resolve) => {
    catalog.watch('orders', (change) => change?.instance?.health === 'healthy' && resolve())
  })
  catalog.register(registration({ endpoint: { address: '127.0.0.1', port }, check: { kind: 'tcp' } }))
  await healthy
  await catalog.close()
  await catalog.close()
  assert.throws(() => catalog.view('orders'), code('SG_REGISTRY_CLOSED'))
  assert.throws(() => catalog.register(orders), code('SG_REGISTRY_CLOSED'))
  server.close()
  await once(server, 'close')
})

test('options are checked', async () => {
  await assert.rejects(openCatalog({ bounds: { maxServices: 0 } }), /openCatalog\.bounds\.maxServices/)
  await assert.rejects(openCatalog({ name: 'a b' }), /openCatalog\.name/)
  await assert.rejects(openCatalog({ pth: 'x' } as CatalogOptions), /openCatalog\.pth/)
})
