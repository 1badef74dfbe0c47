import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@switchgear/core/testing'
import type { Peer } from '../../src/endpoints/peer.ts'
import { entry, Rig, type Wires } from './rig.ts'

const seed = Number(process.env['SWITCHGEAR_SEED'] ?? 20_260_101)

/** A rig with two endpoints, one of which is removed with a call under way. */
function leaving(failing?: Wires['failing']): { rig: Rig; peer: Peer; ticket: number } {
  const rig = new Rig({ settings: { drainFor: '20s' } })
  rig.wires.failing = failing
  rig.roster.hold(entry(1), entry(2))
  const peer = rig.peer('2')
  const ticket = peer.enter(rig.clock.now())
  rig.roster.hold(entry(1))
  return { rig, peer, ticket }
}

test('one that was removed is not picked, finishes its call, and then its connections close', async () => {
  const { rig, peer, ticket } = leaving()
  assert.deepEqual(rig.picked(), ['1'])
  await rig.clock.advance(19_999)
  assert.deepEqual([rig.wires.closed, rig.wires.destroyed, rig.peers.leaving], [0, 0, 1])
  peer.settle(ticket, 'success', 1, rig.clock.now())
  assert.equal(rig.wires.closed, 0)
  peer.exit(ticket)
  await rig.clock.advance(0)
  assert.deepEqual([rig.wires.closed, rig.wires.destroyed, rig.peers.leaving, rig.clock.pending], [1, 0, 0, 0])
})

test('a call that does not end is ended with its connections when the time is over', async () => {
  const { rig, peer, ticket } = leaving()
  await rig.clock.advance(20_000)
  assert.deepEqual([rig.wires.closed, rig.wires.destroyed, rig.peers.leaving, rig.clock.pending], [0, 1, 0, 0])
  peer.settle(ticket, 'failure', 20_000, rig.clock.now())
  peer.exit(ticket)
  assert.equal(rig.wires.closed, 0)
})

test('one without calls closes at once', async () => {
  const rig = new Rig()
  rig.roster.hold(entry(1), entry(2))
  rig.roster.hold(entry(1))
  assert.equal(rig.wires.closed, 1)
  await rig.clock.advance(0)
  assert.deepEqual([rig.wires.ended, rig.peers.leaving, rig.clock.pending], [['2'], 0, 0])
})

for (const failing of ['hang', 'late'] as const) {
  test(`connections that do not close are destroyed when the time is over, which is no error: ${failing}`, async () => {
    const { rig, peer, ticket } = leaving(failing)
    peer.exit(ticket)
    // A call that was picked before and enters only now does not close them again.
    peer.exit(peer.enter(rig.clock.now()))
    await rig.clock.advance(20_000)
    assert.deepEqual([rig.wires.closed, rig.wires.destroyed, rig.peers.leaving], [1, 1, 0])
    assert.equal(rig.peers.totals.closeErrors, 0)
  })
}

for (const failing of ['close', 'destroy'] as const) {
  test(`when ${failing} fails, it is told and counted, and nothing is left`, async () => {
    const { rig, peer, ticket } = leaving(failing)
    if (failing === 'close') peer.exit(ticket)
    await rig.clock.advance(20_000)
    assert.deepEqual([rig.peers.leaving, rig.clock.pending, rig.peers.totals.closeErrors], [0, 0, 1])
    assert.equal(rig.wires.destroyed, 1)
    assert.equal(rig.events.filter(({ type }) => type === 'closeFailed').length, 1)
  })
}

test('a thousand endpoints churn: as many are closed as opened, nothing else is kept, and picks go to who is there', async () => {
  const random = seededRandom(seed)
  const rig = new Rig({ balancer: 'peakEwma', settings: { drainFor: '5s' } })
  let numbers = Array.from({ length: 1000 }, (_, index) => index)
  let last = 1000
  const hold = (): void =>
    rig.roster.hold(
      ...numbers.map((n) => entry(n, { id: String(n), address: `10.1.${n >> 8}.${n & 255}`, weight: 1 + (n % 3) })),
    )
  hold()
  const open: { peer: Peer; ticket: number }[] = []
  for (let round = 0; round < 60; round++) {
    // A twentieth goes and as many come.
    numbers = numbers.filter(() => random() >= 0.05)
    while (numbers.length < 1000) numbers.push(last++)
    hold()
    const present = new Set(numbers.map(String))
    for (let call = 0; call < 200; call++) {
      const peer = rig.pick()
      assert.ok(peer !== undefined && present.has(peer.id))
      open.push({ peer, ticket: peer.enter(rig.clock.now()) })
    }
    for (const { peer, ticket } of open.splice(0, random() < 0.2 ? 0 : 300)) {
      const unreachable = random() < 0.1
      peer.settle(ticket, random() < 0.3 ? 'failure' : 'success', 5, rig.clock.now(), unreachable)
      peer.exit(ticket)
    }
    await rig.clock.advance(1000)
    assert.ok(rig.clock.pending === rig.peers.leaving)
    assert.equal(rig.peers.views.length, 1000)
  }
  for (const { peer, ticket } of open) peer.exit(ticket)
  await rig.clock.advance(5000)
  const { wires, peers } = rig
  assert.ok(wires.opened > 3000, `${wires.opened} opened`)
  assert.equal(new Set(wires.ended).size, wires.opened - 1000)
  assert.deepEqual([peers.leaving, rig.clock.pending], [0, 0])
  assert.deepEqual([peers.totals.added, peers.totals.removed], [wires.opened, wires.opened - 1000])
  await peers.close()
  assert.equal(new Set(wires.ended).size, wires.opened)
  assert.equal(wires.ended.length, wires.opened, 'each ends once')
})
