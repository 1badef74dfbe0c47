// A connection that requests come in on: what is the same for all of them, and which of them are under way. Invariant: it
// has one listener on its socket, whatever the number of requests, and it is gone when the socket is.
import { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { AttributeSet } from '../trace/attribute-set.ts'
import { enterContext } from '../trace/context.ts'
import type { AttributeValue } from '../trace/span-data.ts'
import type { HttpExchange } from './http-exchange.ts'
import { parseAuthority } from './request-url.ts'

/** What the first request of a connection says of itself; later ones mostly say the same. */
export interface ConnectionFacts {
  readonly scheme: 'http' | 'https'
  /** Of HTTP. */
  readonly version: string
  readonly host: string | undefined
  readonly userAgent: string | undefined
}

/** A connection of clients. */
export class Connection {
  readonly scheme: string
  readonly host: string | undefined
  readonly userAgent: string | undefined
  readonly shared: AttributeSet
  readonly #socket: Socket
  readonly #onAbort: (exchange: HttpExchange) => void
  readonly #onClose: (connection: Connection) => void
  /** In the order of the requests, which is that of the responses. More than one only with pipelining. */
  readonly #underWay: HttpExchange[] = []

  constructor(
    socket: Socket,
    facts: ConnectionFacts,
    onAbort: (exchange: HttpExchange) => void,
    onClose: (connection: Connection) => void,
  ) {
    this.scheme = facts.scheme
    this.host = facts.host
    this.userAgent = facts.userAgent
    this.shared = connectionAttributes(socket, facts)
    this.#socket = socket
    this.#onAbort = onAbort
    this.#onClose = onClose
    // Before Node's own listener, which tells the requests under way that they are aborted.
    socket.prependOnceListener('close', this.#closed)
  }

  begin(exchange: HttpExchange): void {
    this.#underWay.push(exchange)
  }

  /** The request that ends with this response; undefined for one that was not traced. */
  end(response: ServerResponse): HttpExchange | undefined {
    const first = this.#underWay[0]
    if (first?.carrier === response) {
      if (this.#underWay.length === 1) this.#underWay.pop()
      else this.#underWay.shift()
      return first
    }
    // Ignored requests between traced ones are the only reason to look further.
    const index = this.#underWay.findIndex(({ carrier }) => carrier === response)
    return index < 0 ? undefined : this.#underWay.splice(index, 1)[0]
  }

  /** The request under way that node:http calls `request`. */
  find(request: unknown): HttpExchange | undefined {
    return this.#underWay.find(({ carrier }) => carrier instanceof ServerResponse && carrier.req === request)
  }

  /** Listens no more. What is under way is forgotten: nobody will say how it ended. */
  forget(): void {
    this.#socket.off('close', this.#closed)
    this.#underWay.length = 0
  }

  readonly #closed = (): void => {
    const [first] = this.#underWay
    for (const exchange of this.#underWay.splice(0)) this.#onAbort(exchange)
    this.#onClose(this)
    // What Node does next is to tell the application that its request is aborted; it hears that where it served it.
    if (first !== undefined) enterContext(first.context)
  }
}

/** The attributes that all requests of a connection share. */
export function connectionAttributes(socket: Socket, facts: ConnectionFacts): AttributeSet {
  const { scheme, version, host, userAgent } = facts
  const { remoteAddress, remotePort } = socket
  const attributes: Record<string, AttributeValue> = { 'url.scheme': scheme, 'network.protocol.version': version }
  if (remoteAddress !== undefined) {
    attributes['client.address'] = remoteAddress
    attributes['network.peer.address'] = remoteAddress
    if (remotePort !== undefined) attributes['network.peer.port'] = remotePort
  }
  if (host !== undefined) Object.assign(attributes, serverAttributes(host))
  if (userAgent !== undefined) attributes['user_agent.original'] = userAgent
  return new AttributeSet(attributes)
}

/** `server.address` and, where it is said, `server.port` of a Host header. */
export function serverAttributes(host: string): Record<string, AttributeValue> {
  const { address, port } = parseAuthority(host)
  return port === undefined ? { 'server.address': address } : { 'server.address': address, 'server.port': port }
}
