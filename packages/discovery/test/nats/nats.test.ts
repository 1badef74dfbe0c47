// The NATS source against a real nats-server with JetStream: changes, crashes, a bucket that is missing or deleted, expiry.
import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import type { SwitchgearError } from '@switchgear/core'
import { jetstreamManager } from '@nats-io/jetstream'
import { type KV, Kvm } from '@nats-io/kv'
import { connect, headers, type NatsConnection } from '@nats-io/transport-node'
import fc from 'fast-check'
import { natsKey, textOf, tokenOf } from '../../src/nats/key.ts'
import { natsResolver } from '../../src/nats/nats.ts'
import type { NatsResolverOptions } from '../../src/nats/options.ts'
import type { Resolver } from '../../src/resolver.ts'
import { freePort } from '../etcd/etcd-server.ts'
import { needs } from '../peers.ts'
import { NatsServer } from '../registry/nats-server.ts'
import { Hearing } from '../sources/hearing.ts'

const seed = Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101)
const at = (port: number, more: object = {}): string => JSON.stringify({ address: '10.0.0.1', port, ...more })

describe('natsResolver with a real nats-server', needs('nats-server'), () => {
  let server: NatsServer
  let endServer: () => unknown
  let connection: NatsConnection
  let kv: KV
  let source: Resolver
  let problems: SwitchgearError[]
  let bucket = ''
  let buckets = 0
  const open = (options: Partial<NatsResolverOptions> = {}): Resolver =>
    natsResolver({
      servers: server.address,
      bucket,
      checkEvery: 100,
      onProblem: (problem) => problems.push(problem),
      ...options,
    })
  const meet = async (): Promise<void> => {
    connection = await connect({ servers: server.address, reconnect: false })
  }
  const make = async (options: { ttl?: number } = {}): Promise<void> => {
    kv = await new Kvm(connection).create(bucket, options)
  }

  before(async () => {
    server = await NatsServer.start({ after: (end) => void (endServer = end as () => unknown) })
  })
  after(async () => {
    await endServer()
  })
  beforeEach(async () => {
    problems = []
    bucket = `b${buckets++}`
    await meet()
    await make()
    source = open()
  })
  afterEach(async () => {
    await source.close()
    await connection.close()
  })

  test('puts, changes, deletions and purges arrive; a service without keys is empty', async () => {
    const hearing = new Hearing(source, 'payments')
    await hearing.until('complete')
    await kv.put(natsKey('payments', 'a'), at(1, { zone: 'z1' }))
    await hearing.until('a complete')
    assert.equal(hearing.snapshot?.endpoints[0]?.zone, 'z1')
    await kv.put(natsKey('payments', 'b'), at(2))
    await hearing.until('a b complete')
    await kv.put(natsKey('payments', 'a'), at(3))
    await hearing.until(() => hearing.snapshot?.endpoints[0]?.port === 3, 'the change')
    await kv.delete(natsKey('payments', 'a'))
    await hearing.until('b complete left a')
    await kv.purge(natsKey('payments', 'b'))
    await hearing.until('complete left b')
    const late = new Hearing(source, 'payments')
    await late.until('complete')
  })

  test('names that begin alike are different services, whatever their characters', async () => {
    await kv.put(natsKey('orders', 'a'), at(1))
    await kv.put(natsKey('orders.v2', '10.0.0.1:80 ä'), at(2))
    await kv.put('orders.a.deeper', at(3))
    const orders = new Hearing(source, 'orders')
    const second = new Hearing(source, 'orders.v2')
    await orders.until('a complete')
    await second.until('10.0.0.1:80 ä complete')
  })

  test('what is there at the start comes as a whole, however much it is', async () => {
    const ids = Array.from({ length: 1200 }, (_, n) => `i${String(n).padStart(5, '0')}`)
    for (let from = 0; from < ids.length; from += 100)
      await Promise.all(ids.slice(from, from + 100).map((id) => kv.put(natsKey('many', id), at(1))))
    const hearing = new Hearing(source, 'many')
    await hearing.until((last) => last.endsWith('complete'))
    assert.equal(hearing.heard.length, 1)
    assert.deepEqual(hearing.snapshot?.endpoints.map((one) => one.id).toSorted(), ids)
    const small = open({ maxEndpoints: 1000 })
    const refused = new Hearing(small, 'many')
    await refused.until(/^failed .*maxEndpoints/)
    await small.close()
  })

  test('a value that is not an endpoint concerns its own key only', async () => {
    await kv.put(natsKey('payments', 'bad'), 'nonsense')
    await kv.put(natsKey('payments', 'a'), at(1))
    const hearing = new Hearing(source, 'payments')
    await hearing.until('a complete')
    await kv.put(natsKey('payments', 'a'), new Uint8Array([0xff, 0xfe]))
    await kv.put(natsKey('payments', 'b'), at(2))
    await hearing.until('a b complete')
    assert.deepEqual(
      problems.map((problem) => problem.code),
      ['SG_BAD_ENDPOINT', 'SG_BAD_ENDPOINT'],
    )
    assert.match(problems[1]?.message ?? '', /^nats: payments: the value of 'a' is not an endpoint; it stays as it was/)
  })

  test('kill -9 and a start on the same data: what was found stays, and deletions meanwhile are heard', async () => {
    await kv.put(natsKey('payments', 'a'), at(1))
    await kv.put(natsKey('payments', 'b'), at(2))
    const hearing = new Hearing(source, 'payments')
    await hearing.until('a b complete')
    await server.kill()
    await hearing.until(/^failed nats: 127\.0\.0\.1:\d+: /)
    await server.up()
    await hearing.until('a b complete')
    await meet()
    await make()
    await kv.delete(natsKey('payments', 'a'))
    await hearing.until('b complete left a')
  })

  test('a server that lost everything has no bucket: it does not answer, and nothing is missing', async () => {
    await kv.put(natsKey('payments', 'a'), at(1))
    const hearing = new Hearing(source, 'payments')
    await hearing.until('a complete')
    await server.kill()
    server.wipe()
    await server.up()
    await hearing.until(new RegExp(`^failed nats: the bucket ${bucket} cannot be watched: stream not found`))
    await meet()
    await make()
    await hearing.until('complete')
  })

  test('a bucket that is missing at the start is waited for; one that is deleted does not answer', async () => {
    bucket = `b${buckets++}`
    const early = open()
    const hearing = new Hearing(early, 'payments')
    await hearing.until(/^failed .*stream not found/)
    await make()
    await kv.put(natsKey('payments', 'a'), at(1))
    await hearing.until('a complete')
    await kv.destroy()
    await hearing.until(/^failed .*stream not found/)
    await make()
    await kv.put(natsKey('payments', 'b'), at(2))
    await hearing.until('b complete')
    await early.close()
  })

  test('a consumer that somebody deletes is made again', async () => {
    await kv.put(natsKey('payments', 'a'), at(1))
    const hearing = new Hearing(source, 'payments')
    await hearing.until('a complete')
    const { consumers } = await jetstreamManager(connection)
    for await (const { name } of consumers.list(`KV_${bucket}`)) await consumers.delete(`KV_${bucket}`, name)
    await kv.put(natsKey('payments', 'b'), at(2))
    await hearing.until('a b complete')
  })

  test('a key that expires is missed at the next comparison, and has not left', async () => {
    bucket = `b${buckets++}`
    await make({ ttl: 1000 })
    const own = open()
    await kv.put(natsKey('payments', 'a'), at(1))
    const hearing = new Hearing(own, 'payments')
    await hearing.until('a complete')
    await hearing.until('complete')
    await own.close()
  })

  test('what a server leaves in place of a key: expired ones are missing, removed ones have left', async () => {
    for (const id of ['a', 'b', 'c', 'd']) await kv.put(natsKey('payments', id), at(1))
    const hearing = new Hearing(source, 'payments')
    await hearing.until('a b c d complete')
    const mark = (id: string, reason: string): void => {
      const marker = headers()
      marker.set('Nats-Marker-Reason', reason)
      connection.publish(`$KV.${bucket}.${natsKey('payments', id)}`, new Uint8Array(), { headers: marker })
    }
    mark('a', 'MaxAge')
    await hearing.until('b c d complete')
    mark('b', 'Remove')
    await hearing.until('c d complete left b')
    mark('c', 'Purge')
    await hearing.until('d complete left c')
    const late = new Hearing(source, 'payments')
    await late.until('d complete')
    assert.deepEqual(problems, [])
  })

  test('the next server is used where one does not answer', async () => {
    await kv.put(natsKey('payments', 'a'), at(1))
    const several = open({ servers: [`127.0.0.1:${await freePort()}`, server.address] })
    const hearing = new Hearing(several, 'payments')
    await hearing.until('a complete')
    await several.close()
  })

  test('close leaves no connection and no consumer', async () => {
    const one = new Hearing(source, 'payments')
    const other = new Hearing(source, 'orders')
    await one.until('complete')
    await other.until('complete')
    one.end()
    const { consumers } = await jetstreamManager(connection)
    const count = async (): Promise<number> => (await consumers.list(`KV_${bucket}`).next()).length
    for (let turn = 0; (await count()) > 1; turn++) assert.ok(turn < 500, 'the consumer of the watch is removed')
    await source.close()
    await source.close()
    await kv.put(natsKey('payments', 'a'), at(1))
    assert.deepEqual([one.heard, other.heard], [['complete'], ['complete']])
  })
})

test('the mapping of keys is one to one, readable, and what NATS allows', () => {
  assert.equal(natsKey('payments', '10.0.0.7:4001'), 'payments.10=2E0=2E0=2E7=3A4001')
  assert.equal(textOf('=ZZ'), '=ZZ')
  assert.equal(textOf('=ff'), '=ff')
  assert.equal(textOf('=FF'), '=FF')
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', minLength: 1 }),
      fc.string({ unit: 'grapheme', minLength: 1 }),
      (one, other) => {
        assert.match(tokenOf(one), /^[-/=\w]+$/)
        assert.equal(textOf(tokenOf(one)), one)
        assert.equal(tokenOf(one) === tokenOf(other), one === other)
      },
    ),
    { seed },
  )
})

test('natsResolver checks its options, and shows no password', () => {
  const good = { servers: '127.0.0.1:4222', bucket: 'b' }
  assert.throws(() => natsResolver({ ...good, servers: [] }), /nats\.servers/)
  assert.throws(
    () => natsResolver({ ...good, servers: 'me:hunter2@h:1' }),
    (error: Error) => !error.message.includes('hunter2'),
  )
  assert.throws(() => natsResolver({ ...good, bucket: 'a.b' }), /nats\.bucket/)
  assert.throws(() => natsResolver({ ...good, credentials: { passwd: 'x' } as never }), /nats\.credentials\.passwd/)
})
