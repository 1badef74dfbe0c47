// How a protected server comes to its end. Invariant: it runs once; whatever requests do, it resolves at the latest when its two
// times are over, with no connection left.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'
import type { Protecting } from './options.ts'
import type { Served } from './served.ts'

/** The closing parts that only some servers have. */
interface Closable {
  closeIdleConnections?(): void
  closeAllConnections?(): void
}

/** The parts of an HTTP/2 session that are used. */
interface Session {
  close(): void
  destroy(): void
  once(event: 'close', listener: () => void): unknown
}

/** The end of one server. */
export class Drain {
  readonly #server: Server & Closable
  readonly #settings: Protecting
  readonly #served: ReadonlySet<Served>
  readonly #sockets = new Set<Socket>()
  readonly #sessions = new Set<Session>()
  #running: Promise<void> | undefined = undefined

  constructor(server: Server, settings: Protecting, served: ReadonlySet<Served>) {
    this.#server = server
    this.#settings = settings
    this.#served = served
    server.on('connection', this.#connected)
    server.on('session', this.#opened)
  }

  /** Whether it has begun: not ready any more. */
  get begun(): boolean {
    return this.#running !== undefined
  }

  /** While draining: the response that is about to be made is the last one of its connection. */
  mark(request: IncomingMessage, response: ServerResponse): void {
    if (!this.begun || request.httpVersionMajor >= 2) return
    response.shouldKeepAlive = false
    response.setHeader('connection', 'close')
  }

  /** A request has left. */
  left(): void {
    // Its connection is idle now, and nobody else would close it.
    if (this.begun) setImmediate(() => this.#server.closeIdleConnections?.())
  }

  run(): Promise<void> {
    return (this.#running ??= this.#run())
  }

  /** The protection was taken back. */
  forget(): void {
    this.#server.off('connection', this.#connected)
    this.#server.off('session', this.#opened)
    this.#sockets.clear()
    this.#sessions.clear()
  }

  async #run(): Promise<void> {
    const { clock, lameDuckMs, drainMs } = this.#settings
    if (lameDuckMs > 0) await new Promise<void>((resolve) => void clock.setTimer(resolve, lameDuckMs))
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()))
    // They take no further stream and end with their last one.
    for (const session of this.#sessions) session.close()
    this.#server.closeIdleConnections?.()
    const timer = clock.setTimer(() => this.#giveUp(), drainMs)
    await closed
    timer.cancel()
    // The server is closed a turn before the last response says so.
    for (let turn = 0; this.#served.size > 0 && turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
  }

  #giveUp(): void {
    for (const one of this.#served) one.cut()
    for (const session of this.#sessions) session.destroy()
    this.#server.closeAllConnections?.()
    for (const socket of this.#sockets) socket.destroy()
  }

  readonly #connected = (socket: Socket): void => {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }

  readonly #opened = (session: Session): void => {
    this.#sessions.add(session)
    session.once('close', () => this.#sessions.delete(session))
  }
}
