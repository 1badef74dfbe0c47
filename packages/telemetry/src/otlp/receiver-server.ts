// The socket side of a receiver: connections, their bound, and the answers to bytes that are no request. Owns the node:http
// server. Invariant: after `close` resolves no connection is left, and a connection that says nothing is never waited for.
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { refused } from './receiver-answer.ts'
import { Refusal } from './receiver-refusal.ts'

/** Request line and fields together: several times what an exporter sends, with a token in it. */
const maxHeaderBytes = 16 * 1024
/** Longer than the minute that is between the exports of many SDKs, so that their connection is still there. */
const keepAliveMs = 75_000
/** Nothing was read or written on a socket for so long: its peer is gone, or does not read its answers. */
const silenceMs = 90_000
/** How late the deadline of a head may be noticed. */
const maxCheckMs = 1000

/** What the server is told. */
export interface ServerRules {
  readonly maxConnections: number
  readonly headersTimeoutMs: number
  /** `expectsContinue`: the sender waits for a word before it sends the body. */
  readonly onRequest: (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean) => void
  /** Counts an answer to bytes that were no request. */
  readonly onMalformed: (status: number) => void
  /** Counts a connection that was closed because there are too many. */
  readonly onSurplus: () => void
}

/** A node:http server that knows which of its connections are at work. */
export class ReceiverServer {
  readonly server: Server
  readonly #rules: ServerRules
  /** The answers that each connection still owes. */
  readonly #owed = new Map<Duplex, Set<ServerResponse>>()
  #isClosing = false

  constructor(rules: ServerRules) {
    this.#rules = rules
    // The server takes whole milliseconds only.
    const headersTimeout = Math.ceil(rules.headersTimeoutMs)
    this.server = createServer({
      maxHeaderSize: maxHeaderBytes,
      headersTimeout,
      // The body has a deadline of its own, whose answer is in the sender's format.
      requestTimeout: 0,
      keepAliveTimeout: keepAliveMs,
      connectionsCheckingInterval: Math.min(maxCheckMs, Math.ceil(headersTimeout / 4)),
      // A missing Host is refused like a foreign one.
      requireHostHeader: false,
    })
    this.server.maxConnections = rules.maxConnections
    this.server.timeout = silenceMs
    this.server
      .on('request', (request, response) => this.#serve(request, response, false))
      .on('checkContinue', (request, response) => this.#serve(request, response, true))
      .on('connect', (_request, socket) => this.#answerRaw(socket, new Refusal(405, 'this is no proxy', allowed)))
      .on('clientError', (error, socket) => this.#onBroken(error, socket))
      .on('connection', (socket) => this.#onConnection(socket))
      .on('drop', rules.onSurplus)
  }

  /** Binds, and gives the port. Rejects with the system's error, such as EADDRINUSE. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen({ host, port }, () => {
        this.server.off('error', reject)
        // From now on: a connection that could not be accepted, for want of file descriptors mostly. Its sender sees it
        // refused and comes again; that must not end the others.
        this.server.on('error', () => undefined)
        resolve((this.server.address() as AddressInfo).port)
      })
    })
  }

  /** Accepts no more, ends idle connections now, and the others with their last answer, or after `drainMs`. */
  async close(drainMs: number): Promise<void> {
    this.#isClosing = true
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    for (const [socket, owed] of this.#owed) if (owed.size === 0) socket.destroy()
    const timer = setTimeout(() => this.server.closeAllConnections(), drainMs)
    await closed
    clearTimeout(timer)
  }

  #onConnection(socket: Socket): void {
    if (this.#isClosing) return void socket.destroy()
    this.#owed.set(socket, new Set())
    // Every request of a connection listens for its end, and a sender may have several under way.
    socket.setMaxListeners(0)
    socket.once('close', () => this.#owed.delete(socket))
  }

  #serve(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const { socket } = request
    const owed = this.#owed.get(socket)
    owed?.add(response)
    // A sender that leaves in the middle makes both fail. Who reads the body sees it by the close that follows.
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    response.once('close', () => {
      owed?.delete(response)
      if (this.#isClosing && owed?.size === 0) socket.destroySoon()
    })
    this.#rules.onRequest(request, response, expectsContinue)
  }

  #onBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
    const [first, ...more] = this.#owed.get(socket) ?? []
    // After the beginning of an answer, or with several owed, another one would be taken for part of it.
    const isClean = more.length === 0 && first?.headersSent !== true
    // An end in the middle of a message is how a sender leaves that did not finish.
    const isGone = error.code === 'ECONNRESET' || error.code === 'HPE_INVALID_EOF_STATE'
    if (isGone || !isClean || !socket.writable) return void socket.destroy()
    this.#answerRaw(socket, refusalOf(error.code))
  }

  #answerRaw(socket: Duplex, refusal: Refusal): void {
    this.#rules.onMalformed(refusal.status)
    const { status, headers, body } = refused('json', refusal)
    const fields = Object.entries({ ...headers, connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`)
    // A sender that is already gone is no reason to end the process.
    socket.on('error', () => undefined)
    socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${fields.join('')}\r\n`)
    socket.end(body, () => socket.destroy())
  }
}

const allowed = { allow: 'POST' }

function refusalOf(code: string | undefined): Refusal {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Refusal(408, 'the head of the request did not arrive in time')
  if (code === 'HPE_HEADER_OVERFLOW') return new Refusal(431, `the head is larger than ${maxHeaderBytes} bytes`)
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return new Refusal(413, 'the extensions of a chunk are too large')
  return new Refusal(400, 'this is no HTTP/1.1 request')
}
