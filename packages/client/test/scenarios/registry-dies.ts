// Scenario: the registry is killed under load, stays away, and comes back with what it knew or with nothing.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Calling, type Fleet, until } from './fleet.ts'
import { Load } from './load.ts'

/** How long it goes on. */
export interface RegistryDiesOptions {
  readonly perSecond: number
  /** How long it is away. */
  readonly downMs: number
  /** Whether it still has its file when it comes back. */
  readonly keeps: boolean
  /** Another client starts meanwhile, which knows the endpoints from its disk only. */
  readonly restarts?: boolean | undefined
}

/** No call fails, nobody is forgotten, what is known is visibly stale meanwhile, and everything heals by itself. */
export async function registryDies(t: TestContext, fleet: Fleet, options: RegistryDiesOptions): Promise<void> {
  const { perSecond, downMs, keeps, restarts = false } = options
  const folder = await mkdtemp(join(tmpdir(), 'switchgear-scenario-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const lastKnown = join(folder, 'endpoints')
  const calling = fleet.call(t, { lastKnown })
  await until(() => calling.view.state === 'live' && calling.peers.length === 3, 'the endpoints')
  if (restarts) await until(() => isWritten(lastKnown), 'the last known endpoints on disk')
  const load = new Load(t, { perSecond, call: () => calling.client.service('orders').fetch('/') })
  await sleep(500)
  const known = calling.view.entries.length

  await fleet.killRegistry()
  const killed = performance.now()
  await until(() => calling.view.state === 'stale', 'the outage is visible')
  assert.ok(calling.view.error !== undefined, 'and says why')
  const staleAfterMs = Math.round(performance.now() - killed)
  if (restarts) await restarted(t, fleet, lastKnown)
  await sleep(downMs - (performance.now() - killed))
  assert.equal(calling.view.state, 'stale')
  const duringOutage = load.succeeded

  if (!keeps) await fleet.loseBooks()
  await fleet.startRegistry()
  const back = performance.now()
  await until(() => calling.view.state === 'live', 'it is heard again', 45_000)
  const heardMs = Math.round(performance.now() - back)
  // The waits of those who register grow during an outage too.
  await until(async () => (await registered(fleet)) === 3, 'all have registered again', 45_000)
  const registeredMs = Math.round(performance.now() - back)
  await until(() => isWell(calling), 'all is as before')
  // Long enough that an instance which nobody renewed would be missed.
  await sleep(fleet.leaseMs)
  await until(async () => (await registered(fleet)) === 3 && isWell(calling), 'all stays so')
  await load.stop()

  assert.deepEqual([...load.failures], [], `${String(load.errors[0])}`)
  assert.ok(duringOutage > 0 && load.succeeded === load.calls)
  assert.equal(known, 3)
  const changes = calling.events.filter(({ type }) => type === 'removed' || type === 'ejected')
  assert.deepEqual(changes, [], 'nobody was forgotten')
  assert.equal(load.answers.size, 3, 'all three have answered')
  const states = await Promise.all([...fleet.instances.values()].map((instance) => instance.ask<string>('state')))
  assert.deepEqual(states, ['registered', 'registered', 'registered'])
  t.diagnostic(
    `${load.calls} calls, 0 failed; away for ${downMs} ms, stale visible after ${staleAfterMs} ms; back ` +
      `${keeps ? 'with its file' : 'empty'}: heard after ${heardMs} ms, all registered after ${registeredMs} ms; ` +
      `slowest call ${Math.round(load.slowestMs)} ms`,
  )
}

/** A client that begins while the registry is down. */
async function restarted(t: TestContext, fleet: Fleet, lastKnown: string): Promise<void> {
  const second = fleet.call(t, { lastKnown })
  for (let call = 0; call < 20; call++) {
    const response = await second.client.service('orders').fetch('/')
    assert.equal(response.status, 200)
    await response.text()
  }
  assert.equal(second.view.state, 'stale')
  assert.equal(second.view.entries.length, 3)
  await second.close()
}

async function isWritten(lastKnown: string): Promise<boolean> {
  const text = await readFile(join(lastKnown, 'orders.json'), 'utf8').catch(() => '')
  return ['orders-1', 'orders-2', 'orders-3'].every((id) => text.includes(id))
}

async function registered(fleet: Fleet): Promise<number> {
  return (await fleet.registry?.ask<{ ids: string[] }>('instances'))?.ids.length ?? 0
}

function isWell({ view, peers }: Calling): boolean {
  const present = view.entries.filter(({ presence }) => presence === 'present').length
  return view.state === 'live' && present === 3 && peers.every(({ state }) => state === 'healthy')
}
