// Scenario: many endpoints come, move and go all the time, and the client that follows holds no more after it than before.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { httpOrigin } from '../origin.ts'
import { type Child, startChild } from './child.ts'
import type { CallingSettings, Holdings } from './calling.ts'
import type { ChurningNews, ChurningSettings } from './churning-registry.ts'
import { until } from './fleet.ts'

/** How it is done. */
export interface ChurnOptions {
  readonly seed: number
  readonly endpoints: number
  readonly changesPerSecond: number
  readonly callsPerSecond: number
  /** Before the first look: buffers, caches and compiled code reach their size. */
  readonly warmUpMs: number
  readonly forMs: number
  /** What the heap may grow by from the first look to the last, bytes. */
  readonly mostGrowth: number
}

const servers = 20
/** The client's idle connections live for four seconds. */
const keepAliveSeconds = 4

/** Memory, sockets, timers and peers are flat; no call fails. */
export async function churn(t: TestContext, options: ChurnOptions): Promise<void> {
  const { seed, endpoints, changesPerSecond, callsPerSecond, warmUpMs, forMs, mostGrowth } = options
  const answer = Array.from({ length: servers }, () => httpOrigin(t, (_request, response) => response.end('here')))
  const origins = await Promise.all(answer)
  const sockets = (): number => origins.reduce((sum, { open }) => sum + open.size, 0)
  const ports = origins.map(({ port }) => port)
  const churning: ChurningSettings = { seed, instances: endpoints, perSecond: changesPerSecond, ports }
  const registry = await startChild(t, 'churning-registry.ts', churning)
  const calling: CallingSettings = { registry: `http://127.0.0.1:${registry.port}`, perSecond: callsPerSecond }
  const client = await startChild(t, 'calling.ts', calling, ['--expose-gc'])
  const look = (): Promise<Holdings> => client.ask<Holdings>('holdings')
  await until(async () => (await look()).peers === endpoints, 'all endpoints')

  await registry.ask('begin')
  await sleep(warmUpMs)
  const before = await look()
  const socketsBefore = sockets()
  const changedBefore = await registry.ask<ChurningNews>('news')
  await sleep(forMs)
  const during = await look()
  const socketsDuring = sockets()
  const changed = await registry.ask<ChurningNews>('end')
  const changes = changed.came + changed.moved - changedBefore.came - changedBefore.moved
  await until(async () => ((h) => h.peers === endpoints && h.known === endpoints)(await look()), 'the last change')
  const after = await client.ask<Holdings>('stop')
  const most = callsPerSecond * keepAliveSeconds + 100
  checkFlat({ before, during, after, endpoints, mostGrowth })
  assert.ok(socketsDuring <= most, `${socketsDuring} connections at ${callsPerSecond} calls a second`)
  assert.ok(changes >= (changesPerSecond * forMs) / 2000, `only ${changes} changes`)
  await checkClosed(client, sockets)
  const mb = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1)
  t.diagnostic(
    `seed ${seed}: ${endpoints} endpoints, ${changes} changes and ${after.calls} calls in ${forMs / 1000} s, 0 failed; heap ` +
      `${mb(before.heap)} MiB before, ${mb(during.heap)} during, ${mb(after.heap)} after; buffers ${mb(before.buffers)}, ` +
      `${mb(during.buffers)}, ${mb(after.buffers)} MiB; sockets ${socketsBefore}, ${socketsDuring}; timers ${before.timers}, ` +
      `${during.timers}, ${after.timers}; ${after.cpuSeconds.toFixed(1)} s of CPU`,
  )
}

interface Looks {
  readonly before: Holdings
  readonly during: Holdings
  readonly after: Holdings
  readonly endpoints: number
  readonly mostGrowth: number
}

function checkFlat({ before, during, after, endpoints, mostGrowth }: Looks): void {
  assert.deepEqual(after.failures, [])
  assert.equal(after.succeeded, after.calls)
  assert.ok(after.calls > before.calls)
  assert.equal(after.added - after.removed, endpoints, 'every peer that came and is not there has gone')
  assert.ok(after.added > before.added, 'there was something to follow')
  assert.equal(after.otherEvents, 0, 'nobody was ejected, and every connection closed well')
  const growth = Math.max(during.heap, after.heap) - before.heap
  assert.ok(growth < mostGrowth, `the heap has grown by ${growth} bytes`)
  const buffers = Math.max(during.buffers, after.buffers) - before.buffers
  assert.ok(buffers < mostGrowth, `buffers have grown by ${buffers} bytes`)
  // A handful of the engine's own, and one for each call under way.
  assert.ok(during.timers < 200 && after.timers < 20, `${during.timers} and ${after.timers} timers`)
}

/** With the client everything is gone. */
async function checkClosed(client: Child, sockets: () => number): Promise<void> {
  const { timers } = await client.ask<Holdings>('close')
  assert.equal(timers, 0, 'no timer is left')
  await until(() => sockets() === 0, 'no connection is left')
}
