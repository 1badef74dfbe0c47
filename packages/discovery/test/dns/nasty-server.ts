// A DNS server on real sockets that does what a test tells it to, also what no server should. UDP and TCP on one port of loopback.
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

/** One question as it came in; `send` may be called as often as one likes. */
export interface Asked {
  readonly query: Buffer
  readonly from: RemoteInfo
  send(bytes: Uint8Array): void
}

export interface NastyServer extends AsyncDisposable {
  readonly port: number
  onUdp: (asked: Asked) => void
  /** `query` without its length. */
  onTcp: (query: Buffer, socket: Socket) => void
}

export async function nastyServer(address = '127.0.0.1'): Promise<NastyServer> {
  // The port that UDP gets may be taken for TCP; then another one.
  for (let attempt = 0; ; attempt++) {
    const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    udp.bind(0, address)
    await once(udp, 'listening')
    const server = begin(udp)
    try {
      await server.listen(address)
      return server
    } catch (error) {
      udp.close()
      if (attempt === 20) throw error
    }
  }
}

function begin(udp: UdpSocket): NastyServer & { listen(address: string): Promise<void> } {
  const sockets = new Set<Socket>()
  const tcp = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {}) // The other side may go at any time; that is what is tested.
    socket.once('data', (data) => server.onTcp(Buffer.from(data).subarray(2), socket))
  })
  const server = {
    port: udp.address().port,
    onUdp: (() => {}) as NastyServer['onUdp'],
    onTcp: ((_, socket) => void socket.destroy()) as NastyServer['onTcp'],
    async listen(address: string): Promise<void> {
      tcp.listen((udp.address() as AddressInfo).port, address)
      await once(tcp, 'listening')
    },
    async [Symbol.asyncDispose](): Promise<void> {
      udp.close()
      for (const socket of sockets) socket.destroy()
      tcp.close()
      await once(tcp, 'close')
    },
  }
  udp.on('message', (query, from) => {
    server.onUdp({ query, from, send: (bytes) => udp.send(bytes, from.port, from.address) })
  })
  return server
}

/** A message with its length before it, as TCP has it. */
export function framed(message: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([message.length >> 8, message.length & 0xff]), message])
}
