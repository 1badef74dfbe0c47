// Requests without a network, in the process of the server: its connections are streams in memory, so that no kernel and no other
// process is between the blocks, and what a span costs is seen to a tenth of a microsecond. All of node:http is the real one.
import type { Server } from 'node:http'
import { Duplex } from 'node:stream'
import { request } from './request.ts'

const connections = 8
const bytes = Buffer.from(request)

/** A connection that asks again whenever it was answered. */
class MemoryConnection extends Duplex {
  readonly remoteAddress = '127.0.0.1'
  readonly remotePort = 40_000
  onAnswer: () => void = () => {}

  ask(): void {
    this.push(bytes)
  }

  // What node:http calls on sockets.
  setTimeout(): this {
    return this
  }

  setNoDelay(): this {
    return this
  }

  override _read(): void {}

  override _write(_part: unknown, _encoding: string, done: () => void): void {
    done()
    this.onAnswer()
  }
}

/** Connections to a server in the same process. */
export class MemoryLoad {
  readonly #connections: readonly MemoryConnection[]

  constructor(server: Server) {
    this.#connections = Array.from({ length: connections }, () => {
      const connection = new MemoryConnection()
      server.emit('connection', connection)
      return connection
    })
  }

  /** Resolves when `requests` were answered; every answer is one write. */
  drive(requests: number): Promise<void> {
    let left = requests
    let underWay = 0
    return new Promise((resolve) => {
      const next = (connection: MemoryConnection): void => {
        if (left-- > 0) setImmediate(() => connection.ask())
        else if (--underWay === 0) resolve()
      }
      for (const connection of this.#connections) {
        connection.onAnswer = () => next(connection)
        underWay++
        next(connection)
      }
    })
  }
}
