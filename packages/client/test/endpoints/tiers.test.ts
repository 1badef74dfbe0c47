import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Balancer } from '../../src/balancing/index.ts'
import type { Peer } from '../../src/endpoints/peer.ts'
import { entry, Rig } from './rig.ts'

test('ready ones take all calls; then those that drain; then the unready', () => {
  const rig = new Rig()
  const draining = entry(2, { readiness: 'draining' })
  const unready = entry(3, { readiness: 'unready' })
  rig.roster.hold(entry(1), draining, unready)
  assert.deepEqual(rig.picked(), ['1'])
  assert.deepEqual(rig.states, { 1: 'healthy', 2: 'draining', 3: 'unready' })
  rig.roster.hold(draining, unready)
  assert.deepEqual(rig.picked(), ['2'])
  rig.roster.hold(unready)
  assert.deepEqual(rig.picked(), ['3'])
  rig.roster.hold(entry(3))
  assert.deepEqual(rig.picked(), ['3'])
})

test('an absent one keeps its traffic, and is told of when it cannot be reached, and only then', () => {
  const rig = new Rig()
  rig.roster.hold(entry(1), entry(2))
  const [present, other] = [rig.peer('1'), rig.peer('2')]
  rig.roster.hold(entry(1), entry(2, {}, 'absent'))
  assert.deepEqual(rig.picked(), ['1', '2'])
  assert.equal(rig.peer('2'), other)
  assert.deepEqual(rig.states, { 1: 'healthy', 2: 'absent' })
  rig.fail(other, 2)
  rig.fail(present, 1, true)
  assert.deepEqual(rig.roster.unreached, [])
  rig.fail(other, 1, true)
  assert.deepEqual(rig.roster.unreached, ['2'])
})

test('an absent one that was let go does not let go one that has taken its id since', () => {
  const rig = new Rig()
  rig.roster.hold(entry(1), entry(2, {}, 'absent'))
  const old = rig.peer('2')
  const ticket = old.enter(rig.clock.now())
  rig.roster.hold(entry(1), entry(2, { port: 81 }, 'absent'))
  old.settle(ticket, 'failure', 1, rig.clock.now(), true)
  old.exit(ticket)
  assert.deepEqual(rig.roster.unreached, [])
})

test('the roster may let it go within the very call that tells it', () => {
  const rig = new Rig()
  rig.roster.hold(entry(1), entry(2, {}, 'absent'))
  const peer = rig.peer('2')
  rig.roster.unreachable = () => rig.roster.hold(entry(1))
  rig.fail(peer, 1, true)
  assert.deepEqual(rig.picked(), ['1'])
  assert.deepEqual(rig.wires.ended, ['2'])
})

test('a weight of 0 gets nothing while another that is as ready can take it', () => {
  const heard: string[][] = []
  const rig = new Rig({ balancer: listening(heard) })
  rig.roster.hold(entry(1, { weight: 0 }), entry(2), entry(3, { readiness: 'draining' }))
  rig.roster.hold(entry(1, { weight: 0 }), entry(3, { readiness: 'draining' }))
  rig.roster.hold(entry(1, { weight: 1 }), entry(3, { readiness: 'draining' }))
  assert.deepEqual(heard, [['2'], ['1'], ['1']])
})

/** A balancer that writes down what it hears. */
function listening(heard: string[][]): Balancer<Peer> {
  return {
    name: 'listening',
    keyed: false,
    update: (candidates) => heard.push(candidates.map(({ id }) => id)),
    pick: () => undefined,
  }
}

test('weight, zone and readiness change in place; address, port and scheme make another peer', () => {
  const rig = new Rig()
  rig.roster.hold(entry(1), entry(2))
  const peer = rig.peer('1')
  rig.roster.hold(entry(1, { weight: 7, zone: 'b', version: '2' }), entry(2))
  assert.equal(rig.peer('1'), peer)
  assert.deepEqual([peer.weight(Infinity), peer.zone, peer.endpoint.version], [7, 'b', '2'])
  assert.equal(rig.wires.opened, 2)
  let now = {}
  for (const change of [{ port: 81 }, { address: '10.0.1.1' }, { scheme: 'https' as const }]) {
    const before = rig.peer('1')
    now = { ...now, ...change }
    rig.roster.hold(entry(1, now), entry(2))
    assert.notEqual(rig.peer('1'), before)
  }
  assert.equal(rig.wires.opened, 5)
})

test('the balancer hears of a change only when there is one', () => {
  const heard: string[][] = []
  const rig = new Rig({ balancer: listening(heard) })
  const [one, two] = [entry(1), entry(2)]
  rig.roster.hold(one, two)
  rig.roster.hold(one, two)
  rig.roster.hold(one, entry(2, {}, 'absent'))
  rig.roster.hold(one, entry(2, { version: '2' }))
  rig.roster.say({ state: 'stale', error: new Error('gone') })
  rig.pick()
  assert.deepEqual(heard, [['1', '2']])
  rig.roster.hold(one, entry(2, { weight: 2 }))
  rig.roster.hold(one, entry(2, { weight: 2, zone: 'b' }))
  assert.equal(heard.length, 3)
  rig.roster.hold(one)
  assert.deepEqual(heard.at(-1), ['1'])
})

test('the first endpoints start with their whole share, later ones and those that get ready again start slowly', () => {
  const rig = new Rig()
  rig.roster.hold(entry(1), entry(2, { readiness: 'unready' }))
  const now = rig.clock.now()
  assert.equal(rig.peer('1').weight(now), 1)
  rig.clock.advanceSync(60_000)
  rig.roster.hold(entry(1), entry(2), entry(3))
  for (const id of ['2', '3']) assert.ok(Math.abs(rig.peer(id).weight(rig.clock.now()) - 0.1) < 1e-9, id)
  assert.equal(rig.peer('1').weight(rig.clock.now()), 1)
})
