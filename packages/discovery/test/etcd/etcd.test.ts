// The etcd source against a real etcd: changes, leases, compaction, crashes, another store, users, large sets.
import assert from 'node:assert/strict'
import { createServer, type Socket, connect } from 'node:net'
import { once } from 'node:events'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { setTimeout as elapse } from 'node:timers/promises'
import type { SwitchgearError } from '@switchgear/core'
import { type EtcdResolverOptions } from '../../src/etcd/options.ts'
import { etcdResolver } from '../../src/etcd/etcd.ts'
import type { Resolver } from '../../src/resolver.ts'
import { createDirectory } from '../../src/directory.ts'
import { needs } from '../peers.ts'
import { Hearing } from '../sources/hearing.ts'
import { EtcdServer, freePort } from './etcd-server.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const at = (port: number, more: object = {}): object => ({ address: '10.0.0.1', port, ...more })

describe('etcdResolver with a real etcd', needs('etcd'), () => {
  let server: EtcdServer
  let source: Resolver
  let problems: SwitchgearError[]
  let service = 0
  const name = (): string => `s${service}x`
  const key = (id: string): string => `/switchgear/${name()}/${id}`
  const open = (options: Partial<EtcdResolverOptions> = {}): Resolver =>
    etcdResolver({ urls: server.url, onProblem: (problem) => problems.push(problem), ...options })

  before(async () => {
    server = await EtcdServer.start()
  })
  after(() => server.end())
  beforeEach(() => {
    problems = []
    service++
    source = open()
  })
  afterEach(() => source.close())

  test('puts, changes and deletions arrive; a service without keys is empty', async () => {
    const hearing = new Hearing(source, name())
    await hearing.until('complete')
    await server.put(key('a'), at(1, { zone: 'z1', weight: 2, unknown: true }))
    await hearing.until('a complete')
    assert.equal(hearing.snapshot?.endpoints[0]?.zone, 'z1')
    await server.put(key('b'), at(2))
    await hearing.until('a b complete')
    await server.put(key('a'), at(3))
    await hearing.until(() => hearing.snapshot?.endpoints[0]?.port === 3, 'the change')
    await server.remove(key('a'))
    await hearing.until('b complete left a')
    // One name that begins like the other has keys of its own.
    await server.put(`/switchgear/${name()}0/c`, at(4))
    await server.put(key('d'), at(5))
    await hearing.until('b d complete')
  })

  test('a key that ends with its lease is missing and has not left, whether it was read or came later', async () => {
    const { ID: lease } = await server.ask('/v3/lease/grant', { TTL: 600 })
    await server.put(key('read'), at(1), String(lease))
    const hearing = new Hearing(source, name())
    await hearing.until('read complete')
    for (const id of ['told', 'taken over']) await server.put(key(id), at(2), String(lease))
    await server.put(key('kept'), at(3))
    await hearing.until('read told taken over kept complete')
    // Whoever writes it without a lease has it from then on.
    await server.put(key('taken over'), at(4))
    await server.ask('/v3/lease/revoke', { ID: lease })
    await hearing.until('taken over kept complete')
    await server.remove(key('taken over'))
    await hearing.until('kept complete left taken over')
    assert.ok(!hearing.heard.some((heard) => /left .*(read|told)/.test(heard)))
  })

  test('all instances that lose etcd at once keep their traffic', async () => {
    const { ID: lease } = await server.ask('/v3/lease/grant', { TTL: 1 })
    for (const id of ['a', 'b', 'c']) await server.put(key(id), at(1), String(lease))
    const directory = createDirectory({ resolver: open() })
    try {
      const roster = directory.roster(name())
      const presences = (): string => roster.view.entries.map(({ presence }) => presence).join(' ')
      const until = async (expected: string): Promise<void> => {
        const end = performance.now() + 10_000
        while (presences() !== expected) {
          assert.ok(performance.now() < end, `${presences()} instead of ${expected}`)
          await elapse(10)
        }
      }
      await until('present present present')
      await until('absent absent absent')
    } finally {
      await directory.close()
    }
  })

  test('a value that is not an endpoint concerns its own key only', async () => {
    await server.put(key('a'), at(1))
    for (const [index, bad] of [
      '',
      'nonsense',
      '[]',
      'null',
      '7',
      '{"address":"a b","port":1}',
      '{"port":1}',
    ].entries())
      await server.put(key(`bad${index}`), bad)
    const hearing = new Hearing(source, name())
    await hearing.until('a complete')
    assert.deepEqual(
      problems.map((problem) => problem.code),
      Array.from({ length: 7 }, () => 'SG_BAD_ENDPOINT'),
    )
    assert.match(problems[1]?.message ?? '', /^etcd: s\d+x: the value of 'bad1' is not an endpoint; it is left out/)
    await server.put(key('a'), 'broken')
    await server.put(key('bad0'), at(2))
    await hearing.until('a bad0 complete')
    assert.equal(hearing.snapshot?.endpoints[0]?.port, 1, 'it stays as it was')
    assert.match(problems.at(-1)?.message ?? '', /stays as it was/)
    await server.remove(key('a'))
    await hearing.until('bad0 complete left a')
  })

  test('kill -9 and a start on the same data: what was found stays, and deletions meanwhile are heard', async () => {
    await server.put(key('a'), at(1))
    await server.put(key('b'), at(2))
    const hearing = new Hearing(source, name())
    await hearing.until('a b complete')
    await server.kill()
    await hearing.until(/^failed etcd: http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/)
    await server.run()
    await hearing.until((last) => last.startsWith('a b complete'))
    await server.remove(key('a'))
    await hearing.until('b complete left a')
  })

  test('an interruption that ends after a compaction: everything is read again', async () => {
    const proxy = await Interruptible.start(server.port)
    const cut = open({ urls: proxy.url })
    try {
      await server.put(key('a'), at(1))
      await server.put(key('b'), at(2))
      const hearing = new Hearing(cut, name())
      await hearing.until('a b complete')
      proxy.interrupt()
      await hearing.until(/^failed/)
      await server.remove(key('a'))
      await server.put(key('c'), at(3))
      await server.ask('/v3/kv/compaction', { revision: await server.revision() })
      proxy.resume()
      await hearing.until('b c complete')
      await server.put(key('d'), at(4))
      await hearing.until('b c d complete')
    } finally {
      await cut.close()
      await proxy.end()
    }
  })

  test('after an interruption without one, deletions of meanwhile are departures', async () => {
    const proxy = await Interruptible.start(server.port)
    const cut = open({ urls: proxy.url })
    try {
      await server.put(key('a'), at(1))
      await server.put(key('b'), at(2))
      const hearing = new Hearing(cut, name())
      await hearing.until('a b complete')
      proxy.interrupt()
      await hearing.until(/^failed/)
      await server.remove(key('a'))
      proxy.resume()
      await hearing.until('b complete left a')
    } finally {
      await cut.close()
      await proxy.end()
    }
  })

  test('a connection that is dead without a word is noticed', async () => {
    const proxy = await Interruptible.start(server.port)
    const cut = open({ urls: proxy.url, checkEvery: 100, timeout: 300 })
    try {
      await server.put(key('a'), at(1))
      const hearing = new Hearing(cut, name())
      await hearing.until('a complete')
      proxy.freeze()
      await server.put(key('b'), at(2))
      await hearing.until(/^failed .*no answer within 300 ms/)
      proxy.resume()
      await hearing.until('a b complete')
    } finally {
      await cut.close()
      await proxy.end()
    }
  })

  test('a watch that tells nothing while keys change is given up', async () => {
    const proxy = await Interruptible.start(server.port)
    const cut = open({ urls: proxy.url, checkEvery: 100 })
    try {
      await server.put(key('a'), at(1))
      const hearing = new Hearing(cut, name())
      await hearing.until('a complete')
      // Only the connection of the watch is deaf; questions on new ones are answered.
      await proxy.untilWatched()
      proxy.freeze({ only: 'watch' })
      await server.put(key('b'), at(2))
      await hearing.until('a b complete')
      assert.ok(!hearing.heard.some((heard) => heard.startsWith('failed')))
    } finally {
      await cut.close()
      await proxy.end()
    }
  })

  test('the next member is used where one does not answer', async () => {
    await server.put(key('a'), at(1))
    const several = open({ urls: [`http://127.0.0.1:${await freePort()}`, server.url] })
    const hearing = new Hearing(several, name())
    await hearing.until('a complete')
    assert.deepEqual(hearing.heard, ['a complete'])
    await several.close()
  })

  test('large sets come whole, in pages of one revision; beyond the bound they are refused', async () => {
    const ids = Array.from({ length: 2500 }, (_, n) => `i${String(n).padStart(5, '0')}`)
    for (let from = 0; from < ids.length; from += 100)
      await server.ask('/v3/kv/txn', {
        success: ids.slice(from, from + 100).map((id) => ({
          request_put: { key: base64(key(id)), value: base64(JSON.stringify(at(1))) },
        })),
      })
    const hearing = new Hearing(source, name())
    await hearing.until((last) => last.endsWith('complete'))
    assert.deepEqual(
      hearing.snapshot?.endpoints.map((one) => one.id),
      ids,
    )
    await server.ask('/v3/kv/deleterange', { key: base64(key('i')), range_end: base64(key('i02400')) })
    await hearing.until(() => hearing.snapshot?.endpoints.length === 100, '100 of them')
    const small = open({ maxEndpoints: 99 })
    const refused = new Hearing(small, name())
    await refused.until(/^failed .*maxEndpoints/)
    await small.close()
  })

  test('a store that was wiped is read anew, and misses keys without saying that they left', async () => {
    await server.put(key('a'), at(1))
    const hearing = new Hearing(source, name())
    await hearing.until('a complete')
    await server.kill()
    server.wipe()
    await server.run()
    await hearing.until('complete')
    await server.put(key('b'), at(2))
    await hearing.until('b complete')
  })

  test('as a user: a token is asked for, and asked for again when etcd has forgotten it', async () => {
    const own = await EtcdServer.start()
    try {
      await own.ask('/v3/auth/user/add', { name: 'root', password: 'secret-word' })
      await own.ask('/v3/auth/user/grant', { user: 'root', role: 'root' })
      await own.put(key('a'), at(1))
      await own.ask('/v3/auth/enable', {})
      const as = (password: string): Resolver => open({ urls: own.url, username: 'root', password })
      const wrong = as('wrong-word')
      const refused = new Hearing(wrong, name())
      await refused.until(/^failed .*authentication failed/)
      assert.ok(!refused.last?.includes('wrong-word'))
      await wrong.close()
      const right = as('secret-word')
      const hearing = new Hearing(right, name())
      await hearing.until('a complete')
      // Its tokens are kept in memory only.
      await own.kill()
      await hearing.until(/^failed/)
      const again = own.run().catch(() => undefined)
      await hearing.until('a complete')
      await right.close()
      await own.kill()
      await again
    } finally {
      await own.end()
    }
  })

  test('close leaves no socket', async () => {
    const proxy = await Interruptible.start(server.port)
    const own = open({ urls: proxy.url })
    const one = new Hearing(own, name())
    const other = new Hearing(own, 'other')
    await one.until('complete')
    await other.until((last) => last.endsWith('complete'))
    one.end()
    await own.close()
    await own.close()
    await server.put(key('a'), at(1))
    await proxy.untilEmpty()
    assert.deepEqual(one.heard, ['complete'])
    await proxy.end()
  })
})

test('etcdResolver checks its options, and shows no password', () => {
  const urls = 'http://127.0.0.1:2379'
  assert.throws(() => etcdResolver({ urls: [] }), /etcd\.urls/)
  assert.throws(
    () => etcdResolver({ urls: 'http://me:hunter2@h:1' }),
    (error: Error) => !error.message.includes('hunter2'),
  )
  assert.throws(() => etcdResolver({ urls, prefix: '/x/{service}' }), /etcd\.prefix/)
  assert.throws(() => etcdResolver({ urls, prefix: '/x/' }), /etcd\.prefix/)
  assert.throws(() => etcdResolver({ urls, username: 'me' }), /etcd\.password/)
  assert.throws(() => etcdResolver({ urls, checkEvery: 'soon' }), /etcd\.checkEvery/)
})

/** A way to etcd that can be cut, or that goes deaf. */
class Interruptible {
  readonly #sockets = new Map<Socket, { watches: boolean; isDeaf: boolean }>()
  readonly #server = createServer((socket) => this.#join(socket))
  readonly #port: number
  #state: 'open' | 'cut' | 'deaf' = 'open'

  static async start(port: number): Promise<Interruptible> {
    const proxy = new Interruptible(port)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  constructor(port: number) {
    this.#port = port
  }

  get url(): string {
    const address = this.#server.address()
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  }

  interrupt(): void {
    this.#state = 'cut'
    for (const socket of this.#sockets.keys()) socket.destroy()
  }

  /** What there is stays open and says nothing any more; new ones as well, unless it is `only` about watches. */
  freeze(what: { only?: 'watch' } = {}): void {
    if (what.only === undefined) this.#state = 'deaf'
    for (const one of this.#sockets.values()) one.isDeaf = what.only === undefined || one.watches
  }

  resume(): void {
    this.#state = 'open'
    for (const [socket, one] of this.#sockets) if (one.isDeaf) socket.destroy()
  }

  /** Until a watch is open, and its first answer has come. */
  async untilWatched(): Promise<void> {
    const end = performance.now() + 5000
    while (![...this.#sockets.values()].some((one) => one.watches)) {
      assert.ok(performance.now() < end, 'nobody watches')
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }

  async untilEmpty(): Promise<void> {
    const end = performance.now() + 5000
    while (this.#sockets.size > 0) {
      assert.ok(performance.now() < end, `${this.#sockets.size} sockets are left`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  async end(): Promise<void> {
    for (const socket of this.#sockets.keys()) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #join(socket: Socket): void {
    socket.on('error', () => undefined)
    if (this.#state === 'cut') return void socket.destroy()
    const one = { watches: false, isDeaf: this.#state === 'deaf' }
    this.#sockets.set(socket, one)
    const far = connect(this.#port, '127.0.0.1').on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      if (chunk.includes('POST /v3/watch')) one.watches = true
      if (!one.isDeaf) far.write(chunk)
    })
    far.on('data', (chunk: Buffer) => {
      if (!one.isDeaf) socket.write(chunk)
    })
    far.on('close', () => socket.destroy())
    socket.on('close', () => {
      this.#sockets.delete(socket)
      far.destroy()
    })
  }
}
