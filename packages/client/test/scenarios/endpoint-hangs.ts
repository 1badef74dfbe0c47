// Scenario: one of three instances stands still (SIGSTOP): the system still accepts its connections, and nothing is ever answered.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ServiceOptions, standardPolicies } from '../../src/index.ts'
import { type Fleet, until } from './fleet.ts'
import { Load } from './load.ts'

/** How long it goes on. */
export interface EndpointHangsOptions {
  readonly perSecond: number
  readonly attemptTimeoutMs: number
  /** Of the ejection. */
  readonly intervalMs: number
  readonly beforeMs: number
  /** After its ejection. */
  readonly afterMs: number
}

/** Each call that meets it is answered by another one after the timeout of one attempt, and it is ejected. At the end it goes on. */
export async function endpointHangs(t: TestContext, fleet: Fleet, options: EndpointHangsOptions): Promise<void> {
  const { perSecond, attemptTimeoutMs, intervalMs, beforeMs, afterMs } = options
  const policies = [...standardPolicies.slice(0, 4), { timeout: { after: attemptTimeoutMs, name: 'attemptTimeout' } }]
  const service: ServiceOptions = { policies, ejection: { interval: intervalMs } }
  const calling = fleet.call(t, { service })
  await until(() => calling.peers.length === 3, 'the endpoints')
  const load = new Load(t, { perSecond, call: () => calling.client.service('orders').fetch('/') })
  await sleep(beforeMs)
  const hung = fleet.instances.get('orders-2')
  hung?.signal('SIGSTOP')
  t.after(() => hung?.signal('SIGCONT'))
  const stopped = performance.now()
  const ejection = () => calling.events.find((event) => event.type === 'ejected')
  await until(() => ejection() !== undefined, 'its ejection', intervalMs + attemptTimeoutMs + 2000)
  const tookMs = performance.now() - stopped
  await sleep(afterMs)
  await load.stop()
  const event = ejection()
  assert.ok(event?.type === 'ejected' && event.id === 'orders-2', 'it is the hanging one that was ejected')
  assert.deepEqual([...load.failures], [], String(load.errors[0]))
  assert.ok(load.slowestMs >= attemptTimeoutMs, 'some calls had to wait for it')
  // One timeout, a wait of the retry, another answer, and a busy machine.
  assert.ok(load.slowestMs < attemptTimeoutMs + 2000, `the slowest took ${load.slowestMs} ms`)
  const extra = calling.attempts.total - load.calls
  assert.ok(extra >= 1 && extra <= load.calls * 0.2, `${extra} further attempts for ${load.calls} calls`)
  t.diagnostic(
    `${load.calls} calls, 0 failed, ${extra} retries, ejected after ${Math.round(tookMs)} ms: ${event.detail}; ` +
      `slowest ${Math.round(load.slowestMs)} ms at a timeout of ${attemptTimeoutMs} ms`,
  )
}
