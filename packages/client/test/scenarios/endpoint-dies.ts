// Scenario: one of three instances is killed with SIGKILL under load.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Fleet, until } from './fleet.ts'
import { Load } from './load.ts'

/** How long it goes on. */
export interface EndpointDiesOptions {
  readonly perSecond: number
  readonly beforeMs: number
  /** After its ejection. */
  readonly afterMs: number
}

const intervalMs = 10_000

/**
 * No call fails, it is ejected within an interval, and hardly more is sent than was asked for. The leases of the fleet outlast the
 * scenario, so that it is the client alone that notices.
 */
export async function endpointDies(t: TestContext, fleet: Fleet, options: EndpointDiesOptions): Promise<void> {
  const { perSecond, beforeMs, afterMs } = options
  const calling = fleet.call(t)
  await until(() => calling.peers.length === 3, 'the endpoints')
  const load = new Load(t, { perSecond, call: () => calling.client.service('orders').fetch('/') })
  await sleep(beforeMs)
  const before = calling.attempts.total
  const killed = performance.now()
  await fleet.instances.get('orders-2')?.kill('SIGKILL')
  const ejection = () => calling.events.find((event) => event.type === 'ejected')
  await until(() => ejection() !== undefined, 'its ejection', intervalMs)
  const tookMs = performance.now() - killed
  assert.equal(calling.peers.find(({ id }) => id === 'orders-2')?.state, 'ejected')
  const answeredBefore = load.succeeded
  await sleep(afterMs)
  await load.stop()
  const event = ejection()
  assert.ok(event?.type === 'ejected' && event.id === 'orders-2', 'it is the dead one that was ejected')
  assert.deepEqual([...load.failures], [], `${String(load.errors[0])}`)
  assert.equal(calling.events.filter(({ type }) => type === 'ejected').length, 1, 'and nobody else')
  assert.ok(load.succeeded > answeredBefore, 'the others go on')
  assert.ok(before > 0 && load.calls > 0)
  const extra = calling.attempts.total - load.calls
  assert.ok(
    calling.attempts.most <= 3 && extra <= load.calls * 0.2,
    `${extra} further attempts for ${load.calls} calls`,
  )
  t.diagnostic(
    `${load.calls} calls, 0 failed, ${extra} retries, ejected after ${Math.round(tookMs)} ms: ${event.detail}; ` +
      `slowest ${Math.round(load.slowestMs)} ms`,
  )
}
