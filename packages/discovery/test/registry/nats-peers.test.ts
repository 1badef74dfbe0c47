// Registries behind a real NATS: what one hears all know; who is cut off serves on and heals; compare-and-set loses nothing.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { connect } from '@nats-io/transport-node'
import { Kvm } from '@nats-io/kv'
import type { SwitchgearError } from '@switchgear/core'
import { openCatalog, type CatalogOptions, type OpenCatalog } from '../../src/registry/open-catalog.ts'
import { type Bucket, markKey } from '../../src/registry/peers/bucket.ts'
import { natsPeers } from '../../src/registry/peers/nats-peers.ts'
import type { PeersBooks } from '../../src/registry/peers/peers.ts'
import { Session } from '../../src/registry/peers/session.ts'
import { needs } from '../peers.ts'
import { NatsServer, until } from './nats-server.ts'
import { registration } from './samples.ts'

const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected

interface Member {
  readonly catalog: OpenCatalog
  readonly problems: SwitchgearError[]
}

async function member(t: TestContext, server: NatsServer, name: string, options: CatalogOptions = {}): Promise<Member> {
  const problems: SwitchgearError[] = []
  const catalog = await openCatalog({
    name,
    peers: natsPeers({ servers: server.address, timeoutMs: 2000, echoMs: 300 }),
    // Also the default lease, and how long a registry without books waits.
    bounds: { longestLeaseMs: 1500 },
    onProblem: (problem) => void problems.push(problem),
    ...options,
  })
  t.after(() => catalog.close())
  return { catalog, problems }
}

const ids = ({ catalog }: Member): string =>
  catalog
    .view('orders')
    .instances.map(({ endpoint }) => endpoint.id)
    .join()
const complete = ({ catalog }: Member): boolean => catalog.view('orders').complete
/** Sends heartbeats until it is told to stop. */
function beating(t: TestContext, { catalog }: Member, id: string, secret: string): () => void {
  const timer = setInterval(() => catalog.heartbeat('orders', id, secret), 400)
  const stop = (): void => clearInterval(timer)
  t.after(stop)
  return stop
}

describe('registries behind NATS', { ...needs('nats-server'), concurrency: true }, () => {
  test('three know what one of them hears, and a deregistration is seen everywhere', async (t) => {
    const server = await NatsServer.start(t)
    const all = await Promise.all(
      ['r1', 'r2', 'r3'].map((name) => member(t, server, name, { bounds: { longestLeaseMs: 4000 } })),
    )
    const [one, two, three] = all as [Member, Member, Member]
    const a = one.catalog.register(registration({ id: 'a', incarnation: 5 }))
    const b = two.catalog.register(
      registration({ id: 'b', endpoint: { address: '127.0.0.1', port: 2, metadata: { a: 'b' } } }),
    )
    await until(() => all.every((each) => ids(each) === 'a,b'), 'all know a and b')
    // An instance goes on at another registry with the secret that it got at the first.
    for (let n = 0; n < 5; n++) {
      await new Promise((resolve) => setTimeout(resolve, 400))
      three.catalog.heartbeat('orders', 'a', a.secret, n < 4)
      one.catalog.heartbeat('orders', 'b', b.secret)
    }
    await until(
      () => all.every(({ catalog }) => catalog.view('orders').instances[0]?.endpoint.readiness === 'unready'),
      'word travels',
    )
    for (const { catalog } of all)
      assert.deepEqual(
        catalog.view('orders').instances.map(({ health }) => health),
        ['healthy', 'healthy'],
      )
    assert.throws(() => two.catalog.register(registration({ id: 'a', incarnation: 4 })), code('SG_STALE_REGISTRATION'))
    await until(() => all.every(complete), 'the longest lease has passed')
    const late = await member(t, server, 'r4')
    await until(() => complete(late), 'whoever comes later need not wait for it')
    assert.equal(ids(late), 'a,b')
    two.catalog.deregister('orders', 'a', a.secret)
    await until(() => [...all, late].every((each) => ids(each) === 'b'), 'a has left everywhere')
    assert.throws(() => one.catalog.heartbeat('orders', 'a', a.secret), code('SG_NOT_REGISTERED'))
    assert.deepEqual(
      all.flatMap(({ problems }) => problems),
      [],
    )
  })

  test('cut off they serve what they know, incomplete, give nobody up, and agree when the server is back', async (t) => {
    const server = await NatsServer.start(t)
    const one = await member(t, server, 'r1')
    const two = await member(t, server, 'r2')
    const a = one.catalog.register(registration({ id: 'a', incarnation: 1 }))
    const b = two.catalog.register(registration({ id: 'b', incarnation: 1 }))
    const stops = [beating(t, one, 'a', a.secret), beating(t, two, 'b', b.secret)]
    await until(() => ids(one) === 'a,b' && ids(two) === 'a,b', 'both know both')
    await until(() => complete(one) && complete(two), 'both are complete')
    await server.kill()
    await until(() => !complete(one) && !complete(two), 'both say that they may not know all')
    const sight = one.catalog.view('orders').instances[1]
    for (const stop of stops) stop()
    // Meanwhile: `c` comes and `a` leaves at one, `b` restarts at two.
    one.catalog.register(registration({ id: 'c' }))
    one.catalog.deregister('orders', 'a', a.secret)
    const next = two.catalog.register(registration({ id: 'b', incarnation: 2 }))
    // Longer than a lease, what peers may wait, and what is allowed for.
    await new Promise((resolve) => setTimeout(resolve, 2500))
    assert.equal(ids(one), 'b,c')
    assert.deepEqual(one.catalog.view('orders').instances[0], sight, 'b is heard elsewhere, for all one knows')
    assert.equal(ids(two), 'a,b')
    await server.up()
    await until(() => ids(one) === 'b,c' && ids(two) === 'b,c', 'both agree')
    await until(() => complete(one) && complete(two), 'both are complete again')
    // Complete is about who there is; what exactly is known of them comes with the next message.
    await until(() => one.catalog.view('orders').instances[0]?.incarnation === 2, 'the later life is known')
    assert.throws(() => one.catalog.heartbeat('orders', 'b', b.secret), code('SG_WRONG_SECRET'))
    one.catalog.heartbeat('orders', 'b', next.secret)
    assert.deepEqual(
      one.problems.map((problem) => problem.code),
      ['SG_REGISTRY_PEERS_FAILED'],
    )
  })

  test('a bucket that was lost is filled again by those who know, and nobody believes it to be all before', async (t) => {
    const server = await NatsServer.start(t)
    const one = await member(t, server, 'r1')
    const two = await member(t, server, 'r2')
    const { secret } = one.catalog.register(registration({ id: 'a' }))
    await until(() => ids(two) === 'a' && complete(one) && complete(two), 'both know and are complete')
    one.catalog.heartbeat('orders', 'a', secret)
    await server.kill()
    server.wipe()
    await until(() => !complete(one) && !complete(two), 'both are cut off')
    await server.up()
    const stop = beating(t, one, 'a', secret)
    const three = await member(t, server, 'r3')
    await until(() => ids(three) === 'a', 'who comes now hears it from those who knew')
    assert.equal(complete(three), false)
    assert.equal(ids(two), 'a')
    await until(() => complete(one) && complete(two) && complete(three), 'after the longest lease it is all')
    stop()
  })

  test('two that write at once lose nothing, and what is in the bucket is no more than was asked for', async (t) => {
    const server = await NatsServer.start(t)
    const bounds = { longestLeaseMs: 60_000, tombstoneMs: 1500 }
    const one = await member(t, server, 'r1', { bounds })
    const two = await member(t, server, 'r2', { bounds })
    const entry = registration({ leaseMs: 60_000, incarnation: 1 })
    await until(() => ids(one) === '' && ids(two) === '', 'open')
    const secrets = [one, two].map(({ catalog }) => catalog.register(entry).secret)
    await until(() => {
      const [left, right] = [one, two].map(({ catalog }) =>
        secrets.findIndex((secret) => {
          try {
            catalog.heartbeat('orders', 'a', secret)
            return true
          } catch {
            return false
          }
        }),
      )
      return left === right && left !== -1
    }, 'both hold the same one of two registrations')
    for (let n = 0; n < 50; n++) one.catalog.register(registration({ id: `i${n}`, leaseMs: 60_000 }))
    const leaving = Array.from({ length: 10 }, (_, n) =>
      two.catalog.register(registration({ id: `x${n}`, leaseMs: 60_000 })),
    )
    leaving.forEach(({ secret }, n) => two.catalog.deregister('orders', `x${n}`, secret))
    await until(() => ids(two).split(',').length === 51 && ids(one) === ids(two), 'both know 51')
    // What has gone is gone from the bucket once it is forgotten.
    const connection = await connect({ servers: server.address })
    t.after(() => connection.close())
    const kv = await new Kvm(connection).open('switchgear-registry')
    let values = Infinity
    await until(() => {
      void kv.status().then((status) => (values = status.values))
      return values <= 51 + 2 + 1
    }, 'tombstones are removed')
    // Whatever else lies in there is left alone, and reported.
    await kv.put('i.eA.eA', 'rubbish')
    await until(() => one.problems.length > 0 && two.problems.length > 0, 'both report it')
    assert.equal(one.problems[0]?.code, 'SG_REGISTRY_PEERS_GARBLED')
    assert.equal((await kv.get('i.eA.eA'))?.string(), 'rubbish')
  })

  test('with its own books a registry is complete only once it has heard its peers', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'switchgear-registry-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const path = join(folder, 'one.db')
    const server = await NatsServer.start(t)
    const one = await member(t, server, 'r1', { path })
    const two = await member(t, server, 'r2')
    const a = one.catalog.register(registration({ id: 'a' }))
    await until(() => ids(two) === 'a' && complete(two), 'two knows')
    await one.catalog.close()
    two.catalog.deregister('orders', 'a', a.secret)
    two.catalog.register(registration({ id: 'b' }))
    const again = await member(t, server, 'r1', { path })
    assert.equal(complete(again), false)
    assert.equal(ids(again), 'a', 'what was known is served at once')
    await until(() => complete(again), 'its peers were heard')
    assert.equal(ids(again), 'b')
  })
})

test('a mark is told apart from those of other lives by the chance that it was given', async () => {
  const marks: string[] = []
  const bucket: Pick<Bucket, 'mark'> = { mark: async (key, mark) => void marks.push(`${key}: ${mark}`) }
  const books: Pick<PeersBooks, 'name'> = { name: 'one' }
  const session = new Session(
    bucket as Bucket,
    books as PeersBooks,
    () => 0.25,
    (error) => assert.fail(String(error)),
  )
  // The watch that would bring it back is not there.
  void session.echo()
  void session.echo()
  assert.deepEqual(marks, [`${markKey('one')}: one 1 0.25`, `${markKey('one')}: one 2 0.25`])
})

test('without a server it serves, says that it may not know all, reports once, and closes', async () => {
  const problems: string[] = []
  const peers = natsPeers({ servers: '127.0.0.1:1', timeoutMs: 500 })
  const catalog = await openCatalog({ peers, onProblem: ({ code: said }) => void problems.push(said) })
  catalog.register(registration())
  await until(() => problems.length > 0, 'it is reported')
  await new Promise((resolve) => setTimeout(resolve, 1000))
  assert.deepEqual(problems, ['SG_REGISTRY_PEERS_FAILED'])
  assert.equal(catalog.view('orders').instances.length, 1)
  assert.equal(catalog.view('orders').complete, false)
  await catalog.close()
  await assert.rejects(openCatalog({ peers }), /of one catalog only/)
})
