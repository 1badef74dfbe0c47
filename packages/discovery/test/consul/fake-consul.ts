// A Consul server for tests, written from its documentation ("Blocking Queries", "List Service Instances", "Consistency Modes"): not
// Consul itself. It is strict: whatever a client may not do it answers with 400 and keeps in `violations`, which tests compare with
// nothing at all. Its time is that of the given clock.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Clock } from '@switchgear/core'

/** Answers a question otherwise than Consul should. */
export type Trick = (response: ServerResponse, request: IncomingMessage) => void

interface Kept {
  readonly service: string
  readonly asked: bigint
  readonly answer: () => void
  readonly drop: () => void
}

const allowed = new Set(['index', 'wait', 'dc', 'ns', 'tag', 'passing', 'stale'])
const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 }

export class FakeConsul {
  /** What clients did wrong. */
  readonly violations: string[] = []
  /** Path and query of every question. */
  readonly questions: URL[] = []
  index = 10n
  token: string | undefined = undefined
  datacenter = 'dc1'
  /** Headers of answers, besides the index. */
  headers: Record<string, string> = { 'x-consul-knownleader': 'true', 'x-consul-lastcontact': '0' }
  /** One for each question to come. */
  readonly tricks: Trick[] = []
  /** Set by a restart: indexes from before are then no violation. */
  #knownIndex = 10n
  readonly #services = new Map<string, readonly unknown[]>()
  readonly #kept = new Set<Kept>()
  readonly #clock: Clock
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#server = createServer((request, response) => this.#serve(request, response))
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    for (const kept of this.#kept) kept.drop()
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  get connections(): number {
    return this.#sockets.size
  }

  /** Questions that are being kept. */
  get kept(): number {
    return this.#kept.size
  }

  set(service: string, entries: readonly unknown[]): void {
    this.#services.set(service, entries)
    this.touch()
  }

  /** A write that changes nothing of what is asked for. */
  touch(): void {
    this.index++
    this.#knownIndex = this.index > this.#knownIndex ? this.index : this.#knownIndex
    this.wake()
  }

  /** Answers everything that is kept, whether or not it changed. */
  wake(): void {
    for (const kept of this.#kept) kept.answer()
  }

  /** Forgets everything, as a server does that comes back without its data; connections break. */
  restart(index: bigint): void {
    this.#services.clear()
    this.index = index
    for (const socket of this.#sockets) socket.destroy()
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://consul')
    this.questions.push(url)
    const violation = this.#violation(request, url)
    if (violation !== undefined) {
      this.violations.push(violation)
      response.writeHead(400).end(violation)
      return
    }
    const trick = this.tricks.shift()
    if (trick !== undefined) {
      trick(response, request)
      return
    }
    if (this.token !== undefined && request.headers['x-consul-token'] !== this.token) {
      response.writeHead(403).end(`Permission denied: token ${request.headers['x-consul-token']} lacks service:read`)
      return
    }
    const service = decodeURIComponent(url.pathname.slice('/v1/health/service/'.length))
    const asked = BigInt(url.searchParams.get('index') ?? 0)
    if (asked === 0n || this.index > asked) this.#answer(service, response)
    else this.#keep(service, asked, millisecondsOf(url.searchParams.get('wait') ?? '5m') ?? 0, response)
  }

  /** A question with an index waits for a greater one, also when the index is greater than all there are. */
  #keep(service: string, asked: bigint, waitMs: number, response: ServerResponse): void {
    const done = (): void => {
      timer.cancel()
      this.#kept.delete(kept)
    }
    const kept: Kept = {
      service,
      asked,
      drop: done,
      answer: () => {
        done()
        this.#answer(service, response)
      },
    }
    // The documented extra of up to a sixteenth, at its largest.
    const timer = this.#clock.setTimer(kept.answer, waitMs + waitMs / 16)
    timer.hold?.(false)
    this.#kept.add(kept)
    response.on('close', done)
  }

  #answer(service: string, response: ServerResponse): void {
    response.setHeader('content-type', 'application/json')
    response.setHeader('x-consul-index', String(this.index))
    for (const [name, value] of Object.entries(this.headers)) response.setHeader(name, value)
    response.end(JSON.stringify(this.#services.get(service) ?? []))
  }

  #violation({ method, headers }: IncomingMessage, url: URL): string | undefined {
    const { pathname, searchParams } = url
    if (method !== 'GET') return `method ${method}`
    if (!/^\/v1\/health\/service\/[^/]+$/.test(pathname)) return `path ${pathname}`
    for (const name of searchParams.keys()) if (!allowed.has(name)) return `parameter ${name}`
    const index = searchParams.get('index')
    const wait = searchParams.get('wait')
    if (index === null) return wait === null ? this.#scope(searchParams, headers) : 'wait without index'
    if (!/^[1-9]\d*$/.test(index)) return `index ${index}`
    if (BigInt(index) > this.#knownIndex) return `index ${index} was never given`
    if (BigInt(index) > this.index) return `index ${index} is from before the restart`
    if (wait === null) return 'index without wait'
    const waitMs = millisecondsOf(wait)
    if (waitMs === undefined || waitMs <= 0 || waitMs > 600_000) return `wait ${wait}`
    return this.#scope(searchParams, headers)
  }

  #scope(searchParams: URLSearchParams, headers: IncomingMessage['headers']): string | undefined {
    const datacenter = searchParams.get('dc')
    if (datacenter !== null && datacenter !== this.datacenter) return `datacenter ${datacenter}`
    if (this.token !== undefined && headers['x-consul-token'] === undefined) return 'no token'
    return undefined
  }
}

/** A duration in Go's form, of one unit. */
function millisecondsOf(text: string): number | undefined {
  const match = /^(\d+)(ms|s|m)$/.exec(text)
  const unit = unitMs[match?.[2] ?? '']
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit
}

/** Parts of an instance that a test cares about. */
export interface InstanceParts {
  readonly node?: Record<string, unknown>
  readonly service?: Record<string, unknown>
  readonly checks?: readonly (readonly [id: string, status: string])[]
}

/** An entry of an answer, in the form of the documentation's example. */
export function instance(id: string, { node = {}, service = {}, checks = [] }: InstanceParts = {}): unknown {
  return {
    Node: {
      ID: '40e4a748-2192-161a-0510-9bf59fe950b5',
      Node: 'n1',
      Address: '10.1.10.12',
      Datacenter: 'dc1',
      Meta: {},
      ...node,
    },
    Service: {
      ID: id,
      Service: 'payments',
      Tags: [],
      Address: '10.1.10.12',
      Meta: {},
      Port: 8000,
      Weights: { Passing: 1, Warning: 1 },
      Namespace: 'default',
      ...service,
    },
    Checks: [['serfHealth', 'passing'] as const, ...checks].map(([CheckID, Status]) => ({
      Node: 'n1',
      CheckID,
      Status,
      Output: '',
    })),
  }
}
