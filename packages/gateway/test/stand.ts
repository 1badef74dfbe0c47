// A test stand: real services and a real gateway on free ports, and clients down to the bare socket. It ends all that it has
// begun and then proves that nothing is left: no call in flight, no connection, no request that was not told of.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type RequestListener,
  type Server,
} from 'node:http'
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server as TcpServer,
  type Socket,
} from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Registry } from '@switchgear/core'
import { createGateway, type ExchangeRecord, type Gateway, type GatewayOptions } from '../src/index.ts'

/** A running service. */
export interface Service {
  readonly origin: string
  readonly sockets: Set<Socket>
  /** Requests seen, the oldest first. */
  readonly requests: IncomingMessage[]
  close(): Promise<void>
}

/** A gateway under test. */
export interface Stand {
  readonly url: string
  readonly port: number
  readonly gateway: Gateway
  readonly registry: Registry
  readonly records: ExchangeRecord[]
  /** The only record; waits until it is there. */
  record(): Promise<ExchangeRecord>
  inFlight(): number
}

type Ending = () => Promise<void>
const endings: Ending[] = []

/** To be called after each test: ends everything, the latest first. */
export async function tearDown(): Promise<void> {
  const failures: unknown[] = []
  for (let ending = endings.pop(); ending !== undefined; ending = endings.pop()) {
    await ending().catch((error: unknown) => failures.push(error))
  }
  if (failures.length > 0) throw failures[0]
}

async function listening(server: Server | TcpServer, sockets: Set<Socket>): Promise<Ending & { port: number }> {
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return Object.assign(close, { port: (server.address() as AddressInfo).port })
}

/** An HTTP service. */
export async function service(listener: RequestListener): Promise<Service> {
  const sockets = new Set<Socket>()
  const requests: IncomingMessage[] = []
  const server = createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
    requests.push(request)
    listener(request, response)
  })
  const close = await listening(server, sockets)
  endings.push(close)
  return { origin: `http://127.0.0.1:${close.port}`, sockets, requests, close }
}

/** A service that speaks bare TCP. */
export async function tcpService(onSocket: (socket: Socket) => void): Promise<Service> {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined)
    onSocket(socket)
  })
  const close = await listening(server, sockets)
  endings.push(close)
  return { origin: `http://127.0.0.1:${close.port}`, sockets, requests: [], close }
}

/** The origin of a port on which nobody listens. */
export async function deadOrigin(): Promise<string> {
  const { origin, close } = await service(() => undefined)
  await close()
  return origin
}

/** A started gateway. After the test it is stopped, and nothing of it may be left. */
export async function stand(options: Omit<GatewayOptions, 'port'>): Promise<Stand> {
  const registry = options.registry ?? new Registry()
  const records: ExchangeRecord[] = []
  const gateway = createGateway({ ...options, registry, port: 0, log: (record) => records.push(record) })
  const { url, port } = await gateway.start()
  const inFlight = (): number => inFlightOf(registry)
  endings.push(async () => {
    try {
      await eventually(() => inFlight() === 0, 'a permit was not given back')
    } finally {
      await gateway.stop()
    }
    await assert.rejects(() => call(url), { code: 'ECONNREFUSED' })
  })
  const record = async (): Promise<ExchangeRecord> => {
    await eventually(() => records.length > 0, 'no record of the request')
    assert.equal(records.length, 1)
    return records[0] as ExchangeRecord
  }
  return { url, port, gateway, registry, records, record, inFlight }
}

/** Calls, bulkhead slots and probes that are taken. */
export function inFlightOf(registry: Registry): number {
  let sum = 0
  for (const { calls, policies } of registry.snapshot().pipelines) {
    sum += calls?.inFlight ?? 0
    for (const policy of policies) {
      if (policy.policy === 'bulkhead') sum += policy.inFlight + policy.queued
      if (policy.policy === 'circuitBreaker') sum += policy.probesInFlight
    }
  }
  return sum
}

/** A complete answer. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly rawHeaders: readonly string[]
  readonly text: string
  /** The body as a problem. */
  problem(): {
    type: string
    title: string
    status: number
    detail: string
    instance?: string
    code: string
    service?: string
  }
}

/** What to send. */
export interface Asking {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
  readonly body?: string | Buffer
}

/** One request on a connection of its own. */
export function call(url: string, { method = 'GET', headers = {}, body }: Asking = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers: { ...headers }, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          rawHeaders: response.rawHeaders,
          text,
          problem: () => {
            assert.equal(response.headers['content-type'], 'application/problem+json')
            return JSON.parse(text)
          },
        })
      })
    })
    request.on('error', reject)
    request.end(body)
  })
}

/** A bare connection and what came over it so far. */
export interface Wire {
  readonly socket: Socket
  readonly received: () => string
  /** Resolves when the other side has closed; answers all that came. */
  readonly closed: Promise<string>
}

/** Opens a bare connection and sends `text`. */
export async function wire(port: number, text: string): Promise<Wire> {
  const socket = connect(port, '127.0.0.1')
  let received = ''
  socket.on('data', (chunk) => (received += chunk.toString('latin1')))
  socket.on('error', () => undefined)
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(received)))
  endings.push(async () => {
    socket.destroy()
    await closed
  })
  await once(socket, 'connect')
  socket.write(text)
  return { socket, received: () => received, closed }
}

/** Sends bare text and answers all that comes until the connection ends. */
export async function exchangeRaw(port: number, text: string): Promise<string> {
  const { closed } = await wire(port, text)
  return closed
}

/** Waits for a condition; wide, because it may take long on a busy machine and is over at once where it holds. */
export async function eventually(holds: () => boolean, otherwise: string): Promise<void> {
  for (let waited = 0; !holds(); waited += 5) {
    if (waited > 10_000) assert.fail(otherwise)
    await sleep(5)
  }
}
