// The front door: listens, routes, and hands each request to the pipeline of its service. Owns the life of a gateway (start,
// drain, stop) and of its upstreams. Invariant: `stop` resolves only when no connection, permit or timer of it is left.
// Signals of the process belong to its caller.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { createUpstream, nearest, type Upstream } from '@switchgear/client'
import { type Clock, OptionsError, Registry, SwitchgearError, systemClock } from '@switchgear/core'
import { createMetrics, type Metrics } from '@switchgear/telemetry'
import { Cut } from './cut.ts'
import { Exchange, type ExchangeRecord } from './exchange.ts'
import { describe } from './fault.ts'
import { Listener } from './listener.ts'
import { faultOfRequest } from './oddity.ts'
import { type GatewayOptions, type Settings, settingsOf } from './options.ts'
import { parseTarget } from './path.ts'
import { problem, type Problem } from './problem.ts'
import { relay } from './relay.ts'
import { forwardedPath, ownPaths, Router } from './router.ts'
import { answerStatus } from './status.ts'
import { Substitute } from './substitute.ts'

/** A gateway. */
export interface Gateway {
  /** Listens. Rejects with `SG_CANNOT_LISTEN` when it cannot, for example because the port is taken; it may be tried again. */
  start(): Promise<{ readonly url: string; readonly port: number }>
  /**
   * Accepts no more, lets requests finish for `drainTimeout`, then cuts them, and closes the upstreams. It may be called
   * more than once; a stopped gateway does not start again.
   */
  stop(): Promise<void>
}

/**
 * Makes a gateway. Throws `SG_BAD_OPTIONS` for a wrong route, service or setting; nothing listens yet.
 *
 * @example
 * const gateway = createGateway({
 *   routes: [{ path: '/payments', service: 'payments', stripPrefix: true }],
 *   services: { payments: { endpoints: ['http://127.0.0.1:4001'] } },
 *   port: 8080,
 * })
 * const { url } = await gateway.start()
 * await gateway.stop()
 */
export function createGateway(options: GatewayOptions): Gateway {
  return new FrontDoor(options)
}

class FrontDoor implements Gateway {
  readonly #settings: Settings
  readonly #router: Router
  readonly #upstreams: ReadonlyMap<string, Upstream>
  readonly #metrics: Metrics
  readonly #hide: readonly (() => void)[]
  readonly #clock: Clock
  readonly #log: (record: ExchangeRecord) => void
  readonly #listener: Listener
  readonly #exchanges = new Set<Exchange>()
  #state: 'new' | 'running' | 'stopping' = 'new'
  #stopped: Promise<void> | undefined = undefined

  constructor(options: GatewayOptions) {
    this.#settings = settingsOf(options)
    this.#router = new Router(options.routes)
    checkServices(options)
    const { clock, random, shared, discovery: directory, zone, registry = new Registry({ clock, random }) } = options
    this.#upstreams = new Map(
      Object.entries(options.services).map(([name, service]) => [
        name,
        createUpstream(name, service, { registry, clock, random, shared, directory, zone }),
      ]),
    )
    this.#clock = clock ?? systemClock
    this.#metrics = options.metrics ?? createMetrics({ registry })
    this.#hide = [...this.#upstreams.values()].map(({ shown }) => this.#metrics.endpoints.show(shown))
    this.#log = options.log ?? (() => undefined)
    this.#listener = new Listener(this.#settings.requestMs, { request: this.#serve, broken: this.#broken })
  }

  async start(): Promise<{ readonly url: string; readonly port: number }> {
    if (this.#state !== 'new') throw new OptionsError('gateway.start() works once, on a gateway that was not stopped')
    const { host } = this.#settings
    const port = await this.#listener.listen(host, this.#settings.port)
    if (this.#stopped !== undefined) {
      await this.#listener.close()
      throw new OptionsError('gateway.stop() was called before the gateway had started')
    }
    this.#state = 'running'
    return { url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`, port }
  }

  stop(): Promise<void> {
    return (this.#stopped ??= this.#drain())
  }

  async #drain(): Promise<void> {
    const listening = this.#state === 'running'
    this.#state = 'stopping'
    if (listening) {
      const timer = this.#clock.setTimer(() => this.#giveUp(), this.#settings.drainMs)
      await this.#listener.close()
      timer.cancel()
    }
    for (const hide of this.#hide) hide()
    await Promise.all([...this.#upstreams.values()].map((upstream) => upstream.close()))
  }

  #giveUp(): void {
    for (const exchange of this.#exchanges) {
      exchange.reason ??= 'the gateway stopped before it was finished'
      exchange.abort(new Cut('stopping'))
    }
    this.#listener.destroy()
  }

  readonly #serve = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void => {
    const exchange = new Exchange(request, response, this.#clock, expectsContinue, this.#over)
    this.#exchanges.add(exchange)
    if (this.#state !== 'running') response.shouldKeepAlive = false
    this.#answer(exchange).catch((error: unknown) => {
      // A defect of ours: this request is lost, the others are not.
      exchange.reason = error instanceof Error ? (error.stack ?? error.message) : describe(error)
      exchange.answer(problem('SG_INTERNAL', 'The gateway failed; its log has the reason.'))
    })
  }

  async #answer(exchange: Exchange): Promise<void> {
    const { request } = exchange
    const fault = faultOfRequest(request)
    if (fault !== undefined) return exchange.answer(fault)
    const target = parseTarget(request.url ?? '')
    if (target.kind === 'bad') return exchange.answer(problem('SG_BAD_PATH', `${capital(target.reason)}.`))
    const { path, query } = target
    if (ownPaths.has(path)) {
      exchange.route = path
      // Whoever looks on is no traffic.
      exchange.hop.leaveOut()
      return answerStatus(exchange, path, this.#state === 'running', this.#metrics)
    }
    const match = this.#router.match(request.method ?? '', path)
    if (match.kind === 'missing') return exchange.answer(problem('SG_NO_ROUTE', 'No route leads to this path.'))
    if (match.kind === 'wrong method') {
      exchange.route = match.path
      const detail = `${match.path} serves ${match.allow.join(', ')}.`
      return exchange.answer(problem('SG_METHOD_NOT_ALLOWED', detail, { headers: ['allow', match.allow.join(', ')] }))
    }
    exchange.route = match.route.path
    exchange.service = match.route.service
    const upstream = this.#upstreams.get(match.route.service)
    if (upstream === undefined) throw new SwitchgearError('SG_UNKNOWN_SERVICE', `no service "${match.route.service}"`)
    const forwarded = forwardedPath(match.route, path) + query
    await relay({
      exchange,
      upstream,
      substitute: new Substitute(upstream.fallback, exchange, forwarded),
      metrics: this.#metrics,
      stallMs: this.#settings.stallMs,
      path: forwarded,
      headers: [],
      body: undefined,
      idempotent: false,
    })
  }

  /** A connection broke the rules of HTTP. If a request of it is under way, that one is told and answers. */
  readonly #broken = (socket: Duplex, fault: Problem): boolean => {
    const hit = [...this.#exchanges].filter((exchange) => exchange.request.socket === socket)
    for (const exchange of hit) {
      exchange.reason ??= fault.detail
      exchange.response.shouldKeepAlive = false
      exchange.abort(new Cut(fault.status === 408 ? 'client stalled' : 'client broken'))
    }
    return hit.length > 0
  }

  readonly #over = (exchange: Exchange): void => {
    this.#exchanges.delete(exchange)
    const record = exchange.record()
    const { method, route, status, seconds, code } = record
    if (!exchange.hop.isCountedBy(this.#metrics)) {
      this.#metrics.httpServer.observe({ method, route, status, errorCode: code, seconds })
    }
    try {
      this.#log(record)
    } catch {
      // A broken log must not break the requests that it is told of; there is nobody else to tell.
    }
    // Its connection is idle now, and nobody else would close it.
    if (this.#state === 'stopping') setImmediate(() => this.#listener.closeIdle())
  }
}

function checkServices({ routes, services }: GatewayOptions): void {
  routes.forEach(({ service }, index) => {
    if (Object.hasOwn(services, service)) return
    const near = nearest(service, Object.keys(services))
    const hint =
      near === undefined ? `known are ${Object.keys(services).join(', ') || 'none'}` : `did you mean "${near}"?`
    throw new OptionsError(`gateway.routes[${index}].service: there is no service "${service}"; ${hint}`)
  })
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1)
}
