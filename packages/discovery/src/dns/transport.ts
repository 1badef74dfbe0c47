// Questions over sockets: one fresh socket for each, so that its port is as random as the kernel can make it (RFC 5452 section 4.5)
// and nothing of one question can be taken for another's. Invariant: whatever arrives, a promise settles once and its socket is
// closed; bytes of a stranger are dropped and counted, never parsed. When it has been long enough is the signal's business.
import { createSocket } from 'node:dgram'
import { type AddressInfo, connect, isIPv6 } from 'node:net'
import { isReplyTo } from './wire.ts'

/** Where a DNS server listens; `address` may carry a scope (`fe80::1%eth0`). */
export interface Nameserver {
  readonly address: string
  readonly port: number
}

/** How one question gets to one server. Rejects with the signal's reason when that is aborted, else with what the network said. */
export interface Transport {
  /** Answers the first datagram from that server that answers this question. */
  udp(server: Nameserver, query: Uint8Array, signal: AbortSignal): Promise<Uint8Array>
  /** The same over a connection of its own (RFC 7766), for what is too big for a datagram. */
  tcp(server: Nameserver, query: Uint8Array, signal: AbortSignal): Promise<Uint8Array>
}

/** Real sockets. `onStranger` hears of each datagram that is not the answer: late, damaged or forged. */
export function socketTransport(onStranger: () => void): Transport {
  return {
    udp: (server, query, signal) => askByUdp(server, query, signal, onStranger),
    tcp: askByTcp,
  }
}

/** The most that the length before a message over TCP can say. */
const longestMessage = 65_535

function askByUdp(
  server: Nameserver,
  query: Uint8Array,
  signal: AbortSignal,
  onStranger: () => void,
): Promise<Uint8Array> {
  return exchange(signal, (settle) => {
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4')
    socket.unref()
    socket.on('error', (error) => settle(error))
    let peer: AddressInfo | undefined
    socket.on('message', (message, from) => {
      // The kernel filters by peer once it is connected; what came in just before that has to be looked at here.
      const isFromServer = from.address === peer?.address && from.port === peer.port
      if (isFromServer && isReplyTo(query, message)) settle(undefined, message)
      else onStranger()
    })
    // Connected, so that the kernel drops what others send and reports at once when nobody listens there.
    socket.on('connect', () => {
      try {
        peer = socket.remoteAddress()
        socket.send(query)
      } catch (error) {
        settle(error) // It was closed in the turn between connecting and hearing of it.
      }
    })
    socket.connect(server.port, server.address)
    return () => socket.close()
  })
}

function askByTcp(server: Nameserver, query: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  return exchange(signal, (settle) => {
    const socket = connect({ host: server.address, port: server.port })
    const length = Buffer.from([query.length >> 8, query.length & 0xff])
    // As much as the two bytes of the length can say; whatever comes beyond that is of no interest.
    const received = Buffer.allocUnsafe(longestMessage + 2)
    let size = 0
    socket.unref()
    socket.on('error', (error) => settle(error))
    socket.on('close', () => settle(new Error('the connection was closed before the answer was complete')))
    socket.on('data', (chunk: Buffer) => {
      size += chunk.copy(received, size)
      const end = size < 2 ? Infinity : 2 + received.readUInt16BE(0)
      if (size < end) return
      const message = received.subarray(2, end)
      if (isReplyTo(query, message)) settle(undefined, message)
      else settle(new Error('the answer belongs to another question'))
    })
    socket.write(Buffer.concat([length, query]))
    return () => socket.destroy()
  })
}

type Settle = (error: unknown, message?: Uint8Array) => void

/** Settles once, by `begin`'s own doing or by the signal, and then runs what `begin` answered. */
function exchange(signal: AbortSignal, begin: (settle: Settle) => () => void): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error)
      return
    }
    let end: (() => void) | undefined
    let isOver = false
    const settle: Settle = (error, message) => {
      // Sockets may report an error after they were closed: it has a listener still, and nobody cares any more.
      if (isOver) return
      isOver = true
      signal.removeEventListener('abort', aborted)
      end?.()
      if (message === undefined) reject(error as Error)
      else resolve(message)
    }
    const aborted = (): void => settle(signal.reason)
    signal.addEventListener('abort', aborted)
    try {
      // Events come in later turns, so `end` is there when the first one settles.
      end = begin(settle)
    } catch (error) {
      settle(error) // No socket could be had at all.
    }
  })
}
