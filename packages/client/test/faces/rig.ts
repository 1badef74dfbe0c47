// A service agent with its service, `shop`, as a client would make them, and a way to send requests through it.
import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import type { TestContext } from 'node:test'
import { type AdmittingPipeline, Registry, systemClock } from '@switchgear/core'
import type { Directory, Endpoint, Roster, RosterView } from '@switchgear/discovery'
import { endpoint } from '@switchgear/discovery'
import type { Depot } from '../../src/depot.ts'
import { DueLanes } from '../../src/dispatch/due-lanes.ts'
import { OriginRoutes } from '../../src/dispatch/routes.ts'
import type { Routes } from '../../src/dispatch/service-dispatcher.ts'
import { closedError } from '../../src/errors.ts'
import { ServiceAgent } from '../../src/faces/service-agent.ts'
import type { ClientExchange, PeerView } from '../../src/index.ts'
import { createUpstream, type ServiceOptions } from '../../src/upstream.ts'

/** A roster that the test tells what is there. */
export class ToldRoster implements Roster, Directory {
  view: RosterView
  readonly service: string
  readonly listeners = new Set<(view: RosterView) => void>()

  constructor(service = 'shop') {
    this.service = service
    this.view = { service, state: 'waiting', since: 0, error: undefined, entries: [], version: 0 }
  }

  tell(ports: readonly (number | Endpoint)[], more: Partial<RosterView> = {}): void {
    const entries = ports.map((port) => ({
      endpoint: typeof port === 'number' ? endpoint({ address: '127.0.0.1', port }, 'told') : port,
      presence: 'present' as const,
    }))
    this.view = { ...this.view, state: 'live', entries, version: this.view.version + 1, ...more }
    for (const listener of this.listeners) listener(this.view)
  }

  subscribe(listener: (view: RosterView) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  unreachable(): void {}

  roster(): Roster {
    return this
  }

  services(): readonly string[] {
    return [this.service]
  }

  release(): boolean {
    return this.listeners.size === 0
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

export interface Rig {
  readonly agent: ServiceAgent
  readonly depot: Depot
  readonly pipeline: AdmittingPipeline
  readonly exchanges: ClientExchange[]
  readonly views: readonly PeerView[]
  /** Successes and failures that the circuit breaker has seen. */
  counted(): { readonly successes: number; readonly failures: number }
  inFlight(): number
}

/** The circuit breaker counts, and never opens by itself. */
export const counting = { circuitBreaker: { failureRatio: 1, window: '10m', minimumThroughput: 100_000 } } as const

/** An agent for `shop`, closed after the test. */
export function agentOf(
  t: TestContext,
  options: ServiceOptions,
  more: { directory?: Directory; routes?: Routes; travels?: boolean } = {},
): Rig {
  const exchanges: ClientExchange[] = []
  const registry = new Registry()
  const policies = options.policies ?? [{ bulkhead: { maxInFlight: 50 } }, counting]
  const upstream = createUpstream('shop', { ...options, policies }, { registry, directory: more.directory })
  const depot: Depot = {
    upstream,
    clock: systemClock,
    lanes: new DueLanes(systemClock),
    report: (exchange) => exchanges.push(exchange),
    mostReplayed: 0,
    live: new Set(),
    travels: more.travels ?? true,
    closed: false,
  }
  const routes = new OriginRoutes(undefined)
  routes.addService('shop', depot)
  const agent = new ServiceAgent(more.routes ?? routes)
  t.after(async () => {
    depot.closed = true
    for (const call of depot.live) call.stop(closedError('shop'))
    depot.lanes.close()
    agent.destroy()
    await upstream.close()
  })
  const of = (kind: string): Record<string, unknown> =>
    (upstream.pipeline.snapshot().policies.find(({ policy }) => policy === kind) ?? {}) as Record<string, unknown>
  return {
    agent,
    depot,
    pipeline: upstream.pipeline,
    exchanges,
    get views() {
      return upstream.peers.views
    },
    counted() {
      const { successes, failures } = of('circuitBreaker')['totals'] as { successes: number; failures: number }
      return { successes, failures }
    },
    inFlight: () => Number(of('bulkhead')['inFlight']),
  }
}

export interface Told {
  readonly request: ClientRequest
  readonly errors: Error[]
  /** Resolves when the request has closed. */
  readonly closed: Promise<void>
  readonly response: Promise<IncomingMessage>
}

/** Sends a request and writes down what its owner is told. */
export function send(agent: http.Agent, options: http.RequestOptions = {}, body?: string): Told {
  const errors: Error[] = []
  const request = http.request({ agent, host: 'shop', path: '/', ...options })
  request.on('error', (error) => errors.push(error))
  const closed = new Promise<void>((resolve) => request.on('close', resolve))
  const response = new Promise<IncomingMessage>((resolve) => request.on('response', resolve))
  request.end(body)
  return { request, errors, closed, response }
}

/** The whole body, or the error that ended it. */
export function read(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (data: string) => (text += data))
    response.on('end', () => resolve(text))
    response.on('error', reject)
  })
}
