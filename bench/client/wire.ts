// A server of HTTP/1.1 over bare sockets: enough of the protocol for requests whose length is told, and so cheap that the callers are
// measured and not it. Invariant: what it does not understand ends the connection, so that it shows as a failed call.
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

/** What came in. The body was read and is gone. */
export interface Asked {
  readonly method: string
  readonly path: string
}

/** Answers a request, at once or later; `answer` is a whole response with its head. */
export type OnRequest = (asked: Asked, answer: (response: Buffer) => void) => void

/** A server on a free port of the loopback. */
export interface Listening {
  readonly port: number
  /** Ends it as a killed process would: whoever connects from now on is refused, whoever is connected is reset. */
  die(): void
}

const mostPending = 65_536
const headEnd = '\r\n\r\n'

/** Begins to listen. */
export async function listen(onRequest: OnRequest): Promise<Listening> {
  const open = new Set<Socket>()
  const server: Server = createServer({ noDelay: true }, (socket) => {
    open.add(socket)
    // A caller that goes away is its own affair; the next one connects anew.
    socket.on('error', () => undefined).on('close', () => open.delete(socket))
    converse(socket, onRequest)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    die: () => {
      server.close()
      for (const socket of open) socket.resetAndDestroy()
    },
  }
}

/** A whole response. */
export function response(status: string, body: string): Buffer {
  const head = [
    `HTTP/1.1 ${status}`,
    'date: Tue, 24 Nov 2026 12:00:00 GMT',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  return Buffer.from(`${head.join('\r\n')}${headEnd}${body}`)
}

function converse(socket: Socket, onRequest: OnRequest): void {
  let pending = ''
  const answer = (bytes: Buffer): void => {
    if (!socket.destroyed) socket.write(bytes)
  }
  socket.on('data', (part) => {
    // One character a byte, so that lengths agree.
    pending += part.toString('latin1')
    for (let length = lengthOf(pending); length > 0 && pending.length >= length; length = lengthOf(pending)) {
      const [method = '', path = ''] = pending.slice(0, pending.indexOf('\r\n')).split(' ')
      pending = pending.slice(length)
      onRequest({ method, path }, answer)
    }
    if (pending.length > mostPending) socket.destroy()
  })
}

/** Of the first request, head and body; 0 while that is unknown. */
function lengthOf(text: string): number {
  const end = text.indexOf(headEnd)
  if (end < 0) return 0
  if (text.startsWith('GET ')) return end + headEnd.length
  const length = /\r\ncontent-length: ?(\d+)/i.exec(text.slice(0, end))?.[1]
  // Chunked: never complete, and cut off when it is too long.
  return length === undefined ? Number.POSITIVE_INFINITY : end + headEnd.length + Number(length)
}
