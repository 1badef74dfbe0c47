// An instance of a service as a process: node:http behind `protect`, found by `register`. It ends as one should: SIGTERM, not ready,
// deregistered, drained, and then nothing is left that would keep it alive.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { protect } from '@switchgear/client'
import { register } from '@switchgear/discovery'
import { leave, ready, settings, tell } from './parent.ts'

/** How it is started. */
export interface InstanceSettings {
  readonly id: string
  readonly registry: string
  readonly token: string
  readonly leaseMs: number
  /** How long it accepts requests after it has deregistered. */
  readonly lameDuckMs: number
  /** How long an answer takes. */
  readonly workMs: number
  /** Of all answers. Default 200. */
  readonly status?: number | undefined
}

/** What it has done. */
export interface InstanceNews {
  readonly id: string
  readonly served: number
  /** Numbers of the POSTs that it carried out. */
  readonly posted: readonly number[]
}

const { id, registry, token, leaseMs, lameDuckMs, workMs, status = 200 } = settings<InstanceSettings>()
let served = 0
const posted: number[] = []

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  request.resume()
  served++
  if (request.method === 'POST') posted.push(Number(request.url?.slice(1)))
  await sleep(workMs * (0.5 + Math.random()))
  response.writeHead(status, { 'content-type': 'text/plain' }).end(id)
}

const server = createServer((request, response) => void answer(request, response))
// Without shedding: on a busy machine an instance would refuse what the scenario has no part in.
const policies = [{ bulkhead: { maxInFlight: 1000 } }]
const protection = protect(server, { policies, lameDuck: lameDuckMs })
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const { port } = server.address() as AddressInfo
const onProblem = (): void => undefined
const registering = await register({ service: 'orders', id, port, registry, token, lease: leaseMs, onProblem })
const news = (): InstanceNews => ({ id, served, posted })

process.once('SIGTERM', () => {
  void (async () => {
    registering.ready(false)
    await registering.close()
    await protection.drain()
    await tell(news())
    leave()
  })()
})
ready({ port }, { news, state: () => registering.state })
