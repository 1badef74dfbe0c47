// How connections to endpoints come about. Owns the sockets that are still in the making, which the pools above neither know
// nor close, and the TLS sessions that let a new connection skip half of its handshake. Invariant: after `close` no socket is in
// the making, and none stays in the making for longer than the time-out.
//
// A host name with several addresses is tried the way RFC 8305 describes (happy eyeballs): Node begins with the first and
// adds the next, of the other family, every 250 ms until one stands.
import type { Socket } from 'node:net'
import { buildConnector } from 'undici'
import type { TransportSettings } from './options.ts'

const nextAddressMs = 250

/** Makes the connections of one service. */
export class Connector {
  readonly #make: buildConnector.connector
  readonly #making = new Set<Socket>()
  /** Wins over the name that a request brings along: what the certificate must say is for the operator to decide. */
  readonly #serverName: string | undefined
  /** By server name. Undici holds sessions weakly; without this hold one would be gone with the last connection. */
  readonly #sessions = new Map<string, Buffer>()
  #closed = false

  constructor({ connectTimeoutMs, http2, tls }: TransportSettings) {
    const { ca, cert, key, serverName } = tls ?? {}
    // The types do not know `useH2c` here; the pools' own connectors are told so in the same place.
    const options: buildConnector.BuildOptions & { readonly useH2c: boolean } = {
      timeout: connectTimeoutMs,
      allowH2: http2 !== 'never',
      preferH2: http2 !== 'never',
      useH2c: http2 === 'always',
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: nextAddressMs,
      maxCachedSessions: mostSessions,
      ...(ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    }
    this.#serverName = serverName
    this.#make = buildConnector(options)
  }

  /** What undici takes as its `connect` option. */
  readonly connect: buildConnector.connector = (options, callback) => {
    // It answers the socket, which the types do not tell.
    const named = this.#serverName === undefined ? options : { ...options, servername: this.#serverName }
    const socket = this.#make(named, (...outcome) => {
      this.#making.delete(socket)
      callback(...outcome)
    }) as unknown as Socket
    this.#making.add(socket)
    if (options.protocol === 'https:') socket.on('session', (session: Buffer) => this.#keep(options.hostname, session))
    // A pool may begin one more connection while it is being closed.
    if (this.#closed) this.#abandon(socket)
  }

  /** Ends what is in the making, now and from now on. */
  close(): void {
    this.#closed = true
    this.#sessions.clear()
    for (const socket of this.#making) this.#abandon(socket)
  }

  #keep(host: string, session: Buffer): void {
    if (this.#closed) return
    const oldest = this.#sessions.keys().next()
    if (this.#sessions.size >= mostSessions && oldest.done !== true) this.#sessions.delete(oldest.value)
    // Set anew, so that the order is that of use.
    this.#sessions.delete(host)
    this.#sessions.set(host, session)
  }

  #abandon(socket: Socket): void {
    // With an error, because only that one ends the connector's own timer.
    socket.destroy(new Error('the client was closed while it connected'))
  }
}

const mostSessions = 1000
