// A server for tests, on a free port of the loopback, that counts its connections. Owns what it opens: `close` ends everything.
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createSocketServer, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type PipelineSnapshot, type PolicySnapshot, systemClock } from '@switchgear/core'
import type { Dispatcher } from 'undici'
import {
  type Client,
  type ClientExchange,
  type ClientOptions,
  createClient,
  type ServiceOptions,
  type Upstream,
} from '../src/index.ts'

export interface Origin {
  readonly url: string
  readonly port: number
  /** Connections that are open now. */
  readonly open: ReadonlySet<Socket>
  /** Connections ever made. */
  readonly accepted: number
  close(): Promise<void>
}

/** Answers HTTP. */
export function httpOrigin(t: TestContext, answer: RequestListener): Promise<Origin> {
  const server = createServer(answer)
  // Far longer than a test: only the client may close idle connections.
  server.keepAliveTimeout = 60_000
  return listening(t, server)
}

/** Gives every connection as it is. */
export function rawOrigin(t: TestContext, connected: (socket: Socket) => void): Promise<Origin> {
  return listening(t, createSocketServer(connected))
}

async function listening(t: TestContext, server: Server): Promise<Origin> {
  const open = new Set<Socket>()
  let accepted = 0
  server.on('connection', (socket: Socket) => {
    accepted++
    open.add(socket)
    socket.on('error', () => undefined).on('close', () => open.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    for (const socket of open) socket.destroy()
    if (server.listening) await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  t.after(close)
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    open,
    get accepted() {
      return accepted
    },
    close,
  }
}

/** A port on which nobody listens. */
export async function deadPort(t: TestContext): Promise<number> {
  const origin = await rawOrigin(t, (socket) => socket.destroy())
  await origin.close()
  return origin.port
}

export interface Held {
  readonly client: Client
  readonly exchanges: ClientExchange[]
  /** What the pipeline of `shop` says now. */
  snapshot(): PipelineSnapshot
  policy<K extends PolicySnapshot['policy']>(kind: K): Extract<PolicySnapshot, { policy: K }>
}

/** A client with one service, `shop`, closed after the test. */
export function clientOf(t: TestContext, service: ServiceOptions, options: Partial<ClientOptions> = {}): Held {
  const exchanges: ClientExchange[] = []
  const client = createClient({
    services: { shop: service },
    onExchange: (exchange) => exchanges.push(exchange),
    ...options,
  })
  t.after(() => client.close())
  const snapshot = (): PipelineSnapshot => client.service('shop').pipeline.snapshot()
  return {
    client,
    exchanges,
    snapshot,
    policy(kind) {
      const found = snapshot().policies.find((policy) => policy.policy === kind)
      if (found === undefined) throw new Error(`the pipeline holds no ${kind}`)
      return found as Extract<PolicySnapshot, { policy: typeof kind }>
    },
  }
}

/** Waits until `holds`, and fails after five seconds. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  for (let waited = 0; waited < 5000; waited += 10) {
    if (holds()) return
    await sleep(10)
  }
  throw new Error(`waited in vain for: ${what}`)
}

/** A request to one of its endpoints, past its policies. */
export async function request(upstream: Upstream): Promise<Dispatcher.ResponseData> {
  const peer = upstream.peers.pick(systemClock.now(), undefined, [])
  if (peer === undefined) throw new Error('the service has no endpoint')
  return peer.dispatcher.request({ origin: peer.origin, path: '/', method: 'GET' })
}
