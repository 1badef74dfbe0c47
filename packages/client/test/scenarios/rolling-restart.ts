// Scenario: every instance is replaced, one after the other, under load.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { type Fleet, until } from './fleet.ts'
import type { InstanceNews } from './instance.ts'
import { Load } from './load.ts'

/** How it is done. */
export interface RollingRestartOptions {
  readonly perSecond: number
  readonly rounds: number
}

/** What became of it. */
export interface RollingRestart {
  readonly gets: Load
  readonly posts: Load
  /** POSTs that two instances, or one twice, carried out. */
  readonly doubled: number
  /** POSTs that nobody carried out although their caller was told so. */
  readonly lost: number
}

/** Replaces all instances; GETs may be tried again, POSTs without a key may not. */
export async function rollingRestart(
  t: TestContext,
  fleet: Fleet,
  { perSecond, rounds }: RollingRestartOptions,
): Promise<RollingRestart> {
  const calling = fleet.call(t)
  await until(() => calling.peers.length === 3, 'the endpoints')
  const service = calling.client.service('orders')
  const gets = new Load(t, { perSecond, call: () => service.fetch('/') })
  const posts = new Load(t, { perSecond, call: (n) => service.fetch(`/${n}`, { method: 'POST', body: 'an order' }) })
  const carriedOut: number[] = []
  const take = ({ posted }: InstanceNews): void => void carriedOut.push(...posted)
  const before = new Set(calling.peers.map(({ origin }) => origin))
  for (let round = 0; round < rounds; round++) {
    for (const [id, old] of [...fleet.instances]) {
      old.hear((words) => take(words as InstanceNews))
      assert.equal(await old.kill('SIGTERM'), 0, 'it ends by itself, and well')
      const { port } = await fleet.startInstance(id)
      await until(() => calling.peers.some(({ origin }) => origin.endsWith(`:${port}`)), 'the new one')
    }
  }
  await Promise.all([gets.stop(), posts.stop()])
  for (const instance of fleet.instances.values()) take(await instance.ask<InstanceNews>('news'))
  assert.ok(calling.peers.every(({ origin }) => !before.has(origin)) && calling.peers.length === 3, 'all are new')
  const once = new Set(carriedOut)
  const retries = calling.attempts.total - gets.calls - posts.calls
  t.diagnostic(
    `${rounds} x 3 restarts: ${gets.calls} GETs, ${gets.failed} failed; ${posts.calls} POSTs, ` +
      `${posts.failed} failed ${JSON.stringify([...posts.failures])}, ${carriedOut.length - once.size} doubled; ${retries} retries`,
  )
  return { gets, posts, doubled: carriedOut.length - once.size, lost: posts.succeeded - once.size }
}
