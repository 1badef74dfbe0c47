import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerEvent } from '../../src/endpoints/events.ts'
import { entry, Rig } from './rig.ts'

function several(count: number): ReturnType<typeof entry>[] {
  return Array.from({ length: count }, (_, index) => entry(index + 1))
}

test('one of three dies under load: it is ejected, none of a thousand picks goes there, it returns slowly and on probation', () => {
  const rig = new Rig()
  rig.roster.hold(...several(3))
  const dead = rig.peer('2')
  rig.fail(dead, 5, true)
  assert.deepEqual(rig.picked(1000), ['1', '3'])
  const [, view] = rig.peers.views
  const now = rig.clock.now()
  assert.deepEqual(view, {
    id: '2',
    origin: 'http://10.0.0.2',
    zone: undefined,
    inFlight: 0,
    latencyMs: view?.latencyMs,
    state: 'ejected',
    reason: '2 failures in a row, no connection',
    since: now,
    until: now + 30_000,
    ejections: 1,
  })
  rig.clock.advanceSync(30_000)
  assert.deepEqual(rig.picked(1000), ['1', '2', '3'])
  assert.ok(Math.abs(dead.weight(rig.clock.now()) - 0.1) < 1e-9)
  rig.fail(dead, 1)
  assert.equal(rig.peers.views[1]?.until, rig.clock.now() + 60_000)
  assert.deepEqual(
    rig.events.filter(({ type }) => type === 'ejected' || type === 'returned').map((event) => shown(event)),
    [
      ['ejected', '2', 'unreachable', 0],
      ['returned', '2', 'time', 30_000],
      ['ejected', '2', 'probation', 30_000],
    ],
  )
})

function shown(event: PeerEvent): readonly unknown[] {
  const at = event.at - 1_000_000
  if (event.type === 'ejected') return [event.type, event.id, event.reason, at]
  return event.type === 'returned' ? [event.type, event.id, event.cause, at] : [event.type, at]
}

test('one that has come back recovers: its share grows to the whole, its ejections are forgotten', () => {
  const rig = new Rig()
  rig.roster.hold(...several(3))
  const peer = rig.peer('2')
  rig.fail(peer)
  rig.clock.advanceSync(30_000)
  rig.pick()
  rig.succeed(peer, 3)
  rig.clock.advanceSync(30_000)
  assert.equal(peer.weight(rig.clock.now()), 1)
  assert.deepEqual([peer.view.state, peer.view.ejections], ['healthy', 0])
})

test('a success-rate outlier in a fleet of ten goes when the interval ends, noticed by a pick alone', () => {
  const rig = new Rig()
  rig.roster.hold(...several(10))
  for (const id of Array.from({ length: 10 }, (_, index) => String(index + 1))) {
    const peer = rig.peer(id)
    for (let round = 0; round < 25; round++) {
      if (id === '8') rig.fail(peer, 1)
      rig.succeed(peer, 3)
    }
  }
  rig.clock.advanceSync(9999)
  assert.equal(rig.states['8'], 'healthy')
  rig.clock.advanceSync(1)
  assert.ok(!rig.picked().includes('8'))
  assert.equal(rig.peers.totals.ejections['success-rate'], 1)
})

test('what began before an ejection or before a return teaches neither gate nor load', () => {
  const rig = new Rig({ balancer: 'peakEwma' })
  rig.roster.hold(...several(3))
  const peer = rig.peer('1')
  const slow = peer.enter(rig.clock.now())
  rig.fail(peer)
  rig.clock.advanceSync(30_000)
  rig.pick()
  peer.settle(slow, 'failure', 30_000, rig.clock.now())
  assert.equal(peer.view.state, 'healthy')
  assert.equal(peer.latencyMs(rig.clock.now()), 0)
  assert.equal(peer.view.inFlight, 1)
  peer.exit(slow)
  assert.equal(peer.view.inFlight, 0)
})

test('a retry goes to another one, also while one is out', () => {
  const rig = new Rig()
  rig.roster.hold(...several(3))
  rig.fail(rig.peer('1'))
  for (let call = 0; call < 100; call++) {
    const first = rig.pick()
    assert.ok(first)
    const second = rig.pick(first)
    assert.ok(second !== undefined && second !== first && second.id !== '1')
    assert.ok(rig.pick(first, second))
  }
})

test('a panic uses ejected ones that are present, and ends by itself', () => {
  const rig = new Rig()
  const all = several(10)
  rig.roster.hold(...all)
  for (const id of ['1', '2', '3', '4', '5']) rig.fail(rig.peer(id))
  assert.deepEqual(rig.picked(), ['6', '7', '8', '9', '10'])
  rig.roster.hold(entry(1, {}, 'absent'), ...all.slice(1, 8))
  assert.equal(rig.peers.isPanicking, true)
  assert.deepEqual(rig.picked(), ['2', '3', '4', '5', '6', '7', '8'])
  assert.equal(rig.states['2'], 'ejected')
  const panic = rig.events.find(({ type }) => type === 'panic')
  assert.deepEqual(panic, {
    type: 'panic',
    service: 'payments',
    at: rig.clock.now(),
    isPanicking: true,
    ejected: 5,
    endpoints: 8,
  })
  rig.clock.advanceSync(30_000)
  assert.equal(rig.peers.isPanicking, false)
  assert.equal(rig.picked().length, 8)
})

test('ready ones that stop being ready are no reason to send calls to nobody', () => {
  const rig = new Rig()
  rig.roster.hold(...several(3))
  rig.fail(rig.peer('1'))
  rig.roster.hold(entry(1), entry(2, { readiness: 'draining' }), entry(3, { readiness: 'unready' }))
  // The one that is ready cannot be ejected when it is the only one.
  assert.deepEqual(rig.picked(), ['1'])
  assert.deepEqual(rig.states, { 1: 'healthy', 2: 'draining', 3: 'unready' })
})

test('a single endpoint is never ejected', () => {
  const rig = new Rig()
  rig.roster.hold(entry(1))
  rig.fail(rig.peer('1'), 100, true)
  assert.deepEqual(rig.picked(), ['1'])
  assert.equal(rig.states['1'], 'healthy')
})

test('what cannot be connected to is left out and told of once, the others are used', () => {
  const rig = new Rig()
  const bad = entry(2, { address: '0.0.0.0' })
  rig.roster.hold(entry(1), bad)
  rig.roster.hold(bad, entry(1))
  assert.deepEqual(rig.picked(), ['1'])
  const told = rig.events.filter(({ type }) => type === 'unusable')
  assert.equal(told.length, 1)
  assert.match(String(told[0]?.type === 'unusable' && told[0].error), /not an address/)
  rig.roster.hold(entry(1), entry(2))
  assert.deepEqual(rig.picked(), ['1', '2'])
})

test('an endpoint that is written down twice is one', async () => {
  const rig = new Rig()
  rig.roster.hold(entry(1), entry(1), entry(2))
  rig.roster.hold(entry(1), entry(2), entry(2))
  assert.equal(rig.wires.opened, 2)
  assert.deepEqual(rig.picked(), ['1', '2'])
  await rig.peers.close()
  assert.equal(rig.wires.ended.length, 2)
})

test('a listener that throws changes nothing, and one that calls back gets sense', () => {
  const broken = new Rig({
    onEvent: () => {
      throw new Error('broken')
    },
  })
  broken.roster.hold(...several(3))
  broken.fail(broken.peer('1'))
  assert.deepEqual(broken.picked(), ['2', '3'])
  assert.equal(broken.peers.totals.listenerErrors, 4)

  const states: unknown[] = []
  let held = 0
  const curious: Rig = new Rig({
    onEvent: (event) => {
      if (event.type !== 'ejected' && event.type !== 'returned') return
      states.push([event.type, curious.states[event.id]])
      // Another choice within the one that is being made.
      if (event.type === 'returned' && held++ === 0) curious.roster.hold(...several(3).slice(1))
    },
  })
  curious.roster.hold(...several(3))
  curious.fail(curious.peer('1'))
  curious.roster.hold(...several(1))
  assert.deepEqual(states, [
    ['ejected', 'ejected'],
    ['returned', 'healthy'],
  ])
  assert.deepEqual(curious.picked(), ['2', '3'])
})

test('one that is out and moves to another port is another one, with nothing held against it', () => {
  const rig = new Rig()
  rig.roster.hold(...several(3))
  rig.fail(rig.peer('2'))
  rig.roster.hold(entry(1), entry(2, { port: 81 }), entry(3))
  assert.equal(rig.states['2'], 'healthy')
  rig.clock.advanceSync(40_000)
  const weight = rig.peer('2').weight(rig.clock.now())
  assert.equal(weight, 1)
  assert.ok(!rig.events.some(({ type }) => type === 'returned'))
})

test('totals only grow and say what happened', () => {
  const rig = new Rig()
  assert.equal(rig.pick(), undefined)
  rig.roster.hold(...several(2))
  rig.fail(rig.peer('1'))
  rig.fail(rig.peer('2'), 6, true)
  rig.clock.advanceSync(30_000)
  rig.pick()
  rig.roster.hold(entry(1))
  assert.deepEqual(rig.peers.totals, {
    added: 2,
    removed: 1,
    ejections: { 'consecutive-failures': 1, unreachable: 0, 'success-rate': 0, 'failure-share': 0, probation: 0 },
    returns: 1,
    spared: 5,
    panics: 0,
    unpicked: 1,
    vainWaits: 0,
    closeErrors: 0,
    listenerErrors: 0,
  })
})

test('a closed set has nothing left: no listener, no timer, no connections, nobody to pick', async () => {
  const rig = new Rig()
  rig.roster.hold(...several(3))
  const peer = rig.peer('1')
  const ticket = peer.enter(rig.clock.now())
  rig.roster.hold(entry(2), entry(3))
  const waiting = rig.peers.close()
  assert.equal(rig.peers.close(), waiting)
  await waiting
  assert.deepEqual([rig.roster.listeners, rig.clock.pending, rig.peers.leaving], [0, 0, 0])
  assert.deepEqual(rig.wires.ended.toSorted(), ['1', '2', '3'])
  assert.equal(rig.pick(), undefined)
  assert.deepEqual(rig.peers.views, [])
  await assert.rejects(rig.peers.ready(Infinity, undefined) ?? Promise.resolve(), { code: 'SG_CLIENT_CLOSED' })
  // What was under way may still end.
  peer.settle(ticket, 'failure', 1, rig.clock.now(), true)
  peer.exit(ticket)
  rig.roster.hold(entry(9))
  assert.equal(rig.wires.opened, 3)
})
