import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { entry, Rig } from './rig.ts'

async function outcomeOf(wait: Promise<void> | undefined): Promise<unknown> {
  try {
    return await wait
  } catch (error) {
    return error
  }
}

test('where endpoints are known there is nothing to wait for', () => {
  const rig = new Rig()
  rig.roster.hold(entry(1, { readiness: 'unready' }))
  assert.equal(rig.peers.ready(rig.clock.now(), undefined), undefined)
})

test('all that wait go when the first endpoint is there, and leave no timer and no listener', async () => {
  const rig = new Rig()
  const { signal } = new AbortController()
  const waits = Array.from({ length: 3 }, () => rig.peers.ready(rig.clock.now() + 1000, signal))
  await rig.clock.advance(999)
  rig.roster.hold(entry(1))
  await Promise.all(waits)
  assert.equal(rig.pick()?.id, '1')
  assert.deepEqual([rig.clock.pending, getEventListeners(signal, 'abort').length], [0, 0])
})

test('an answer without endpoints lets nobody go', async () => {
  const rig = new Rig()
  const wait = rig.peers.ready(rig.clock.now() + 1000, undefined)
  rig.roster.hold()
  rig.roster.hold(entry(1, { address: '0.0.0.0' }))
  await Promise.all([assert.rejects(wait ?? Promise.resolve(), { code: 'SG_NO_ENDPOINT' }), rig.clock.advance(1000)])
  assert.equal(rig.peers.totals.vainWaits, 1)
})

const states: readonly (readonly [string, (rig: Rig) => void, string])[] = [
  ['waiting', () => undefined, 'payments: no endpoint is known: discovery has not answered yet'],
  ['empty', (rig) => rig.roster.hold(), 'payments: no endpoint is known: discovery says that there is none'],
  [
    'failing',
    (rig) => rig.roster.say({ state: 'stale', error: new Error('SERVFAIL from 127.0.0.1') }),
    'payments: no endpoint is known: discovery fails: SERVFAIL from 127.0.0.1',
  ],
  ['stale', (rig) => rig.roster.say({ state: 'stale' }), 'payments: no endpoint is known: discovery is not up to date'],
  [
    'unusable',
    (rig) => rig.roster.hold(entry(1, { address: '0.0.0.0' })),
    'payments: no endpoint is known: none of the 1 that discovery names can be connected to',
  ],
]

for (const [state, set, message] of states) {
  test(`at the deadline the error says what discovery is doing: ${state}`, async () => {
    const rig = new Rig()
    const outcome = outcomeOf(rig.peers.ready(rig.clock.now() + 800, undefined))
    set(rig)
    await rig.clock.advance(799)
    assert.equal(rig.clock.pending, 1)
    await rig.clock.advance(1)
    const error = await outcome
    assert.ok(error instanceof Error)
    assert.equal(error.message, message)
    assert.equal((error as Error & { code?: string }).code, 'SG_NO_ENDPOINT')
    assert.equal(error.cause, rig.roster.view.error)
  })
}

test('without a deadline the wait ends all the same', async () => {
  const rig = new Rig({ settings: { waitFor: '2s' } })
  const outcome = outcomeOf(rig.peers.ready(Infinity, undefined))
  await rig.clock.advance(2000)
  assert.match(String(await outcome), /discovery has not answered yet/)
})

test('an abort ends the wait with its own reason, before it begins or while it lasts', async () => {
  const rig = new Rig()
  const controller = new AbortController()
  const outcome = outcomeOf(rig.peers.ready(rig.clock.now() + 1000, controller.signal))
  const reason = new Error('the caller has left')
  controller.abort(reason)
  assert.equal(await outcome, reason)
  assert.equal(await outcomeOf(rig.peers.ready(rig.clock.now() + 1000, controller.signal)), reason)
  assert.deepEqual([rig.clock.pending, rig.peers.totals.vainWaits], [0, 0])
})

test('beyond the bound nobody waits', async () => {
  const rig = new Rig({ settings: { maxWaiting: 2 } })
  const waits = [1, 2].map(() => outcomeOf(rig.peers.ready(rig.clock.now() + 1000, undefined)))
  const refused = await outcomeOf(rig.peers.ready(rig.clock.now() + 1000, undefined))
  assert.match(String(refused), /discovery has not answered yet; 2 calls wait for one already$/)
  rig.roster.hold(entry(1))
  assert.deepEqual(await Promise.all(waits), [undefined, undefined])
})

test('closing ends all waits', async () => {
  const rig = new Rig()
  const outcome = outcomeOf(rig.peers.ready(rig.clock.now() + 1000, undefined))
  await rig.peers.close()
  assert.equal(((await outcome) as { code?: string }).code, 'SG_CLIENT_CLOSED')
  assert.equal(rig.clock.pending, 0)
})

test('endpoints that went and came back: who waits in between goes then', async () => {
  const rig = new Rig()
  rig.roster.hold(entry(1))
  rig.roster.hold()
  const wait = rig.peers.ready(rig.clock.now() + 1000, undefined)
  assert.ok(wait)
  rig.roster.hold(entry(1))
  await wait
})
