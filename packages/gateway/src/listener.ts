// The socket side: accepting connections, the limits of what a client may send, and the answers to what is not even a
// request. Owns the node:http server. Invariant: after `close` resolves no connection is left.
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { SwitchgearError } from '@switchgear/core'
import { type Problem, problem, problemBody } from './problem.ts'

/** Request line and fields together, in bytes: what common servers allow, and little enough to hold for every connection. */
const maxHeaderSize = 16 * 1024
/** A head is at most 16 KiB; who needs longer than this for it is holding the connection, not sending. */
const headersTimeoutMs = 15_000
/** Longer than the idle time of common load balancers (60 s), so that it is they who close and no request meets a close. */
const keepAliveTimeoutMs = 65_000
/** How often the two timeouts above are looked at; it is how late they may be. */
const checkIntervalMs = 2_000

/** Receives what the listener hears. */
export interface ListenerEvents {
  /** `expectsContinue`: the client waits for `100 Continue`. */
  request(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void
  /** The client's bytes are no HTTP, or too late. True: a request of this connection is under way and was told. */
  broken(socket: Duplex, problem: Problem): boolean
}

/** Accepts requests. */
export class Listener {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor(requestTimeout: number, events: ListenerEvents) {
    // The server takes whole milliseconds only.
    const requestTimeoutMs = Math.ceil(requestTimeout)
    this.#server = createServer({
      maxHeaderSize,
      headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(checkIntervalMs, requestTimeoutMs),
      // A missing Host is refused with the other oddities, so that its answer looks like every other.
      requireHostHeader: false,
    })
    // Fields beyond a count would be dropped silently, and a rule may stand on one of them; their bytes bound them anyway.
    this.#server.maxHeadersCount = 0
    this.#server
      .on('request', (request, response) => events.request(request, response, false))
      .on('checkContinue', (request, response) => events.request(request, response, true))
      // Any other expectation: the request is answered like one, so that the answer is logged and measured.
      .on('checkExpectation', (request, response) => events.request(request, response, false))
      .on('connect', (_request, socket) =>
        answerRaw(socket, problem('SG_NOT_IMPLEMENTED', 'CONNECT is not forwarded.')),
      )
      .on('clientError', (error: NodeJS.ErrnoException, socket) => {
        // An end in the middle of a message is how a client leaves that has not finished sending.
        const left = error.code === 'ECONNRESET' || error.code === 'HPE_INVALID_EOF_STATE'
        if (left || !socket.writable) return void socket.destroy()
        const fault = problemOfParser(error.code)
        if (!events.broken(socket, fault)) answerRaw(socket, fault)
      })
      .on('connection', (socket) => {
        this.#sockets.add(socket)
        // Each request of a connection listens for its end, and a client may send many at once.
        socket.setMaxListeners(0)
        socket.once('close', () => this.#sockets.delete(socket))
      })
  }

  /** Binds. Throws `SG_CANNOT_LISTEN` naming the address and how to choose another. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const fail = (error: NodeJS.ErrnoException): void => reject(listenError(error, host, port))
      this.#server.once('error', fail)
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', fail)
        // From now on: a connection that could not be accepted, for want of file descriptors mostly. Its client sees it
        // refused; that must not end those that were accepted.
        this.#server.on('error', () => undefined)
        resolve((this.#server.address() as AddressInfo).port)
      })
    })
  }

  /** Accepts no more and resolves when the last connection has ended. Connections without a request end now. */
  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  /** Ends the connections whose last response has been sent. */
  closeIdle(): void {
    this.#server.closeIdleConnections()
  }

  /** Ends all connections at once. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

function problemOfParser(code: string | undefined): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return problem('SG_HEADERS_TOO_LARGE', `Request line and fields may have ${maxHeaderSize} bytes together.`)
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return problem('SG_REQUEST_TIMEOUT', 'The request did not arrive in time.')
  return problem('SG_BAD_REQUEST', 'What was sent is not a valid HTTP/1.1 request.')
}

/** Where there is no request there is no response object: the answer is written by hand and the connection ends. */
function answerRaw(socket: Duplex, fault: Problem): void {
  const body = problemBody(fault, undefined)
  const head = [
    `HTTP/1.1 ${fault.status} ${STATUS_CODES[fault.status] ?? ''}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'connection: close',
  ]
  // The server has let go of this connection, and an error that nobody hears would end the process.
  socket.on('error', () => socket.destroy())
  // Both sides: what the client still sends is not read.
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): SwitchgearError {
  const why: Readonly<Record<string, string>> = {
    EADDRINUSE: 'the port is in use by another program',
    EACCES: 'this user may not bind that port',
    EADDRNOTAVAIL: 'this machine has no such address',
    ENOTFOUND: 'the host name is not known',
  }
  const reason = why[error.code ?? ''] ?? error.message
  const message = `the gateway cannot listen on port ${port} of ${host}: ${reason}; choose another with gateway.port (0 takes a free one) or gateway.host`
  return new SwitchgearError('SG_CANNOT_LISTEN', message, { cause: error })
}
