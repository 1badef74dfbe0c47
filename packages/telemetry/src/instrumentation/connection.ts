// A connection that requests come in on: what is the same for all of them, and which of them are under way. Invariant: it
// has one listener on its socket, whatever the number of requests, and it is gone when the socket is.
import { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { AttributeSet } from '../trace/attribute-set.ts'
import { enterContext } from '../trace/context.ts'
import type { AttributeValue } from '../trace/span-data.ts'
import type { HttpExchange } from './http-exchange.ts'
import type { RequestFacts } from './request-facts.ts'
import { parseAuthority, plainAddress } from './request-url.ts'

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
  /** The facts of the last request: the next one is mostly of the same kind. */
  facts: RequestFacts | undefined = undefined
  /** The request to be answered next. */
  #first: HttpExchange | undefined = undefined
  /** With pipelining, those after it, in their order, which is that of the responses. */
  #later: HttpExchange[] | undefined = undefined

  constructor(
    socket: Socket,
    facts: ConnectionFacts,
    maxLength: number,
    onAbort: (exchange: HttpExchange) => void,
    onClose: (connection: Connection) => void,
  ) {
    this.scheme = facts.scheme
    this.host = facts.host
    this.userAgent = facts.userAgent
    this.shared = connectionAttributes(socket, facts, maxLength)
    this.#socket = socket
    this.#onAbort = onAbort
    this.#onClose = onClose
    // Before Node's own listener, which tells the requests under way that they are aborted.
    socket.prependOnceListener('close', this.#closed)
  }

  begin(exchange: HttpExchange): void {
    if (this.#first === undefined) this.#first = exchange
    else (this.#later ??= []).push(exchange)
  }

  /** The request that ends with this response; undefined for one that was not traced. */
  end(response: ServerResponse): HttpExchange | undefined {
    const first = this.#first
    // Responses come in the order of the requests, so another one belongs to a request that is not traced.
    if (first?.carrier !== response) return undefined
    this.#first = this.#later === undefined ? undefined : this.#later.shift()
    return first
  }

  /** The request under way that node:http calls `request`. */
  find(request: unknown): HttpExchange | undefined {
    return this.#underWay().find(({ carrier }) => carrier instanceof ServerResponse && carrier.req === request)
  }

  /** Listens no more. What is under way is forgotten: nobody will say how it ended. */
  forget(): void {
    this.#socket.off('close', this.#closed)
    this.#take()
  }

  #underWay(): HttpExchange[] {
    return this.#first === undefined ? [] : [this.#first, ...(this.#later ?? [])]
  }

  #take(): HttpExchange[] {
    const underWay = this.#underWay()
    this.#first = undefined
    this.#later = undefined
    return underWay
  }

  readonly #closed = (): void => {
    const underWay = this.#take()
    for (const exchange of underWay) this.#onAbort(exchange)
    this.#onClose(this)
    const [first] = underWay
    // What Node does next is to tell the application that its request is aborted; it hears that where it served it.
    if (first !== undefined) enterContext(first.context)
  }
}

/** The attributes that all requests of a connection share; texts longer than `maxLength` are cut. */
export function connectionAttributes(socket: Socket, facts: ConnectionFacts, maxLength: number): AttributeSet {
  const { scheme, version, host, userAgent } = facts
  const { remoteAddress, remotePort } = socket
  const attributes: Record<string, AttributeValue> = { 'url.scheme': scheme, 'network.protocol.version': version }
  if (remoteAddress !== undefined) {
    const address = plainAddress(remoteAddress)
    attributes['client.address'] = address
    attributes['network.peer.address'] = address
    if (remotePort !== undefined) attributes['network.peer.port'] = remotePort
  }
  if (host !== undefined) Object.assign(attributes, serverAttributes(host))
  if (userAgent !== undefined) attributes['user_agent.original'] = userAgent
  return new AttributeSet(attributes, maxLength)
}

/** `server.address` and, where it is said, `server.port` of a Host header. */
export function serverAttributes(host: string): Record<string, AttributeValue> {
  const { address, port } = parseAuthority(host)
  return port === undefined ? { 'server.address': address } : { 'server.address': address, 'server.port': port }
}
