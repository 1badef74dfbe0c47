// How connections to endpoints come about. Owns the sockets that are still in the making, which the pool above neither knows
// nor closes. Invariant: after `close` none of them is left, and none stays in the making for longer than the time-out.
import type { Socket } from 'node:net'
import { buildConnector } from 'undici'

/** Makes connections for one pool. */
export class Connector {
  readonly #make: buildConnector.connector
  readonly #making = new Set<Socket>()
  #closed = false

  constructor(timeoutMs: number) {
    this.#make = buildConnector({ timeout: timeoutMs, allowH2: false })
  }

  /** What undici takes as its `connect` option. */
  readonly connect: buildConnector.connector = (options, callback) => {
    // It answers the socket, which the types do not tell.
    const socket = this.#make(options, (...outcome) => {
      this.#making.delete(socket)
      callback(...outcome)
    }) as unknown as Socket
    this.#making.add(socket)
    // A pool may begin one more connection while it is being closed.
    if (this.#closed) this.#abandon(socket)
  }

  /** Ends what is in the making, now and from now on. */
  close(): void {
    this.#closed = true
    for (const socket of this.#making) this.#abandon(socket)
  }

  #abandon(socket: Socket): void {
    // With an error, because only that one ends the connector's own timer.
    socket.destroy(new Error('the client was closed while it connected'))
  }
}
