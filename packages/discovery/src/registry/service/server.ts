// The registry's service on a port of its own: sockets, their bounds, start and end. Invariant: after `stop` no connection is left,
// and a connection that says nothing is never waited for.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SwitchgearError } from '@switchgear/core'
import { check, checkCount, checkKeys, type Duration, parseDuration } from '@switchgear/core/options'
import { canonicalAddress, isLoopback } from './addresses.ts'
import { createRegistryHandler, type RegistryHandler } from './handler.ts'
import { type RegistryServiceOptions, serviceOptionNames } from './service-options.ts'

/** Options of a server: those of its handler, and of its sockets. */
export interface RegistryServerOptions extends RegistryServiceOptions {
  /** Address to listen on. Default '127.0.0.1'. */
  readonly host?: string | undefined
  /** Default 4330; 0 lets the system choose. */
  readonly port?: number | undefined
  /** Connections at a time, watches included; more are closed unanswered. Default 10 000. */
  readonly maxConnections?: number | undefined
  /** How long a head may take to arrive. Default '10s'. */
  readonly headersTimeout?: Duration | undefined
  /** How long `stop` waits for requests that are under way. Default '5s'. */
  readonly drainTimeout?: Duration | undefined
}

/** A registry that others reach. */
export interface RegistryServer {
  /** The node:http server, for instrumentation to leave out: watching is no traffic of anybody. */
  readonly server: Server
  readonly handler: RegistryHandler
  /** Where it listens, as a URL; undefined before `start` resolved and after `stop`. */
  readonly url: string | undefined
  /** Rejects with the system's error, such as EADDRINUSE. A server starts once. */
  start(): Promise<void>
  /** Ends watches in order, accepts nothing more, and cuts off what is under way after `drainTimeout`. The books stay open. */
  stop(): Promise<void>
}

const ownNames = ['host', 'port', 'maxConnections', 'headersTimeout', 'drainTimeout']
/** Request line and fields together; a watch names up to 64 services in its target. */
const maxHeaderBytes = 16 * 1024
/** Longer than a third of the longest usual lease, so that heartbeats find their connection still there. */
const keepAliveMs = 30_000

/**
 * A registry's server. Throws `SG_BAD_OPTIONS`. Everything can be done with plain HTTP, from services in any language:
 *
 *     curl -X PUT http://127.0.0.1:4330/v1/services/orders/instances/orders-1 -H "Authorization: Bearer $TOKEN" \
 *       -H 'content-type: application/json' -d '{"port":8080,"check":{"kind":"http","path":"/healthz"}}'
 *     # 201 {"service":"orders","id":"orders-1","secret":"...","incarnation":1767225600000,"leaseMs":15000}
 *     curl -X POST .../v1/services/orders/instances/orders-1/heartbeat -H "Authorization: Bearer $SECRET"     # {"leaseMs":15000}
 *     curl -X POST .../heartbeat -H "Authorization: Bearer $SECRET" -H 'content-type: application/json' -d '{"ready":false}'
 *     curl -X DELETE .../v1/services/orders/instances/orders-1 -H "Authorization: Bearer $SECRET"             # 204
 *     curl .../v1/services          # {"services":["orders"]}
 *     curl .../v1/services/orders   # {"service":"orders","epoch":"...","index":7,"complete":true,"instances":[...]}
 *     curl -N .../v1/services/orders/watch -H 'Last-Event-ID: <epoch>:<index>'
 *     curl -N '.../v1/watch?service=orders&service=payments'   # events view, change, complete, refused; comments in between
 *
 * Errors are problem details (RFC 9457) with our code: `{"title":"Not Found","status":404,"code":"SG_NOT_REGISTERED",...}`, which
 * is also what tells an instance to register again.
 *
 * @example
 * const registry = createRegistryServer({ catalog, tokens: [{ token, services: ['orders', 'shop-*'] }] })
 * await registry.start()
 */
export function createRegistryServer(options: RegistryServerOptions): RegistryServer {
  checkKeys(options, [...serviceOptionNames, ...ownNames], 'registry')
  const { host = '127.0.0.1', port = 4330, maxConnections = 10_000, headersTimeout, drainTimeout, ...service } = options
  check(typeof host === 'string' && host !== '', 'registry.host', 'an address', host)
  const own = canonicalAddress(host)
  // Whoever is on this machine may read; beyond it that has to be said.
  const read = service.read ?? (host === 'localhost' || (own !== undefined && isLoopback(own)) ? 'open' : 'token')
  const hosts = Array.isArray(service.hosts ?? []) ? [...(service.hosts ?? []), host] : service.hosts
  checkCount(maxConnections, 'registry.maxConnections', 2, 1_000_000)
  // Watches must leave room for those who register.
  const maxWatchers = service.maxWatchers ?? Math.min(4096, Math.floor(maxConnections / 2))
  check(maxWatchers < maxConnections, 'registry.maxWatchers', 'below maxConnections', maxWatchers)
  return new ListeningRegistry(createRegistryHandler({ ...service, read, hosts, maxWatchers }), {
    host,
    port: checkCount(port, 'registry.port', 0, 65_535),
    maxConnections,
    headersTimeoutMs: Math.ceil(parseDuration(headersTimeout ?? '10s', 'registry.headersTimeout', 1)),
    drainMs: parseDuration(drainTimeout ?? '5s', 'registry.drainTimeout', 0),
  })
}

interface SocketRules {
  readonly host: string
  readonly port: number
  readonly maxConnections: number
  readonly headersTimeoutMs: number
  readonly drainMs: number
}

class ListeningRegistry implements RegistryServer {
  readonly server: Server
  readonly handler: RegistryHandler
  readonly #rules: SocketRules
  #url: string | undefined
  #started: Promise<void> | undefined
  #stopped: Promise<void> | undefined

  constructor(handler: RegistryHandler, rules: SocketRules) {
    this.handler = handler
    this.#rules = rules
    const { headersTimeoutMs } = rules
    this.server = createServer({
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: headersTimeoutMs,
      // The body has a deadline of its own, with an answer of ours.
      requestTimeout: 0,
      keepAliveTimeout: keepAliveMs,
      connectionsCheckingInterval: Math.max(1, Math.min(1000, Math.ceil(headersTimeoutMs / 4))),
      // A missing Host is refused like a foreign one, by the handler.
      requireHostHeader: false,
    })
    this.server.maxConnections = rules.maxConnections
    this.server.on('request', (request, response) => handler.handle(request, response))
  }

  get url(): string | undefined {
    return this.#url
  }

  start(): Promise<void> {
    this.#started ??= this.#listen()
    return this.#started
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#close()
    return this.#stopped
  }

  async #listen(): Promise<void> {
    if (this.#stopped !== undefined)
      throw new SwitchgearError('SG_REGISTRY_BUSY', 'a registry that was stopped does not start again')
    const { host, port } = this.#rules
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen({ host, port }, () => {
        this.server.off('error', reject)
        resolve()
      })
    })
    // From now on: a connection that could not be accepted, for want of file descriptors mostly. Its peer sees it refused and
    // comes again; that must not end the others.
    this.server.on('error', () => undefined)
    const bound = this.server.address() as AddressInfo
    this.#url = `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`
  }

  async #close(): Promise<void> {
    // A start that failed has told its caller.
    await this.#started?.catch(() => undefined)
    this.#url = undefined
    this.handler.close()
    if (!this.server.listening) return
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    const timer = setTimeout(() => this.server.closeAllConnections(), this.#rules.drainMs)
    await closed
    clearTimeout(timer)
  }
}
