// Services by name, each behind its policies. Owns their connections from creation to `close`. Invariant: a bad
// configuration throws here, before anything is connected; after `close` no socket and no timer is left.
import { type Clock, type Random, Registry, type Shared, systemClock } from '@switchgear/core'
import { type ByteSize, parseByteSize } from '@switchgear/core/options'
import type { Agent } from 'node:http'
import { createDirectory, type Directory, type Resolver } from '@switchgear/discovery'
import { currentTelemetry } from '@switchgear/telemetry'
import { type Dispatcher, getGlobalDispatcher } from 'undici'
import { mostReplayed } from './body-source.ts'
import type { Depot } from './depot.ts'
import { Prospects } from './discovered.ts'
import { DueLanes } from './dispatch/due-lanes.ts'
import { installDispatcher } from './dispatch/installation.ts'
import { OriginRoutes } from './dispatch/routes.ts'
import { ServiceDispatcher } from './dispatch/service-dispatcher.ts'
import type { PeerEvent } from './endpoints/events.ts'
import { ServiceAgent } from './faces/service-agent.ts'
import { closedError, unknownServiceError } from './errors.ts'
import type { ClientExchange } from './exchange.ts'
import { type GrpcClient, type GrpcSource, grpcSource } from './grpc/source.ts'
import { createService, type Service } from './service.ts'
import { createUpstream, type ServiceOptions } from './upstream.ts'

/** A host outside: what a service has, and whether it shall be told deadlines. */
export interface ExternalOptions extends ServiceOptions {
  /** Send `x-request-deadline`, and read the caller's. Default false: a stranger has no use for it. */
  readonly deadlines?: boolean | undefined
}

/** Options of `createClient`. */
export interface ClientOptions {
  /** By name. Default: none but what `discovered` finds. */
  readonly services?: Readonly<Record<string, ServiceOptions>> | undefined
  /** By host, such as `api.stripe.com`: guarded when called through `dispatcher`. Without endpoints of its own, it is `https://host`. */
  readonly external?: Readonly<Record<string, ExternalOptions>> | undefined
  /**
   * Where services are found that name no endpoints. A directory stays its owner's to close; for a resolver the client makes one,
   * with the defaults, and closes both.
   */
  readonly discovery?: Directory | Resolver | undefined
  /**
   * Makes a service of every name that discovery has endpoints for, with these options; `true` is the defaults. Default: none, only
   * what is in `services`. How many there may be is bounded by the directory and the registry.
   */
  readonly discovered?: true | Omit<ServiceOptions, 'endpoints'> | undefined
  /** Where this process runs: endpoints of its own zone are preferred then. */
  readonly zone?: string | undefined
  /** How much of a body that comes as a stream is kept, so that it can be sent again. Default '64kb'. */
  readonly maxReplay?: ByteSize | undefined
  /** Where the pipelines are registered. Default: a registry of its own. */
  readonly registry?: Registry | undefined
  /** Default: the host's time. */
  readonly clock?: Clock | undefined
  /** Default: the host's chance. */
  readonly random?: Random | undefined
  /** Budgets and circuit breakers that policies of several services name as shared, from `sharedFrom`. Default: none. */
  readonly shared?: Shared | undefined
  /** Hears of every exchange when it has ended. What it throws is dropped: a broken meter must not break a call. */
  readonly onExchange?: ((exchange: ClientExchange) => void) | undefined
  /** Hears of endpoints that come, go, are ejected and return. */
  readonly onPeerEvent?: ((event: PeerEvent) => void) | undefined
}

/** Calls services by name. */
export interface Client extends GrpcClient {
  readonly registry: Registry
  /** The service of this name. Throws `SG_UNKNOWN_SERVICE`, naming the nearest known. */
  service(name: string): Service
  /**
   * A dispatcher for undici and for `fetch`: `http://payments/charge` goes to the service of that name, a host under `external` behind
   * its policies, and everything else untouched to the dispatcher that was the global one when this was first read.
   *
   * Errors of the wire are undici's own here. What policies decide is a `SwitchgearError`, which `fetch` gives as the `cause` of its
   * `TypeError`; the answer of a fallback is a response with `Switchgear-Fallback`.
   *
   * @example
   * setGlobalDispatcher(client.dispatcher)
   * await fetch('http://payments/charge', { method: 'POST', body, headers: { 'idempotency-key': order.id } })
   */
  readonly dispatcher: Dispatcher
  /**
   * Makes it the dispatcher of the `fetch` of this Node, whatever version of undici that is, and of every undici that is not told
   * another one. Answers what takes it back.
   */
  install(): () => void
  /**
   * An agent for node:http, and for what is made of it: admission, an endpoint per request, deadlines and outcomes; no retries and no
   * hedges, because such a request belongs to its caller. Hosts that are no services pass to Node's own agent.
   *
   * @example
   * http.get('http://payments/charges', { agent: client.agent })
   * await axios.get('http://payments/charges', { adapter: 'fetch' }) // with `install()`, and then with retries
   */
  readonly agent: Agent
  /** Ends calls under way with `SG_CLIENT_CLOSED` and closes every connection. Harmless when called again. */
  close(): Promise<void>
}

/**
 * Makes a client; nothing is connected before the first call. Throws `SG_BAD_OPTIONS` for a bad endpoint, policy or fallback.
 *
 * @example
 * const client = createClient({ services: { payments: { endpoints: ['http://127.0.0.1:4001'] } } })
 * const response = await client.service('payments').fetch('/charge', { method: 'POST', body: JSON.stringify(order) })
 * await client.close()
 */
export function createClient(options: ClientOptions): Client {
  return new ServiceClient(options)
}

class ServiceClient implements Client {
  readonly registry: Registry
  readonly [grpcSource]: GrpcSource
  readonly #options: ClientOptions
  readonly #clock: Clock
  readonly #mostReplayed: number
  readonly #report: Depot['report']
  /** What takes back what is shown of it. */
  readonly #hide: ((() => void) | undefined)[] = []
  readonly #directory: Directory | undefined
  readonly #prospects: Prospects | undefined
  readonly #routes: OriginRoutes
  readonly #depots = new Map<string, Depot>()
  readonly #external: Depot[] = []
  readonly #services = new Map<string, Service>()
  readonly #installed = new Set<() => void>()
  #dispatcher: Dispatcher | undefined = undefined
  #agent: ServiceAgent | undefined = undefined
  #closed: Promise<void> | undefined = undefined

  constructor(options: ClientOptions) {
    const { random, clock = systemClock, maxReplay = mostReplayed, services = {}, external = {} } = options
    this.#options = options
    this.#clock = clock
    this.#mostReplayed = parseByteSize(maxReplay, 'client.maxReplay')
    this.#report = reporter(options.onExchange)
    this.registry = options.registry ?? new Registry({ clock, random })
    this.#hide.push(currentTelemetry()?.show(this.registry))
    this.#directory = directoryOf(options.discovery, clock)
    const openTo = options.discovered === undefined ? undefined : this.#directory
    const prospects = openTo && new Prospects(openTo, clock)
    this.#prospects = prospects
    this.#routes = new OriginRoutes(prospects && ((name) => this.#prospect(prospects, name)))
    for (const [name, service] of Object.entries(services)) this.#addService(name, service)
    for (const [host, one] of Object.entries(external)) this.#addExternal(host, one)
    this[grpcSource] = (name) => {
      const depot = this.#depotOf(name)
      return { depot, roster: depot.upstream.roster }
    }
  }

  service(name: string): Service {
    const known = this.#services.get(name)
    if (known !== undefined) return known
    // Whether discovery knows it is seen at its first call: this is no moment to wait.
    if (this.#options.discovered === undefined || this.#directory === undefined)
      throw unknownServiceError(name, [...this.#services.keys()])
    this.#discover(name)
    return this.service(name)
  }

  get dispatcher(): Dispatcher {
    return (this.#dispatcher ??= this.#face(getGlobalDispatcher()))
  }

  get agent(): Agent {
    return (this.#agent ??= new ServiceAgent(this.#routes))
  }

  install(): () => void {
    const restore = installDispatcher((previous) => this.#face(previous))
    this.#installed.add(restore)
    return () => {
      this.#installed.delete(restore)
      restore()
    }
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    for (const hide of this.#hide) hide?.()
    for (const restore of this.#installed) restore()
    await Promise.all([...this.#depots.values(), ...this.#external].map(closeDepot))
    this.#agent?.destroy()
    this.#prospects?.close()
    // A directory that was given belongs to whoever made it.
    if (this.#directory !== this.#options.discovery) await this.#directory?.close()
  }

  #face(fallthrough: Dispatcher): Dispatcher {
    return new ServiceDispatcher(this.#routes, fallthrough, () => this.close())
  }

  #addService(name: string, options: ServiceOptions): Depot {
    const depot = this.#open(name, options, true)
    this.#depots.set(name, depot)
    this.#services.set(name, createService(depot))
    this.#routes.addService(name, depot)
    return depot
  }

  #depotOf(name: string): Depot {
    const { name: known } = this.service(name)
    const depot = this.#depots.get(known)
    if (depot === undefined) throw unknownServiceError(name, [...this.#services.keys()])
    return depot
  }

  #addExternal(host: string, { deadlines = false, ...options }: ExternalOptions): void {
    const depot = this.#open(host, { ...options, endpoints: options.endpoints ?? [`https://${host}`] }, deadlines)
    this.#external.push(depot)
    this.#routes.addExternal(host, depot)
  }

  #discover(name: string): Depot {
    const { discovered } = this.#options
    return this.#addService(name, discovered === true || discovered === undefined ? {} : discovered)
  }

  /** A host that may be a service which nobody configured. */
  #prospect(prospects: Prospects, name: string): Depot | undefined | Promise<Depot | undefined> {
    if (this.#closed !== undefined) return undefined
    const known = prospects.isKnown(name)
    // Another request may have made it while this one waited.
    const made = (is: boolean): Depot | undefined => (is ? (this.#depots.get(name) ?? this.#discover(name)) : undefined)
    return typeof known === 'boolean' ? made(known) : known.then(made)
  }

  #open(name: string, service: ServiceOptions, travels: boolean): Depot {
    const { random, shared, zone, onPeerEvent } = this.#options
    const { registry } = this
    const clock = this.#clock
    const directory = this.#directory
    const upstream = createUpstream(name, service, { registry, clock, random, shared, directory, zone, onPeerEvent })
    this.#hide.push(currentTelemetry()?.showEndpoints(upstream.shown))
    return {
      upstream,
      clock,
      lanes: new DueLanes(clock),
      report: this.#report,
      mostReplayed: this.#mostReplayed,
      live: new Set(),
      travels,
      closed: this.#closed !== undefined,
    }
  }
}

function directoryOf(discovery: ClientOptions['discovery'], clock: Clock): Directory | undefined {
  if (discovery === undefined || 'roster' in discovery) return discovery
  return createDirectory({ resolver: discovery, clock })
}

async function closeDepot(depot: Depot): Promise<void> {
  depot.closed = true
  // The calls come first, so that they end with our reason and not with that of a connection which is suddenly gone.
  for (const call of depot.live) call.stop(closedError(depot.upstream.name))
  depot.lanes.close()
  await depot.upstream.close()
}

function reporter(listener: ClientOptions['onExchange']): Depot['report'] {
  if (listener === undefined) return undefined
  return (exchange) => {
    try {
      listener(exchange)
    } catch {
      // Told in the doc comment: there is nobody here who could do anything about a broken listener.
    }
  }
}
