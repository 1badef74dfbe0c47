// The face for code that uses node:http: an agent. It decides about admission, endpoint and time, and learns what became of a request;
// what it cannot do is send again or answer in place of the service, because the request belongs to its caller. Invariant: a request
// to a host that is no service passes untouched to the agent it would have had.
//
// It overrides `addRequest`, which Node calls for each request and does not document; that the tests run on every supported Node is
// why we may. `createConnection`, which is documented, is called per connection only, too seldom to admit anything.
import http, { Agent, type ClientRequest, type RequestOptions } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Depot } from '../depot.ts'
import type { Routes } from '../dispatch/service-dispatcher.ts'
import type { Peer } from '../endpoints/peer.ts'
import { AgentCall } from './agent-call.ts'
import { OwnedRequest } from './owned-request.ts'

/** What Node hands to an agent for a request. */
export type AgentOptions = Omit<RequestOptions, 'host' | 'port'> & {
  readonly host?: string | null
  readonly port?: number | string | null
}

interface RequestTaking {
  addRequest(request: ClientRequest, options: AgentOptions): void
}

/** Below the 5 s after which Node's own servers close a connection, so that they seldom do it under a new request. */
const keptMs = 4000

/**
 * An agent for services over plain HTTP/1.1, for code that cannot use `fetch`: each request is admitted by the policies of its
 * service, goes to an endpoint that the balancer chooses, ends by the timeouts and deadlines, and counts for circuit and ejection.
 * It is never sent twice, so there are no retries and no hedges, and no fallback answers; errors come as Node's own or, where the
 * policies decide, as a `SwitchgearError`. `x-request-deadline` is added unless the headers were given as a list or with `Expect`.
 * A connection that is upgraded leaves the policies with the answer to its handshake.
 *
 * axios uses node:http by default and can do better: `axios.create({ adapter: 'fetch' })` together with `client.install()` goes
 * through the client's dispatcher, with retries, hedges and fallbacks. With an agent it is `axios.create({ httpAgent })`, got takes it
 * as `agent: { http }`. It owns its connections: `destroy` ends them, those in use too.
 *
 * @example
 * http.get('http://payments/balance', { agent: new ServiceAgent(routes) }, (response) => response.pipe(process.stdout))
 */
export class ServiceAgent extends Agent implements RequestTaking {
  readonly #routes: Routes
  readonly #fallthrough: Agent & RequestTaking
  readonly #calls = new Set<AgentCall>()

  constructor(routes: Routes) {
    // Connections are bounded by what the policies let through; the last one used is the first to be used again.
    super({ keepAlive: true, scheduling: 'lifo' })
    this.#routes = routes
    // Now, because this one may be made the global one.
    this.#fallthrough = http.globalAgent as Agent & RequestTaking
  }

  /** Called by Node for each request. Nothing is thrown: what goes wrong, the request tells. */
  addRequest(request: ClientRequest, options: AgentOptions): void {
    const isLocal = typeof options.socketPath === 'string'
    const found = isLocal ? undefined : this.#routes.find(originOf(options))
    if (found === undefined) return this.#pass(request, options)
    const owned = new OwnedRequest(request)
    if (!(found instanceof Promise)) return this.#begin(found, owned, options)
    found.then(
      (depot) => {
        if (depot !== undefined) return this.#begin(depot, owned, options)
        if (owned.isEnded) return
        owned.letGo()
        this.#pass(request, options)
      },
      (error: Error) => owned.fail(error),
    )
  }

  /** Ends all connections. Requests under way fail, which counts for nobody. */
  override destroy(): void {
    for (const call of this.#calls) call.abandon()
    super.destroy()
  }

  /** Documented by Node: whether an idle connection is kept. */
  override keepSocketAlive(socket: Duplex): boolean {
    const isKept = super.keepSocketAlive(socket) as unknown as boolean
    if (isKept) (socket as Socket).setTimeout(keptMs)
    return isKept
  }

  /** Documented by Node: a kept connection is used again. */
  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    ;(socket as Socket).setTimeout(0)
    super.reuseSocket(socket, request)
  }

  #begin(depot: Depot, owned: OwnedRequest, options: AgentOptions): void {
    if (owned.isEnded) return
    const send = ({ endpoint: { address, port } }: Peer): void => {
      const forward = (Agent.prototype as unknown as RequestTaking).addRequest
      forward.call(this, owned.request, { ...options, host: address, hostname: address, port })
    }
    const call = new AgentCall(depot, owned, send, (over) => this.#calls.delete(over))
    this.#calls.add(call)
    call.begin()
  }

  #pass(request: ClientRequest, options: AgentOptions): void {
    // Node looks at the agent of a request again later.
    ;(request as ClientRequest & { agent: Agent }).agent = this.#fallthrough
    this.#fallthrough.addRequest(request, options)
  }
}

function originOf({ host, port }: AgentOptions): string {
  const name = String(host ?? '').toLowerCase()
  const place = name.includes(':') ? `[${name}]` : name
  return Number(port ?? 80) === 80 ? `http://${place}` : `http://${place}:${String(port)}`
}
