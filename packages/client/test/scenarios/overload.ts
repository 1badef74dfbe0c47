// Scenario: all endpoints of a service answer 503.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type PolicySpec } from '@switchgear/core'
import { clientOf, httpOrigin } from '../origin.ts'
import { Load } from './load.ts'

/** How it is done. */
export interface OverloadOptions {
  readonly perSecond: number
  readonly forMs: number
  /** Default: those that every service has. */
  readonly policies?: readonly PolicySpec[] | undefined
}

/** What came of it, counted by the servers. */
export interface Overload {
  readonly calls: number
  readonly requests: number
  readonly ended: ReadonlyMap<string, number>
  readonly seconds: number
}

/** Three servers have nothing but 503 to say. */
export async function overload(t: TestContext, options: OverloadOptions): Promise<Overload> {
  const { perSecond, forMs, policies } = options
  let requests = 0
  const origins = await Promise.all(
    [1, 2, 3].map(() =>
      httpOrigin(t, (_request, response) => {
        requests++
        response.writeHead(503).end('no')
      }),
    ),
  )
  const { client } = clientOf(t, { endpoints: origins.map(({ url }) => url), policies })
  const began = performance.now()
  const load = new Load(t, { perSecond, call: () => client.service('shop').fetch('/') })
  await sleep(forMs)
  await load.stop()
  const seconds = (performance.now() - began) / 1000
  assert.equal(load.succeeded, 0)
  t.diagnostic(
    `${load.calls} calls in ${seconds.toFixed(1)} s: ${requests} requests, ${(requests / load.calls).toFixed(3)} per call; ` +
      `ended ${JSON.stringify([...load.failures])}`,
  )
  return { calls: load.calls, requests, ended: load.failures, seconds }
}
