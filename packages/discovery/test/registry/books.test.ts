// The state machine of the books: one registry, time in hand.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { VirtualClock } from '@switchgear/core/testing'
import { Books } from '../../src/registry/books.ts'
import { boundsOf } from '../../src/registry/bounds.ts'
import { Journal } from '../../src/registry/journal.ts'
import { stateOf } from '../../src/registry/record.ts'
import { hashOf } from '../../src/registry/secret.ts'
import { booksOf, enter, facts, registration } from './samples.ts'

const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected

describe('leases', () => {
  test('a lease without heartbeat makes unhealthy, a third one removes; a heartbeat heals at once', () => {
    const { books, journal, clock } = booksOf('r1')
    enter(books, 's')
    const look = (ms: number) => {
      clock.advanceSync(ms)
      books.advance()
      return books.shown('orders')[0]
    }
    assert.equal(look(14_999)?.health, 'healthy')
    const late = look(1)
    assert.equal(late?.health, 'unhealthy')
    assert.equal(late?.reason, 'no heartbeat within its lease of 15000 ms')
    assert.equal(late?.since, clock.wallNow())
    assert.equal(books.heartbeat('orders', 'a', 's'), 15_000)
    assert.equal(look(0)?.health, 'healthy')
    assert.equal(look(44_999)?.health, 'unhealthy')
    assert.equal(look(1), undefined)
    assert.deepEqual(books.services(), [])
    assert.throws(() => books.heartbeat('orders', 'a', 's'), code('SG_NOT_REGISTERED'))
    const kinds = journal.since('orders', journal.epoch, 0)?.map(({ kind, instance }) => `${kind} ${instance?.health}`)
    assert.deepEqual(kinds, ['put healthy', 'put unhealthy', 'put healthy', 'put unhealthy', 'expired undefined'])
  })

  test('heartbeats alone change nothing that watchers see', () => {
    const { books, journal, clock } = booksOf('r1')
    enter(books, 's')
    for (let n = 0; n < 20; n++) {
      clock.advanceSync(5000)
      books.advance()
      books.heartbeat('orders', 'a', 's')
    }
    assert.equal(journal.index, 1)
  })

  test('what was a standstill of the registry itself is nobody’s silence', () => {
    const clock = new VirtualClock()
    const bounds = boundsOf({}, 'bounds')
    const books = new Books({ name: 'r', clock, bounds, journal: new Journal(bounds), told: () => {} })
    enter(books, 's')
    clock.advanceSync(600_000)
    books.advance()
    assert.equal(books.shown('orders')[0]?.health, 'healthy')
    for (let ms = 0; ms < 15_000; ms += 1000) {
      clock.advanceSync(1000)
      books.advance()
    }
    assert.equal(books.shown('orders')[0]?.health, 'unhealthy')
  })

  test('readiness travels with heartbeats', () => {
    const { books, journal } = booksOf('r1')
    enter(books, 's')
    books.heartbeat('orders', 'a', 's', false)
    assert.equal(books.shown('orders')[0]?.endpoint.readiness, 'unready')
    books.heartbeat('orders', 'a', 's')
    assert.equal(books.shown('orders')[0]?.endpoint.readiness, 'unready', 'no word is no change')
    books.heartbeat('orders', 'a', 's', true)
    assert.equal(books.shown('orders')[0]?.endpoint.readiness, 'ready')
    assert.equal(journal.index, 3)
  })
})

describe('lives', () => {
  test('an earlier life changes nothing of a later one', () => {
    const { books } = booksOf('r1')
    enter(books, 'old', { incarnation: 1 })
    enter(books, 'new', { incarnation: 2, endpoint: { address: '127.0.0.2', port: 1 } })
    assert.throws(() => enter(books, 'late', { incarnation: 1 }), code('SG_STALE_REGISTRATION'))
    assert.throws(() => books.heartbeat('orders', 'a', 'old'), code('SG_WRONG_SECRET'))
    assert.throws(() => books.deregister('orders', 'a', 'old'), code('SG_WRONG_SECRET'))
    assert.equal(books.shown('orders')[0]?.endpoint.address, '127.0.0.2')
    books.heartbeat('orders', 'a', 'new')
  })

  test('the same incarnation may register again, but not once it has left', () => {
    const { books, journal } = booksOf('r1')
    enter(books, 's1', { incarnation: 7 })
    assert.equal(enter(books, 's2', { incarnation: 7 }).edition, 1)
    assert.throws(() => books.heartbeat('orders', 'a', 's1'), code('SG_WRONG_SECRET'))
    books.deregister('orders', 'a', 's2')
    books.deregister('orders', 'a', 's2')
    assert.throws(() => enter(books, 's3', { incarnation: 7 }), code('SG_STALE_REGISTRATION'))
    assert.throws(() => books.heartbeat('orders', 'a', 's2'), code('SG_NOT_REGISTERED'))
    assert.ok(enter(books, 's4').incarnation > 7)
    assert.deepEqual(
      journal.since('orders', journal.epoch, 0)?.map(({ kind }) => kind),
      ['put', 'put', 'left', 'put'],
    )
  })

  test('without one it gets an incarnation that is later than all before, also when the clock went back', () => {
    const { books, clock } = booksOf('r1')
    const first = enter(books, 's1').incarnation
    assert.equal(first, Math.floor(clock.wallNow()))
    clock.wallOffset -= 1e9
    assert.equal(enter(books, 's2').incarnation, first + 1)
  })

  test('who has gone is remembered for a while, and not for ever', () => {
    const { books, clock } = booksOf('r1', new VirtualClock(), { tombstoneMs: 60_000, maxTombstones: 2 })
    for (const id of ['a', 'b', 'c']) {
      enter(books, 's', { id, incarnation: 5 })
      books.deregister('orders', id, 's')
    }
    assert.deepEqual(books.counts, { instances: 0, tombstones: 2 })
    assert.throws(() => enter(books, 's', { id: 'b', incarnation: 4 }), code('SG_STALE_REGISTRATION'))
    clock.advanceSync(60_000)
    books.advance()
    assert.deepEqual(books.counts, { instances: 0, tombstones: 0 })
    assert.equal(books.nextDueAt, undefined)
  })
})

describe('checks', () => {
  const check = { kind: 'tcp', failures: 2, successes: 3 } as const
  const told = (books: Books, passed: boolean) =>
    books.checked('orders/a', hashOf('s'), passed, passed ? undefined : 'tcp: ECONNREFUSED')

  test('the first success makes healthy; then it takes so many in a row, both ways', () => {
    const { books } = booksOf('r1')
    enter(books, 's', { check })
    const seen: string[] = []
    const shown = () => books.shown('orders')[0]
    assert.equal(shown()?.reason, 'its check has not passed yet')
    for (const passed of [false, true, false, true, false, false, true, true, false, true, true, true]) {
      told(books, passed)
      seen.push(shown()?.health === 'healthy' ? '+' : '-')
    }
    assert.equal(seen.join(''), '-++++------+')
    told(books, false)
    told(books, false)
    assert.equal(shown()?.reason, 'its check fails: tcp: ECONNREFUSED')
  })

  test('with heartbeats both must be well', () => {
    const { books, clock } = booksOf('r1')
    enter(books, 's', { check })
    told(books, true)
    assert.equal(books.shown('orders')[0]?.health, 'healthy')
    clock.advanceSync(15_000)
    books.advance()
    told(books, true)
    assert.match(books.shown('orders')[0]?.reason ?? '', /no heartbeat/)
    books.heartbeat('orders', 'a', 's')
    assert.equal(books.shown('orders')[0]?.health, 'healthy')
  })

  test('without heartbeats only the check counts, and after a long time of failing it is removed', () => {
    const { books, clock } = booksOf('r1', new VirtualClock(), { checkOnlyMs: 60_000 })
    enter(books, 's', { check, heartbeats: false })
    clock.advanceSync(50_000)
    books.advance()
    told(books, true)
    clock.advanceSync(50_000)
    books.advance()
    assert.equal(books.shown('orders')[0]?.health, 'healthy')
    told(books, false)
    told(books, false)
    assert.equal(books.shown('orders')[0]?.health, 'unhealthy')
    clock.advanceSync(10_000)
    books.advance()
    assert.deepEqual(books.shown('orders'), [])
  })

  test('a result of an earlier registration changes nothing', () => {
    const { books } = booksOf('r1')
    enter(books, 'other', { check })
    told(books, true)
    assert.equal(books.shown('orders')[0]?.health, 'unhealthy')
  })
})

test('another registration of the same incarnation, heard from a peer, is looked at anew', () => {
  const { books, journal } = booksOf('r1')
  const peer = booksOf('r2').books
  const first = enter(books, 's', { incarnation: 1, check: { kind: 'tcp' } })
  books.checked('orders/a', hashOf('s'), true, undefined)
  peer.merge(first)
  books.merge(enter(peer, 's2', { incarnation: 1, check: { kind: 'http' } }))
  assert.equal(books.shown('orders')[0]?.health, 'unhealthy')
  books.heartbeat('orders', 'a', 's2')
  books.merge(enter(peer, 's3', { incarnation: 1 }))
  assert.equal(books.shown('orders')[0]?.health, 'healthy')
  assert.equal(journal.index, 4)
})

describe('bounds', () => {
  test('services and instances are refused beyond them, and who is in stays in', () => {
    const { books } = booksOf('r1', new VirtualClock(), { maxServices: 2, maxInstancesPerService: 2, maxInstances: 3 })
    enter(books, 's', { id: 'a' })
    enter(books, 's', { id: 'b' })
    assert.throws(() => enter(books, 's', { id: 'c' }), code('SG_REGISTRY_INSTANCES_FULL'))
    enter(books, 's', { service: 'two' })
    assert.throws(() => enter(books, 's', { service: 'three' }), code('SG_REGISTRY_SERVICES_FULL'))
    assert.throws(() => enter(books, 's', { service: 'two', id: 'b' }), code('SG_REGISTRY_INSTANCES_FULL'))
    enter(books, 's2', { id: 'a' })
    books.deregister('orders', 'b', 's')
    enter(books, 's', { service: 'two', id: 'b' })
    assert.equal(books.counts.instances, 3)
  })

  test('changes are kept in a ring, and who comes too late or from elsewhere has to look at the whole', () => {
    const { books, journal } = booksOf('r1', new VirtualClock(), { maxChanges: 4 })
    for (let n = 0; n < 6; n++) enter(books, 's', { id: `i${n}`, service: n % 2 === 0 ? 'even' : 'odd' })
    assert.deepEqual(
      journal.since('odd', journal.epoch, 2)?.map(({ index }) => index),
      [4, 6],
    )
    assert.equal(journal.since('odd', journal.epoch, 1), undefined)
    assert.deepEqual(journal.since('odd', journal.epoch, 6), [])
    for (const index of [7, -1, 0.5, NaN]) assert.equal(journal.since('odd', journal.epoch, index), undefined)
    assert.equal(journal.since('odd', 'another', 6), undefined)
  })

  test('the vector of counts stays short however many registries there were', () => {
    const { books } = booksOf('r0')
    const first = enter(books, 's')
    let record = first
    for (let n = 1; n < 200; n++) {
      const next = booksOf(`r${n}`).books
      next.merge(record)
      next.heartbeat('orders', 'a', 's')
      record = next.holding('orders/a')?.record ?? record
      assert.ok(Object.keys(record.beats).length <= 33)
    }
    books.merge(record)
    assert.equal(books.heartbeat('orders', 'a', 's'), 15_000)
    assert.ok(record.edition > 0 && stateOf(record) === 'alive')
  })
})

test('a registration is checked, and the message names the field', () => {
  const bad: [object, RegExp][] = [
    [{ service: 'a/b' }, /registration\.service/],
    [{ id: '' }, /registration\.id/],
    [{ id: 'x'.repeat(257) }, /endpoint\.id/],
    [{ leaseMs: 999 }, /registration\.leaseMs/],
    [{ leaseMs: 300_001 }, /registration\.leaseMs/],
    [{ heartbeats: false }, /registration\.check/],
    [{ incarnation: -1 }, /registration\.incarnation/],
    [{ check: { kind: 'http', path: 'http://evil/' } }, /check\.path/],
    [{ check: { kind: 'http', path: '/a b' } }, /check\.path/],
    [{ check: { kind: 'http', url: 'http://evil/' } }, /check\.url/],
    [{ check: { kind: 'tcp', timeoutMs: 10_000 } }, /check\.timeoutMs/],
    [{ check: { kind: 'exec' } }, /check\.kind/],
    [{ check: { kind: 'tcp' }, endpoint: { address: 'metadata.internal', port: 80 } }, /endpoint\.address/],
    [{ endpoint: { address: '127.0.0.1', port: 80, readiness: 'ready' } }, /endpoint\.readiness/],
    [{ endpoint: { address: '127.0.0.1', port: 0 } }, /endpoint\.port/],
    [{ colour: 'red' }, /registration\.colour/],
  ]
  for (const [parts, message] of bad) assert.throws(() => facts(parts), message)
  const metadata = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`k${n}`, 'x'.repeat(250)]))
  assert.throws(() => facts({ endpoint: { address: '::1', port: 1, metadata } }), /metadata/)
  assert.equal(registration().leaseMs, undefined)
  assert.equal(facts().leaseMs, 15_000)
})
