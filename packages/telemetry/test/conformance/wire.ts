// The two ends of a process under test, down to the bytes: a request with its header lines exactly as a requirement has them, and
// a service that keeps the header lines of every call as they came. Both are bare sockets, so that no HTTP library has combined,
// trimmed, ordered or traced anything, and a process under test can share this process.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { HeaderPair } from '../propagation/requirements.ts'

/** A service that records calls. */
export interface RecordingService {
  readonly origin: string
  readonly port: number
  /** The header lines of the calls since the last time, in the order in which they came. */
  take(): HeaderPair[][]
  /** How many of the next calls are to be answered 503, so that whoever repeats calls makes another. Default 0. */
  failing: number
  close(): Promise<void>
}

/** Starts a service on a free port of the loopback. It serves requests without a body. */
export async function recordingService(): Promise<RecordingService> {
  const sockets = new Set<Socket>()
  let calls: HeaderPair[][] = []
  const server = createServer((socket) => {
    let text = ''
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    // The other side may go away at any time; its part of a test has ended then.
    socket.on('error', () => socket.destroy())
    socket.setEncoding('latin1').on('data', (data) => {
      text += String(data)
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        calls.push(linesOf(text.slice(0, end)))
        text = text.slice(end + 4)
        const status = service.failing > 0 ? '503 Service Unavailable' : '200 OK'
        service.failing = Math.max(0, service.failing - 1)
        socket.write(`HTTP/1.1 ${status}\r\ncontent-length: 2\r\n\r\nok`)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const service: RecordingService = {
    origin: `http://127.0.0.1:${port}`,
    port,
    failing: 0,
    take() {
      const taken = calls
      calls = []
      return taken
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
  return service
}

/** Name and value of each header line; only the one space that HTTP libraries write is taken from a value. */
function linesOf(head: string): HeaderPair[] {
  return head
    .split('\r\n')
    .slice(1)
    .map((line): HeaderPair => {
      const colon = line.indexOf(':')
      const value = line.slice(colon + 1)
      return [line.slice(0, colon), value.startsWith(' ') ? value.slice(1) : value]
    })
}

/** Sends a GET with these header lines, as they are, on a connection of its own; answers the status once it is closed. */
export async function sendRaw(port: number, headers: readonly HeaderPair[]): Promise<number> {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.setEncoding('latin1').on('data', (data) => (answer += String(data)))
  socket.setTimeout(10_000, () => socket.destroy(new Error('no answer within ten seconds')))
  socket.write(`GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${lines}\r\n`, 'latin1')
  await once(socket, 'close')
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1]
  if (status === undefined) throw new Error(`no answer, but ${JSON.stringify(answer)}`)
  return Number(status)
}
